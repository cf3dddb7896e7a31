//! A segment of the transcript, as stored and as sent. Rule: an utterance keeps one number from its first draft to its
//! journal entry.

use modehost_sdk::{Cx, Request};
use serde::{Deserialize, Serialize};

use crate::Meeting;
use crate::calendar::Moment;
use crate::extract::Line;

/// One utterance, or a part of a long one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    pub seq: u64,
    pub text: String,
    /// Unix ms.
    pub ts: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
}

/// A partial transcript: shown on the device, and replaced until the ASR confirms it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draft {
    /// The segment number of the ASR.
    pub of: u64,
    pub segment: Segment,
}

impl Segment {
    /// Sends it to the device.
    pub fn show(&self, cx: &mut Cx<'_, Meeting>, is_draft: bool) {
        #[derive(Serialize)]
        struct Snippet<'a> {
            r#type: &'static str,
            phase: &'static str,
            #[serde(flatten)]
            segment: &'a Segment,
            #[serde(skip_serializing_if = "std::ops::Not::not")]
            draft: bool,
        }
        cx.send(&Snippet { r#type: "meeting", phase: "snippet", segment: self, draft: is_draft });
    }

    /// Appends it to the journal of the meeting.
    pub fn keep<'c, 'a>(&self, cx: &'c mut Cx<'a, Meeting>, journal: &str) -> Request<'c, 'a, Meeting> {
        #[derive(Serialize)]
        struct Entry<'a> {
            #[serde(flatten)]
            segment: &'a Segment,
            /// Local time of day, for the file that people read.
            time: String,
        }
        let time = Moment::of(self.ts, cx.config().utc_offset_minutes).clock();
        let entry = Entry { segment: self, time };
        cx.append_journal(journal, &entry)
    }
}

/// Parses a journal entry; none if it was not written by this mode.
pub fn read_entry(json: &str) -> Option<Line> {
    let Segment { text, ts, tag, .. } = serde_json::from_str(json).ok()?;
    Some(Line { at: ts, tag, text })
}
