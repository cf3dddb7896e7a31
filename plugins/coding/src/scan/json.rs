//! Lines that are JSON: their content is read as if it were plain text. Rule: an object is recognised by its members
//! and not by its writer; nested, long and truncated objects have a bounded cost.
//!
//! - text in a member (`rendered`, `Output`, `log`, `message` …): lines of their own
//! - a file, a message and a location: a diagnostic
//! - a level and a message: a record of a logger
//! - a name and a result: a test

use serde_json::{Map, Value};

use super::line::{Line, strip_controls};
use super::{Level, LineEvent, Scanner, general, native};
use crate::ledger::Ledger;
use crate::reason::Reason;
use crate::sanitize::{self, Location};
use crate::signal::{Finding, Kind, Occurrence, Tool};

/// Upper bound of the nesting of objects.
const MAX_DEPTH: u8 = 6;
/// Upper bound of JSON texts within JSON texts.
const MAX_LAYERS: u8 = 3;
/// Upper bound of the lines of one text.
const MAX_LINES: usize = 400;
/// Upper bound of the objects of one list.
const MAX_ITEMS: usize = 512;

/// Members with the output of a program.
const TEXT_MEMBERS: [&str; 12] =
    ["rendered", "Output", "log", "textPayload", "MESSAGE", "message", "msg", "text", "line", "@m", "stdout", "body"];
const LEVEL_MEMBERS: [&str; 9] =
    ["level", "severity", "levelname", "lvl", "loglevel", "log.level", "level_name", "@l", "PRIORITY"];
const STACK_MEMBERS: [&str; 8] =
    ["stack", "stack_trace", "stacktrace", "exc_info", "exception", "error", "err", "thrown"];
const FILE_MEMBERS: [&str; 8] =
    ["filename", "file", "filePath", "path", "file_name", "Filename", "relativePath", "uri"];
const LINE_MEMBERS: [&str; 10] = [
    "line",
    "row",
    "lineno",
    "line_number",
    "startLine",
    "start_line",
    "Line",
    "line_start",
    "beginLine",
    "lineNumber",
];
const CODE_MEMBERS: [&str; 7] = ["code", "ruleId", "rule", "rule_id", "FromLinter", "symbol", "check_name"];
const NAME_MEMBERS: [&str; 8] =
    ["nodeid", "fullName", "fullTitle", "full_name", "full_description", "testName", "title", "name"];
const STATE_MEMBERS: [&str; 5] = ["status", "outcome", "state", "result", "event"];

impl Scanner {
    /// Reads a line that is JSON; false if it is not.
    pub(super) fn read_json(&mut self, body: &str, layer: u8, ledger: &mut Ledger) -> bool {
        let body = body.trim();
        if layer >= MAX_LAYERS || !(body.starts_with("{\"") || body.starts_with("{ \"") || body.starts_with("[{\"")) {
            return false;
        }
        match serde_json::from_str::<Value>(body) {
            Ok(value) => {
                self.read_item(&value, None, layer, MAX_DEPTH, ledger);
                true
            }
            Err(_) => self.read_truncated_json(body, layer, ledger),
        }
    }

    /// Reads a JSON value.
    pub(super) fn read_value(&mut self, value: &Value, ledger: &mut Ledger) {
        self.read_item(value, None, 0, MAX_DEPTH, ledger);
    }

    /// Reads the first complete text of a truncated object.
    fn read_truncated_json(&mut self, body: &str, layer: u8, ledger: &mut Ledger) -> bool {
        for name in TEXT_MEMBERS {
            let Some(at) = body.find(&format!("\"{name}\":")) else { continue };
            let rest = body[at + name.len() + 3..].trim_start();
            let mut texts = serde_json::Deserializer::from_str(rest).into_iter::<String>();
            if let Some(Ok(text)) = texts.next() {
                self.read_output(&text, Level::Unsaid, layer, ledger);
                return true;
            }
        }
        false
    }

    fn read_item(&mut self, value: &Value, file: Option<&str>, layer: u8, depth: u8, ledger: &mut Ledger) {
        if depth == 0 {
            return;
        }
        match value {
            Value::Array(items) => {
                for item in items.iter().take(MAX_ITEMS) {
                    self.read_item(item, file, layer, depth - 1, ledger);
                }
            }
            Value::Object(members) => self.read_object(members, file, layer, depth, ledger),
            _ => {}
        }
    }

    fn read_object(
        &mut self,
        members: &Map<String, Value>,
        file: Option<&str>,
        layer: u8,
        depth: u8,
        ledger: &mut Ledger,
    ) {
        if let Some(reason) = text_of(members, &["reason"]) {
            return self.read_cargo_message(reason, members, layer, depth, ledger);
        }
        if let Some(action) = text_of(members, &["Action"]) {
            return self.read_go_event(action, members, layer, ledger);
        }
        if let (Some(kind), Some(event)) = (text_of(members, &["type"]), text_of(members, &["event"]))
            && matches!(kind, "suite" | "test" | "bench")
        {
            return self.read_libtest_event(kind, event, members, ledger);
        }
        if let Some(text) = text_of(members, &["rendered"]) {
            // The text that the compiler displays; the other members repeat it.
            return self.read_output(text, Level::Unsaid, layer, ledger);
        }
        let own_file = text_of(members, &FILE_MEMBERS);
        let level = level(members);
        let is_record = level.is_some() && has_time(members);
        if !is_record && let Some(finding) = diagnostic(members, own_file.or(file)) {
            self.complete_finding(ledger);
            self.add_finding(&finding, ledger);
            return;
        }
        if let Some(finding) = test(members, own_file.or(file)) {
            self.complete_finding(ledger);
            self.add_finding(&finding.with_occurrence(Occurrence::Repeat), ledger);
            return;
        }
        if let Some(failed) = members.get("numFailedTests").and_then(Value::as_u64) {
            self.apply(LineEvent::FailedTests(u32::try_from(failed).unwrap_or(u32::MAX)), ledger);
        }
        let nested = members.values().filter(|value| matches!(value, Value::Array(_) | Value::Object(_)));
        match text_of(members, &TEXT_MEMBERS) {
            Some(text) if level.is_some() || !is_tree(members) => self.read_record(text, level, members, layer, ledger),
            _ => nested.for_each(|value| self.read_item(value, own_file.or(file), layer, depth - 1, ledger)),
        }
    }

    /// Reads output of a program in a member.
    fn read_output(&mut self, text: &str, level: Level, layer: u8, ledger: &mut Ledger) {
        for raw in text.lines().take(MAX_LINES) {
            let clean = strip_controls(raw.rsplit('\r').next().unwrap_or(raw));
            let bare = self.prefixes.strip(clean.trim_end());
            let line = Line::new(bare.text).with_prefix_removed(bare.had_prefix);
            if !line.body.is_empty() && !self.read_json(line.body, layer + 1, ledger) {
                self.read_without_prefix(&line, level, ledger);
            }
        }
    }

    /// Reads a record of a logger or of a wrapper of logs.
    fn read_record(
        &mut self,
        text: &str,
        level: Option<Level>,
        members: &Map<String, Value>,
        layer: u8,
        ledger: &mut Ledger,
    ) {
        let level = level.unwrap_or_default();
        if level != Level::Error {
            return self.read_output(text, level, layer, ledger);
        }
        let stack = STACK_MEMBERS.iter().find_map(|name| members.get(*name));
        let inner = |name: &str| stack.and_then(|stack| stack.get(name)).and_then(Value::as_str);
        let trace =
            stack.and_then(Value::as_str).or_else(|| inner("stack")).or_else(|| inner("stacktrace")).unwrap_or("");
        let first = text.lines().next().unwrap_or_default();
        let last = trace.trim_end().lines().next_back().unwrap_or_default();
        let class = inner("type").or_else(|| inner("name")).map(str::to_owned).or_else(|| {
            // Python writes it at the end of a trace, others at the beginning.
            [trace.lines().next().unwrap_or_default(), last]
                .iter()
                .find_map(|line| super::line::class_and_message(line.trim()).map(|(class, _)| class.to_owned()))
        });
        let mut finding = general::error_finding(&Line::new(first));
        if let Some(class) = class.as_deref() {
            finding.kind = general::kind_of_class(class);
            finding.subject = class.rsplit('.').next().and_then(sanitize::identifier);
            finding.reason = Reason::of_class(class).or_else(|| Reason::of(inner("message").unwrap_or(trace)));
        }
        let row = number_of(members, &LINE_MEMBERS);
        let own = text_of(members, &FILE_MEMBERS).and_then(|file| Location::new(file, row));
        let own = own.or_else(|| Location::find(text_of(members, &["caller", "source"])?));
        let location = general::location_in_trace(trace).or_else(|| general::location_in_trace(text)).or(own);
        self.complete_finding(ledger);
        self.add_finding(&finding.with_location(location), ledger);
    }

    fn read_cargo_message(
        &mut self,
        reason: &str,
        members: &Map<String, Value>,
        layer: u8,
        depth: u8,
        ledger: &mut Ledger,
    ) {
        match reason {
            "compiler-message" => {
                self.tool = Tool::Cargo;
                if let Some(message) = members.get("message") {
                    self.read_item(message, None, layer, depth - 1, ledger);
                }
                self.complete_finding(ledger);
            }
            "build-finished" => {
                let built = members.get("success").and_then(Value::as_bool).unwrap_or(false);
                self.complete_finding(ledger);
                self.apply(LineEvent::Build(built), ledger);
            }
            "compiler-artifact" | "build-script-executed" => self.tool = Tool::Cargo,
            _ => {
                if let Some(text) = text_of(members, &TEXT_MEMBERS) {
                    self.read_record(text, level(members), members, layer, ledger);
                }
            }
        }
    }

    /// Reads an event of `go test -json`.
    fn read_go_event(&mut self, action: &str, members: &Map<String, Value>, layer: u8, ledger: &mut Ledger) {
        let package = text_of(members, &["Package", "ImportPath"]);
        let test = text_of(members, &["Test"]);
        self.tool = Tool::Go;
        match (action, test, package) {
            ("output" | "build-output", test, package) => {
                self.target = package.filter(|_| test.is_some()).map(str::to_owned);
                self.heading = test.map(str::to_owned);
                let text = text_of(members, &["Output"]).unwrap_or_default();
                self.read_output(text, Level::Unsaid, layer, ledger);
            }
            ("fail", Some(test), package) => {
                self.complete_finding(ledger);
                let note = self.notes.iter().position(|note| note.name == test).map(|at| self.notes.remove(at));
                let finding = Finding::new(Kind::FailedTest, Tool::Go, "").with_test(test).with_target(package);
                let finding = match note {
                    Some(note) => finding.with_location(note.place).with_reason(note.reason),
                    None => finding,
                };
                self.add_finding(&finding.with_occurrence(Occurrence::Repeat), ledger);
            }
            ("pass", Some(test), package) => {
                self.target = package.map(str::to_owned);
                self.pass_test(test, ledger);
            }
            ("pass" | "fail", None, Some(package)) => self.finish_package(package, action == "pass", ledger),
            _ => {}
        }
    }

    /// Reads an event of Rust's test harness, written by itself or by nextest.
    fn read_libtest_event(&mut self, kind: &str, event: &str, members: &Map<String, Value>, ledger: &mut Ledger) {
        self.tool = Tool::Cargo;
        let name = text_of(members, &["name"]).unwrap_or_default();
        // nextest writes the binary before the name, and the number of attempts after it.
        let (target, name) = name.split_once('$').map_or((None, name), |(target, name)| (Some(target), name));
        let name = name.split('#').next().unwrap_or(name);
        match (kind, event) {
            ("test", "failed" | "timeout") => {
                let output = text_of(members, &["stdout", "message"]).unwrap_or_default();
                let location = output.lines().find_map(|line| Location::find(line.split_once("panicked at")?.1));
                let reason = output.lines().find_map(Reason::of_test).or(location.is_some().then_some(Reason::Panic));
                let finding = Finding::new(Kind::FailedTest, Tool::Cargo, "").with_test(name).with_target(target);
                self.complete_finding(ledger);
                self.add_finding(
                    &finding.with_location(location).with_reason(reason).with_occurrence(Occurrence::Report),
                    ledger,
                );
            }
            ("test", "ok") => {
                self.target = target.map(str::to_owned);
                self.pass_test(name, ledger);
            }
            ("suite", "ok") => self.apply(LineEvent::TestsSucceeded, ledger),
            ("suite", "failed") => {
                let failed = members.get("failed").and_then(Value::as_u64).unwrap_or(1);
                self.apply(LineEvent::FailedTests(u32::try_from(failed).unwrap_or(u32::MAX)), ledger);
            }
            _ => {}
        }
    }
}

/// The first of these members that is a non-empty text.
fn text_of<'a>(members: &'a Map<String, Value>, names: &[&str]) -> Option<&'a str> {
    let texts = names.iter().filter_map(|name| members.get(*name)?.as_str());
    texts.into_iter().find(|text| !text.trim().is_empty())
}

fn number_of(members: &Map<String, Value>, names: &[&str]) -> Option<u32> {
    let mut numbers = names.iter().filter_map(|name| members.get(*name)?.as_u64());
    numbers.find_map(|number| u32::try_from(number).ok())
}

fn has_time(members: &Map<String, Value>) -> bool {
    ["time", "timestamp", "ts", "@timestamp", "asctime", "@t", "datetime", "timeMillis", "instant", "date", "t"]
        .iter()
        .any(|name| members.contains_key(*name))
}

/// True if the object contains lists of objects: it is a report and not output of a program.
fn is_tree(members: &Map<String, Value>) -> bool {
    let is_list = |value: &Value| value.as_array().is_some_and(|items| items.iter().any(Value::is_object));
    members.values().any(is_list)
}

/// The level of an object, if it has one.
fn level(members: &Map<String, Value>) -> Option<Level> {
    LEVEL_MEMBERS.iter().find_map(|name| {
        let value = members.get(*name)?;
        let of_number = |number: u64| match (*name == "PRIORITY", number) {
            (true, 0..=3) | (false, 50..) => Level::Error,
            (true, 4) | (false, 40..50) => Level::Warning,
            _ => Level::Unsaid,
        };
        match value {
            Value::Number(number) => number.as_u64().map(of_number),
            Value::String(word) => match word.to_ascii_lowercase().as_str() {
                "error" | "err" | "fatal" | "critical" | "severe" | "panic" | "alert" | "emerg" | "emergency" => {
                    Some(Level::Error)
                }
                "warn" | "warning" => Some(Level::Warning),
                word => Some(word.parse().map_or(Level::Unsaid, of_number)),
            },
            _ => None,
        }
    })
}

/// A diagnostic at a location in a file, as written by linters and compilers.
fn diagnostic(members: &Map<String, Value>, file: Option<&str>) -> Option<Finding> {
    let message = text_of(members, &["message", "text", "msg", "Text", "description"])?;
    let inner = |names: &[&str]| {
        let mut value = names.iter().try_fold(None, |value: Option<&Value>, name| match value {
            None => members.get(*name).map(Some),
            Some(value) => value.get(*name).map(Some),
        })?;
        value.take()
    };
    let nested = [&["location"][..], &["range", "start"], &["Pos"], &["position"], &["start"], &["lines"]];
    let row = number_of(members, &LINE_MEMBERS).or_else(|| {
        nested.iter().find_map(|path| {
            let row = number_of(inner(path)?.as_object()?, &[&LINE_MEMBERS[..], &["begin"]].concat())?;
            // A range, as used by editors, counts from 0.
            Some(if path[0] == "range" { row.saturating_add(1) } else { row })
        })
    });
    let within = [&["location"][..], &["Pos"], &["location", "file"]];
    let file = file.or_else(|| within.iter().find_map(|path| text_of(inner(path)?.as_object()?, &FILE_MEMBERS)));
    // Spans of rustc, one of which is the primary location.
    let span = || {
        let spans = members.get("spans")?.as_array()?;
        let primary = |span: &&Value| span.get("is_primary").and_then(Value::as_bool) == Some(true);
        let span = spans.iter().find(primary).or(spans.first())?.as_object()?;
        Location::new(text_of(span, &["file_name"])?, number_of(span, &["line_start"]))
    };
    let location = match (file, row) {
        (Some(file), Some(row)) => Location::new(file, Some(row)),
        _ => span(),
    }?;
    let code = text_of(members, &CODE_MEMBERS)
        .or_else(|| text_of(members.get("code")?.as_object()?, &["code", "value"]))
        .and_then(sanitize::identifier);
    let is_error = match members.get("severity").or_else(|| members.get("level")).or_else(|| members.get("type")) {
        Some(Value::Number(number)) => number.as_u64() != Some(1),
        Some(Value::String(word)) => !matches!(
            word.to_ascii_lowercase().as_str(),
            "warning"
                | "warn"
                | "info"
                | "information"
                | "note"
                | "hint"
                | "style"
                | "convention"
                | "refactor"
                | "help"
        ),
        _ => true,
    };
    Some(native::json_diagnostic(location, message, code, is_error))
}

/// A failed test, in any kind of report.
fn test(members: &Map<String, Value>, file: Option<&str>) -> Option<Finding> {
    let fault = members.get("err").and_then(Value::as_object).filter(|fault| fault.contains_key("message"));
    let of_mocha = fault.is_some() && members.contains_key("fullTitle");
    let state = text_of(members, &STATE_MEMBERS).unwrap_or_default().to_ascii_lowercase();
    if !of_mocha && !matches!(state.as_str(), "failed" | "fail" | "failure" | "error" | "timedout") {
        return None;
    }
    // Suites and files only contain the tests that failed.
    if is_tree(members) {
        return None;
    }
    let name = text_of(members, &NAME_MEMBERS)?;
    let tool = match () {
        () if of_mocha => Tool::Mocha,
        () if members.contains_key("nodeid") => Tool::Pytest,
        () if members.contains_key("ancestorTitles") => Tool::Jest,
        () => Tool::Unknown,
    };
    let messages = members.get("failureMessages").and_then(Value::as_array).and_then(|texts| texts.first()?.as_str());
    let messages = messages.or_else(|| text_of(fault?, &["stack", "message"]));
    let words = messages.or_else(|| text_of(members, &["message", "longrepr", "stack"])).unwrap_or_default();
    let file = file.or_else(|| name.split("::").next().filter(|_| tool == Tool::Pytest));
    let location =
        general::location_in_trace(words).or_else(|| Location::new(file?, number_of(members, &LINE_MEMBERS)));
    let finding = Finding::new(Kind::FailedTest, tool, "").with_test(name).with_location(location);
    Some(finding.with_reason(words.lines().next().and_then(Reason::of_test)))
}
