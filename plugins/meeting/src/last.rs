//! The summary that is there to be asked for again. Rule: it is a document of the device, so it
//! outlives the handler, the session and the process.

use serde::{Deserialize, Serialize};

use crate::summary::SummaryMessage;

/// What the document `meeting/last/<device id>` holds.
#[derive(Debug, Serialize, Deserialize)]
pub struct Last {
    /// The session that the meeting was held in.
    pub session: String,
    /// Which meeting of that session it was.
    pub number: u32,
    /// Unix ms at which its summary was made.
    pub at: u64,
    /// As it is sent to whoever asks again.
    pub message: SummaryMessage,
}

impl Last {
    /// Reads the document; none where it is missing or not ours.
    pub fn read(value: Option<&str>) -> Option<Self> {
        value.and_then(|json| serde_json::from_str(json).ok())
    }

    /// True if this is that meeting of that session, or a later one.
    pub fn covers(&self, session: &str, number: u32) -> bool {
        self.session == session && self.number >= number
    }
}

/// The document's key.
pub fn key(device: &str) -> String {
    // Keys have 256 bytes at the most, device ids 128.
    format!("meeting/last/{device}")
}
