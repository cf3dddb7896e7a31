//! Something said, as it is kept and shown. Rule: one number for one utterance, from its first
//! draft to its place in the journal.

use modehost_sdk::{Cx, Request};
use serde::{Deserialize, Serialize};

use crate::Meeting;
use crate::calendar::Moment;
use crate::extract::Line;

/// An utterance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    pub seq: u64,
    pub text: String,
    /// Unix ms.
    pub ts: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
}

/// An utterance that the recogniser may still change. It has been shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draft {
    /// The recogniser's number.
    pub of: u64,
    pub segment: Segment,
}

impl Segment {
    /// Shows it to the device.
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

    /// Appends it to the meeting's journal.
    pub fn keep<'c, 'a>(&self, cx: &'c mut Cx<'a, Meeting>, journal: &str) -> Request<'c, 'a, Meeting> {
        #[derive(Serialize)]
        struct Entry<'a> {
            #[serde(flatten)]
            segment: &'a Segment,
            /// The clock on the wall, for the file that people read.
            time: String,
        }
        let time = Moment::of(self.ts, cx.config().utc_offset_minutes).clock();
        let entry = Entry { segment: self, time };
        cx.append_journal(journal, &entry)
    }
}

/// Reads an entry of the journal; none if it is not one of ours.
pub fn read_entry(json: &str) -> Option<Line> {
    let Segment { text, ts, tag, .. } = serde_json::from_str(json).ok()?;
    Some(Line { at: ts, tag, text })
}
