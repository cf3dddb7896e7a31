//! Passes ASR events of a device to its session. Rule: results wait for a slot in the session's queue, hints do not;
//! activity is stored and wakes nobody.

use std::sync::Weak;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use modehost_speech::{InputEvent, InputListener, InputState};
use modehost_storage::traits::DeviceFacts;

use crate::event::DeviceEvent;
use crate::handle::SessionHandle;

/// Belongs to one session, which owns the audio input.
pub(crate) struct AsrListener {
    pub(crate) handle: Weak<SessionHandle>,
}

impl InputListener for AsrListener {
    fn send(&self, epoch: u64, report: InputEvent) -> BoxFuture<'_, ()> {
        // Events for a session that has ended are dropped.
        let messages = self.handle.upgrade().map(|handle| handle.messages.clone());
        async move {
            if let Some(messages) = messages {
                let _ = messages.send(DeviceEvent::Asr(epoch, report)).await;
            }
        }
        .boxed()
    }

    fn try_send(&self, epoch: u64, report: InputEvent) {
        if let Some(handle) = self.handle.upgrade() {
            let _ = handle.messages.try_send(DeviceEvent::Asr(epoch, report));
        }
    }

    fn on_state(&self, note: InputState) {
        let Some(handle) = self.handle.upgrade() else { return };
        match note {
            InputState::VoiceActive => handle.activity.touch(),
            InputState::UtteranceActive(utterance_open) => handle.activity.set_utterance_open(utterance_open),
            InputState::EarliestAnswer(at) => handle.activity.set_answer_not_before(at),
            InputState::DeviceSendsStop => handle.learn(DeviceFacts { sends_stop: true, ..DeviceFacts::default() }),
        }
    }
}
