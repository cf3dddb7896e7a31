//! A message as lines for people. Rule: what has no form of its own is shown as it came, so that
//! nothing the server says stays hidden; only what firmware alone needs is left out.

use serde_json::Value;

/// Lines for a message; `None` for one that tells a person nothing.
pub fn show(message: &Value) -> Option<String> {
    let text = |key: &str| message[key].as_str().unwrap_or_default();
    Some(match text("type") {
        "hello" => format!("connected, session {}", text("session_id")),
        "pong" => "pong".to_owned(),
        "error" => format!("error {}: {}", text("code"), text("message")),
        "mode" if text("status") == "ok" => match text("state") {
            "end" => format!("mode {} has ended", text("mode")),
            _ => format!("mode {} has begun", text("mode")),
        },
        "mode" if message["modes"].is_array() => format!("no such mode; there are: {}", words(&message["modes"])),
        "listen" => format!("the server asks for {} listening", text("mode")),
        "stt" => format!("heard: {}", text("text")),
        "tts" if text("state") == "sentence_start" => format!("server: {}", text("text")),
        "tts" | "audio" | "llm" => return None,
        "system" if message["event"] == "timeout_warning" => {
            format!("the server will close in {} s unless you say something", message["remaining_ms"].as_u64()? / 1000)
        }
        "system" => format!("note: {}", text("message")),
        "workflow" if message["tasks"].is_array() => board(message),
        "workflow" if text("status") == "ok" => format!("ok: {} {}", text("event"), text("id")).trim_end().to_owned(),
        _ => message.to_string(),
    })
}

fn words(list: &Value) -> String {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).collect::<Vec<_>>().join(", ")
}

fn board(message: &Value) -> String {
    let mut out = format!("board of {}, revision {}:", message["groupKey"].as_str().unwrap_or("?"), message["rev"]);
    let tasks = message["tasks"].as_array().map(Vec::as_slice).unwrap_or_default();
    if tasks.is_empty() {
        out.push_str(" empty");
    }
    for (index, task) in tasks.iter().enumerate() {
        let text = |key: &str| task[key].as_str().unwrap_or_default();
        out.push_str(&format!("\n  {}. [{}] {}", index + 1, text("status"), text("title")));
        if !text("owner").is_empty() {
            out.push_str(&format!(" ({})", text("owner")));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::show;

    #[test]
    fn messages_read_well() {
        let board = json!({ "type": "workflow", "event": "update", "groupKey": "default", "rev": 2, "tasks": [
            { "id": "t-1", "title": "写周报", "status": "doing", "owner": "小明|dev-1" },
        ]});
        assert_eq!(show(&board).as_deref(), Some("board of default, revision 2:\n  1. [doing] 写周报 (小明|dev-1)"));
        assert_eq!(show(&json!({ "type": "tts", "state": "start" })), None);
        assert_eq!(show(&json!({ "type": "new", "x": 1 })).as_deref(), Some(r#"{"type":"new","x":1}"#));
    }
}
