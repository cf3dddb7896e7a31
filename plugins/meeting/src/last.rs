//! The last summary of a device, sent again on request. Rule: it is a document of the device, so it outlives the
//! instance, the session and the process.

use serde::{Deserialize, Serialize};

use crate::summary::SummaryMessage;

/// The content of the document `meeting/last/<device id>`.
#[derive(Debug, Serialize, Deserialize)]
pub struct Last {
    /// The session of the meeting.
    pub session: String,
    /// Number of the meeting in that session.
    pub number: u32,
    /// Unix ms at which its summary was made.
    pub at: u64,
    /// Unix ms at which it ended; 0 if an older version has written the document.
    #[serde(default)]
    pub finalized: u64,
    /// The message that is sent on request.
    pub message: SummaryMessage,
}

impl Last {
    /// Parses the document; none if it is missing or invalid.
    pub fn read(value: Option<&str>) -> Option<Self> {
        value.and_then(|json| serde_json::from_str(json).ok())
    }

    /// True if this is the summary of that meeting, or of one that ended later. Numbers are compared only within a
    /// session and a moment: where the document could not be read, they may begin anew.
    pub fn covers(&self, session: &str, number: u32, finalized: u64) -> bool {
        let is_of_session = self.session == session;
        match self.finalized {
            _ if is_of_session && self.number == number => true,
            0 => is_of_session && self.number > number,
            at if at == finalized => is_of_session && self.number > number,
            at => at > finalized,
        }
    }
}

/// Key of the document.
pub fn key(device: &str) -> String {
    // Keys are limited to 256 bytes, device ids to 128.
    format!("meeting/last/{device}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::Summary;

    fn last(session: &str, number: u32, finalized: u64) -> Last {
        let message = SummaryMessage::new(session, session, Summary::default(), true);
        Last { session: session.into(), number, at: 5_000, finalized, message }
    }

    #[test]
    fn m5_the_newer_of_two_summaries_is_that_of_the_meeting_that_ended_later() {
        let cases = [
            (last("s", 2, 3_000), true, "the same meeting"),
            (last("s", 3, 4_000), true, "a later meeting"),
            (last("s", 3, 3_000), true, "a later meeting that ended in the same millisecond"),
            (last("s", 1, 2_000), false, "an earlier meeting"),
            (last("s", 80_000, 2_000), false, "an earlier meeting that got a high number"),
            (last("t", 1, 4_000), true, "a later meeting of another session"),
            (last("t", 9, 2_000), false, "an earlier meeting of another session"),
            (last("s", 3, 0), true, "written by an older version"),
            (last("t", 3, 0), false, "written by an older version in another session"),
        ];
        for (last, covers, what) in cases {
            assert_eq!(last.covers("s", 2, 3_000), covers, "{what}");
        }
    }
}
