//! What the ear makes of the device's sound. Rule: speech over speech holds the voice back; words
//! silence it, and nothing lets it go on.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use modehost_protocol::Codec;
use modehost_protocol::reply::{self, ErrorCode, Reference};
use modehost_speech::{Fault, Listener, Report, Sound};
use tokio::sync::mpsc;

use crate::actor::Session;
use crate::inbox::Inbound;

/// What modes are told of an abort that somebody caused by speaking.
const BARGE_IN: &str = "barge_in";

/// The way from the ear to the session.
pub(crate) struct Ears {
    pub(crate) session: mpsc::Sender<Inbound>,
    /// See `SessionHandle`.
    pub(crate) age: Arc<AtomicU64>,
}

impl Ears {
    fn heard(&self, report: Report) -> Inbound {
        Inbound::Heard(self.age.load(Ordering::Acquire), report)
    }
}

impl Listener for Ears {
    fn tell(&self, report: Report) -> BoxFuture<'_, ()> {
        // A session that is gone hears nothing any more.
        self.session.send(self.heard(report)).map(drop).boxed()
    }

    fn hint(&self, report: Report) {
        let _ = self.session.try_send(self.heard(report));
    }
}

impl Session {
    /// Of sound that was forgotten meanwhile (A.4) nothing is heard.
    pub(crate) fn heard(&mut self, age: u64, report: Report) {
        if age != self.handle.sound_age.load(Ordering::Acquire) {
            return;
        }
        match report {
            Report::SpeechOverSpeech => {
                if let Some(voice) = &self.voice {
                    voice.pause();
                    self.spoken_over = true;
                }
            }
            Report::Words(words) => {
                let empty = words.text.trim().is_empty();
                if empty && words.confirmed {
                    self.speak_on();
                } else if !empty && std::mem::take(&mut self.spoken_over) {
                    self.abort(BARGE_IN);
                }
                self.recognised(words);
            }
            Report::Failed(fault) => {
                self.speak_on();
                self.draft = None;
                self.not_recognised(&fault);
            }
            Report::Unreadable(codec) => self.cannot_decode(codec),
        }
    }

    /// The frames of the device are understood, and what is in them is not.
    fn cannot_decode(&mut self, codec: Codec) {
        tracing::warn!(device = %self.handle.device, ?codec, "the sound of a device cannot be decoded");
        let message = "audio packets cannot be decoded; check audio_params of hello and Protocol-Version";
        self.link.send(reply::error(ErrorCode::AudioUnreadable.as_str(), message, &Reference::default()));
    }

    /// What was heard and not yet told is for nobody; a voice that waited for it goes on.
    pub(crate) fn forget_sound(&mut self) {
        self.handle.sound_age.fetch_add(1, Ordering::AcqRel);
        self.handle.ear.put(Sound::Forget);
        self.draft = None;
        self.speak_on();
    }

    /// Nothing was said that was meant: the voice goes on where it was.
    fn speak_on(&mut self) {
        if std::mem::take(&mut self.spoken_over)
            && let Some(voice) = &self.voice
        {
            voice.resume();
        }
    }

    fn not_recognised(&mut self, fault: &Fault) {
        let kind = fault.kind.label();
        tracing::warn!(device = %self.handle.device, kind, "an utterance was not recognised: {fault}");
        let message = format!("what was said could not be recognised ({kind}); please say it again");
        self.link.send(reply::error(ErrorCode::AsrUnavailable.as_str(), &message, &Reference::default()));
    }

    /// Sound came and there is no recogniser: said once for each time the device starts listening.
    pub(crate) fn unheard(&mut self) {
        if !std::mem::replace(&mut self.told_unheard, true) {
            let message = "no speech recogniser is configured; typed turns work";
            self.link.send(reply::error(ErrorCode::AsrUnavailable.as_str(), message, &Reference::default()));
        }
    }
}
