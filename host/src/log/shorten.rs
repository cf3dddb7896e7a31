//! Long messages keep their head and their tail. Rule: only the middle of a long text is cut, and replaced by `…`.

use std::borrow::Cow;
use std::fmt::{self, Debug, Write};

use tracing::field::{Field, Visit};

/// The text with at most `max_chars` characters, including the `…` in its middle; unchanged if it fits.
pub fn shorten(text: &str, max_chars: usize) -> Cow<'_, str> {
    // There are never fewer bytes than characters, so most texts need no count.
    if text.len() <= max_chars || text.chars().count() <= max_chars {
        return Cow::Borrowed(text);
    }
    let kept_chars = max_chars.saturating_sub(1);
    let (head, tail) = (kept_chars.div_ceil(2), kept_chars / 2);
    let head_end = text.char_indices().nth(head).map_or(text.len(), |(at, _)| at);
    let tail_start = text.char_indices().rev().nth(tail.saturating_sub(1)).map_or(0, |(at, _)| at);
    let tail = if tail == 0 { "" } else { &text[tail_start..] };
    Cow::Owned(format!("{}…{tail}", &text[..head_end]))
}

/// Writes the fields of an event as text, each with a limited length.
pub(super) struct Visitor<'writer> {
    writer: &'writer mut dyn Write,
    max_chars: usize,
    first: bool,
    result: fmt::Result,
}

impl<'writer> Visitor<'writer> {
    /// `max_chars` characters for each field.
    pub(super) fn new(writer: &'writer mut dyn Write, max_chars: usize) -> Self {
        Self { writer, max_chars, first: true, result: Ok(()) }
    }

    /// Whether all could be written.
    pub(super) fn finish(self) -> fmt::Result {
        self.result
    }

    fn write_field(&mut self, name: &str, text: &str) {
        // Fields of the `log` bridge are part of the metadata already.
        if self.result.is_err() || name.starts_with("log.") {
            return;
        }
        let gap = if std::mem::take(&mut self.first) { "" } else { " " };
        let text = shorten(text, self.max_chars);
        self.result = match name {
            "message" => write!(self.writer, "{gap}{text}"),
            // Readers do not look for raw identifiers.
            name => write!(self.writer, "{gap}{}={text}", name.strip_prefix("r#").unwrap_or(name)),
        };
    }
}

impl Visit for Visitor<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        // Quoted with escapes, so that a value cannot pose as another field.
        if field.name() == "message" {
            self.write_field("message", value)
        } else {
            self.write_field(field.name(), &format!("{value:?}"))
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.write_field(field.name(), &format!("{value:?}"));
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
        for max_chars in 1..40 {
            let text = "äöü0123456789€𝄞xyz".repeat(3);
            assert!(shorten(&text, max_chars).chars().count() <= max_chars, "{max_chars}");
        }
    }
}
