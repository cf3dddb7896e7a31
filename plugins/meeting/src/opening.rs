//! The load of the last summary at the start of an instance. Rule: events that arrive meanwhile are deferred in order,
//! so that no meeting gets the id of an earlier one.

use std::collections::VecDeque;
use std::time::Duration;

use modehost_sdk::{Cx, Fault, reject};
use serde::{Deserialize, Serialize};

use crate::last;
use crate::request::{Phase, Request};
use crate::running::Heard;
use crate::{HELD, Meeting, Next};

/// Maximum number and bytes of deferred messages; the read takes a few ms, but a device may send everything it has at
/// once.
const HELD_MESSAGES: usize = 512;
const HELD_BYTES: usize = 96 * 1024;
/// Effects of deferred events in one list; lists are limited to 64 effects, and an event may add some of its own.
const EFFECTS: usize = 44;

/// An event that arrived before the document was read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Held {
    /// The mode has started.
    Start,
    Request(Request),
    Heard(Heard),
    /// The mode or the session has ended; true if the device is present and expects an answer.
    End(bool),
}

/// The document of the last summary is being read, or deferred events are being processed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Opening {
    /// False once the read has ended.
    reading: bool,
    held: VecDeque<Held>,
    weight: usize,
}

impl Opening {
    /// Starts the read.
    pub fn begin(cx: &mut Cx<'_, Meeting>) -> Self {
        read(cx);
        Self { reading: true, held: VecDeque::new(), weight: 0 }
    }

    /// The read has ended.
    pub fn end_wait(&mut self) {
        self.reading = false;
    }

    /// Defers an event.
    ///
    /// # Errors
    /// `NOT_READY` if too much is deferred already.
    pub fn hold(&mut self, cx: &mut Cx<'_, Meeting>, held: Held) -> Result<(), Fault> {
        let weight = held.weight();
        if weight > 0 && (self.held.len() >= HELD_MESSAGES || self.weight + weight > HELD_BYTES) {
            return Err(reject("NOT_READY", "the meeting is being opened; send this again in a moment"));
        }
        self.weight += weight;
        self.held.push_back(held);
        if !self.reading {
            // The end of a session stops all timers, including this one if it was running.
            cx.start_alarm(HELD, Duration::ZERO);
        }
        Ok(())
    }

    /// Drops the deferred drafts of this segment: no final text came of them.
    pub fn forget_draft(&mut self, of: u64) {
        self.held.retain(|held| {
            let is_draft = matches!(held, Held::Heard(heard) if !heard.confirmed && heard.segment == of);
            if is_draft {
                self.weight = self.weight.saturating_sub(held.weight());
            }
            !is_draft
        });
    }

    /// The oldest deferred events, in order, as many as fit one list of effects.
    pub fn take_some(&mut self) -> Vec<Held> {
        let mut room = EFFECTS;
        let mut taken = Vec::new();
        while let Some(held) = self.held.pop_front() {
            if held.effects() > room && !taken.is_empty() {
                self.held.push_front(held);
                break;
            }
            room = room.saturating_sub(held.effects());
            self.weight = self.weight.saturating_sub(held.weight());
            taken.push(held);
        }
        taken
    }

    /// True if nothing is deferred.
    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }
}

impl Held {
    /// Size in bytes. Starts and ends are never rejected: the host sends one of each.
    fn weight(&self) -> usize {
        match self {
            Self::Request(request) => request.weight(),
            Self::Heard(heard) => heard.text.len() + 64,
            Self::Start | Self::End(_) => 0,
        }
    }

    /// Upper estimate of its effects.
    fn effects(&self) -> usize {
        match self {
            Self::Request(Request { phase: Phase::Snippet(items), .. }) => 2 * items.len() + 2,
            // The end appends the open drafts and sends its messages.
            Self::Request(_) | Self::End(_) => 10,
            Self::Heard(_) => 4,
            Self::Start => 1,
        }
    }
}

/// Reads the document of the last summary.
pub fn read(cx: &mut Cx<'_, Meeting>) {
    cx.read_document(last::key(&cx.device().id)).then(Next::Opening);
}
