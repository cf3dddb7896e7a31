//! Long messages keep their head and their tail. Rule: a line stays what it was: text, or one JSON
//! object; only the middle of what is too long goes, and `…` stands for it.

use std::borrow::Cow;
use std::fmt::{self, Debug};
use std::io::{self, Write};

use serde_json::Value;
use tracing::field::{Field, Visit};
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::fmt::format::Writer;

/// The text with at most `most` characters, the mark in its middle included; whole if it fits.
pub fn shorten(text: &str, most: usize) -> Cow<'_, str> {
    // Bytes are never fewer than characters, so most texts need no count.
    if text.len() <= most || text.chars().count() <= most {
        return Cow::Borrowed(text);
    }
    let kept = most.saturating_sub(1);
    let (head, tail) = (kept.div_ceil(2), kept / 2);
    let head_end = text.char_indices().nth(head).map_or(text.len(), |(at, _)| at);
    let tail_start = text.char_indices().rev().nth(tail.saturating_sub(1)).map_or(0, |(at, _)| at);
    let tail = if tail == 0 { "" } else { &text[tail_start..] };
    Cow::Owned(format!("{}…{tail}", &text[..head_end]))
}

/// Writes the fields of an event for people, each at most so long.
#[derive(Clone, Copy, Debug)]
pub struct Fields {
    most: usize,
}

impl Fields {
    /// `most` characters for each field.
    pub fn new(most: usize) -> Self {
        Self { most }
    }
}

impl<'writer> FormatFields<'writer> for Fields {
    fn format_fields<R: RecordFields>(&self, writer: Writer<'writer>, fields: R) -> fmt::Result {
        let mut visitor = Visitor { writer, most: self.most, first: true, result: Ok(()) };
        fields.record(&mut visitor);
        visitor.result
    }
}

struct Visitor<'writer> {
    writer: Writer<'writer>,
    most: usize,
    first: bool,
    result: fmt::Result,
}

impl Visitor<'_> {
    fn put(&mut self, name: &str, text: &str) {
        if self.result.is_err() {
            return;
        }
        let gap = if std::mem::take(&mut self.first) { "" } else { " " };
        let text = shorten(text, self.most);
        self.result = match name {
            "message" => write!(self.writer, "{gap}{text}"),
            // Raw identifiers are not what a reader looks for.
            name => write!(self.writer, "{gap}{}={text}", name.strip_prefix("r#").unwrap_or(name)),
        };
    }
}

impl Visit for Visitor<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        // Quoted as always, so that a value cannot pass itself off as another field.
        if field.name() == "message" {
            self.put("message", value)
        } else {
            self.put(field.name(), &format!("{value:?}"))
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.put(field.name(), &format!("{value:?}"));
    }
}

/// Hands JSON lines on, with long strings shortened.
pub struct Shortening<W> {
    writer: W,
    most: usize,
}

impl<W> Shortening<W> {
    /// `most` characters for each string.
    pub fn new(writer: W, most: usize) -> Self {
        Self { writer, most }
    }
}

impl<W: Write> Write for Shortening<W> {
    /// The formatter writes each line with one call.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let short = (bytes.len() > self.most).then(|| serde_json::from_slice::<Value>(bytes).ok()).flatten();
        match short {
            Some(mut line) => {
                shorten_strings(&mut line, self.most);
                self.writer.write_all(format!("{line}\n").as_bytes())?;
            }
            None => self.writer.write_all(bytes)?,
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

fn shorten_strings(value: &mut Value, most: usize) {
    match value {
        Value::String(text) => {
            if let Cow::Owned(short) = shorten(text, most) {
                *text = short;
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| shorten_strings(value, most)),
        Value::Object(members) => members.values_mut().for_each(|value| shorten_strings(value, most)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c14_head_and_tail_are_kept() {
        assert_eq!(shorten("0123456789", 10), "0123456789");
        assert_eq!(shorten("0123456789a", 10), "01234…789a");
        assert_eq!(shorten("零一二三四五六七八九", 5), "零一…八九");
        assert_eq!(shorten("abc", 1), "…");
        assert_eq!(shorten("abc", 2), "a…");
        for most in 1..40 {
            let text = "äöü0123456789€𝄞xyz".repeat(3);
            assert!(shorten(&text, most).chars().count() <= most, "{most}");
        }
    }

    #[test]
    fn c14_a_json_line_stays_json() {
        let mut out = Vec::new();
        let line = format!("{{\"level\":\"INFO\",\"message\":\"{}\"}}\n", "x".repeat(500));
        Shortening::new(&mut out, 100).write_all(line.as_bytes()).expect("written");
        let read: Value = serde_json::from_slice(&out).expect("JSON");
        assert_eq!(read["message"].as_str().map(|text| text.chars().count()), Some(100));
        assert_eq!(read["level"], "INFO");
        assert_eq!(out.last(), Some(&b'\n'));
    }
}
