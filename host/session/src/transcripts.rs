//! Words, typed or recognised, to the mode that they are for. Rule: the drafts of a segment and its
//! confirmed text share one number, and nothing else ever gets that number.

use std::sync::Arc;

use modehost_contract::event::Transcript;
use modehost_contract::{Event, VoicePolicy};
use modehost_ids::PluginId;
use modehost_protocol::reply::{self, ErrorCode, Reference};
use modehost_speech::Words;

use crate::actor::{Session, Work};
use crate::clock::unix_ms;
use crate::config::Language;
use crate::handler::Delivered;
use crate::trouble::Trouble;

/// Source of transcripts that were typed.
const TYPED: &str = "typed";
/// What modes are told where the person went on speaking before anything was answered.
const CONTINUED: &str = "continued";
/// What modes are told where other words came.
const SUPERSEDED: &str = "superseded";

/// A wake word as it is compared: in any case, without marks and blanks, as recognisers and firmware differ
/// in those.
pub fn wake_word(text: &str) -> String {
    text.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

impl Session {
    /// Typed words: a wake word is shown and may be greeted, anything else is a turn. What came before has been
    /// dropped already (C.16).
    pub(crate) fn typed(&mut self, text: String) {
        let config = self.config();
        if config.wake_words.contains(&wake_word(&text)) {
            self.link.send(reply::stt(&text, self.id.as_str()));
            if let Some(greeting) = &config.greeting {
                self.say_own(greeting);
            }
            return;
        }
        self.end_by_new_words();
        self.person.notes(&text);
        let now = unix_ms();
        // A segment that is still being recognised keeps its number.
        self.segments += 1;
        let transcript = Transcript {
            text: text.into(),
            confirmed: true,
            start_ms: now,
            end_ms: now,
            segment: self.segments,
            source: TYPED.into(),
        };
        self.show_words(&transcript.text.clone(), &transcript);
        self.work.push_back(Work::Transcript { transcript, declined: false });
    }

    /// Words of a recogniser. Empty ones take a draft back: what there was to hear was nothing.
    pub(crate) fn recognised(&mut self, words: Words) {
        if words.text.trim().is_empty() {
            if words.confirmed {
                self.draft = None;
            }
            return;
        }
        let segment = self.draft.unwrap_or(self.segments + 1);
        self.segments = self.segments.max(segment);
        self.draft = (!words.confirmed).then_some(segment);
        let Words { text, confirmed, cut, start_ms, end_ms, source } = words;
        let mut transcript = Transcript { text, confirmed, start_ms, end_ms, segment, source };
        let heard = transcript.text.clone();
        if confirmed && self.records() {
            self.person.notes(&heard);
        } else if confirmed {
            if !self.awaits_answer() {
                self.person.is_answered();
            }
            let said = self.person.says(&heard, (segment, start_ms), cut, self.requests.serial());
            if said.goes_on {
                // Nothing of an answer has been heard: it is asked anew, with all of it (A.10).
                self.take_back(CONTINUED);
            } else {
                self.end_by_new_words();
            }
            (transcript.segment, transcript.start_ms) = (said.segment, said.start_ms);
            transcript.text = said.text.into();
        }
        self.show_words(&heard, &transcript);
        self.work.push_back(Work::Transcript { transcript, declined: false });
    }

    /// Words that were said before a boundary, for the mode that records: into its record, and to nobody else.
    pub(crate) fn recorded_late(&mut self, words: Words) {
        if words.text.trim().is_empty() {
            return;
        }
        self.segments += 1;
        let segment = self.segments;
        let Words { text, confirmed, start_ms, end_ms, source, .. } = words;
        let transcript = Transcript { text, confirmed, start_ms, end_ms, segment, source };
        self.show_words(&transcript.text.clone(), &transcript);
        self.work.push_back(Work::Transcript { transcript, declined: false });
    }

    /// New words end what is being said and asked: they are what the person wants to hear of now.
    fn end_by_new_words(&mut self) {
        self.stays();
        self.take_back(SUPERSEDED);
    }

    /// Shows words to the device. A caption is given to confirmed words only: firmware would show each draft as
    /// something said.
    fn show_words(&mut self, heard: &str, transcript: &Transcript) {
        let id = self.id.clone();
        if transcript.confirmed {
            self.link.send(reply::stt(&transcript.text, id.as_str()));
        }
        self.link.send(reply::transcription(heard, unix_ms(), id.as_str()));
    }

    /// Words go to the current mode, by its voice policy, or to the default mode; to nobody where the
    /// device has been given up, since every role has ended.
    pub(crate) async fn hear(&mut self, transcript: Transcript, declined: bool) {
        if self.link.is_over() {
            return;
        }
        let current = self.mode.as_ref().filter(|_| !declined).and_then(|mode| self.find_mode(mode));
        let current = current.filter(|(plugin, _)| self.voice_of(plugin) != VoicePolicy::None);
        let default = || self.config().default_mode.as_deref().and_then(|mode| self.find_mode(mode));
        let is_default = current.is_none();
        let Some((plugin, mode)) = current.or_else(default) else {
            if transcript.confirmed {
                let message = "no mode takes what is said; set session.default_mode or start a mode";
                self.link.send(reply::error(ErrorCode::NotReady.as_str(), message, &Reference::default()));
                self.tell_trouble(Trouble::NoMode);
            }
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
            other => self.spoilt(&plugin, other, transcript.confirmed),
        }
    }

    /// What was said has come to nothing.
    fn spoilt(&mut self, plugin: &PluginId, delivered: Delivered, confirmed: bool) {
        if confirmed && matches!(delivered, Delivered::Skipped(_) | Delivered::Lost(..)) {
            self.tell_trouble(Trouble::Mode);
        }
        self.complain(plugin, delivered, None);
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
                self.spoilt(plugin, other, true);
                false
            }
        }
    }

    /// In which language to speak to the person: their own, once they have spoken.
    pub(crate) fn language(&self) -> Language {
        self.person.language().unwrap_or(self.config().language)
    }

    /// True while a mode runs that keeps what is said.
    pub(crate) fn records(&self) -> bool {
        let mode = self.mode.as_ref().and_then(|mode| self.find_mode(mode));
        mode.is_some_and(|(plugin, _)| self.voice_of(&plugin) == VoicePolicy::Exclusive)
    }

    fn voice_of(&self, plugin: &PluginId) -> VoicePolicy {
        let table = self.shared.services.catalog.table();
        table.plugins.get(plugin).map_or(VoicePolicy::None, |entry| entry.active.manifest().voice)
    }
}
