//! Device messages to the handler that they are for. Rule: the host's own types are handled here
//! and nowhere else; every other type goes to the plugin that claims it.

use std::sync::Arc;

use modehost_contract::event::Transcript;
use modehost_contract::{Event, Fault, Rejection, VoicePolicy};
use modehost_ids::PluginId;
use modehost_protocol::reply::{self, ErrorCode, Reference};
use modehost_protocol::{DeviceMessage, Listen, ListenState};
use tokio::time::Instant;

use crate::actor::{Session, Work, unix_ms};
use crate::handler::Delivered;

/// Source of transcripts that were typed.
const TYPED: &str = "typed";

impl Session {
    /// One message of the device, or dispatched as if it were.
    pub(crate) async fn route(&mut self, message: DeviceMessage) {
        if self.arrival.is_some() && !matches!(message, DeviceMessage::Hello(_)) {
            self.arrive().await;
            // What follows from the arrival comes before what follows from the message.
            return self.work.push_back(Work::Message(message));
        }
        match message {
            DeviceMessage::Hello(hello) => {
                self.link.send(reply::hello(self.id.as_str()));
                if self.arrival.is_some() {
                    self.arrive().await;
                }
                self.tell_subscribers(|subscriptions| subscriptions.hello, &Event::Hello(hello.body));
            }
            DeviceMessage::Listen(listen) => self.listen(listen),
            // Firmware stays in its speaking state until it is told to stop.
            DeviceMessage::Abort => self.link.send(reply::tts("stop", None, self.id.as_str())),
            DeviceMessage::Mode { start, mode } => self.mode_message(start, &mode).await,
            DeviceMessage::Server { .. } => {
                let message = "server messages are not taken by this version";
                self.link.send(reply::error(ErrorCode::Forbidden.as_str(), message, &Reference::default()));
            }
            DeviceMessage::Ignored => {}
            DeviceMessage::Other { kind, body } => self.claimed(kind, body).await,
        }
    }

    fn listen(&mut self, listen: Listen) {
        match (listen.state, listen.text) {
            (ListenState::Detect, Some(text)) => self.typed(text),
            (ListenState::Start, _) => self.told_unheard = false,
            // No sound is taken yet, so there is no utterance to end.
            (ListenState::Stop | ListenState::Detect, _) => {}
        }
    }

    /// Typed words: a wake word is shown, anything else is a turn.
    fn typed(&mut self, text: String) {
        let id = self.id.clone();
        self.link.send(reply::stt(&text, id.as_str()));
        if self.config().wake_words.contains(&text.to_lowercase()) {
            self.link.send(reply::tts("stop", None, id.as_str()));
            return;
        }
        let now = unix_ms();
        self.link.send(reply::transcription(&text, now, id.as_str()));
        self.segments += 1;
        let text: Arc<str> = text.into();
        let transcript = Transcript {
            text,
            confirmed: true,
            start_ms: now,
            end_ms: now,
            segment: self.segments,
            source: TYPED.into(),
        };
        self.work.push_back(Work::Transcript { transcript, declined: false });
    }

    /// Sound came and there is no recogniser: said once for each time the device starts listening.
    pub(crate) fn unheard(&mut self) {
        if !std::mem::replace(&mut self.told_unheard, true) {
            let message = "no speech recogniser is configured; typed turns work";
            self.link.send(reply::error("ASR_UNAVAILABLE", message, &Reference::default()));
        }
    }

    /// Words go to the current mode, by its voice policy, or to the default mode.
    pub(crate) async fn hear(&mut self, transcript: Transcript, declined: bool) {
        let current = self.mode.as_ref().filter(|_| !declined).and_then(|mode| self.find_mode(mode));
        let current = current.filter(|(plugin, _)| self.voice_of(plugin) != VoicePolicy::None);
        let default = || self.config().default_mode.as_deref().and_then(|mode| self.find_mode(mode));
        let is_default = current.is_none();
        let Some((plugin, mode)) = current.or_else(default) else {
            let message = "no mode takes what is said; set session.default_mode or start a mode";
            self.link.send(reply::error(ErrorCode::NotReady.as_str(), message, &Reference::default()));
            return;
        };
        if is_default && !self.begin_default(&plugin, &mode).await {
            return;
        }
        let event = Event::Transcript(transcript.clone());
        match self.give(&plugin, event).await {
            Delivered::Effects(effects) => {
                // The default mode has nobody to decline to.
                let declinable = (!is_default).then_some(&transcript);
                self.carry(&plugin, effects, declinable).await;
            }
            other => self.complain(&plugin, other, None),
        }
    }

    /// The default mode begins with the first words for it, and lies under all others from then on.
    async fn begin_default(&mut self, plugin: &PluginId, mode: &Arc<str>) -> bool {
        let begun = self.place(plugin).is_some_and(|place| self.handlers[place].mode.is_some());
        if begun {
            return true;
        }
        match self.give(plugin, Event::Started(self.start(Some(mode.clone())))).await {
            Delivered::Effects(effects) => {
                if let Some(place) = self.place(plugin) {
                    self.handlers[place].mode = Some(mode.clone());
                    self.handlers[place].ending = false;
                }
                self.carry(plugin, effects, None).await;
                true
            }
            other => {
                self.complain(plugin, other, None);
                false
            }
        }
    }

    fn voice_of(&self, plugin: &PluginId) -> VoicePolicy {
        let table = self.shared.services.catalog.table();
        table.plugins.get(plugin).map_or(VoicePolicy::None, |entry| entry.active.manifest().voice)
    }

    /// A message of a type that is not the host's.
    async fn claimed(&mut self, kind: Arc<str>, body: Arc<str>) {
        let plugin = self.shared.services.catalog.table().types.get(&*kind).cloned();
        let Some(plugin) = plugin else {
            let shown: String = kind.chars().take(64).collect();
            let message = format!("nothing handles messages of type {shown}");
            self.link.send(reply::error(ErrorCode::UnknownType.as_str(), &message, &Reference::of(&body)));
            return;
        };
        let stopped = self.place(&plugin).and_then(|place| self.handlers[place].stopped_until);
        if let Some(left) = stopped.and_then(|until| until.checked_duration_since(Instant::now())) {
            let message = format!("{plugin} failed repeatedly and rests for {} ms", left.as_millis());
            self.link.send(reply::error(ErrorCode::ModeFault.as_str(), &message, &Reference::of(&body)));
            return;
        }
        let event = Event::Message { kind, body: body.clone() };
        self.tell(&plugin, event, Some(&body)).await;
    }

    /// Gives an event and carries out what comes back. `body` is the message that it came from.
    pub(crate) async fn tell(&mut self, plugin: &PluginId, event: Event, body: Option<&str>) {
        match self.give(plugin, event).await {
            Delivered::Effects(effects) => self.carry(plugin, effects, None).await,
            other => self.complain(plugin, other, body),
        }
    }

    /// Tells the device why its message came to nothing.
    fn complain(&mut self, plugin: &PluginId, delivered: Delivered, body: Option<&str>) {
        let reference = body.map(Reference::of).unwrap_or_default();
        let (code, message) = match delivered {
            Delivered::Effects(_) => return,
            Delivered::Rejected(Rejection { code, message }) => (code, message),
            Delivered::Skipped(Fault::Open(why)) => {
                (ErrorCode::ModeFault.as_str().into(), format!("{plugin} cannot run: {why}"))
            }
            Delivered::Skipped(fault) => {
                let what = fault.label();
                let message =
                    format!("{plugin} failed on this ({what}); it was skipped, and the state before it is kept");
                (ErrorCode::ModeFault.as_str().into(), message)
            }
        };
        self.link.send(reply::error(&code, &message, &reference));
    }
}
