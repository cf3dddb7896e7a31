//! The format of a log line: text, or one JSON object. Rule: an event is one line, numbers stay numbers, long values
//! keep their head and their tail, and fields of enclosing spans (device, session, turn) are added to the event's own,
//! each once.

use std::borrow::Cow;
use std::fmt::{self, Debug, Write};

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_log::NormalizeEvent;
use tracing_subscriber::fmt::format::{JsonFields, Writer};
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormattedFields};
use tracing_subscriber::registry::LookupSpan;

use super::journal;
use super::shorten::{Visitor, shorten};
use crate::settings::LogFormat;

/// Formats events for one sink.
#[derive(Clone, Copy, Debug)]
pub struct LineFormatter {
    format: LogFormat,
    /// The journal reads the lines: they carry a priority in place of the time.
    journal: bool,
    max_chars: usize,
}

impl LineFormatter {
    /// `max_chars`: greatest length of a value, in characters.
    pub fn new(format: LogFormat, journal: bool, max_chars: usize) -> Self {
        Self { format, journal, max_chars }
    }

    fn json(&self, level: Level, target: &str, event: &Event<'_>, span_fields: Map<String, Value>) -> String {
        let mut fields = Json { members: Vec::new(), max_chars: self.max_chars };
        event.record(&mut fields);
        object(level, target, fields.members.into_iter().chain(span_fields))
    }

    fn text(&self, writer: &mut dyn Write, event: &Event<'_>, span_fields: Map<String, Value>) -> fmt::Result {
        let mut visitor = Visitor::new(writer, self.max_chars);
        event.record(&mut visitor);
        visitor.finish()?;
        let own = |name: &str| event.fields().any(|field| field.name() == name);
        for (name, value) in span_fields.iter().filter(|(name, _)| !own(name)) {
            write!(writer, " {name}={value}")?;
        }
        Ok(())
    }
}

impl<S> FormatEvent<S, JsonFields> for LineFormatter
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, JsonFields>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        // Lines of the `log` crate carry their target in fields.
        let normalized = event.normalized_metadata();
        let metadata = normalized.as_ref().unwrap_or_else(|| event.metadata());
        let (level, target) = (*metadata.level(), metadata.target());
        let mut span_fields = Map::new();
        for span in context.event_scope().into_iter().flatten() {
            let extensions = span.extensions();
            let fields = extensions.get::<FormattedFields<JsonFields>>();
            // The innermost span wins.
            if let Some(Value::Object(fields)) = fields.and_then(|fields| serde_json::from_str(&fields.fields).ok()) {
                for (name, value) in fields {
                    span_fields.entry(name).or_insert(value);
                }
            }
        }
        let mut line = String::new();
        match self.format {
            LogFormat::Json => line = self.json(level, target, event, span_fields),
            LogFormat::Text => {
                write!(line, "{target}: ")?;
                self.text(&mut line, event, span_fields)?;
            }
        }
        if self.journal {
            let line = if self.format == LogFormat::Text { format!("{level} {line}") } else { line };
            return writeln!(writer, "{}", journal::prefix(level, &line));
        }
        match self.format {
            LogFormat::Json => writeln!(writer, "{line}"),
            LogFormat::Text if writer.has_ansi_escapes() => {
                writeln!(writer, "\x1b[2m{}\x1b[0m {}{level:>5}\x1b[0m {line}", now(), colour(level))
            }
            LogFormat::Text => writeln!(writer, "{} {level:>5} {line}", now()),
        }
    }
}

/// One JSON object. Of members with the same name, the first wins.
fn object(level: Level, target: &str, members: impl Iterator<Item = (String, Value)>) -> String {
    let mut line = format!("{{\"timestamp\":{},\"level\":\"{level}\"", Value::from(now()));
    let mut seen: Vec<String> = ["timestamp", "level", "target"].map(str::to_owned).into();
    for (name, value) in members {
        if !seen.contains(&name) {
            line.push_str(&format!(",{}:{value}", Value::from(&*name)));
            seen.push(name);
        }
    }
    line.push_str(&format!(",\"target\":{}}}", Value::from(target)));
    line
}

/// A line that is written without a logger: before it is installed, after its end, or about the log itself.
pub fn format_without_logger(format: LogFormat, journal: bool, message: &str) -> String {
    let line = match format {
        LogFormat::Json => {
            object(Level::ERROR, "modehost", std::iter::once(("message".to_owned(), Value::from(message))))
        }
        LogFormat::Text => message.to_owned(),
    };
    if journal { journal::prefix(Level::ERROR, &line) } else { line }
}

fn now() -> String {
    let mut text = String::new();
    // Fails only for a clock before 1970.
    let _ = SystemTime.format_time(&mut Writer::new(&mut text));
    text
}

fn colour(level: Level) -> &'static str {
    match level {
        Level::ERROR => "\x1b[31m",
        Level::WARN => "\x1b[33m",
        Level::INFO => "\x1b[32m",
        Level::DEBUG => "\x1b[34m",
        Level::TRACE => "\x1b[35m",
    }
}

/// The fields of an event, in their order.
struct Json {
    members: Vec<(String, Value)>,
    max_chars: usize,
}

impl Json {
    fn push(&mut self, field: &Field, value: impl Into<Value>) {
        let name = field.name();
        // Fields of the `log` bridge are part of the metadata already.
        if !name.starts_with("log.") {
            self.members.push((name.strip_prefix("r#").unwrap_or(name).to_owned(), value.into()));
        }
    }

    fn text(&mut self, field: &Field, text: &str) {
        let text: Cow<'_, str> = shorten(text, self.max_chars);
        self.push(field, &*text);
    }
}

impl Visit for Json {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.push(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.push(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.push(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.push(field, value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.text(field, &format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Arc;

    use parking_lot::Mutex;
    use tracing_subscriber::fmt::MakeWriter;
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    #[derive(Clone, Default)]
    struct Buffer(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Buffer {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl<'a> MakeWriter<'a> for Buffer {
        type Writer = Self;

        fn make_writer(&'a self) -> Self {
            self.clone()
        }
    }

    fn written(lines: LineFormatter, act: impl FnOnce()) -> String {
        let buffer = Buffer::default();
        let layer = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(buffer.clone());
        let layer = layer.fmt_fields(JsonFields::new()).event_format(lines);
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), act);
        let bytes = buffer.0.lock().clone();
        String::from_utf8(bytes).expect("UTF-8")
    }

    fn within_a_turn() {
        let turn = tracing::error_span!("turn", device = "dev-1", session = "s", turn = 3_u64);
        turn.in_scope(|| {
            tracing::info!(
                device = "dev-2",
                ms = 5,
                most = u64::MAX,
                ratio = 0.5,
                on = true,
                why = None::<&str>,
                "done\n!"
            );
        });
    }

    #[test]
    fn fields_of_the_work_around_stand_beside_the_own_each_once() {
        let json = written(LineFormatter::new(LogFormat::Json, false, 100), within_a_turn);
        assert_eq!((json.lines().count(), json.matches("\"device\"").count()), (1, 1), "{json}");
        let line: Value = serde_json::from_str(&json).expect("JSON");
        let expected = serde_json::json!({
            "timestamp": line["timestamp"], "level": "INFO", "message": "done\n!", "device": "dev-2", "ms": 5,
            "most": u64::MAX, "ratio": 0.5, "on": true, "session": "s", "turn": 3, "target": module_path!(),
        });
        assert_eq!(line, expected);

        let text = written(LineFormatter::new(LogFormat::Text, false, 100), within_a_turn);
        let head = format!("  INFO {}: done\n! device=\"dev-2\" ms=5", module_path!());
        assert!(text.contains(&head) && text.ends_with(" on=true session=\"s\" turn=3\n"), "{text}");
    }

    #[test]
    fn a_panic_is_one_line_of_the_log() {
        let before = std::panic::take_hook();
        crate::log::panics::log_panics();
        let act = || drop(std::panic::catch_unwind(|| panic!("first\nsecond")));
        let json = written(LineFormatter::new(LogFormat::Json, false, 100), act);
        std::panic::set_hook(before);
        let line: Value = serde_json::from_str(&json).expect("one line");
        let message = line["message"].as_str().expect("a message");
        assert!(message.starts_with("panicked at ") && message.ends_with(": first\nsecond"), "{json}");
    }

    #[test]
    fn long_values_are_shortened_and_the_line_stays_json() {
        let act = || tracing::info!(list = ?["y"; 300], "{}", "x".repeat(500));
        let json = written(LineFormatter::new(LogFormat::Json, false, 100), act);
        let line: Value = serde_json::from_str(&json).expect("JSON");
        let length = |name: &str| line[name].as_str().map(|text| text.chars().count());
        assert_eq!((length("message"), length("list")), (Some(100), Some(100)));
    }

    #[test]
    fn the_journal_is_told_how_urgent_each_line_is_and_no_time() {
        let act = || {
            tracing::error!("a");
            tracing::warn!("b\nc");
            tracing::trace!("d");
        };
        let text = written(LineFormatter::new(LogFormat::Text, true, 100), act);
        let path = module_path!();
        assert_eq!(text, format!("<3>ERROR {path}: a\n<4>WARN {path}: b\n<4>c\n<7>TRACE {path}: d\n"));
        let json = written(LineFormatter::new(LogFormat::Json, true, 100), act);
        assert!(json.lines().all(|line| line.starts_with('<') && line[3..].starts_with('{')), "{json}");
    }
}
