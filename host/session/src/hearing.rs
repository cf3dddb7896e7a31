//! What the ear makes of the device's sound. Rule: speech over speech holds the voice back; words
//! silence it, and nothing lets it go on.

use std::sync::Weak;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use modehost_protocol::Codec;
use modehost_protocol::reply::{self, ErrorCode, Reference};
use modehost_speech::{Fault, FaultKind, Listener, Note, Report, Sound};
use modehost_storage::traits::DeviceFacts;
use tokio::time::Instant;

use crate::actor::Session;
use crate::boundary::Boundary;
use crate::inbox::Inbound;
use crate::registry::SessionHandle;
use crate::trouble::Trouble;

/// What modes are told of an abort that somebody caused by speaking.
const BARGE_IN: &str = "barge_in";

/// The way from the ear to the session, which holds the ear.
pub(crate) struct Ears {
    pub(crate) handle: Weak<SessionHandle>,
}

impl Listener for Ears {
    fn tell(&self, epoch: u64, report: Report) -> BoxFuture<'_, ()> {
        // A session that is gone hears nothing any more.
        let messages = self.handle.upgrade().map(|handle| handle.messages.clone());
        async move {
            if let Some(messages) = messages {
                let _ = messages.send(Inbound::Heard(epoch, report)).await;
            }
        }
        .boxed()
    }

    fn hint(&self, epoch: u64, report: Report) {
        if let Some(handle) = self.handle.upgrade() {
            let _ = handle.messages.try_send(Inbound::Heard(epoch, report));
        }
    }

    fn note(&self, note: Note) {
        let Some(handle) = self.handle.upgrade() else { return };
        match note {
            Note::Voice => handle.presence.touch(),
            Note::Making(making) => handle.presence.set_making(making),
            Note::AnswerFrom(at) => handle.presence.set_answer_from(at),
            Note::SendsStop => handle.learn(DeviceFacts { sends_stop: true, ..DeviceFacts::default() }),
        }
    }
}

impl Session {
    /// Of sound from before a boundary only a mode that records hears (C.16).
    pub(crate) fn heard(&mut self, epoch: u64, report: Report) {
        let is_old = epoch != self.handle.epoch();
        match report {
            Report::Quiet => self.release_floor(Instant::now()),
            Report::Unreadable(codec) => self.cannot_decode(codec),
            Report::Words(words) if is_old => {
                if words.confirmed && self.records() {
                    self.recorded_late(words);
                }
            }
            _ if is_old => {}
            Report::SilentPress => self.pass(Boundary::SilentPress),
            Report::SpeechOverSpeech => {
                if let Some(voice) = &self.voice {
                    voice.pause();
                    self.spoken_over = true;
                }
            }
            Report::Words(words) => {
                let empty = words.text.trim().is_empty();
                self.told_failing &= empty;
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
        }
    }

    /// The frames of the device are understood, and what is in them is not.
    fn cannot_decode(&mut self, codec: Codec) {
        tracing::warn!(device = %self.handle.device, ?codec, "the sound of a device cannot be decoded");
        let message = "audio packets cannot be decoded; check audio_params of hello and Protocol-Version";
        self.link.send(reply::error(ErrorCode::AudioUnreadable.as_str(), message, &Reference::to_sound()));
    }

    /// What was heard and not yet told is for nobody; a voice that waited for it goes on.
    pub(crate) fn forget_sound(&mut self) {
        self.handle.ear.put(Sound::Forget(self.handle.next_epoch()));
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
        self.tell_trouble(Trouble::Recogniser);
        if fault.kind == FaultKind::BreakerOpen && std::mem::replace(&mut self.told_failing, true) {
            // The device knows: nothing was tried, and nothing is new.
            return;
        }
        self.told_failing = true;
        let message = format!("what was said could not be recognised ({kind}); please say it again");
        self.link.send(reply::error(ErrorCode::AsrUnavailable.as_str(), &message, &Reference::default()));
    }

    /// Sound came and there is no recogniser: said once for each time the device starts listening.
    pub(crate) fn unheard(&mut self) {
        if !std::mem::replace(&mut self.told_unheard, true) {
            self.tell_trouble(Trouble::NoRecogniser);
            let message = "no speech recogniser is configured; typed turns work";
            self.link.send(reply::error(ErrorCode::AsrUnavailable.as_str(), message, &Reference::default()));
        }
    }
}
