//! `modehost plugin watch`: what a plugin of the running server does, while it does it. Rule: a call is one line; what
//! was said follows below it, if the server shows it. A restart of the server is waited for.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use serde_json::Value;
use time::OffsetDateTime;

use super::super::Failure;
use super::super::client::{RequestError, ServerArguments, segment};
use crate::limits;
use crate::terminal::{print_error, print_line};

pub const HELP: &str = "\
A call is one line: device, event and effects, time of all attempts, memory of the instance, size of the state. \
Below it: `!` a fault in the plugin's own words, with the source line of a panic; and where the setting \
operators.show_dialogue is on (`modehost dev` has it on): `>` what came in, `<` what went out, `*` other \
effects, `=` the state, then what changes in it. Ends with Ctrl-C.

Examples:
  modehost plugin watch pomodoro
  modehost plugin watch pomodoro --device aa:bb:cc:00:11:22
  modehost plugin watch pomodoro --json | jq .event";

#[derive(Debug, clap::Args)]
pub struct WatchArguments {
    /// Id of the plugin, as `plugin list` shows it
    #[arg(value_name = "ID")]
    id: String,
    /// Only calls for this device
    #[arg(long, value_name = "DEVICE")]
    device: Option<String>,
    /// Ends after this many calls
    #[arg(long, value_name = "N")]
    calls: Option<u64>,
    /// The lines of the server as they are: one JSON object each
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerArguments,
}

/// Prints calls until it is interrupted, the server is gone, or as many have been seen as were asked for.
pub fn run(arguments: WatchArguments) -> Result<(), Failure> {
    let WatchArguments { id, device, calls, json, server } = arguments;
    let server = server.server()?;
    let path = format!("/api/v1/plugins/{}/watch", segment(&id));
    let mut view = View { device, left: calls, json, last_state: HashMap::new(), begun: false };
    let mut lost: Option<Instant> = None;
    loop {
        let mut ended = None;
        let outcome = server.get_lines(&path, &mut |text| {
            lost = None;
            match serde_json::from_str(text) {
                Ok(line) => view.take(text, &line, &id, &mut ended),
                Err(_) => true,
            }
        });
        if view.left == Some(0) {
            return Ok(());
        }
        match outcome {
            Ok(()) if ended.as_deref() == Some("ask again") => continue,
            Ok(()) => {}
            Err(error) if !view.begun => return Err(error.into()),
            Err(RequestError::NoServer(_) | RequestError::Failed(_))
                if lost.is_some_and(|since| since.elapsed() > limits::WATCH_RETURN) =>
            {
                let seconds = limits::WATCH_RETURN.as_secs();
                return Err(Failure::Other(format!("the server has not come back within {seconds} s")));
            }
            Err(_) => {}
        }
        if lost.is_none() {
            print_error("the server is away; waiting for it");
            lost = Some(Instant::now());
        }
        std::thread::sleep(Duration::from_millis(500));
    }
}

struct View {
    device: Option<String>,
    /// Calls that are still to be shown.
    left: Option<u64>,
    json: bool,
    /// By device.
    last_state: HashMap<String, Value>,
    begun: bool,
}

impl View {
    /// Shows one line of the server. False ends the watch.
    fn take(&mut self, text: &str, line: &Value, id: &str, ended: &mut Option<String>) -> bool {
        let kind = line["type"].as_str().unwrap_or_default();
        let is_other = kind == "call" && self.device.as_deref().is_some_and(|device| line["device"] != *device);
        if is_other {
            return true;
        }
        if self.json {
            print_line(text);
        }
        match kind {
            "begin" => {
                if !self.begun && !self.json {
                    let hint = match line["dialogue"] == true {
                        true => "",
                        false => " (what is said is not shown; see operators.show_dialogue)",
                    };
                    print_error(format_args!("watching {id}{hint}; Ctrl-C ends"));
                }
                self.begun = true;
            }
            "missed" if !self.json => print_line(format_args!("… {} calls were too many to show", line["records"])),
            "end" => *ended = line["why"].as_str().map(str::to_owned),
            "call" => {
                if !self.json {
                    self.show(line);
                }
                if let Some(left) = &mut self.left {
                    *left = left.saturating_sub(1);
                    return *left > 0;
                }
            }
            _ => {}
        }
        true
    }

    fn show(&mut self, call: &Value) {
        print_line(summary(call));
        if let Some(fault) = call["fault"].as_str() {
            print_line(format_args!("  ! {}", fault.trim().replace('\n', "\n    ")));
        }
        let Some(content) = call.get("content") else { return };
        print_line(format_args!("  > {}", event(&content["event"])));
        for one in content["effects"].as_array().into_iter().flatten() {
            print_line(format_args!("  {}", effect(one)));
        }
        let (state, device) = (&content["state"], call["device"].as_str().unwrap_or_default().to_owned());
        if state.is_null() {
            return;
        }
        let mut changes = Vec::new();
        match self.last_state.get(&device) {
            Some(before) => differences(before, state, &mut String::new(), &mut changes),
            None => changes.push(state.to_string()),
        }
        for change in changes {
            print_line(format_args!("  = {change}"));
        }
        // Bounded: who watches thousands of devices does not need to be told what has not changed.
        if self.last_state.len() >= limits::WATCH_STATES {
            self.last_state.clear();
        }
        self.last_state.insert(device, state.clone());
    }
}

/// One line for each member that has changed, with the path to it.
fn differences(before: &Value, after: &Value, path: &mut String, changes: &mut Vec<String>) {
    if before == after {
        return;
    }
    let (Value::Object(old), Value::Object(new)) = (before, after) else {
        changes.push(if path.is_empty() { after.to_string() } else { format!("{path}: {after}") });
        return;
    };
    let length = path.len();
    let enter = |path: &mut String, name: &str| {
        if !path.is_empty() {
            path.push('.');
        }
        path.push_str(name);
    };
    for (name, value) in new {
        enter(path, name);
        match old.get(name) {
            Some(before) => differences(before, value, path, changes),
            None => changes.push(format!("{path}: {value}")),
        }
        path.truncate(length);
    }
    for name in old.keys().filter(|name| !new.contains_key(*name)) {
        enter(path, name);
        changes.push(format!("{path} is gone"));
        path.truncate(length);
    }
}

/// The one line of a call.
fn summary(call: &Value) -> String {
    let text = |key: &str| call[key].as_str().unwrap_or_default().to_owned();
    let number = |key: &str| call[key].as_u64().unwrap_or_default();
    let effects: Vec<&str> = call["effects"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let effects = if effects.is_empty() { "nothing".to_owned() } else { effects.join(", ") };
    let result = match call["outcome"].as_str() {
        Some("handled") | None => effects,
        Some(other) => other.to_owned(),
    };
    let micros = number("took_us");
    let took = if micros < 1000 { format!("{micros} us") } else { format!("{:.1} ms", micros as f64 / 1000.0) };
    let state = call["state_bytes"].as_u64().map(|bytes| format!(", state {bytes} B")).unwrap_or_default();
    format!(
        "{} {} {} -> {result}  ({took}, {} KiB{state}; generation {}, {})",
        clock(number("at")),
        text("device"),
        text("event"),
        number("memory_bytes").div_ceil(1024),
        number("generation"),
        text("version"),
    )
}

/// Time of day in UTC with ms, as in the log.
fn clock(unix_ms: u64) -> String {
    let nanos = i128::from(unix_ms) * 1_000_000;
    let Ok(at) = OffsetDateTime::from_unix_timestamp_nanos(nanos) else { return "-".to_owned() };
    format!("{:02}:{:02}:{:02}.{:03}", at.hour(), at.minute(), at.second(), at.millisecond())
}

/// An event as a person would write it: text as text, a message as its JSON, others with their name.
fn event(event: &Value) -> String {
    if let Some(text) = event["transcript"]["text"].as_str() {
        return text.to_owned();
    }
    if let Some(body) = event["message"]["body"].as_str() {
        return body.to_owned();
    }
    named(event)
}

fn effect(effect: &Value) -> String {
    if let Some(text) = effect["say"]["text"].as_str().filter(|text| !text.is_empty()) {
        return format!("< {text}");
    }
    if let Some(body) = effect["send"].as_str() {
        return format!("< {body}");
    }
    format!("* {}", named(effect))
}

/// The name of an event or effect, and its fields.
fn named(value: &Value) -> String {
    match value {
        Value::String(name) => name.clone(),
        Value::Object(members) => match members.iter().next() {
            Some((name, fields)) => format!("{name} {fields}"),
            None => String::new(),
        },
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn of_a_state_only_changes_are_told() {
        let changes = |before, after| {
            let mut changes = Vec::new();
            differences(&before, &after, &mut String::new(), &mut changes);
            changes
        };
        let before = json!({"a": {"b": 1, "c": [1]}, "d": null});
        assert!(changes(before.clone(), before.clone()).is_empty());
        let after = json!({"a": {"b": 2, "c": [1], "e": "x"}});
        assert_eq!(changes(before, after), ["a.b: 2", "a.e: \"x\"", "d is gone"]);
        assert_eq!(changes(json!("12 bytes"), json!("13 bytes")), ["\"13 bytes\""]);
    }

    #[test]
    fn what_people_read_is_written_as_people_write_it() {
        assert_eq!(event(&json!({"transcript": {"text": "start", "is_final": true}})), "start");
        assert_eq!(event(&json!({"message": {"kind": "x", "body": "{\"type\":\"x\"}"}})), "{\"type\":\"x\"}");
        assert_eq!(event(&json!("detached")), "detached");
        assert_eq!(event(&json!({"timer": 3})), "timer 3");
        assert_eq!(effect(&json!({"say": {"text": "Time is up."}})), "< Time is up.");
        assert_eq!(effect(&json!({"send": "{}"})), "< {}");
        assert_eq!(effect(&json!({"stop-timer": 7})), "* stop-timer 7");
        let call = json!({"at": 3_723_004, "device": "d", "event": "timer", "effects": ["say"], "outcome": "handled",
            "took_us": 1500, "memory_bytes": 65_536, "state_bytes": 12, "generation": 3, "version": "0.1.0"});
        assert_eq!(summary(&call), "01:02:03.004 d timer -> say  (1.5 ms, 64 KiB, state 12 B; generation 3, 0.1.0)");
    }
}
