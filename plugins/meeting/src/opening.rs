//! The load of the last summary at the start of an instance. Rule: events that arrive meanwhile are deferred in order,
//! so that no meeting gets the id of an earlier one.

use std::collections::VecDeque;
use std::time::Duration;

use modehost_sdk::{Cx, Fault, reject};
use serde::{Deserialize, Serialize};

use crate::last;
use crate::request::{Item, Phase, Request};
use crate::running::Heard;
use crate::{HELD, Meeting, Next};

/// Maximum number and bytes of deferred messages; the read takes a few ms, but a device may send everything it has at
/// once.
const HELD_MESSAGES: usize = 512;
const HELD_BYTES: usize = 96 * 1024;
/// Effects of deferred events in one list; lists are limited to 64 effects, and an event may add some of its own.
const EFFECTS: usize = 44;
/// The same where the summaries of the meetings follow in the same list.
const EFFECTS_AT_ONCE: usize = 30;
/// Characters of a segment of joined utterances; all that may be deferred is then about a dozen segments.
const JOINED_CHARS: usize = 10_000;

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

    /// All deferred events, for one list of effects. If they are too many, everything that was said goes into one
    /// meeting, and several utterances into one segment.
    pub fn take_all(&mut self) -> Vec<Held> {
        let held = std::mem::take(&mut self.held);
        self.weight = 0;
        if held.iter().map(Held::effects).sum::<usize>() <= EFFECTS_AT_ONCE {
            return held.into();
        }
        let is_start = |held: &Held| *held == Held::Start;
        let starts = held.iter().any(is_start);
        let joined = join(held);
        starts.then_some(Held::Start).into_iter().chain([Held::Request(joined)]).collect()
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

/// Everything that was said in these events, in as few segments as possible, under the last title.
fn join(held: VecDeque<Held>) -> Request {
    let mut title = None;
    let mut lines: Vec<(Option<u64>, String)> = Vec::new();
    for what in held {
        match what {
            Held::Request(request) => {
                title = request.title.or(title);
                let Phase::Snippet(items) = request.phase else { continue };
                lines.extend(items.into_iter().map(|Item { tag, text }| match tag {
                    Some(tag) => (None, format!("{tag}: {text}")),
                    None => (None, text),
                }));
            }
            Held::Heard(heard) => {
                // The newer text of a segment replaces its drafts; the last draft counts as it was shown.
                lines.retain(|(draft_of, _)| *draft_of != Some(heard.segment));
                lines.push(((!heard.confirmed).then_some(heard.segment), heard.text));
            }
            Held::Start | Held::End(_) => {}
        }
    }
    let mut items: Vec<Item> = Vec::new();
    let mut chars = 0;
    for (_, line) in lines {
        let length = line.chars().count();
        match items.last_mut() {
            Some(item) if chars + length < JOINED_CHARS => {
                item.text.push('\n');
                item.text.push_str(&line);
                chars += length + 1;
            }
            _ => {
                items.push(Item { tag: None, text: line });
                chars = length;
            }
        }
    }
    Request { phase: Phase::Snippet(items), title }
}

/// Reads the document of the last summary.
pub fn read(cx: &mut Cx<'_, Meeting>) {
    cx.read_document(last::key(&cx.device().id)).then(Next::Opening);
}
