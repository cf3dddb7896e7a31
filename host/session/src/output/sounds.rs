//! Sounds that an operator plays. Rule: a sound is played after what is being spoken and not into the words of the user, as
//! speech of the host would be; it needs no synthesiser, and belongs to no mode.

use std::sync::Arc;

use modehost_speech::Sound;
use tokio::time::Instant;

use super::deferred::Deferred;
use super::{Channel, Output, may_speak, on_end};
use crate::event::NotPlayed;

/// The speaker of the host's own sentences and sounds. No plugin can have this id: it is the server's name.
pub(crate) const HOST_SPEAKER: &str = "modehost";

impl Output {
    /// Plays a sound: now, or once the user has finished.
    pub(crate) fn play(&mut self, channel: &mut Channel<'_>, sound: Sound) -> Result<(), NotPlayed> {
        if !channel.link.is_ready() {
            return Err(NotPlayed::Away);
        }
        if self.deferred.is_waiting() || (!self.is_answering() && !may_speak(channel.env, Instant::now())) {
            if self.deferred.has_sound() {
                return Err(NotPlayed::Full);
            }
            self.deferred.push(Deferred::Play(sound));
            return Ok(());
        }
        self.play_now(channel, sound)
    }

    /// Plays it behind what is being spoken, whether or not the user is speaking.
    pub(super) fn play_now(&mut self, channel: &mut Channel<'_>, sound: Sound) -> Result<(), NotPlayed> {
        self.end_turn(channel);
        let speaker: Arc<str> = HOST_SPEAKER.into();
        if let Some(playback) = &self.playback {
            match playback.sound(&speaker, sound.clone()) {
                Ok(()) => {
                    playback.finish();
                    return Ok(());
                }
                Err(_) if !playback.has_ended() => return Err(NotPlayed::Full),
                // It has ended this very moment: a new playback takes over.
                Err(_) => {}
            }
        }
        let env = channel.env;
        let target = self.target(channel).ok_or(NotPlayed::Away)?;
        let playback = env.services().speech.begin_sounds(target, on_end(env));
        playback.sound(&speaker, sound).map_err(|_| NotPlayed::Full)?;
        playback.finish();
        self.playback = Some(playback);
        env.handle.audio.set_playing(true);
        Ok(())
    }
}
