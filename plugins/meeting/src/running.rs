//! A meeting that people are in. Rule: what was said is in the journal before anybody sees it, and
//! nothing wakes the meeting while nothing is said.

use modehost_sdk::{Cx, Failure};
use serde::{Deserialize, Serialize};

use crate::account::Account;
use crate::request::{Item, SEGMENT_CHARS};
use crate::segment::{Draft, Segment};
use crate::{Meeting, Next, PUSH};

/// Utterances that may be drafts at the same time; a recogniser has one or two.
const DRAFTS: usize = 4;
/// Bytes that wait for the next push; with more than that it does not wait.
const PENDING_BYTES: usize = 48 * 1024;

/// What was recognised, or typed in the mode.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Heard {
    pub text: String,
    pub confirmed: bool,
    /// Unix ms of the first sound; 0 where nobody knows.
    pub start_ms: u64,
    /// The recogniser's number; drafts and the confirmed text share one.
    pub segment: u64,
}

/// The meeting that takes segments.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Running {
    pub account: Account,
    /// The last number that was given to a segment.
    seq: u64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    drafts: Vec<Draft>,
    /// Shown one by one, and not yet pushed together.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pending: Vec<Segment>,
    pending_bytes: usize,
    /// Unix ms from which push intervals are counted.
    pushed_at: u64,
    /// The push timer runs.
    armed: bool,
}

impl Running {
    /// A meeting that begins now.
    pub fn begin(account: Account) -> Self {
        let pushed_at = account.started;
        let (drafts, pending) = (Vec::new(), Vec::new());
        Self { account, seq: 0, drafts, pending, pending_bytes: 0, pushed_at, armed: false }
    }

    /// Takes what a device has sent.
    pub fn take_items(&mut self, cx: &mut Cx<'_, Meeting>, items: Vec<Item>, notify: bool) {
        for Item { tag, text } in items {
            self.seq += 1;
            let segment = Segment { seq: self.seq, text, ts: cx.now(), tag };
            self.take(cx, segment, notify);
        }
        self.follow_up(cx);
    }

    /// Nothing came of the draft of this segment: it counts no more, though it was shown.
    pub fn forget_draft(&mut self, of: u64) {
        self.drafts.retain(|draft| draft.of != of);
    }

    /// Takes what was heard.
    pub fn take_transcript(&mut self, cx: &mut Cx<'_, Meeting>, heard: &Heard, notify: bool) {
        let text = heard.text.trim();
        if text.is_empty() {
            return;
        }
        let known = self.drafts.iter().position(|draft| draft.of == heard.segment);
        let seq = known.map_or(self.seq + 1, |place| self.drafts[place].segment.seq);
        // Clocks of recognisers may be off; a segment is not of tomorrow.
        let ts = if heard.start_ms == 0 { cx.now() } else { heard.start_ms.min(cx.now()) };
        self.seq = self.seq.max(seq);
        if !heard.confirmed {
            let (text, _) = split_at_char(text, SEGMENT_CHARS);
            let segment = Segment { seq, text: text.to_owned(), ts, tag: None };
            segment.show(cx, true);
            let draft = Draft { of: heard.segment, segment };
            match known {
                Some(place) => self.drafts[place] = draft,
                None => self.drafts.push(draft),
            }
            if self.drafts.len() > DRAFTS {
                // It was never confirmed: what was shown is what is known.
                let oldest = self.drafts.remove(0);
                self.take(cx, oldest.segment, notify);
                self.follow_up(cx);
            }
            return;
        }
        if let Some(place) = known {
            self.drafts.remove(place);
        }
        // More than fits one segment becomes several.
        let (mut seq, mut rest) = (seq, text);
        while !rest.is_empty() {
            let (text, behind) = split_at_char(rest, SEGMENT_CHARS);
            self.take(cx, Segment { seq, text: text.to_owned(), ts, tag: None }, notify);
            rest = behind;
            if !rest.is_empty() {
                self.seq += 1;
                seq = self.seq;
            }
        }
        self.follow_up(cx);
    }

    /// The push timer has run out.
    pub fn push(&mut self, cx: &mut Cx<'_, Meeting>) {
        #[derive(Serialize)]
        struct Push<'a> {
            r#type: &'static str,
            phase: &'static str,
            segments: Vec<&'a Segment>,
        }
        self.armed = false;
        self.pushed_at = cx.now();
        if !self.pending.is_empty() {
            let segments = self.pending.iter().collect();
            cx.send(&Push { r#type: "meeting", phase: "transcript", segments });
            self.pending.clear();
            self.pending_bytes = 0;
            self.forget_appends(cx);
        }
    }

    /// An append has failed: the device has not seen the segment and will not. After an interruption
    /// the entry is there, since it was written before the session's record.
    pub fn on_append_failed(&mut self, seq: u64, reason: Failure) {
        self.account.on_appended(seq);
        let index = self.pending.iter().position(|segment| segment.seq == seq);
        if let Some(index) = index.filter(|_| reason != Failure::Interrupted) {
            let segment = self.pending.remove(index);
            self.pending_bytes = self.pending_bytes.saturating_sub(segment.text.len() + 64);
            self.account.discount(&segment);
        }
    }

    /// What was pushed has been seen, so its appends are no longer waited for.
    fn forget_appends(&self, cx: &mut Cx<'_, Meeting>) {
        let (number, unsettled) = (self.account.number, self.account.unsettled);
        cx.forget(
            |next| matches!(next, Next::Append { meeting, seq } if *meeting == number && Some(*seq) != unsettled),
        );
    }

    /// Notes are taken once enough lies beyond what the summary will be given word for word.
    pub fn take_notes_if_due(&mut self, cx: &mut Cx<'_, Meeting>) {
        let (window, stretch) = (cx.config().summary_transcript_max_chars, cx.config().checkpoint_chars);
        if self.account.checkpoint.is_none() && self.account.fresh_chars >= (window + stretch) as u64 {
            self.account.begin_checkpoint(cx, stretch as u64);
        }
    }

    /// Nothing more is taken: drafts count as they were shown, and nothing is pushed any more.
    pub fn end(mut self, cx: &mut Cx<'_, Meeting>) -> Account {
        if self.armed {
            cx.stop_alarm(PUSH);
        }
        for draft in std::mem::take(&mut self.drafts) {
            self.account.count(&draft.segment);
            self.account.append(cx, &draft.segment, true);
        }
        self.forget_appends(cx);
        self.account
    }

    /// Keeps a segment, then shows it. `notify` has the journal told when it can be read.
    fn take(&mut self, cx: &mut Cx<'_, Meeting>, segment: Segment, notify: bool) {
        self.account.append(cx, &segment, notify);
        segment.show(cx, false);
        self.account.count(&segment);
        self.pending_bytes += segment.text.len() + 64;
        self.pending.push(segment);
    }

    /// What follows from new segments: the next push, and notes.
    ///
    /// Pushes stand on a grid that begins with the last one, as if a clock were looked at all the
    /// time; but the timer runs only while something waits. Its delay is taken from the
    /// configuration when it starts, so a changed interval holds from the next push.
    fn follow_up(&mut self, cx: &mut Cx<'_, Meeting>) {
        if self.pending_bytes > PENDING_BYTES {
            if self.armed {
                cx.stop_alarm(PUSH);
            }
            self.push(cx);
        }
        if !self.armed && !self.pending.is_empty() {
            let interval = cx.config().push_interval_ms();
            let since = cx.now().saturating_sub(self.pushed_at) % interval;
            cx.start_alarm(PUSH, std::time::Duration::from_millis(interval - since));
            self.armed = true;
        }
        self.take_notes_if_due(cx);
    }
}

/// The first so many characters, and the rest.
fn split_at_char(text: &str, chars: usize) -> (&str, &str) {
    text.char_indices().nth(chars).map_or((text, ""), |(at, _)| text.split_at(at))
}
