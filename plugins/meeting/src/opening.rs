//! The moment in which the handler looks up what was before it. Rule: what comes meanwhile waits in
//! order; a meeting never gets the name of an earlier one.

use std::collections::VecDeque;
use std::time::Duration;

use modehost_sdk::{Cx, Fault, reject};
use serde::{Deserialize, Serialize};

use crate::last;
use crate::request::{Phase, Request};
use crate::running::Heard;
use crate::{HELD, Meeting, Next};

/// What may wait while a document is being read; that takes a few ms, but a device may send all it
/// has at once.
const HELD_MESSAGES: usize = 512;
const HELD_BYTES: usize = 96 * 1024;
/// Effects that what has waited may have at once; a list of effects has its limit, and something
/// else may be in it.
const EFFECTS: usize = 44;

/// Something that came before the handler knew where it stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Held {
    /// The mode has begun.
    Start,
    Request(Request),
    Heard(Heard),
    /// The role is over; true if somebody is there to be answered.
    End(bool),
}

/// The document of the last summary is being read, or what has waited for it is being worked off.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Opening {
    /// False once the document is there.
    reading: bool,
    held: VecDeque<Held>,
    weight: usize,
}

impl Opening {
    /// Begins to read.
    pub fn begin(cx: &mut Cx<'_, Meeting>) -> Self {
        read(cx);
        Self { reading: true, held: VecDeque::new(), weight: 0 }
    }

    /// The document is there.
    pub fn end_wait(&mut self) {
        self.reading = false;
    }

    /// Keeps it until it is its turn.
    ///
    /// # Errors
    /// `NOT_READY` where too much waits already.
    pub fn hold(&mut self, cx: &mut Cx<'_, Meeting>, held: Held) -> Result<(), Fault> {
        let weight = held.weight();
        if weight > 0 && (self.held.len() >= HELD_MESSAGES || self.weight + weight > HELD_BYTES) {
            return Err(reject("NOT_READY", "the meeting is being opened; send this again in a moment"));
        }
        self.weight += weight;
        self.held.push_back(held);
        if !self.reading {
            // The end of a session stops all timers, also the one that was running.
            cx.start_alarm(HELD, Duration::ZERO);
        }
        Ok(())
    }

    /// Nothing came of the drafts of this segment that wait.
    pub fn forget_draft(&mut self, of: u64) {
        self.held.retain(|held| {
            let is_draft = matches!(held, Held::Heard(heard) if !heard.confirmed && heard.segment == of);
            if is_draft {
                self.weight = self.weight.saturating_sub(held.weight());
            }
            !is_draft
        });
    }

    /// What has waited longest, as much as may be done in one list, in order.
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

    /// True if nothing waits any more.
    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }
}

impl Held {
    /// Bytes that it takes. Starts and ends are never too much: the host gives one for each.
    fn weight(&self) -> usize {
        match self {
            Self::Request(request) => request.weight(),
            Self::Heard(heard) => heard.text.len() + 64,
            Self::Start | Self::End(_) => 0,
        }
    }

    /// Effects that it may have.
    fn effects(&self) -> usize {
        match self {
            Self::Request(Request { phase: Phase::Snippet(items), .. }) => 2 * items.len() + 2,
            // Drafts are kept, and the end is told.
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
