//! Requirements M.3 to M.8 and related ones, on the real component. Rule: each test names its requirement and fails
//! without it.
//!
//! # Layout
//! - [`aloud`]: spoken announcements (M.19)
//! - [`drafts`]: partial transcripts, and phrases that end a meeting
//! - [`live`]: a meeting in progress, and the requests to end it (M.3 to M.5)
//! - [`summing`]: summary, archive and webhook (M.6 to M.8)

mod aloud;
mod drafts;
mod live;
mod summing;

use modehost_testkit::{Kit, TestDevice};
use serde_json::{Value, json};

pub(crate) const ANSWER: &str = r#"{"title":"Launch","bullets":["The launch moves to May"],"decisions":["Launch in May"],
    "actions":[{"text":"Tell the customers","owner":"Ann","due":"Friday"}]}"#;

pub(crate) fn in_meeting(kit: &Kit) -> TestDevice {
    let mut device = kit.device("dev-1");
    device.start(Some("meeting"));
    device
}

pub(crate) fn finalize() -> Value {
    json!({"type": "meeting", "phase": "finalize"})
}

pub(crate) fn snippet(text: &str) -> Value {
    json!({"type": "meeting", "phase": "snippet", "text": text})
}

/// Phases and steps in the order of the messages.
pub(crate) fn phases(inbox: &[Value]) -> Vec<String> {
    let word = |message: &Value| {
        let kind = message["type"].as_str().unwrap_or_default();
        match (kind, message["phase"].as_str(), message["step"].as_str()) {
            (_, Some("progress"), Some(step)) => step.to_owned(),
            (_, Some("summary"), _) if message["idempotent"] == true => "copy".to_owned(),
            (_, Some(phase), _) => phase.to_owned(),
            _ => message["code"].as_str().unwrap_or(kind).to_owned(),
        }
    };
    inbox.iter().map(word).collect()
}

pub(crate) fn summaries(inbox: &[Value]) -> Vec<Value> {
    inbox.iter().filter(|message| message["phase"] == "summary").cloned().collect()
}

pub(crate) const WHOLE: [&str; 6] = ["finalize", "prepare", "llm_start", "llm_done", "done", "summary"];
