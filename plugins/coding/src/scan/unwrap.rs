//! Lines that are JSON: what is in them is read as if it stood there by itself. Rule: an object is
//! known by its members and not by who wrote it; what is nested, long or cut costs a bounded amount.
//!
//! - text in a member (`rendered`, `Output`, `log`, `message` …): lines of their own
//! - a file, a message and a place: a diagnostic
//! - a level and a message: a record of a logger
//! - a name and how it ended: a test

use serde_json::{Map, Value};

use super::words::{Line, strip_controls};
use super::{Level, Scan, Seen, general, native};
use crate::ledger::Ledger;
use crate::piece::{self, Place};
use crate::reason::Reason;
use crate::signal::{Finding, Kind, Sighting, Tool};

/// How deep objects are looked into.
const DEPTH: u8 = 6;
/// Text in text in text, at most so often.
const LAYERS: u8 = 3;
/// Lines of one text.
const LINES: usize = 400;
/// Objects of one list.
const ITEMS: usize = 512;

/// Members that hold the words of a program.
const TEXTS: [&str; 12] =
    ["rendered", "Output", "log", "textPayload", "MESSAGE", "message", "msg", "text", "line", "@m", "stdout", "body"];
const LEVELS: [&str; 9] =
    ["level", "severity", "levelname", "lvl", "loglevel", "log.level", "level_name", "@l", "PRIORITY"];
const STACKS: [&str; 8] = ["stack", "stack_trace", "stacktrace", "exc_info", "exception", "error", "err", "thrown"];
const FILES: [&str; 8] = ["filename", "file", "filePath", "path", "file_name", "Filename", "relativePath", "uri"];
const ROWS: [&str; 10] = [
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
const CODES: [&str; 7] = ["code", "ruleId", "rule", "rule_id", "FromLinter", "symbol", "check_name"];
const NAMES: [&str; 8] =
    ["nodeid", "fullName", "fullTitle", "full_name", "full_description", "testName", "title", "name"];
const STATES: [&str; 5] = ["status", "outcome", "state", "result", "event"];

impl Scan {
    /// Reads what is in a line that is JSON; false if it is not.
    pub(super) fn unwrap(&mut self, body: &str, layer: u8, ledger: &mut Ledger) -> bool {
        let body = body.trim();
        if layer >= LAYERS || !(body.starts_with("{\"") || body.starts_with("{ \"") || body.starts_with("[{\"")) {
            return false;
        }
        match serde_json::from_str::<Value>(body) {
            Ok(value) => {
                self.item(&value, None, layer, DEPTH, ledger);
                true
            }
            Err(_) => self.unwrap_cut(body, layer, ledger),
        }
    }

    /// Reads what is in JSON.
    pub(super) fn read_value(&mut self, value: &Value, ledger: &mut Ledger) {
        self.item(value, None, 0, DEPTH, ledger);
    }

    /// Of an object that was too long the first text that is whole.
    fn unwrap_cut(&mut self, body: &str, layer: u8, ledger: &mut Ledger) -> bool {
        for name in TEXTS {
            let Some(at) = body.find(&format!("\"{name}\":")) else { continue };
            let rest = body[at + name.len() + 3..].trim_start();
            let mut texts = serde_json::Deserializer::from_str(rest).into_iter::<String>();
            if let Some(Ok(text)) = texts.next() {
                self.text(&text, Level::Unsaid, layer, ledger);
                return true;
            }
        }
        false
    }

    fn item(&mut self, value: &Value, file: Option<&str>, layer: u8, depth: u8, ledger: &mut Ledger) {
        if depth == 0 {
            return;
        }
        match value {
            Value::Array(items) => {
                for item in items.iter().take(ITEMS) {
                    self.item(item, file, layer, depth - 1, ledger);
                }
            }
            Value::Object(members) => self.object(members, file, layer, depth, ledger),
            _ => {}
        }
    }

    fn object(&mut self, members: &Map<String, Value>, file: Option<&str>, layer: u8, depth: u8, ledger: &mut Ledger) {
        if let Some(reason) = text_of(members, &["reason"]) {
            return self.cargo(reason, members, layer, depth, ledger);
        }
        if let Some(action) = text_of(members, &["Action"]) {
            return self.go_event(action, members, layer, ledger);
        }
        if let (Some(kind), Some(event)) = (text_of(members, &["type"]), text_of(members, &["event"]))
            && matches!(kind, "suite" | "test" | "bench")
        {
            return self.libtest(kind, event, members, ledger);
        }
        if let Some(text) = text_of(members, &["rendered"]) {
            // As the compiler shows it to people; the other members say the same.
            return self.text(text, Level::Unsaid, layer, ledger);
        }
        let own_file = text_of(members, &FILES);
        let level = level(members);
        let is_record = level.is_some() && has_time(members);
        if !is_record && let Some(finding) = diagnostic(members, own_file.or(file)) {
            self.complete(ledger);
            self.count(&finding, ledger);
            return;
        }
        if let Some(finding) = test(members, own_file.or(file)) {
            self.complete(ledger);
            self.count(&finding.seen(Sighting::Again), ledger);
            return;
        }
        if let Some(failed) = members.get("numFailedTests").and_then(Value::as_u64) {
            self.take(Seen::Sum(u32::try_from(failed).unwrap_or(u32::MAX)), ledger);
        }
        let nested = members.values().filter(|value| matches!(value, Value::Array(_) | Value::Object(_)));
        match text_of(members, &TEXTS) {
            Some(text) if level.is_some() || !is_tree(members) => self.record(text, level, members, layer, ledger),
            _ => nested.for_each(|value| self.item(value, own_file.or(file), layer, depth - 1, ledger)),
        }
    }

    /// Lines of a program that stand in a member.
    fn text(&mut self, text: &str, level: Level, layer: u8, ledger: &mut Ledger) {
        for raw in text.lines().take(LINES) {
            let clean = strip_controls(raw.rsplit('\r').next().unwrap_or(raw));
            let bare = self.prefixes.peel(clean.trim_end());
            let line = Line::of(bare.text).stamped(bare.stamped);
            if !line.body.is_empty() && !self.unwrap(line.body, layer + 1, ledger) {
                self.read_bare(&line, level, ledger);
            }
        }
    }

    /// What a logger or a wrapper of logs has written.
    fn record(
        &mut self,
        text: &str,
        level: Option<Level>,
        members: &Map<String, Value>,
        layer: u8,
        ledger: &mut Ledger,
    ) {
        let level = level.unwrap_or_default();
        if level != Level::Error {
            return self.text(text, level, layer, ledger);
        }
        let stack = STACKS.iter().find_map(|name| members.get(*name));
        let inner = |name: &str| stack.and_then(|stack| stack.get(name)).and_then(Value::as_str);
        let trace =
            stack.and_then(Value::as_str).or_else(|| inner("stack")).or_else(|| inner("stacktrace")).unwrap_or("");
        let first = text.lines().next().unwrap_or_default();
        let last = trace.trim_end().lines().next_back().unwrap_or_default();
        let class = inner("type").or_else(|| inner("name")).map(str::to_owned).or_else(|| {
            // Python names it at the end of a trace, the others at its beginning.
            [trace.lines().next().unwrap_or_default(), last]
                .iter()
                .find_map(|line| super::words::class_and_message(line.trim()).map(|(class, _)| class.to_owned()))
        });
        let mut finding = general::told_error(&Line::of(first));
        if let Some(class) = class.as_deref() {
            finding.kind = general::kind_of_class(class);
            finding.subject = class.rsplit('.').next().and_then(piece::identifier);
            finding.reason = Reason::of_class(class).or_else(|| Reason::of(inner("message").unwrap_or(trace)));
        }
        let row = number_of(members, &ROWS);
        let own = text_of(members, &FILES).and_then(|file| Place::new(file, row));
        let own = own.or_else(|| Place::find(text_of(members, &["caller", "source"])?));
        let place = general::place_in_trace(trace).or_else(|| general::place_in_trace(text)).or(own);
        self.complete(ledger);
        self.count(&finding.at(place), ledger);
    }

    fn cargo(&mut self, reason: &str, members: &Map<String, Value>, layer: u8, depth: u8, ledger: &mut Ledger) {
        match reason {
            "compiler-message" => {
                self.tool = Tool::Cargo;
                if let Some(message) = members.get("message") {
                    self.item(message, None, layer, depth - 1, ledger);
                }
                self.complete(ledger);
            }
            "build-finished" => {
                let built = members.get("success").and_then(Value::as_bool).unwrap_or(false);
                self.complete(ledger);
                self.take(Seen::Build(built), ledger);
            }
            "compiler-artifact" | "build-script-executed" => self.tool = Tool::Cargo,
            _ => {
                if let Some(text) = text_of(members, &TEXTS) {
                    self.record(text, level(members), members, layer, ledger);
                }
            }
        }
    }

    /// An event of `go test -json`.
    fn go_event(&mut self, action: &str, members: &Map<String, Value>, layer: u8, ledger: &mut Ledger) {
        let package = text_of(members, &["Package", "ImportPath"]);
        let test = text_of(members, &["Test"]);
        self.tool = Tool::Go;
        match (action, test, package) {
            ("output" | "build-output", test, package) => {
                self.target = package.filter(|_| test.is_some()).map(str::to_owned);
                self.heading = test.map(str::to_owned);
                let text = text_of(members, &["Output"]).unwrap_or_default();
                self.text(text, Level::Unsaid, layer, ledger);
            }
            ("fail", Some(test), package) => {
                self.complete(ledger);
                let note = self.notes.iter().position(|note| note.name == test).map(|at| self.notes.remove(at));
                let finding = Finding::new(Kind::FailedTest, Tool::Go, "").of_test(test).within(package);
                let finding = match note {
                    Some(note) => finding.at(note.place).because(note.reason),
                    None => finding,
                };
                self.count(&finding.seen(Sighting::Again), ledger);
            }
            ("pass", Some(test), package) => {
                self.target = package.map(str::to_owned);
                self.pass(test, ledger);
            }
            ("pass" | "fail", None, Some(package)) => self.package(package, action == "pass", ledger),
            _ => {}
        }
    }

    /// An event of Rust's test harness, as it or nextest writes it.
    fn libtest(&mut self, kind: &str, event: &str, members: &Map<String, Value>, ledger: &mut Ledger) {
        self.tool = Tool::Cargo;
        let name = text_of(members, &["name"]).unwrap_or_default();
        // nextest puts the binary before the name, and how often it was tried behind it.
        let (target, name) = name.split_once('$').map_or((None, name), |(target, name)| (Some(target), name));
        let name = name.split('#').next().unwrap_or(name);
        match (kind, event) {
            ("test", "failed" | "timeout") => {
                let output = text_of(members, &["stdout", "message"]).unwrap_or_default();
                let place = output.lines().find_map(|line| Place::find(line.split_once("panicked at")?.1));
                let reason = output.lines().find_map(Reason::of_test).or(place.is_some().then_some(Reason::Panic));
                let finding = Finding::new(Kind::FailedTest, Tool::Cargo, "").of_test(name).within(target);
                self.complete(ledger);
                self.count(&finding.at(place).because(reason).seen(Sighting::Report), ledger);
            }
            ("test", "ok") => {
                self.target = target.map(str::to_owned);
                self.pass(name, ledger);
            }
            ("suite", "ok") => self.take(Seen::Ran, ledger),
            ("suite", "failed") => {
                let failed = members.get("failed").and_then(Value::as_u64).unwrap_or(1);
                self.take(Seen::Sum(u32::try_from(failed).unwrap_or(u32::MAX)), ledger);
            }
            _ => {}
        }
    }
}

/// The first of these members that is a text with words.
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

/// Whether the object holds lists of objects: a report and no line of a program.
fn is_tree(members: &Map<String, Value>) -> bool {
    let is_list = |value: &Value| value.as_array().is_some_and(|items| items.iter().any(Value::is_object));
    members.values().any(is_list)
}

/// The level that an object has, if it has one.
fn level(members: &Map<String, Value>) -> Option<Level> {
    LEVELS.iter().find_map(|name| {
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

/// Something wrong at a place in a file, as linters and compilers tell of it.
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
    let row = number_of(members, &ROWS).or_else(|| {
        nested.iter().find_map(|path| {
            let row = number_of(inner(path)?.as_object()?, &[&ROWS[..], &["begin"]].concat())?;
            // A range, as editors have it, counts from nothing.
            Some(if path[0] == "range" { row.saturating_add(1) } else { row })
        })
    });
    let within = [&["location"][..], &["Pos"], &["location", "file"]];
    let file = file.or_else(|| within.iter().find_map(|path| text_of(inner(path)?.as_object()?, &FILES)));
    // Spans of rustc, of which one is the place itself.
    let span = || {
        let spans = members.get("spans")?.as_array()?;
        let primary = |span: &&Value| span.get("is_primary").and_then(Value::as_bool) == Some(true);
        let span = spans.iter().find(primary).or(spans.first())?.as_object()?;
        Place::new(text_of(span, &["file_name"])?, number_of(span, &["line_start"]))
    };
    let place = match (file, row) {
        (Some(file), Some(row)) => Place::new(file, Some(row)),
        _ => span(),
    }?;
    let code = text_of(members, &CODES)
        .or_else(|| text_of(members.get("code")?.as_object()?, &["code", "value"]))
        .and_then(piece::identifier);
    let grave = match members.get("severity").or_else(|| members.get("level")).or_else(|| members.get("type")) {
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
    Some(native::diagnosed(place, message, code, grave))
}

/// A test that failed, in whatever report.
fn test(members: &Map<String, Value>, file: Option<&str>) -> Option<Finding> {
    let fault = members.get("err").and_then(Value::as_object).filter(|fault| fault.contains_key("message"));
    let of_mocha = fault.is_some() && members.contains_key("fullTitle");
    let state = text_of(members, &STATES).unwrap_or_default().to_ascii_lowercase();
    if !of_mocha && !matches!(state.as_str(), "failed" | "fail" | "failure" | "error" | "timedout") {
        return None;
    }
    // Suites and files of tests only hold the tests that failed.
    if is_tree(members) {
        return None;
    }
    let name = text_of(members, &NAMES)?;
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
    let place = general::place_in_trace(words).or_else(|| Place::new(file?, number_of(members, &ROWS)));
    let finding = Finding::new(Kind::FailedTest, tool, "").of_test(name).at(place);
    Some(finding.because(words.lines().next().and_then(Reason::of_test)))
}
