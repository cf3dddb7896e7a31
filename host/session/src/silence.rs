//! Silence: what is said no further, and who is told. Rule: whatever ends speech and talk before their time
//! goes through here, so that modes always learn what was heard, and a device always sees the end of a turn.

use modehost_contract::Event;
use modehost_ids::PluginId;
use modehost_protocol::reply;
use modehost_speech::Speaking;

use crate::actor::{Session, Work};
use crate::boundary::{Boundary, Fate};
use crate::handler::Handler;
use crate::trouble::Trouble;

/// What silencing has come to.
#[derive(Debug, Default)]
pub(crate) struct Silenced {
    /// The device has been told that a turn is over.
    pub(crate) told: bool,
    /// What was heard of whoever was speaking, or waited to.
    pub(crate) heard: Vec<(PluginId, String)>,
}

impl Session {
    /// The device wants silence, and waits for its `stop` whether or not anything is being said.
    /// The modes of the session are told, and whoever was speaking; nobody is woken for it who has
    /// nothing open.
    pub(crate) fn abort(&mut self, reason: &str) {
        self.draft = None;
        self.stays();
        self.person.is_answered();
        let silenced = self.silence();
        if !silenced.told {
            self.link.answer(reply::tts("stop", None, self.id.as_str()));
        }
        self.move_on(reason, silenced.heard, true);
    }

    /// A boundary of the person (C.16). What it does to sound, the connection has seen to.
    pub(crate) fn pass(&mut self, boundary: Boundary) {
        self.stays();
        if boundary != Boundary::Loss {
            self.person.is_answered();
        }
        let fates = boundary.fates(self.records());
        if fates.settling_utterances != Fate::GoesOn {
            self.draft = None;
        }
        let heard = match fates.unsaid_sentences {
            Fate::Dropped if matches!(boundary, Boundary::HangUp | Boundary::TakenOver | Boundary::ModeChange) => {
                self.silence().heard
            }
            // What a lost connection has left is shown all the same: the press is a new question.
            Fate::Dropped => self.silence_turns().heard,
            Fate::GoesOn | Fate::Recorded => Vec::new(),
        };
        if matches!(boundary, Boundary::HangUp | Boundary::TakenOver) {
            self.link.move_on();
        }
        if fates.spoken_questions == Fate::Dropped {
            self.move_on(boundary.reason(), heard, false);
        }
    }

    /// True while what the person said last is to be answered, and nothing of it is heard yet: somebody has asked
    /// for something since, or waits to speak.
    pub(crate) fn awaits_answer(&self) -> bool {
        let Some(serial) = self.person.asked_behind() else { return false };
        let asks = |handler: &Handler| handler.requests.values().any(|open| open.serial > serial);
        self.floor.is_waiting() || self.handlers.iter().any(asks)
    }

    /// The person goes on talking: nobody hangs up.
    pub(crate) fn stays(&mut self) {
        self.closing = false;
    }

    /// What is being said and asked is not wanted any more. Nobody is told who had nothing of it.
    pub(crate) fn take_back(&mut self, reason: &str) {
        let heard = self.silence_turns().heard;
        self.move_on(reason, heard, false);
    }

    /// Nothing that has been said and not yet been heard will be.
    pub(crate) fn silence(&mut self) -> Silenced {
        self.link.forget_speech();
        self.floor.drop_kept();
        self.silence_turns()
    }

    /// The same, but for what a lost connection has left.
    fn silence_turns(&mut self) -> Silenced {
        let mut silenced = Silenced::default();
        if let Some(turn) = self.turn.take().filter(|turn| !turn.voiced) {
            self.send_tts("stop", None);
            silenced.told = true;
            silenced.heard.push((turn.plugin, turn.shown));
        }
        if let Some(heard) = self.voice.as_ref().and_then(Speaking::cut) {
            silenced.told = true;
            silenced.heard.extend(heard.into_iter().map(|heard| (PluginId::new(heard.who), heard.text)));
        }
        self.fall_silent();
        for plugin in self.floor.drop_waiting() {
            if !silenced.heard.iter().any(|(who, _)| *who == plugin) {
                silenced.heard.push((plugin, String::new()));
            }
        }
        silenced
    }

    /// The voice is over, or has been cut.
    pub(crate) fn fall_silent(&mut self) {
        if let Some(voice) = self.voice.take_if(|voice| voice.is_over()) {
            self.handle.ear.speaking(false);
            self.spoken_over = false;
            if voice.has_failed() {
                self.tell_trouble(Trouble::Voice);
            }
        }
    }

    /// The person has moved on: questions whose answers would be spoken are dropped. Told are those who had
    /// one or were speaking, and with `all` every mode that is awake or waits for something.
    fn move_on(&mut self, reason: &str, heard: Vec<(PluginId, String)>, all: bool) {
        let mut told = heard;
        for handler in &mut self.handlers {
            let before = handler.requests.len();
            handler.requests.retain(|_, open| !open.spoken);
            let dropped = handler.requests.len() < before;
            let awake = all && handler.mode.is_some() && (handler.is_live() || !handler.is_idle() || dropped);
            let known = told.iter().any(|(who, _)| *who == handler.plugin);
            if (dropped || awake) && !known {
                let event = Event::Aborted { reason: reason.into(), heard: None };
                self.work.push_back(Work::Tell { plugin: handler.plugin.clone(), event, body: None });
            }
        }
        self.tell_silenced(reason, std::mem::take(&mut told));
    }

    /// Tells whoever was speaking what was heard of it.
    pub(crate) fn tell_silenced(&mut self, reason: &str, heard: Vec<(PluginId, String)>) {
        for (plugin, text) in heard {
            if self.place(&plugin).is_some() {
                let event = Event::Aborted { reason: reason.into(), heard: Some(text.into()) };
                self.work.push_back(Work::Tell { plugin, event, body: None });
            }
        }
    }
}
