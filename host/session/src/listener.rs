//! The way from the recogniser of a device to its session. Rule: results wait for room in the queue of the session, hints
//! do not; signs of life are stored and wake nobody.

use std::sync::Weak;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use modehost_speech::{Listener, Note, Report};
use modehost_storage::traits::DeviceFacts;

use crate::event::DeviceEvent;
use crate::handle::SessionHandle;

/// Of one session, which holds the recogniser.
pub(crate) struct RecogniserListener {
    pub(crate) handle: Weak<SessionHandle>,
}

impl Listener for RecogniserListener {
    fn tell(&self, epoch: u64, report: Report) -> BoxFuture<'_, ()> {
        // A session that is gone hears nothing any more.
        let messages = self.handle.upgrade().map(|handle| handle.messages.clone());
        async move {
            if let Some(messages) = messages {
                let _ = messages.send(DeviceEvent::Recogniser(epoch, report)).await;
            }
        }
        .boxed()
    }

    fn hint(&self, epoch: u64, report: Report) {
        if let Some(handle) = self.handle.upgrade() {
            let _ = handle.messages.try_send(DeviceEvent::Recogniser(epoch, report));
        }
    }

    fn note(&self, note: Note) {
        let Some(handle) = self.handle.upgrade() else { return };
        match note {
            Note::Voice => handle.activity.touch(),
            Note::Making(making) => handle.activity.set_making(making),
            Note::AnswerFrom(at) => handle.activity.set_answer_from(at),
            Note::SendsStop => handle.learn(DeviceFacts { sends_stop: true, ..DeviceFacts::default() }),
        }
    }
}
