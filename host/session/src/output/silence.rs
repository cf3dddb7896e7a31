//! Speech that ends before its time. Rule: whatever ends speech goes through here, so that modes always learn what was
//! heard, and a device always sees the end of a turn.

use modehost_ids::PluginId;
use modehost_speech::Playback;

use super::{Channel, Output};

/// What silencing has come to.
#[derive(Debug, Default)]
pub(crate) struct Silenced {
    /// The device has been told that a turn is over.
    pub(crate) told: bool,
    /// What was heard of whoever was speaking, or waited to.
    pub(crate) heard: Vec<(PluginId, String)>,
    /// The voice has failed at what it said.
    pub(crate) voice_failed: bool,
}

impl Output {
    /// Nothing that has been said and not yet been heard will be.
    pub(crate) fn silence(&mut self, channel: &mut Channel<'_>) -> Silenced {
        channel.link.forget_speech();
        self.floor.drop_kept();
        self.silence_turns(channel)
    }

    /// The same, but for what a lost connection has left: that is shown all the same.
    pub(crate) fn silence_turns(&mut self, channel: &mut Channel<'_>) -> Silenced {
        let mut silenced = Silenced::default();
        if let Some(turn) = self.turn.take().filter(|turn| !turn.voiced) {
            channel.send_tts("stop", None);
            silenced.told = true;
            silenced.heard.push((turn.plugin, turn.shown));
        }
        if let Some(heard) = self.voice.as_ref().and_then(Playback::cut) {
            silenced.told = true;
            silenced.heard.extend(heard.into_iter().map(|heard| (PluginId::new(heard.who), heard.text)));
        }
        silenced.voice_failed = self.on_spoken(channel);
        for plugin in self.floor.drop_waiting() {
            if !silenced.heard.iter().any(|(who, _)| *who == plugin) {
                silenced.heard.push((plugin, String::new()));
            }
        }
        silenced
    }

    /// The voice may be over, or may have been cut. True if it has failed at what it said.
    pub(crate) fn on_spoken(&mut self, channel: &mut Channel<'_>) -> bool {
        let Some(voice) = self.voice.take_if(|voice| voice.is_over()) else { return false };
        channel.turns.sound(voice.first_sound());
        channel.env.handle.audio.speaking(false);
        self.spoken_over = false;
        voice.has_failed()
    }

    /// Somebody speaks over the voice: it waits until it is known whether anything was said.
    pub(crate) fn hold_back(&mut self) {
        if let Some(voice) = &self.voice {
            voice.pause();
            self.spoken_over = true;
        }
    }

    /// Something was said over the voice. True if the voice waited for it, and is to be silenced.
    pub(crate) fn take_spoken_over(&mut self) -> bool {
        std::mem::take(&mut self.spoken_over)
    }

    /// Nothing was said that was meant: the voice goes on where it was.
    pub(crate) fn speak_on(&mut self) {
        if std::mem::take(&mut self.spoken_over)
            && let Some(voice) = &self.voice
        {
            voice.resume();
        }
    }
}
