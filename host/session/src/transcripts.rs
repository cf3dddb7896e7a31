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
use crate::handler::Delivered;

/// Source of transcripts that were typed.
const TYPED: &str = "typed";

impl Session {
    /// Typed words: a wake word is shown, anything else is a turn.
    pub(crate) fn typed(&mut self, text: String) {
        if self.config().wake_words.contains(&text.to_lowercase()) {
            self.link.send(reply::stt(&text, self.id.as_str()));
            // The sound that it was found in came before.
            self.forget_sound();
            return self.stop_speaking();
        }
        let now = unix_ms();
        // A segment that is still being recognised keeps its number.
        self.segments += 1;
        let segment = self.segments;
        let words = Words { text: text.into(), confirmed: true, start_ms: now, end_ms: now, source: TYPED.into() };
        self.transcribe(words, segment);
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
        self.transcribe(words, segment);
    }

    /// Shows words to the device, and has them heard. A caption is given to confirmed words only:
    /// firmware would show each draft as something said.
    fn transcribe(&mut self, words: Words, segment: u64) {
        let id = self.id.clone();
        if words.confirmed {
            self.link.send(reply::stt(&words.text, id.as_str()));
        }
        self.link.send(reply::transcription(&words.text, unix_ms(), id.as_str()));
        let Words { text, confirmed, start_ms, end_ms, source } = words;
        let transcript = Transcript { text, confirmed, start_ms, end_ms, segment, source };
        self.work.push_back(Work::Transcript { transcript, declined: false });
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
}
