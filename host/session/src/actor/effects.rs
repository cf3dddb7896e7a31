//! Applying effects. Rule: effects are applied together, after `handle` has returned. Writes of a list are committed in
//! one transaction with the session's record; a list that only calls out commits the record before its calls are sent.
//! Effects that others can see follow, in order, once that is on disk. If it cannot be stored, none of them happens,
//! and the device gets an error.

use std::sync::Arc;

use crate::limits;
use futures_util::future::BoxFuture;
use modehost_contract::effect::{Call, HookRequest, ListenCommand, ListenMode, Local, ModelRequest, Output, Query};
use modehost_contract::event::{Failure, Transcript};
use modehost_contract::id::RequestId;
use modehost_contract::{Effect, Event};
use modehost_ids::PluginId;
use modehost_protocol::reply::{self, ErrorCode, Reference};
use modehost_protocol::{DeviceMessage, check};
use modehost_storage::assemble;
use tokio::time::Instant;
use tracing::Instrument;

use super::Session;
use super::durable::{WriteBatch, journal_part};
use crate::requests::{Outcome, Ticket, hook_outcome, next_model_part};
use crate::work::{Admission, Work};

/// A list of effects whose internal effects have been applied; the visible ones wait for the commit.
pub(super) struct StagedEffects {
    pub(super) plugin: PluginId,
    outputs: Vec<Output>,
    /// Requests of its calls, which are sent once all is on disk.
    calls: Vec<RequestId>,
    /// Messages to other devices, sent before the outputs.
    pub(super) deliveries: Vec<BoxFuture<'static, Outcome>>,
}

impl StagedEffects {
    fn of(plugin: &PluginId) -> Self {
        Self { plugin: plugin.clone(), outputs: Vec::new(), calls: Vec::new(), deliveries: Vec::new() }
    }
}

impl Session {
    /// Applies a list of effects. `transcript`: the transcript that the list answers, for `decline`.
    pub(super) async fn apply(&mut self, plugin: &PluginId, effects: Vec<Effect>, transcript: Option<&Transcript>) {
        let mut batch = WriteBatch::default();
        if effects.iter().any(needs_record) {
            let list = self.stage(plugin, effects, &mut batch);
            let committed = self.commit(batch).await;
            return self.complete(list, committed, transcript).await;
        }
        let mut list = StagedEffects::of(plugin);
        for effect in effects {
            if let Some(output) = self.stage_effect(effect, &mut list, &mut batch) {
                self.apply_output(plugin, output, transcript);
            }
        }
    }

    /// Applies the internal effects of a list: writes are added to the batch, calls wait to be sent. A record made
    /// after this includes all of them.
    pub(super) fn stage(&mut self, plugin: &PluginId, effects: Vec<Effect>, batch: &mut WriteBatch) -> StagedEffects {
        let mut list = StagedEffects::of(plugin);
        for effect in effects {
            let output = self.stage_effect(effect, &mut list, batch);
            list.outputs.extend(output);
        }
        list
    }

    /// Applies one effect by its kind. Writes go to the batch; visible effects are returned, since they wait for the
    /// commit.
    fn stage_effect(&mut self, effect: Effect, list: &mut StagedEffects, batch: &mut WriteBatch) -> Option<Output> {
        match effect {
            Effect::Local(local) => self.apply_local(&list.plugin, local),
            Effect::Query(query) => self.apply_query(&list.plugin, query),
            Effect::Write(write) => self.add_write(&list.plugin, write, batch),
            Effect::Call(call) => {
                list.calls.push(call.request());
                self.apply_call(call, list);
            }
            Effect::Output(output) => return Some(output),
        }
        None
    }

    /// Applies the rest of a list, or fails its calls if the list was not `committed`.
    pub(super) async fn complete(&mut self, list: StagedEffects, committed: bool, transcript: Option<&Transcript>) {
        let StagedEffects { plugin, outputs, calls, deliveries } = list;
        if committed {
            for delivery in deliveries {
                let outcome = delivery.await;
                self.on_outcome(outcome);
            }
            for output in outputs {
                self.apply_output(&plugin, output, transcript);
            }
            return;
        }
        // Calls must not be sent without their record: none has been sent yet.
        for request in calls {
            if self.roles.handler_mut(&plugin).is_some_and(|handler| handler.requests.remove(&request).is_some()) {
                self.fail_request(
                    &plugin,
                    request,
                    Failure::Unavailable,
                    "the effects that came with it could not be stored",
                );
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
            Query::Denied { request, message } => self.fail_request(plugin, request, Failure::Denied, &message),
            Query::Extension { request, name, payload: _ } => {
                let message = format!("this server does not know the extension {name}");
                self.fail_request(plugin, request, Failure::Unsupported, &message);
            }
        }
    }

    /// Opens a call. It is sent when the session polls its requests; deliveries go with the rest of the list.
    fn apply_call(&mut self, call: Call, list: &mut StagedEffects) {
        match call {
            Call::AskModel(ask) => self.ask_model(&list.plugin, ask),
            Call::CallTool { request, name, arguments } => {
                self.mark_irreversible();
                self.call_tool(&list.plugin, request, name, arguments);
            }
            Call::PostHook(post) => {
                self.mark_irreversible();
                self.post_hook(&list.plugin, post);
            }
            Call::Deliver(delivery) => {
                self.mark_irreversible();
                let prepared = self.prepare_delivery(&list.plugin, delivery);
                list.deliveries.extend(prepared);
            }
        }
    }

    /// Applies a visible effect. `transcript`: the transcript that the list answers, for `decline`.
    fn apply_output(&mut self, plugin: &PluginId, output: Output, transcript: Option<&Transcript>) {
        match output {
            Output::Send(body) => {
                self.turns.on_message_sent();
                self.send_mode_message(body);
            }
            Output::Say { text, interrupt, more } => self.say(plugin, &text, interrupt, more),
            Output::Listen(command) => self.send_listen_command(command),
            Output::Decline => match transcript {
                Some(transcript) => {
                    self.work.push_back(Work::Transcript { transcript: transcript.clone(), declined: true });
                }
                None => tracing::debug!(%plugin, "declined without a transcript"),
            },
            Output::Broadcast { group, body, include_self, supersedes } => {
                self.mark_irreversible();
                self.broadcast(&group, body.into(), include_self, supersedes);
            }
            Output::Dispatch(body) => {
                self.mark_irreversible();
                self.dispatch(plugin, &body);
            }
            Output::SwitchMode(mode) => {
                self.mark_irreversible();
                if self.may_cascade(plugin) {
                    self.work.push_back(Work::Switch(mode));
                }
            }
            Output::HangUp => self.output.hang_up(),
        }
    }

    /// An irreversible effect follows from the utterance: whatever the user says from here on is a new turn (A.10).
    pub(super) fn mark_irreversible(&mut self) {
        self.input.on_answered();
    }

    /// Sends a message of a mode. An `llm` message (a face) goes with the speech that it belongs to (A.12).
    fn send_mode_message(&mut self, body: String) {
        // Most messages contain no such type and are not parsed.
        let is_face =
            body.contains("\"llm\"") && check(&body, limits::JSON_DEPTH).is_ok_and(|checked| checked.kind == "llm");
        let message = reply::with_session_id(body, self.env.id.as_str());
        match is_face {
            true => self.output.send_with_speech(&mut self.presence.link, message.into()),
            false => self.presence.link.send(message),
        }
    }

    /// Opens a request; `None`, with the failure enqueued, if the handler has too many.
    pub(super) fn open_request(&mut self, plugin: &PluginId, request: RequestId) -> Option<Ticket> {
        self.open_request_of(plugin, request, limits::REQUESTS)
    }

    /// As `open_request`, with a bound of its own.
    pub(super) fn open_request_of(&mut self, plugin: &PluginId, request: RequestId, most: usize) -> Option<Ticket> {
        let open = &mut self.roles.handler_mut(plugin)?.requests;
        if open.len() >= most && !open.contains_key(&request) {
            let message = format!("more than {most} requests are open");
            self.fail_request(plugin, request, Failure::TooMany, &message);
            return None;
        }
        let (mut open_request, ticket) = self.roles.requests.issue();
        open_request.turn_link = self.turns.link(false);
        if let Some(handler) = self.roles.handler_mut(plugin) {
            handler.requests.insert(request, open_request);
        }
        Some(ticket)
    }

    fn ask_model(&mut self, plugin: &PluginId, ask: ModelRequest) {
        let request = ask.request;
        self.turns.mark_answering(self.env.labels(), false);
        let Some(models) = self.env.services().models.clone() else {
            let message = "no language model is configured";
            self.turns.fail("model unavailable");
            return self.fail_request(plugin, request, Failure::Unavailable, message);
        };
        let Some(ticket) = self.open_request(plugin, request) else { return };
        let handler = self.roles.handler_mut(plugin);
        if let Some(open_request) = handler.and_then(|handler| handler.requests.get_mut(&request)) {
            open_request.spoken = ask.spoken;
            open_request.turn_link = self.turns.link(models.is_configured(&ask.purpose));
        }
        let (plugin, serial) = (plugin.clone(), ticket.serial);
        // Inside the turn's span, and before it is polled: log lines of the model client belong to the turn.
        let answer = self.turns.work_span(self.env.labels()).in_scope(|| models.ask(ask));
        self.roles.requests.open(ticket, next_model_part(plugin, request, serial, answer));
        self.make_dirty();
    }

    fn post_hook(&mut self, plugin: &PluginId, post: HookRequest) {
        let request = post.request;
        let Some(hooks) = self.env.services().hooks.clone() else {
            let message = "no webhooks are configured";
            return self.fail_request(plugin, request, Failure::Unavailable, message);
        };
        let Some(ticket) = self.open_request(plugin, request) else { return };
        let journals = self.env.services().journals.clone();
        let posting = async move {
            // Read when it is sent: after the writes of its list.
            let body = match post.journal {
                Some(journal) => assemble(journals, post.body, journal_part(journal)).await,
                None => Ok(post.body),
            };
            let body = body.map_err(|error| (Failure::Unavailable, error.to_string()))?;
            hooks.post(&post.hook, &post.sender, body).await
        }
        .instrument(self.turns.work_span(self.env.labels()));
        let (plugin, serial) = (plugin.clone(), ticket.serial);
        self.roles.requests.open(ticket, hook_outcome(plugin, request, serial, posting));
        self.make_dirty();
    }

    /// Fails a request at once; the mode gets the failure as its next event.
    pub(super) fn fail_request(&mut self, plugin: &PluginId, request: RequestId, reason: Failure, message: &str) {
        self.enqueue_host_event(plugin, crate::requests::request_failed(request, reason, message));
    }

    /// Enqueues an event that the host itself produces. Bounded: a mode that asks again after every failure must not
    /// loop.
    pub(super) fn enqueue_host_event(&mut self, plugin: &PluginId, event: Event) {
        let admission = self.work.admit_host_reply();
        if admission != Admission::Admitted {
            if admission == Admission::FirstBeyond {
                tracing::warn!(%plugin, device = %self.env.handle.device, "retried after more than {} failed requests", limits::HOST_REPLIES);
                let message = format!("{plugin} retries after every failure; this was stopped");
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
            tracing::warn!(%plugin, device = %self.env.handle.device, "a timer was not started: {} are running", limits::TIMERS);
            return;
        }
        let delay = std::time::Duration::from_millis(delay_ms).clamp(limits::TIMER_LEAST, limits::TIMER_MOST);
        let due = Instant::now() + delay;
        timers.insert(id, due);
    }

    fn send_listen_command(&mut self, command: ListenCommand) {
        if command == ListenCommand::Stop {
            // Ends the ASR stream as well (A.4).
            self.drop_audio();
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

    /// Sends to every connected member of a group; wakes no instance of theirs.
    fn broadcast(&mut self, group: &str, body: Arc<str>, include_self: bool, supersedes: Option<String>) {
        let audience = self.config().device_directory.audience(group);
        let audience = if include_self { audience } else { audience.without(&self.env.handle.device) };
        let supersedes: Option<Arc<str>> = supersedes.map(Into::into);
        // The count is of no interest: a broadcast is not stored for absent devices.
        drop(self.env.services().directory.broadcast(audience, &body, supersedes.as_ref()));
    }

    /// Handles the message as if the device had sent it.
    fn dispatch(&mut self, plugin: &PluginId, body: &str) {
        if !self.may_cascade(plugin) {
            return;
        }
        let message = check(body, limits::JSON_DEPTH).and_then(|checked| DeviceMessage::parse(&checked.kind, body));
        match message {
            Ok(message) => self.work.push_back(Work::Message(None, message)),
            Err(invalid) => {
                tracing::warn!(%plugin, "dispatched an invalid message: {}", invalid.message);
                self.presence.link.send(reply::error(invalid.code.as_str(), &invalid.message, &Reference::of(body)));
            }
        }
    }

    /// Bounds the work that modes may trigger in each other.
    fn may_cascade(&mut self, plugin: &PluginId) -> bool {
        let admission = self.work.admit_cascade();
        if admission != Admission::Admitted {
            tracing::warn!(%plugin, device = %self.env.handle.device, "modes triggered each other more than {} times", limits::CASCADE);
            if admission == Admission::FirstBeyond {
                let message = "the modes trigger each other in a loop; this was stopped";
                self.presence.link.send(reply::error(ErrorCode::ModeFault.as_str(), message, &Reference::default()));
            }
        }
        admission == Admission::Admitted
    }
}

/// True for effects that must be recorded before anything of their list is visible.
fn needs_record(effect: &Effect) -> bool {
    match effect {
        Effect::Write(_) | Effect::Call(_) => true,
        Effect::Local(_) | Effect::Query(_) | Effect::Output(_) => false,
    }
}
