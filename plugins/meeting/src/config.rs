//! The section `meeting` of the configuration. Rule: every value that the schema accepts is usable; values outside
//! agreed bounds are clamped here and nowhere else.

use std::time::Duration;

use serde::Deserialize;

/// Bounds of the push interval, in ms.
const PUSH_INTERVAL_MS: (u64, u64) = (3_000, 15_000);

/// The phrases that end a meeting; the default mode understands all of them as a command to leave the mode.
const END_PHRASES: [&str; 7] =
    ["结束会议", "会议结束", "退出会议", "散会", "end the meeting", "end this meeting", "finish the meeting"];

/// The settings, as described in `config.schema.json`.
#[derive(Debug, Deserialize)]
#[serde(default)]
pub struct Config {
    transcript_push_interval_ms: u64,
    pub summary_transcript_max_chars: usize,
    pub checkpoint_chars: usize,
    pub summary_max_tokens: u32,
    pub checkpoint_max_tokens: u32,
    pub keep: u32,
    pub webhook: Option<String>,
    pub utc_offset_minutes: i32,
    pub language: Tongue,
    summary_ttl_s: u64,
    pub end_phrases: Vec<String>,
}

/// The language of a summary.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tongue {
    /// The language of the meeting.
    #[default]
    Auto,
    Zh,
    En,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            transcript_push_interval_ms: 5_000,
            summary_transcript_max_chars: 4_000,
            checkpoint_chars: 4_000,
            summary_max_tokens: 800,
            checkpoint_max_tokens: 400,
            keep: 100,
            webhook: None,
            utc_offset_minutes: 480,
            language: Tongue::Auto,
            summary_ttl_s: 7 * 24 * 60 * 60,
            end_phrases: END_PHRASES.map(str::to_owned).to_vec(),
        }
    }
}

impl Config {
    /// Time between two `transcript` messages in ms, 3000 to 15000.
    pub fn push_interval_ms(&self) -> u64 {
        self.transcript_push_interval_ms.clamp(PUSH_INTERVAL_MS.0, PUSH_INTERVAL_MS.1)
    }

    /// How long a summary is kept for a device that is not connected.
    pub fn summary_ttl(&self) -> Duration {
        Duration::from_secs(self.summary_ttl_s)
    }
}
