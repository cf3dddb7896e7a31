//! Context of one event, and the effects that a handler requests. Rule: effects are collected in order and returned
//! only if the handler succeeds; nothing here applies them.

use std::time::Duration;

use serde::Serialize;

use crate::alarm::{ALARMS, Alarms};
use crate::bindings::modehost::mode::effects as wire;
use crate::reply::{Request, WaitingList};
use crate::watch::{WATCHES, Watches};
use crate::{
    ArchiveEntry, Audience, ChatMessage, Context, Device, Effect, JournalPart, ListenCommand, ListenMode, Mode,
    RequestId, Role, Tool,
};

/// The context of one event. `'a` is the lifetime of the event, so the values that [`Cx::config`] and [`Cx::device`]
/// return can be held while effects are added.
pub struct Cx<'a, M: Mode> {
    pub(crate) context: Context,
    pub(crate) config: &'a M::Config,
    pub(crate) device: &'a Device,
    pub(crate) session_id: &'a str,
    pub(crate) next_request: &'a mut RequestId,
    pub(crate) waiting: &'a mut WaitingList<M::Next>,
    pub(crate) alarms: &'a mut Alarms,
    pub(crate) watches: &'a mut Watches,
    pub(crate) effects: Vec<Effect>,
    /// An operation that failed, such as a value that serde cannot serialise; turns the event into a failure.
    pub(crate) undone: Option<String>,
}

impl<'a, M: Mode> Cx<'a, M> {
    /// Unix time in ms at which the host started to handle the event. Never decreases within a session.
    pub fn now(&self) -> u64 {
        self.context.now
    }

    /// 64 random bits, fresh for each event.
    pub fn seed(&self) -> u64 {
        self.context.seed
    }

    /// The plugin's section of the configuration.
    pub fn config(&self) -> &'a M::Config {
        self.config
    }

    /// The device that the session belongs to.
    pub fn device(&self) -> &'a Device {
        self.device
    }

    /// Stable for the lifetime of the session, across connections and instances.
    pub fn session_id(&self) -> &'a str {
        self.session_id
    }

    /// Sends a JSON object with a `type` to the session's device.
    pub fn send(&mut self, message: &impl Serialize) {
        if let Some(body) = self.write(message) {
            self.effects.push(Effect::Send(body));
        }
    }

    /// Sends an error about an earlier request of the device; `about` identifies that request, as
    /// `{"type":…,"event":…,"id":…}`. For the current message, return [`reject`](crate::reject) instead.
    pub fn send_error(&mut self, code: &str, message: &str, about: &impl Serialize) {
        #[derive(Serialize)]
        struct Error<'a, A> {
            r#type: &'static str,
            code: &'a str,
            message: &'a str,
            r#ref: &'a A,
        }
        self.send(&Error { r#type: "error", code, message, r#ref: about });
    }

    /// Speaks one or a few sentences; the text is also sent to the device as captions.
    pub fn say(&mut self, text: impl Into<String>) {
        self.speak(text.into(), false, false);
    }

    /// Like [`Cx::say`], but silences the current speech output first.
    pub fn say_instead(&mut self, text: impl Into<String>) {
        self.speak(text.into(), true, false);
    }

    /// Like [`Cx::say`], with more of the same answer to follow: the device stays in its speaking state until
    /// [`Cx::say`] or [`Cx::end_speech`], an abort, or 30 s without further speech.
    pub fn say_more(&mut self, text: impl Into<String>) {
        self.speak(text.into(), false, true);
    }

    /// Ends an answer that [`Cx::say_more`] has started.
    pub fn end_speech(&mut self) {
        self.speak(String::new(), false, false);
    }

    /// Silences the current speech output and ends the answer.
    pub fn silence(&mut self) {
        self.speak(String::new(), true, false);
    }

    /// The device listens; the server detects the ends of utterances.
    pub fn listen_automatic(&mut self) {
        self.effects.push(Effect::Listen(ListenCommand::Start(ListenMode::Automatic)));
    }

    /// The device listens and marks the ends of utterances itself.
    pub fn listen_manual(&mut self) {
        self.effects.push(Effect::Listen(ListenCommand::Start(ListenMode::Manual)));
    }

    /// The device listens also while it speaks.
    pub fn listen_realtime(&mut self) {
        self.effects.push(Effect::Listen(ListenCommand::Start(ListenMode::Realtime)));
    }

    /// The device stops listening.
    pub fn stop_listening(&mut self) {
        self.effects.push(Effect::Listen(ListenCommand::Stop));
    }

    /// Declines a transcript: it goes to the default mode.
    pub fn decline(&mut self) {
        self.effects.push(Effect::Decline);
    }

    /// Calls [`Mode::on_alarm`] once after `delay` (0 to 7 days; less than 20 ms counts as 20 ms); a running alarm of
    /// that name is restarted. At most 64 alarms run; one more fails the event.
    pub fn start_alarm(&mut self, name: impl Into<String>, delay: Duration) {
        let name = name.into();
        let Some(id) = self.alarms.start(&name, self.next_request) else {
            self.undone = Some(format!("more than {ALARMS} alarms would run: {name}"));
            return;
        };
        let delay_ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        self.effects.push(Effect::StartTimer(wire::Timer { id, delay_ms }));
    }

    /// Stops an alarm; does nothing if it is not running.
    pub fn stop_alarm(&mut self, name: &str) {
        if let Some(timer) = self.alarms.stop(name) {
            self.effects.push(Effect::StopTimer(timer));
        }
    }

    /// Whether an alarm of that name is running.
    pub fn is_alarm_running(&self, name: &str) -> bool {
        self.alarms.is_running(name)
    }

    /// Tags of pending requests, oldest first.
    pub fn waiting(&self) -> impl Iterator<Item = &M::Next> {
        self.waiting.iter()
    }

    /// Whether a request with a matching tag is pending.
    pub fn is_waiting(&self, fits: impl Fn(&M::Next) -> bool) -> bool {
        self.waiting.iter().any(fits)
    }

    /// Cancels all requests with matching tags; no outcome with these tags follows.
    pub fn cancel(&mut self, fits: impl Fn(&M::Next) -> bool) {
        let requests = self.waiting.remove(fits);
        self.effects.extend(requests.into_iter().map(Effect::Cancel));
    }

    /// Like [`Cx::cancel`], but the requests continue; only their outcomes are ignored.
    pub fn forget(&mut self, fits: impl Fn(&M::Next) -> bool) {
        self.waiting.remove(fits);
    }

    /// Asks a language model, for a `purpose` of the configuration. Requires the grant `model`.
    pub fn ask_model(
        &mut self,
        purpose: &str,
        messages: Vec<ChatMessage>,
        max_tokens: u32,
        form: ModelForm,
    ) -> Request<'_, 'a, M> {
        self.ask(ModelQuestion { purpose, messages, max_tokens, form, spoken: false, tools: Vec::new() })
    }

    /// Like [`Cx::ask_model`], with tools that the model may call.
    pub fn ask(&mut self, question: ModelQuestion<'_>) -> Request<'_, 'a, M> {
        let request = self.allot();
        let ModelQuestion { purpose, messages, max_tokens, form, spoken, tools } = question;
        self.effects.push(Effect::AskModel(wire::ModelRequest {
            request,
            purpose: purpose.to_owned(),
            messages,
            max_tokens,
            json: form == ModelForm::Json,
            chunks: form == ModelForm::Chunks,
            spoken,
            tools,
        }));
        Request::new(self, request)
    }

    /// Lists the tools that the device offers. Requires the grant `tools`.
    pub fn list_tools(&mut self) -> Request<'_, 'a, M> {
        let request = self.allot();
        self.effects.push(Effect::ListTools(request));
        Request::new(self, request)
    }

    /// Calls a tool of the device; the arguments are a JSON object. Requires the grant `tools`.
    pub fn call_tool(&mut self, name: impl Into<String>, arguments: impl Into<String>) -> Request<'_, 'a, M> {
        let request = self.allot();
        let (name, arguments) = (name.into(), arguments.into());
        self.effects.push(Effect::CallTool(wire::ToolRequest { request, name, arguments }));
        Request::new(self, request)
    }

    /// Reads a document. Requires the grant `documents:<prefix>`.
    pub fn read_document(&mut self, key: impl Into<String>) -> Request<'_, 'a, M> {
        let request = self.allot();
        self.effects.push(Effect::ReadDocument(wire::DocumentRead { request, key: key.into() }));
        Request::new(self, request)
    }

    /// Reads a document now and after each change, by any writer; every change wakes this session. At most 32
    /// documents are watched; one more fails the event.
    pub fn watch_document(&mut self, key: impl Into<String>) -> Request<'_, 'a, M> {
        let (request, key) = (self.allot(), key.into());
        if !self.watches.begin(&key) {
            self.undone = Some(format!("more than {WATCHES} documents would be watched: {key}"));
        }
        self.effects.push(Effect::WatchDocument(wire::DocumentRead { request, key }));
        Request::new(self, request)
    }

    /// Stops watching a document.
    pub fn unwatch_document(&mut self, key: impl Into<String>) {
        let key = key.into();
        self.watches.end(&key);
        self.effects.push(Effect::UnwatchDocument(key));
    }

    /// Writes a document if its version is `expected` (0: it must not exist): the reply is
    /// [`Reply::Written`](crate::Reply) or [`Reply::Conflict`](crate::Reply).
    pub fn write_document(
        &mut self,
        key: impl Into<String>,
        expected: u64,
        value: &impl Serialize,
    ) -> Request<'_, 'a, M> {
        let value = self.write(value);
        self.put_document(key.into(), expected, value)
    }

    /// Removes a document if its version is `expected`.
    pub fn remove_document(&mut self, key: impl Into<String>, expected: u64) -> Request<'_, 'a, M> {
        self.put_document(key.into(), expected, None)
    }

    /// Like [`Cx::write_document`], with a value that already is JSON.
    pub fn write_document_json(&mut self, key: impl Into<String>, expected: u64, json: String) -> Request<'_, 'a, M> {
        self.put_document(key.into(), expected, Some(json))
    }

    /// Appends to a journal. Requires the grant `journals:<prefix>`.
    pub fn append_journal(&mut self, journal: impl Into<String>, entry: &impl Serialize) -> Request<'_, 'a, M> {
        let request = self.allot();
        if let Some(entry) = self.write(entry) {
            let journal = journal.into();
            self.effects.push(Effect::AppendJournal(wire::JournalAppend { request, journal, entry, notify: false }));
        }
        Request::new(self, request)
    }

    /// Reads the entries with sequence numbers above `after` (0: all), at most `limit` (1 to 1000).
    pub fn read_journal(&mut self, journal: impl Into<String>, after: u64, limit: u32) -> Request<'_, 'a, M> {
        let request = self.allot();
        self.effects.push(Effect::ReadJournal(wire::JournalRead { request, journal: journal.into(), after, limit }));
        Request::new(self, request)
    }

    /// Removes a journal.
    pub fn remove_journal(&mut self, journal: impl Into<String>) -> Request<'_, 'a, M> {
        let request = self.allot();
        self.effects.push(Effect::RemoveJournal(wire::JournalRemoval { request, journal: journal.into() }));
        Request::new(self, request)
    }

    /// Archives a finished piece of work for people. `entry.request` is set here. Requires the grant
    /// `archive:<kind>`.
    pub fn archive(&mut self, entry: ArchiveEntry) -> Request<'_, 'a, M> {
        let request = self.allot();
        self.effects.push(Effect::Archive(ArchiveEntry { request, ..entry }));
        Request::new(self, request)
    }

    /// Calls a configured webhook. The host signs the body in the header `X-<sender>-Signature`, and inserts the
    /// entries of `journal` into it. Requires the grant `hook:<name>`.
    pub fn post_hook(
        &mut self,
        hook: impl Into<String>,
        sender: impl Into<String>,
        body: &impl Serialize,
        journal: Option<JournalPart>,
    ) -> Request<'_, 'a, M> {
        let request = self.allot();
        if let Some(body) = self.write(body) {
            let (hook, sender) = (hook.into(), sender.into());
            self.effects.push(Effect::PostHook(wire::HookRequest { request, hook, sender, body, journal }));
        }
        Request::new(self, request)
    }

    /// Sends to all connected devices of a group, including this one if it is a member. With `supersedes`, an older
    /// message with that key that is still queued for a slow device is dropped. Requires the grant `broadcast`.
    pub fn broadcast(&mut self, group: impl Into<String>, message: &impl Serialize, supersedes: Option<String>) {
        self.spread(group.into(), message, supersedes, true);
    }

    /// Like [`Cx::broadcast`], without this session's own device.
    pub fn broadcast_to_others(
        &mut self,
        group: impl Into<String>,
        message: &impl Serialize,
        supersedes: Option<String>,
    ) {
        self.spread(group.into(), message, supersedes, false);
    }

    /// Sends to devices, and stores the message for up to `ttl` for offline ones. Requires the grant `deliver`.
    pub fn deliver(&mut self, to: Audience, message: &impl Serialize, ttl: Duration) -> Request<'_, 'a, M> {
        let (offline, receipt) = (None::<&()>, None::<&()>);
        self.deliver_with(&OutgoingDelivery { to, except: Vec::new(), message, offline, receipt, ttl })
    }

    /// Like [`Cx::deliver`], with all options of a delivery.
    pub fn deliver_with(
        &mut self,
        delivery: &OutgoingDelivery<'_, impl Serialize, impl Serialize, impl Serialize>,
    ) -> Request<'_, 'a, M> {
        let request = self.allot();
        let Some(body) = self.write(delivery.message) else { return Request::new(self, request) };
        let offline_body = delivery.offline.and_then(|offline| self.write(offline));
        let receipt = delivery.receipt.and_then(|receipt| self.write(receipt));
        let ttl_ms = u64::try_from(delivery.ttl.as_millis()).unwrap_or(u64::MAX);
        let (to, except) = (delivery.to.clone(), delivery.except.clone());
        self.effects.push(Effect::Deliver(wire::Delivery { request, to, except, body, offline_body, receipt, ttl_ms }));
        Request::new(self, request)
    }

    /// Handles this message as if the device had sent it. Requires the grant `dispatch:<type>`.
    pub fn dispatch(&mut self, message: &impl Serialize) {
        if let Some(body) = self.write(message) {
            self.effects.push(Effect::Dispatch(body));
        }
    }

    /// Switches to another mode. Requires the grant `switch-mode`.
    pub fn switch_mode(&mut self, mode: impl Into<String>) {
        self.effects.push(Effect::SwitchMode(Some(mode.into())));
    }

    /// Switches to the default mode. Requires the grant `switch-mode`.
    pub fn leave_mode(&mut self) {
        self.effects.push(Effect::SwitchMode(None));
    }

    /// Ends the conversation: after all speech output has been played, the connection closes and the device sleeps. A
    /// transcript before that cancels it. Requires the grant `switch-mode`.
    pub fn hang_up(&mut self) {
        self.effects.push(Effect::HangUp);
    }

    /// An effect that has no method of its own yet.
    pub fn extension(&mut self, name: impl Into<String>, payload: &impl Serialize) -> Request<'_, 'a, M> {
        let request = self.allot();
        if let Some(payload) = self.write(payload) {
            self.effects.push(Effect::Extension(wire::ExtensionRequest { request, name: name.into(), payload }));
        }
        Request::new(self, request)
    }

    fn speak(&mut self, text: String, interrupt: bool, more: bool) {
        self.effects.push(Effect::Say(wire::Speech { text, interrupt, more }));
    }

    fn put_document(&mut self, key: String, expected: u64, value: Option<String>) -> Request<'_, 'a, M> {
        let request = self.allot();
        self.effects.push(Effect::WriteDocument(wire::DocumentWrite { request, key, expected, value }));
        Request::new(self, request)
    }

    fn spread(&mut self, group: String, message: &impl Serialize, supersedes: Option<String>, include_self: bool) {
        if let Some(body) = self.write(message) {
            self.effects.push(Effect::Broadcast(wire::GroupMessage { group, body, include_self, supersedes }));
        }
    }

    /// The next request id. Timer ids use the same counter; it is part of the snapshot, so ids stay unique across
    /// swaps.
    fn allot(&mut self) -> RequestId {
        let request = *self.next_request;
        *self.next_request += 1;
        request
    }

    fn write(&mut self, value: &impl Serialize) -> Option<String> {
        match serde_json::to_string(value) {
            Ok(text) => Some(text),
            Err(error) => {
                self.undone = Some(format!("a value cannot be written as JSON: {error}"));
                None
            }
        }
    }
}

/// A message for devices.
#[derive(Debug)]
pub struct OutgoingDelivery<'a, M, O, R> {
    /// Recipients.
    pub to: Audience,
    /// Devices that are excluded from `to`.
    pub except: Vec<String>,
    /// Message for connected devices: an object with a `type`.
    pub message: &'a M,
    /// Message that is stored for offline devices, if it differs.
    pub offline: Option<&'a O>,
    /// Sent to this session's device once an offline device has received what was stored for it: an object with a
    /// `type`, to which the host adds `to` and `count`.
    pub receipt: Option<&'a R>,
    /// How long the message is stored; zero: not at all.
    pub ttl: Duration,
}

/// A question to a language model.
#[derive(Debug)]
pub struct ModelQuestion<'a> {
    /// A purpose of the configuration.
    pub purpose: &'a str,
    /// The conversation to answer, oldest message first.
    pub messages: Vec<ChatMessage>,
    /// Limit of the answer in tokens; the operator's setting for the purpose overrides it.
    pub max_tokens: u32,
    /// Form of the answer.
    pub form: ModelForm,
    /// The answer is to be spoken: the question is dropped once the person has moved on, which
    /// [`Mode::on_aborted`](crate::Mode::on_aborted) reports. False for work that must finish in any case.
    pub spoken: bool,
    /// Tools that the model may call; at most 128.
    pub tools: Vec<Tool>,
}

impl ChatMessage {
    /// A message with text only.
    pub fn of(role: Role, content: impl Into<String>) -> Self {
        Self { role, content: content.into(), tool_calls: Vec::new(), tool_call_id: None }
    }
}

/// Form of a model's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModelForm {
    /// In one piece, as text.
    Text,
    /// In one piece, as one JSON object.
    Json,
    /// As text, with [`Reply::Chunk`](crate::Reply) while it is generated.
    Chunks,
}
