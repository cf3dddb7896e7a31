//! Carrying out what a mode wants. Rule: only after `handle` has returned, and together. In a list
//! with something durable or with a question to a model or webhook, that comes first, and the
//! session's record with it; what others can see follows, in order, once all is on disk. If
//! something cannot be stored, none of it is seen, and the device is told.

use std::sync::Arc;

use modehost_contract::effect::{HookRequest, ListenCommand, ListenMode, ModelRequest};
use modehost_contract::event::{Failure, RequestId, Transcript};
use modehost_contract::{Effect, Event};
use modehost_ids::{DeviceId, PluginId};
use modehost_limits as limits;
use modehost_outbox::close;
use modehost_protocol::reply::{self, ErrorCode, Reference};
use modehost_protocol::{DeviceMessage, check};
use modehost_storage::assemble;
use tokio::time::Instant;

use crate::actor::{Session, Work};
use crate::durable::{Barrier, part};
use crate::requests::{Ticket, answered, posted};

/// A list of effects of which the inner ones have been carried out; the others wait for the disk.
pub(crate) struct Begun {
    pub(crate) plugin: PluginId,
    visible: Vec<Effect>,
    /// Questions to somebody outside, which are sent when the session polls its requests.
    asked: Vec<RequestId>,
    pub(crate) barrier: Barrier,
}

impl Session {
    /// Carries out a list of effects. `transcript` is what the list answers, for `decline`.
    pub(crate) async fn carry(&mut self, plugin: &PluginId, effects: Vec<Effect>, transcript: Option<&Transcript>) {
        if !effects.iter().any(needs_record) {
            let mut barrier = Barrier::default();
            for effect in effects {
                self.perform(plugin, effect, transcript, &mut barrier);
            }
            return;
        }
        let mut begun = self.begin(plugin, effects, transcript);
        let record = self.save();
        let whole = self.settle(&mut begun.barrier).await;
        self.recorded(record).await;
        self.complete(begun, whole, transcript).await;
    }

    /// The inner effects of a list: what is stored is submitted, what is asked waits to be sent. A record
    /// that is saved after this knows of all of it.
    pub(crate) fn begin(&mut self, plugin: &PluginId, effects: Vec<Effect>, transcript: Option<&Transcript>) -> Begun {
        let mut barrier = Barrier::default();
        let (visible, inner): (Vec<_>, Vec<_>) = effects.into_iter().partition(reaches_others);
        let asked: Vec<RequestId> =
            inner.iter().filter(|effect| asks_outside(effect)).filter_map(Effect::opens).collect();
        for effect in inner {
            self.perform(plugin, effect, transcript, &mut barrier);
        }
        Begun { plugin: plugin.clone(), visible, asked, barrier }
    }

    /// The rest of a list, where all of it was stored (`whole`).
    pub(crate) async fn complete(&mut self, begun: Begun, whole: bool, transcript: Option<&Transcript>) {
        let Begun { plugin, visible, asked, barrier } = begun;
        let plugin = &plugin;
        if whole {
            self.send_off(barrier).await;
            for effect in visible {
                self.perform(plugin, effect, transcript, &mut Barrier::default());
            }
            return;
        }
        // Nobody outside may hear of what is not stored: the questions have not been sent yet.
        for request in asked {
            if let Some(place) = self.place(plugin)
                && self.handlers[place].requests.remove(&request).is_some()
            {
                self.refuse_request(plugin, request, Failure::Unavailable, "what came with it could not be stored");
            }
        }
    }

    /// One effect. What is durable goes into the barrier; what has an outcome becomes a request.
    fn perform(&mut self, plugin: &PluginId, effect: Effect, transcript: Option<&Transcript>, barrier: &mut Barrier) {
        if acts(&effect, &self.handle.device) {
            // It cannot be taken back: what the person says from here on is a new turn (A.10).
            self.person.is_answered();
        }
        match effect {
            Effect::Send(body) => self.send_own(body),
            Effect::Say { text, interrupt, more } => self.say(plugin, &text, interrupt, more),
            Effect::Listen(command) => self.microphone(command),
            Effect::Decline => match transcript {
                Some(transcript) => {
                    self.work.push_back(Work::Transcript { transcript: transcript.clone(), declined: true });
                }
                None => tracing::debug!(%plugin, "declined what was no transcript"),
            },
            Effect::StartTimer { id, delay_ms } => self.start_timer(plugin, id, delay_ms),
            Effect::StopTimer(id) => {
                if let Some(place) = self.place(plugin) {
                    self.handlers[place].timers.remove(&id);
                }
            }
            Effect::Cancel(request) => {
                if let Some(place) = self.place(plugin) {
                    self.handlers[place].requests.remove(&request);
                }
            }
            Effect::UnwatchDocument(key) => {
                if let Some(place) = self.place(plugin) {
                    self.handlers[place].watches.remove(key.as_str());
                }
            }
            Effect::Broadcast { group, body, include_self, supersedes } => {
                self.broadcast(&group, body.into(), include_self, supersedes);
            }
            Effect::Dispatch(body) => self.dispatch(plugin, &body),
            Effect::SwitchMode(mode) => {
                if self.may_cascade(plugin) {
                    self.work.push_back(Work::Switch(mode));
                }
            }
            Effect::HangUp => self.closing = true,
            Effect::AskModel(ask) => self.ask(plugin, ask),
            Effect::PostHook(post) => self.post(plugin, post),
            Effect::ListTools(request) => self.list_tools(plugin, request),
            Effect::CallTool { request, name, arguments } => self.call_tool(plugin, request, name, arguments),
            Effect::Denied { request, message } => self.refuse_request(plugin, request, Failure::Denied, &message),
            Effect::Extension { request, name, .. } => {
                let message = format!("this server does not know the extension {name}");
                self.refuse_request(plugin, request, Failure::Unsupported, &message);
            }
            stored => self.store(plugin, stored, barrier),
        }
    }

    /// A message of a mode. A face goes with what is said (A.12).
    fn send_own(&mut self, body: String) {
        // Most messages are none, and are not read for it.
        let is_face =
            body.contains("\"llm\"") && check(&body, limits::JSON_DEPTH).is_ok_and(|checked| checked.kind == "llm");
        let message = reply::with_session_id(body, self.id.as_str());
        match is_face {
            true => self.accompany(message.into()),
            false => self.link.send(message),
        }
    }

    /// A mode has hung up: closes the connection once all has been said and heard.
    pub(crate) fn close_when_said(&mut self) {
        let speaks = self.turn.is_some() || self.voice.as_ref().is_some_and(|voice| !voice.is_over());
        if self.closing && !speaks && !self.floor.is_waiting() {
            self.closing = false;
            if let Some(outbox) = self.link.outbox() {
                outbox.close(close::NORMAL, "goodbye");
            }
        }
    }

    /// Opens a request; `None`, with the failure on its way, if the handler has too many.
    pub(crate) fn open_request(&mut self, plugin: &PluginId, request: RequestId) -> Option<Ticket> {
        self.open_request_of(plugin, request, limits::REQUESTS)
    }

    /// The same, with a bound of its own.
    pub(crate) fn open_request_of(&mut self, plugin: &PluginId, request: RequestId, most: usize) -> Option<Ticket> {
        let place = self.place(plugin)?;
        let open = &mut self.handlers[place].requests;
        if open.len() >= most && !open.contains_key(&request) {
            let message = format!("more than {most} requests are open");
            self.refuse_request(plugin, request, Failure::TooMany, &message);
            return None;
        }
        let (hold, ticket) = self.requests.issue();
        open.insert(request, hold);
        Some(ticket)
    }

    fn ask(&mut self, plugin: &PluginId, ask: ModelRequest) {
        let request = ask.request;
        let Some(models) = self.shared.services.models.clone() else {
            let message = "no language model is configured";
            return self.refuse_request(plugin, request, Failure::Unavailable, message);
        };
        let Some(ticket) = self.open_request(plugin, request) else { return };
        if let Some(place) = self.place(plugin)
            && let Some(hold) = self.handlers[place].requests.get_mut(&request)
        {
            hold.spoken = ask.spoken;
        }
        let (plugin, serial) = (plugin.clone(), ticket.serial);
        self.requests.open(ticket, answered(plugin, request, serial, models.ask(ask)));
        self.make_dirty();
    }

    fn post(&mut self, plugin: &PluginId, post: HookRequest) {
        let request = post.request;
        let Some(hooks) = self.shared.services.hooks.clone() else {
            let message = "no webhooks are configured";
            return self.refuse_request(plugin, request, Failure::Unavailable, message);
        };
        let Some(ticket) = self.open_request(plugin, request) else { return };
        let journals = self.shared.services.journals.clone();
        let posting = async move {
            // Read when it is sent: behind the writes of its list.
            let body = match post.journal {
                Some(journal) => assemble(journals, post.body, part(journal)).await,
                None => Ok(post.body),
            };
            let body = body.map_err(|error| (Failure::Unavailable, error.to_string()))?;
            hooks.post(&post.hook, &post.sender, body).await
        };
        let (plugin, serial) = (plugin.clone(), ticket.serial);
        self.requests.open(ticket, posted(plugin, request, serial, posting));
        self.make_dirty();
    }

    /// The request fails at once; the mode hears of it as its next event.
    pub(crate) fn refuse_request(&mut self, plugin: &PluginId, request: RequestId, reason: Failure, message: &str) {
        self.tell_later(plugin, crate::requests::failed(request, reason, message));
    }

    /// The host's own answer, behind what is still to be done. A mode that asks again at every refusal must
    /// come to an end, too.
    pub(crate) fn tell_later(&mut self, plugin: &PluginId, event: Event) {
        self.own_answers += 1;
        if self.own_answers > limits::OWN_ANSWERS {
            if self.own_answers == limits::OWN_ANSWERS + 1 {
                tracing::warn!(%plugin, device = %self.handle.device, "asked again at more than {} refusals", limits::OWN_ANSWERS);
                let message = format!("{plugin} asked again at every refusal; this was stopped");
                self.link.send(reply::error(ErrorCode::ModeFault.as_str(), &message, &Reference::default()));
            }
            return;
        }
        self.work.push_back(Work::Tell { plugin: plugin.clone(), event, body: None });
    }

    fn start_timer(&mut self, plugin: &PluginId, id: u64, delay_ms: u64) {
        let Some(place) = self.place(plugin) else { return };
        let timers = &mut self.handlers[place].timers;
        if timers.len() >= limits::TIMERS && !timers.contains_key(&id) {
            tracing::warn!(%plugin, device = %self.handle.device, "a timer was not started: {} run already", limits::TIMERS);
            return;
        }
        let delay = std::time::Duration::from_millis(delay_ms).clamp(limits::TIMER_LEAST, limits::TIMER_MOST);
        let due = Instant::now() + delay;
        timers.insert(id, due);
    }

    fn microphone(&mut self, command: ListenCommand) {
        if command == ListenCommand::Stop {
            // The stream of the recogniser ends here, too (A.4).
            self.forget_sound();
        }
        let id = self.id.as_str();
        let message = match command {
            ListenCommand::Stop => reply::listen("stop", None, id),
            ListenCommand::Start(ListenMode::Automatic) => reply::listen("start", Some("auto"), id),
            ListenCommand::Start(ListenMode::Manual) => reply::listen("start", Some("manual"), id),
            ListenCommand::Start(ListenMode::Realtime) => reply::listen("start", Some("realtime"), id),
        };
        self.link.send(message);
    }

    /// To everyone of a group who is connected; no instance of theirs is woken.
    fn broadcast(&mut self, group: &str, body: Arc<str>, include_self: bool, supersedes: Option<String>) {
        let audience = self.config().roster.audience(group);
        let audience = if include_self { audience } else { audience.without(&self.handle.device) };
        let supersedes: Option<Arc<str>> = supersedes.map(Into::into);
        // Nobody waits for the count: a device that is away is not told by a broadcast.
        drop(self.shared.services.directory.broadcast(audience, &body, supersedes.as_ref()));
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
                self.link.send(reply::error(invalid.code.as_str(), &invalid.message, &Reference::of(body)));
            }
        }
    }

    /// Modes that set each other off must come to an end.
    fn may_cascade(&mut self, plugin: &PluginId) -> bool {
        self.cascade += 1;
        if self.cascade > limits::CASCADE {
            tracing::warn!(%plugin, device = %self.handle.device, "modes set each other off more than {} times", limits::CASCADE);
            if self.cascade == limits::CASCADE + 1 {
                let message = "the modes set each other off without end; this was stopped";
                self.link.send(reply::error(ErrorCode::ModeFault.as_str(), message, &Reference::default()));
            }
        }
        self.cascade <= limits::CASCADE
    }
}

/// True for effects that must not be forgotten once something of their list has been seen.
fn needs_record(effect: &Effect) -> bool {
    effect.is_durable() || asks_outside(effect)
}

/// True for what has been done about something that was said, so that it cannot be taken back. A document whose
/// key ends with the device's id is a note about this device alone, which its mode can correct: it hears what was
/// heard of its answer.
fn acts(effect: &Effect, device: &DeviceId) -> bool {
    let is_own_note = matches!(effect, Effect::WriteDocument { key, .. } if key.ends_with(device.as_str()));
    (effect.is_durable() && !is_own_note)
        || matches!(
            effect,
            Effect::CallTool { .. }
                | Effect::Dispatch(_)
                | Effect::SwitchMode(_)
                | Effect::PostHook(_)
                | Effect::Broadcast { .. }
                | Effect::Deliver { .. }
        )
}

/// True for what goes to somebody outside and has an outcome. It is sent behind the writes of the
/// list: deliveries by `pass`, questions when the session polls its requests.
fn asks_outside(effect: &Effect) -> bool {
    matches!(effect, Effect::AskModel(_) | Effect::PostHook(_) | Effect::CallTool { .. } | Effect::Deliver { .. })
}

/// True for effects that somebody outside can see, or that set off such.
fn reaches_others(effect: &Effect) -> bool {
    matches!(
        effect,
        Effect::Send(_)
            | Effect::Say { .. }
            | Effect::Listen(_)
            | Effect::Decline
            | Effect::Broadcast { .. }
            | Effect::Dispatch(_)
            | Effect::SwitchMode(_)
            | Effect::HangUp
    )
}
