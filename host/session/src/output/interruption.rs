//! Interruption of speech. Rule: whatever cuts speech off goes through here, so that modes always learn how much was
//! played, and a device always sees the end of a turn.

use modehost_ids::PluginId;
use modehost_speech::Playback;

use super::{Channel, Output};

/// The result of silencing.
#[derive(Debug, Default)]
pub(crate) struct Silenced {
    /// The device has got `stop`.
    pub(crate) stop_sent: bool,
    /// How much was played of each plugin that was speaking or deferred.
    pub(crate) played: Vec<(PluginId, String)>,
    /// Synthesis had failed.
    pub(crate) tts_failed: bool,
}

impl Output {
    /// Stops all speech that has not been played.
    pub(crate) fn silence(&mut self, channel: &mut Channel<'_>) -> Silenced {
        channel.link.drop_pending_speech();
        self.deferred.drop_missed();
        self.silence_current(channel)
    }

    /// As `silence`, except for sentences left by a lost connection, which are still shown.
    pub(crate) fn silence_current(&mut self, channel: &mut Channel<'_>) -> Silenced {
        let mut silenced = Silenced::default();
        if let Some(turn) = self.turn.take().filter(|turn| !turn.synthesised) {
            channel.send_tts("stop", None);
            silenced.stop_sent = true;
            silenced.played.push((turn.plugin, turn.captions));
        }
        if let Some(cut) = self.playback.as_ref().and_then(Playback::cut) {
            silenced.stop_sent = true;
            silenced.played.extend(cut.into_iter().map(|part| (PluginId::new(part.plugin), part.text)));
        }
        silenced.tts_failed = self.on_playback_ended(channel);
        for plugin in self.deferred.drop_waiting() {
            if !silenced.played.iter().any(|(who, _)| *who == plugin) {
                silenced.played.push((plugin, String::new()));
            }
        }
        silenced
    }

    /// The playback may have ended, or been cut. True if synthesis had failed.
    pub(crate) fn on_playback_ended(&mut self, channel: &mut Channel<'_>) -> bool {
        let Some(playback) = self.playback.take_if(|playback| playback.has_ended()) else { return false };
        channel.turns.record_first_audio(playback.first_frame_at());
        channel.env.handle.audio.set_playing(false);
        self.barged_in = false;
        playback.has_failed()
    }

    /// The user speaks over the playback: pauses it until it is known whether they said anything.
    pub(crate) fn pause_for_barge_in(&mut self) {
        if let Some(playback) = &self.playback {
            playback.pause();
            self.barged_in = true;
        }
    }

    /// The user said something over the playback. True if the playback was paused for it, and has to be stopped.
    pub(crate) fn take_barge_in(&mut self) -> bool {
        std::mem::take(&mut self.barged_in)
    }

    /// The user said nothing after all: the playback resumes.
    pub(crate) fn resume_speech(&mut self) {
        if std::mem::take(&mut self.barged_in)
            && let Some(playback) = &self.playback
        {
            playback.resume();
        }
    }
}
