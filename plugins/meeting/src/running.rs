//! A meeting in progress. Rule: a confirmed segment is in the journal before the device gets it, and no timer runs
//! while nothing is said.

use modehost_sdk::{Cx, Failure};
use serde::{Deserialize, Serialize};

use crate::account::Account;
use crate::request::{Item, SEGMENT_CHARS};
use crate::segment::{Draft, Segment};
use crate::{Meeting, Next, PUSH};

/// Drafts that may be open at the same time; an ASR has one or two.
const DRAFTS: usize = 4;
/// Bytes of segments for the next push; beyond them the push is sent at once.
const PENDING_BYTES: usize = 48 * 1024;

/// A transcript of the ASR, or text typed in the mode.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Heard {
    pub text: String,
    pub confirmed: bool,
    /// Unix ms at which the speech began; 0 if unknown.
    pub start_ms: u64,
    /// The segment number of the ASR; drafts and the confirmed text share it.
    pub segment: u64,
}

/// The meeting that receives segments.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Running {
    pub account: Account,
    /// The number of the last segment.
    seq: u64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    drafts: Vec<Draft>,
    /// Sent one by one, and not yet part of a push.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pending: Vec<Segment>,
    pending_bytes: usize,
    /// Unix ms from which push intervals are counted: the start, then the last push.
    pushed_at: u64,
    /// The push alarm is running.
    armed: bool,
}

impl Running {
    /// A meeting that begins now.
    pub fn begin(account: Account) -> Self {
        let pushed_at = account.started;
        let (drafts, pending) = (Vec::new(), Vec::new());
        Self { account, seq: 0, drafts, pending, pending_bytes: 0, pushed_at, armed: false }
    }

    /// Adds the segments of a device message.
    pub fn take_items(&mut self, cx: &mut Cx<'_, Meeting>, items: Vec<Item>, notify: bool) {
        for Item { tag, text } in items {
            self.seq += 1;
            let segment = Segment { seq: self.seq, text, ts: cx.now(), tag };
            self.take(cx, segment, notify);
        }
        self.follow_up(cx);
    }

    /// Drops the draft of this segment. It was shown but is no part of the meeting.
    pub fn forget_draft(&mut self, of: u64) {
        self.drafts.retain(|draft| draft.of != of);
    }

    /// Adds a transcript: a draft, or a confirmed one.
    pub fn take_transcript(&mut self, cx: &mut Cx<'_, Meeting>, heard: &Heard, notify: bool) {
        let text = heard.text.trim();
        if text.is_empty() {
            return;
        }
        let known = self.drafts.iter().position(|draft| draft.of == heard.segment);
        let seq = known.map_or(self.seq + 1, |place| self.drafts[place].segment.seq);
        // The clock of the ASR may be ahead; a segment is never in the future.
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
                // It was never confirmed: it counts as it was shown.
                let oldest = self.drafts.remove(0);
                self.take(cx, oldest.segment, notify);
                self.follow_up(cx);
            }
            return;
        }
        if let Some(place) = known {
            self.drafts.remove(place);
        }
        // A text longer than a segment is split.
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

    /// Sends the segments since the last push.
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

    /// An append has failed: the segment was not sent to the device and never will be. After an interruption the entry
    /// is there, since the journal is written before the state of the session.
    pub fn on_append_failed(&mut self, seq: u64, reason: Failure) {
        self.account.on_appended(seq);
        let index = self.pending.iter().position(|segment| segment.seq == seq);
        if let Some(index) = index.filter(|_| reason != Failure::Interrupted) {
            let segment = self.pending.remove(index);
            self.pending_bytes = self.pending_bytes.saturating_sub(segment.text.len() + 64);
            self.account.discount(&segment);
        }
    }

    /// The pushed segments no longer wait for their appends.
    fn forget_appends(&self, cx: &mut Cx<'_, Meeting>) {
        let (number, unsettled) = (self.account.number, self.account.unsettled);
        cx.forget(
            |next| matches!(next, Next::Append { meeting, seq } if *meeting == number && Some(*seq) != unsettled),
        );
    }

    /// Takes notes once enough text precedes the window that the summary gets verbatim.
    pub fn take_notes_if_due(&mut self, cx: &mut Cx<'_, Meeting>) {
        let (window, stretch) = (cx.config().summary_transcript_max_chars, cx.config().checkpoint_chars);
        if self.account.checkpoint.is_none() && self.account.fresh_chars >= (window + stretch) as u64 {
            self.account.begin_checkpoint(cx, stretch as u64);
        }
    }

    /// Ends the meeting: open drafts count as they were shown, and pushes stop.
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

    /// Appends a segment to the journal, then sends it. `notify`: the append also reports its success.
    fn take(&mut self, cx: &mut Cx<'_, Meeting>, segment: Segment, notify: bool) {
        self.account.append(cx, &segment, notify);
        segment.show(cx, false);
        self.account.count(&segment);
        self.pending_bytes += segment.text.len() + 64;
        self.pending.push(segment);
    }

    /// Starts the push alarm and takes notes, if new segments require it.
    ///
    /// Pushes happen at whole intervals after the last one, but the alarm only runs while segments wait. Its delay is
    /// computed from the configuration when it starts, so a changed interval applies from the next push on.
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

/// Splits a text after `chars` characters.
fn split_at_char(text: &str, chars: usize) -> (&str, &str) {
    text.char_indices().nth(chars).map_or((text, ""), |(at, _)| text.split_at(at))
}
