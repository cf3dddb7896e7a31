//! Long messages keep their head and their tail. Rule: only the middle of what is too long goes, and `…` stands for it.

use std::borrow::Cow;
use std::fmt::{self, Debug, Write};

use tracing::field::{Field, Visit};

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
pub(super) struct Visitor<'writer> {
    writer: &'writer mut dyn Write,
    most: usize,
    first: bool,
    result: fmt::Result,
}

impl<'writer> Visitor<'writer> {
    /// `most` characters for each field.
    pub(super) fn new(writer: &'writer mut dyn Write, most: usize) -> Self {
        Self { writer, most, first: true, result: Ok(()) }
    }

    /// Whether all could be written.
    pub(super) fn finish(self) -> fmt::Result {
        self.result
    }

    fn put(&mut self, name: &str, text: &str) {
        // Those of libraries that know another log are told otherwise.
        if self.result.is_err() || name.starts_with("log.") {
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
}
