//! Carrying out what a mode wants. Rule: only after `handle` has returned, and together. What a list wants stored is
//! committed in one durable step with the session's record, and so is the record alone before a question to somebody
//! outside; what others can see follows, in order, once that is on disk. If it cannot be stored, none of it is seen,
//! and the device is told.

use std::sync::Arc;

use crate::limits;
use futures_util::future::BoxFuture;
use modehost_contract::effect::{Call, HookRequest, ListenCommand, ListenMode, Local, ModelRequest, Output, Query};
use modehost_contract::event::{Failure, RequestId, Transcript};
use modehost_contract::{Effect, Event};
use modehost_ids::PluginId;
use modehost_protocol::reply::{self, ErrorCode, Reference};
use modehost_protocol::{DeviceMessage, check};
use modehost_storage::assemble;
use tokio::time::Instant;
use tracing::Instrument;

use super::Session;
use super::durable::{Step, part};
use crate::requests::{Outcome, Ticket, answered, posted};
use crate::work::{Admission, Work};

/// A list of effects of which the inner ones have been carried out; the others wait for the disk.
pub(super) struct Begun {
    pub(super) plugin: PluginId,
    outputs: Vec<Output>,
    /// Requests of its calls, which are sent once all is on disk.
    asked: Vec<RequestId>,
    /// Messages for other devices, which go out before the outputs.
    pub(super) deliveries: Vec<BoxFuture<'static, Outcome>>,
}

impl Begun {
    fn of(plugin: &PluginId) -> Self {
        Self { plugin: plugin.clone(), outputs: Vec::new(), asked: Vec::new(), deliveries: Vec::new() }
    }
}

impl Session {
    /// Carries out a list of effects. `transcript` is what the list answers, for `decline`.
    pub(super) async fn apply(&mut self, plugin: &PluginId, effects: Vec<Effect>, transcript: Option<&Transcript>) {
        let mut step = Step::default();
        if effects.iter().any(needs_record) {
            let list = self.begin(plugin, effects, &mut step);
            let whole = self.commit(step).await;
            return self.complete(list, whole, transcript).await;
        }
        let mut list = Begun::of(plugin);
        for effect in effects {
            if let Some(output) = self.begin_effect(effect, &mut list, &mut step) {
                self.apply_output(plugin, output, transcript);
            }
        }
    }

    /// The inner effects of a list: what is stored is added to the step, what is asked waits to be sent. A
    /// record that is made after this knows of all of it.
    pub(super) fn begin(&mut self, plugin: &PluginId, effects: Vec<Effect>, step: &mut Step) -> Begun {
        let mut list = Begun::of(plugin);
        for effect in effects {
            let output = self.begin_effect(effect, &mut list, step);
            list.outputs.extend(output);
        }
        list
    }

    /// One effect, by its kind. What is stored goes into the step; what others see is given back, since it
    /// waits for that.
    fn begin_effect(&mut self, effect: Effect, list: &mut Begun, step: &mut Step) -> Option<Output> {
        match effect {
            Effect::Local(local) => self.apply_local(&list.plugin, local),
            Effect::Query(query) => self.apply_query(&list.plugin, query),
            Effect::Write(write) => self.add_write(&list.plugin, write, step),
            Effect::Call(call) => {
                list.asked.push(call.request());
                self.apply_call(call, list);
            }
            Effect::Output(output) => return Some(output),
        }
        None
    }

    /// The rest of a list, where all of it was stored (`whole`).
    pub(super) async fn complete(&mut self, list: Begun, whole: bool, transcript: Option<&Transcript>) {
        let Begun { plugin, outputs, asked, deliveries } = list;
        if whole {
            for delivery in deliveries {
                let outcome = delivery.await;
                self.on_outcome(outcome);
            }
            for output in outputs {
                self.apply_output(&plugin, output, transcript);
            }
            return;
        }
        // Nobody outside may hear of what is not stored: the questions have not been sent yet.
        for request in asked {
            if self.roles.handler_mut(&plugin).is_some_and(|handler| handler.requests.remove(&request).is_some()) {
                self.refuse_request(&plugin, request, Failure::Unavailable, "what came with it could not be stored");
            }
        }
    }

    fn apply_local(&mut self, plugin: &PluginId, local: Local) {
        match local {
            Local::StartTimer { id, delay_ms } => self.start_timer(plugin, id, delay_ms),
            Local::StopTimer(id) => {
                if let Some(handler) = self.roles.handler_mut(plugin) {
                    handler.timers.remove(&id);
                }
            }
            Local::Cancel(request) => {
                if let Some(handler) = self.roles.handler_mut(plugin) {
                    handler.requests.remove(&request);
                }
            }
            Local::UnwatchDocument(key) => {
                if let Some(handler) = self.roles.handler_mut(plugin) {
                    handler.watches.remove(key.as_str());
                }
            }
        }
    }

    fn apply_query(&mut self, plugin: &PluginId, query: Query) {
        match query {
            Query::ReadDocument { request, key } => self.read_document(plugin, request, &key),
            Query::WatchDocument { request, key } => {
                self.roles.watch(&self.env, plugin, &key);
                self.read_document(plugin, request, &key);
            }
            Query::ReadJournal { request, journal, after, limit } => {
                self.read_journal(plugin, request, journal, after, limit);
            }
            Query::ListTools(request) => self.list_tools(plugin, request),
            Query::Denied { request, message } => self.refuse_request(plugin, request, Failure::Denied, &message),
            Query::Extension { request, name, payload: _ } => {
                let message = format!("this server does not know the extension {name}");
                self.refuse_request(plugin, request, Failure::Unsupported, &message);
            }
        }
    }

    /// Opens what is asked of others. It is sent when the session polls its requests; deliveries go with the rest of
    /// the list.
    fn apply_call(&mut self, call: Call, list: &mut Begun) {
        match call {
            Call::AskModel(ask) => self.ask(&list.plugin, ask),
            Call::CallTool { request, name, arguments } => {
                self.cannot_be_taken_back();
                self.call_tool(&list.plugin, request, name, arguments);
            }
            Call::PostHook(post) => {
                self.cannot_be_taken_back();
                self.post(&list.plugin, post);
            }
            Call::Deliver(delivery) => {
                self.cannot_be_taken_back();
                let prepared = self.prepare_delivery(&list.plugin, delivery);
                list.deliveries.extend(prepared);
            }
        }
    }

    /// What others see. `transcript` is what the list answers, for `decline`.
    fn apply_output(&mut self, plugin: &PluginId, output: Output, transcript: Option<&Transcript>) {
        match output {
            Output::Send(body) => {
                self.turns.answers_by_message();
                self.send_own(body);
            }
            Output::Say { text, interrupt, more } => self.say(plugin, &text, interrupt, more),
            Output::Listen(command) => self.microphone(command),
            Output::Decline => match transcript {
                Some(transcript) => {
                    self.work.push_back(Work::Transcript { transcript: transcript.clone(), declined: true });
                }
                None => tracing::debug!(%plugin, "declined what was no transcript"),
            },
            Output::Broadcast { group, body, include_self, supersedes } => {
                self.cannot_be_taken_back();
                self.broadcast(&group, body.into(), include_self, supersedes);
            }
            Output::Dispatch(body) => {
                self.cannot_be_taken_back();
                self.dispatch(plugin, &body);
            }
            Output::SwitchMode(mode) => {
                self.cannot_be_taken_back();
                if self.may_cascade(plugin) {
                    self.work.push_back(Work::Switch(mode));
                }
            }
            Output::HangUp => self.output.hang_up(),
        }
    }

    /// Something is done about what was said: what the person says from here on is a new turn (A.10).
    pub(super) fn cannot_be_taken_back(&mut self) {
        self.input.on_answered();
    }

    /// A message of a mode. A face goes with what is said (A.12).
    fn send_own(&mut self, body: String) {
        // Most messages are none, and are not read for it.
        let is_face =
            body.contains("\"llm\"") && check(&body, limits::JSON_DEPTH).is_ok_and(|checked| checked.kind == "llm");
        let message = reply::with_session_id(body, self.env.id.as_str());
        match is_face {
            true => self.output.accompany(&mut self.presence.link, message.into()),
            false => self.presence.link.send(message),
        }
    }

    /// Opens a request; `None`, with the failure on its way, if the handler has too many.
    pub(super) fn open_request(&mut self, plugin: &PluginId, request: RequestId) -> Option<Ticket> {
        self.open_request_of(plugin, request, limits::REQUESTS)
    }

    /// The same, with a bound of its own.
    pub(super) fn open_request_of(&mut self, plugin: &PluginId, request: RequestId, most: usize) -> Option<Ticket> {
        let open = &mut self.roles.handler_mut(plugin)?.requests;
        if open.len() >= most && !open.contains_key(&request) {
            let message = format!("more than {most} requests are open");
            self.refuse_request(plugin, request, Failure::TooMany, &message);
            return None;
        }
        let (mut hold, ticket) = self.roles.requests.issue();
        hold.tie = self.turns.tie(false);
        if let Some(handler) = self.roles.handler_mut(plugin) {
            handler.requests.insert(request, hold);
        }
        Some(ticket)
    }

    fn ask(&mut self, plugin: &PluginId, ask: ModelRequest) {
        let request = ask.request;
        self.turns.works_for_answer(self.env.labels(), false);
        let Some(models) = self.env.services().models.clone() else {
            let message = "no language model is configured";
            self.turns.fail("model unavailable");
            return self.refuse_request(plugin, request, Failure::Unavailable, message);
        };
        let Some(ticket) = self.open_request(plugin, request) else { return };
        let handler = self.roles.handler_mut(plugin);
        if let Some(hold) = handler.and_then(|handler| handler.requests.get_mut(&request)) {
            hold.spoken = ask.spoken;
            hold.tie = self.turns.tie(true);
        }
        let (plugin, serial) = (plugin.clone(), ticket.serial);
        // Before it is polled: what works on it is what has asked.
        let answer = self.turns.work_span(self.env.labels()).in_scope(|| models.ask(ask));
        self.roles.requests.open(ticket, answered(plugin, request, serial, answer));
        self.make_dirty();
    }

    fn post(&mut self, plugin: &PluginId, post: HookRequest) {
        let request = post.request;
        let Some(hooks) = self.env.services().hooks.clone() else {
            let message = "no webhooks are configured";
            return self.refuse_request(plugin, request, Failure::Unavailable, message);
        };
        let Some(ticket) = self.open_request(plugin, request) else { return };
        let journals = self.env.services().journals.clone();
        let posting = async move {
            // Read when it is sent: behind the writes of its list.
            let body = match post.journal {
                Some(journal) => assemble(journals, post.body, part(journal)).await,
                None => Ok(post.body),
            };
            let body = body.map_err(|error| (Failure::Unavailable, error.to_string()))?;
            hooks.post(&post.hook, &post.sender, body).await
        }
        .instrument(self.turns.work_span(self.env.labels()));
        let (plugin, serial) = (plugin.clone(), ticket.serial);
        self.roles.requests.open(ticket, posted(plugin, request, serial, posting));
        self.make_dirty();
    }

    /// The request fails at once; the mode hears of it as its next event.
    pub(super) fn refuse_request(&mut self, plugin: &PluginId, request: RequestId, reason: Failure, message: &str) {
        self.tell_later(plugin, crate::requests::failed(request, reason, message));
    }

    /// The host's own answer, behind what is still to be done. A mode that asks again at every refusal must
    /// come to an end, too.
    pub(super) fn tell_later(&mut self, plugin: &PluginId, event: Event) {
        let admission = self.work.admit_own_answer();
        if admission != Admission::Admitted {
            if admission == Admission::FirstBeyond {
                tracing::warn!(%plugin, device = %self.env.handle.device, "asked again at more than {} refusals", limits::OWN_ANSWERS);
                let message = format!("{plugin} asked again at every refusal; this was stopped");
                self.presence.link.send(reply::error(ErrorCode::ModeFault.as_str(), &message, &Reference::default()));
            }
            return;
        }
        self.work.push_event(plugin.clone(), event);
    }

    fn start_timer(&mut self, plugin: &PluginId, id: u64, delay_ms: u64) {
        let Some(handler) = self.roles.handler_mut(plugin) else { return };
        let timers = &mut handler.timers;
        if timers.len() >= limits::TIMERS && !timers.contains_key(&id) {
            tracing::warn!(%plugin, device = %self.env.handle.device, "a timer was not started: {} run already", limits::TIMERS);
            return;
        }
        let delay = std::time::Duration::from_millis(delay_ms).clamp(limits::TIMER_LEAST, limits::TIMER_MOST);
        let due = Instant::now() + delay;
        timers.insert(id, due);
    }

    fn microphone(&mut self, command: ListenCommand) {
        if command == ListenCommand::Stop {
            // The stream of the recogniser ends here, too (A.4).
            self.drop_sound();
        }
        let id = self.env.id.as_str();
        let message = match command {
            ListenCommand::Stop => reply::listen("stop", None, id),
            ListenCommand::Start(ListenMode::Automatic) => reply::listen("start", Some("auto"), id),
            ListenCommand::Start(ListenMode::Manual) => reply::listen("start", Some("manual"), id),
            ListenCommand::Start(ListenMode::Realtime) => reply::listen("start", Some("realtime"), id),
        };
        self.presence.link.send(message);
    }

    /// To everyone of a group who is connected; no instance of theirs is woken.
    fn broadcast(&mut self, group: &str, body: Arc<str>, include_self: bool, supersedes: Option<String>) {
        let audience = self.config().device_directory.audience(group);
        let audience = if include_self { audience } else { audience.without(&self.env.handle.device) };
        let supersedes: Option<Arc<str>> = supersedes.map(Into::into);
        // Nobody waits for the count: a device that is away is not told by a broadcast.
        drop(self.env.services().directory.broadcast(audience, &body, supersedes.as_ref()));
    }

    /// As if the device had sent it.
    fn dispatch(&mut self, plugin: &PluginId, body: &str) {
        if !self.may_cascade(plugin) {
            return;
        }
        let message = check(body, limits::JSON_DEPTH).and_then(|checked| DeviceMessage::parse(&checked.kind, body));
        match message {
            Ok(message) => self.work.push_back(Work::Message(None, message)),
            Err(invalid) => {
                tracing::warn!(%plugin, "dispatched what no device may say: {}", invalid.message);
                self.presence.link.send(reply::error(invalid.code.as_str(), &invalid.message, &Reference::of(body)));
            }
        }
    }

    /// Modes that set each other off must come to an end.
    fn may_cascade(&mut self, plugin: &PluginId) -> bool {
        let admission = self.work.admit_cascade();
        if admission != Admission::Admitted {
            tracing::warn!(%plugin, device = %self.env.handle.device, "modes set each other off more than {} times", limits::CASCADE);
            if admission == Admission::FirstBeyond {
                let message = "the modes set each other off without end; this was stopped";
                self.presence.link.send(reply::error(ErrorCode::ModeFault.as_str(), message, &Reference::default()));
            }
        }
        admission == Admission::Admitted
    }
}

/// True for what must not be forgotten once something of its list has been seen.
fn needs_record(effect: &Effect) -> bool {
    match effect {
        Effect::Write(_) | Effect::Call(_) => true,
        Effect::Local(_) | Effect::Query(_) | Effect::Output(_) => false,
    }
}
