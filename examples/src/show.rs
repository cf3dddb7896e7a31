//! Formats messages for people. Rule: an unknown message is shown as JSON, so that nothing is hidden; only messages for
//! the firmware alone are left out.

use serde_json::Value;

/// The lines for a message; `None` for one that is not shown.
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
        "mode" if message["modes"].is_array() => format!("no such mode; there are: {}", joined(&message["modes"])),
        "listen" => format!("the server asks for {} listening", text("mode")),
        "stt" => format!("heard: {}", text("text")),
        "tts" if text("state") == "sentence_start" => format!("server: {}", text("text")),
        "tts" | "audio" | "llm" => return None,
        "system" if message["event"] == "timeout_warning" => {
            format!("the server will close in {} s unless you say something", message["remaining_ms"].as_u64()? / 1000)
        }
        "system" => format!("note: {}", text("message")),
        "meeting" => return meeting(message),
        "coding" if message["event"] == "insight" => insight(message),
        "coding" if text("status") == "ok" => format!("ok: {}", text("event")),
        "peer" => peer(message),
        "workflow" if message["tasks"].is_array() => board(message),
        "workflow" if text("status") == "ok" => format!("ok: {} {}", text("event"), text("id")).trim_end().to_owned(),
        _ => message.to_string(),
    })
}

fn joined(list: &Value) -> String {
    texts(list).collect::<Vec<_>>().join(", ")
}

fn texts(list: &Value) -> impl Iterator<Item = &str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str)
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

fn meeting(message: &Value) -> Option<String> {
    let text = |key: &str| message[key].as_str().unwrap_or_default();
    Some(match text("phase") {
        "snippet" => {
            let who = if text("tag").is_empty() { String::new() } else { format!("{}: ", text("tag")) };
            let draft = if message["draft"] == true { " …" } else { "" };
            format!("  [{}] {who}{}{draft}", message["seq"], text("text"))
        }
        // Each of its lines has been shown as a snippet.
        "transcript" => return None,
        "finalize" => "the meeting is being summed up".to_owned(),
        "progress" => format!("  {} ({} ms)", text("step"), message["elapsed_ms"]),
        "summary" => summary(message),
        _ => message.to_string(),
    })
}

fn summary(message: &Value) -> String {
    let text = |key: &str| message[key].as_str().unwrap_or_default();
    let seconds = message["duration"].as_u64().unwrap_or(0);
    let mut out = format!("summary: {} ({} min {:02} s)", text("title"), seconds / 60, seconds % 60);
    if message["degraded"] == true {
        out.push_str(", made without a language model");
    }
    if message["idempotent"] == true {
        out.push_str(", the same as before");
    }
    out.push_str(&section("", &message["bullets"]));
    out.push_str(&section("decided", &message["decisions"]));
    let actions = message["actions"].as_array().map(Vec::as_slice).unwrap_or_default();
    if !actions.is_empty() {
        out.push_str("\n  to do:");
    }
    for action in actions {
        let text = |key: &str| action[key].as_str().unwrap_or_default();
        let notes: Vec<&str> = [text("owner"), text("due")].into_iter().filter(|note| !note.is_empty()).collect();
        let notes = if notes.is_empty() { String::new() } else { format!(" ({})", notes.join(", ")) };
        out.push_str(&format!("\n  - {}{notes}", text("text")));
    }
    out
}

fn insight(message: &Value) -> String {
    let stats = &message["stats"];
    let mut out = if message["final"] == true { "insight, the last word".to_owned() } else { "insight".to_owned() };
    if message["refined"] == true {
        out.push_str(", refined by the model");
    }
    if message["degraded"] == true {
        out.push_str(", made without a language model");
    }
    if stats.is_object() {
        let build = match stats["buildSuccess"].as_bool() {
            Some(true) => ", the build works",
            Some(false) => ", the build fails",
            None => "",
        };
        let (errors, warnings) = (count(&stats["errorCount"], "error"), count(&stats["warnCount"], "warning"));
        out.push_str(&format!(": {errors}, {warnings}{build}"));
    }
    for (key, title) in [("insights", "what"), ("risks", "risks"), ("actions", "do"), ("nextSteps", "next")] {
        out.push_str(&section(title, &message[key]));
    }
    out
}

/// `1 error`, `2 errors`
fn count(number: &Value, what: &str) -> String {
    format!("{number} {what}{}", if *number == 1 { "" } else { "s" })
}

/// A titled list; empty if the list is.
fn section(title: &str, list: &Value) -> String {
    let items: String = texts(list).map(|item| format!("\n  - {item}")).collect();
    if items.is_empty() || title.is_empty() { items } else { format!("\n  {title}:{items}") }
}

fn peer(message: &Value) -> String {
    let text = |key: &str| message[key].as_str().unwrap_or_default();
    match text("event") {
        "message" => {
            let payload =
                message["payload"]["text"].as_str().map_or_else(|| message["payload"].to_string(), str::to_owned);
            let late = if message["offline"] == true { ", while you were away" } else { "" };
            format!("{} ({}{late}): {payload}", text("from"), text("category"))
        }
        "receipt" => {
            let failed = message["failed"].as_array().into_iter().flatten();
            let failed: Vec<String> = failed
                .map(|one| format!("{} ({})", one["to"].as_str().unwrap_or("?"), one["reason"].as_str().unwrap_or("?")))
                .collect();
            let parts = [
                ("delivered to", joined(&message["delivered"])),
                ("kept for", joined(&message["queued"])),
                ("not delivered to", failed.join(", ")),
            ];
            let parts: Vec<String> =
                parts.iter().filter(|(_, who)| !who.is_empty()).map(|(what, who)| format!("{what} {who}")).collect();
            if parts.is_empty() { "nobody to deliver to".to_owned() } else { parts.join("; ") }
        }
        "redelivered" => format!("{} now has {} of your messages", text("to"), message["count"]),
        _ => message.to_string(),
    }
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
        let summary = json!({ "type": "meeting", "phase": "summary", "title": "周会", "duration": 125, "bullets": ["一"],
            "decisions": [], "actions": [{ "text": "发布", "owner": "小王", "due": "周五" }, { "text": "测试" }],
            "idempotent": false, "degraded": true });
        let expected = "summary: 周会 (2 min 05 s), made without a language model\n  - 一\n  to do:\n  - 发布 (小王, 周五)\n  - 测试";
        assert_eq!(show(&summary).as_deref(), Some(expected));
        let insight = json!({ "type": "coding", "event": "insight", "final": false, "insights": ["a test fails"],
            "risks": [], "actions": ["run it"], "nextSteps": [], "degraded": false,
            "stats": { "errorCount": 2, "warnCount": 1, "lastStep": null, "buildSuccess": false, "testsFailed": 1 } });
        let expected = "insight: 2 errors, 1 warning, the build fails\n  what:\n  - a test fails\n  do:\n  - run it";
        assert_eq!(show(&insight).as_deref(), Some(expected));
        let snippet = json!({ "type": "meeting", "phase": "snippet", "seq": 3, "text": "好", "tag": "小王" });
        assert_eq!(show(&snippet).as_deref(), Some("  [3] 小王: 好"));
        assert_eq!(show(&json!({ "type": "new", "x": 1 })).as_deref(), Some(r#"{"type":"new","x":1}"#));
    }
}
