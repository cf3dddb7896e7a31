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
    /// The message that is sent on request.
    pub message: SummaryMessage,
}

impl Last {
    /// Parses the document; none if it is missing or invalid.
    pub fn read(value: Option<&str>) -> Option<Self> {
        value.and_then(|json| serde_json::from_str(json).ok())
    }

    /// True if this is the summary of that meeting, or of a later one of the same session.
    pub fn covers(&self, session: &str, number: u32) -> bool {
        self.session == session && self.number >= number
    }
}

/// Key of the document.
pub fn key(device: &str) -> String {
    // Keys are limited to 256 bytes, device ids to 128.
    format!("meeting/last/{device}")
}
