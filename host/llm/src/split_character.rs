//! Characters that services split in two: a surrogate pair over two events (`\ud83d`, then `\ude00`), or the bytes of
//! one character over two deltas. Rule: a half is joined with its other half in the next delta of the same text, or
//! dropped; JSON that contains halves stays valid JSON.
//!
//! Neither JSON nor `String` can hold a half. So each is represented by a private-use character of plane 16, which
//! nobody writes, from the bytes of the service to the text that it belongs to.

use std::borrow::Cow;

/// The private-use character for the first surrogate, U+D800; the others follow it.
const FIRST: u32 = 0x10_F000;
const SURROGATES: std::ops::RangeInclusive<u32> = 0xD800..=0xDFFF;
/// Offset for a byte of 0x80 or more that is not a character by itself, like Python's `surrogateescape`.
const BYTES: u32 = 0xDC00;

/// The JSON of a service as text, with a placeholder for each half of a character.
pub(crate) fn with_placeholders(json: &[u8]) -> Cow<'_, str> {
    let text = match std::str::from_utf8(json) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(json.utf8_chunks().fold(String::with_capacity(json.len() + 8), |mut text, chunk| {
            text.push_str(chunk.valid());
            text.extend(chunk.invalid().iter().filter_map(|byte| placeholder(BYTES + u32::from(*byte))));
            text
        })),
    };
    match has_surrogate_escape(&text) {
        true => Cow::Owned(replace_lone_escapes(&text)),
        false => text,
    }
}

fn placeholder(unit: u32) -> Option<char> {
    char::from_u32(FIRST + (unit - SURROGATES.start()))
}

/// The half that a placeholder represents.
fn half(character: char) -> Option<u32> {
    let unit = u32::from(character).checked_sub(FIRST)? + SURROGATES.start();
    SURROGATES.contains(&unit).then_some(unit)
}

fn has_surrogate_escape(text: &str) -> bool {
    text.match_indices("\\u")
        .any(|(at, _)| text.as_bytes().get(at + 2).is_some_and(|digit| matches!(digit, b'd' | b'D')))
}

/// Replaces escapes of unpaired surrogates by placeholders.
fn replace_lone_escapes(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        clean.push_str(&rest[..at]);
        rest = &rest[at..];
        // A backslash and the character that it escapes, which may be a backslash.
        let escape = rest.char_indices().nth(2).map_or(rest.len(), |(end, _)| end);
        let taken = match escaped_unit(rest) {
            Some(unit @ 0xD800..=0xDBFF) => {
                let partner = rest.get(6..).and_then(escaped_unit).filter(|low| (0xDC00..=0xDFFF).contains(low));
                match partner {
                    Some(_) => 12,
                    None => {
                        clean.extend(placeholder(unit));
                        rest = &rest[6..];
                        continue;
                    }
                }
            }
            Some(unit @ 0xDC00..=0xDFFF) => {
                clean.extend(placeholder(unit));
                rest = &rest[6..];
                continue;
            }
            _ => escape,
        };
        clean.push_str(&rest[..taken]);
        rest = &rest[taken..];
    }
    clean.push_str(rest);
    clean
}

/// The code unit of a `\uXXXX` escape at the start.
fn escaped_unit(text: &str) -> Option<u32> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    digits.bytes().all(|digit| digit.is_ascii_hexdigit()).then(|| u32::from_str_radix(digits, 16).ok())?
}

/// Joins the deltas of one text.
#[derive(Debug, Default)]
pub(crate) struct TextJoiner {
    /// The first half of a surrogate pair.
    high: Option<u32>,
    /// The first bytes of a character.
    bytes: Vec<u8>,
}

impl TextJoiner {
    /// Appends a delta to `text`, without halves.
    pub(crate) fn push(&mut self, piece: &str, text: &mut String) {
        // U+FFFD is what a service sends that has split a character itself.
        let odd = |character: char| character == char::REPLACEMENT_CHARACTER || half(character).is_some();
        let mut rest = piece;
        while let Some(at) = rest.find(odd) {
            self.push_whole(&rest[..at], text);
            let Some(character) = rest[at..].chars().next() else { break };
            rest = &rest[at + character.len_utf8()..];
            if let Some(unit) = half(character) {
                self.push_half(unit, text);
            }
        }
        self.push_whole(rest, text);
    }

    fn push_whole(&mut self, piece: &str, text: &mut String) {
        if !piece.is_empty() {
            *self = Self::default();
            text.push_str(piece);
        }
    }

    fn push_half(&mut self, unit: u32, text: &mut String) {
        if unit < 0xDC00 {
            *self = Self { high: Some(unit), bytes: Vec::new() };
            return;
        }
        if let Some(high) = self.high.take() {
            text.extend(char::from_u32(0x1_0000 + ((high - 0xD800) << 10) + (unit - 0xDC00)));
            return;
        }
        let Some(byte) = (unit - BYTES).try_into().ok().filter(|byte: &u8| *byte >= 0x80) else { return };
        self.bytes.push(byte);
        match std::str::from_utf8(&self.bytes) {
            Ok(character) => {
                text.push_str(character);
                self.bytes.clear();
            }
            // The start of a character.
            Err(error) if error.error_len().is_none() => {}
            // The bytes before it do not start a character; this one may.
            Err(_) => {
                self.bytes = vec![byte];
                if std::str::from_utf8(&self.bytes).is_err_and(|error| error.error_len().is_some()) {
                    self.bytes.clear();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The contents of these JSON strings, joined.
    fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> String {
        let (mut joiner, mut text) = (TextJoiner::default(), String::new());
        for piece in pieces {
            let piece: String = serde_json::from_str(&with_placeholders(piece)).expect("a JSON string");
            joiner.push(&piece, &mut text);
        }
        text
    }

    #[test]
    fn halves_meet_and_lone_ones_are_left_out() {
        let pairs: [(&[&[u8]], &str); 12] = [
            (&[br#""a\ud83d\ude00b""#], "a😀b"),
            (&[br#""a\ud83d""#, br#""\ude00b""#], "a😀b"),
            (&[br#""a\uD83D""#, br#""""#, br#""\uDE00b""#], "a😀b"),
            (&[br#""a\ud83d""#, br#""b""#, br#""\ude00""#], "ab"),
            (&[br#""\ude00a\ud83d""#], "a"),
            (&[br#""\ud83d\ud83d""#, br#""\ude00""#], "😀"),
            // A backslash, and not an escape.
            (&[br#""\\ud83d""#], "\\ud83d"),
            (&[br#""\\\ud83d""#, br#""\ude00""#], "\\😀"),
            (&["\"你\u{fffd}\"".as_bytes(), "\"\u{fffd}吗\"".as_bytes()], "你吗"),
            (&[b"\"\xe4\xbd\"", b"\"\xa0\xe5\"", b"\"\xa5\xbd\""], "你好"),
            (&[b"\"\xf0\x9f\"", b"\"\x98\"", b"\"\x80!\""], "😀!"),
            (&[b"\"a\xff\xe4\"", b"\"b\xa0\""], "ab"),
        ];
        for (pieces, text) in pairs {
            assert_eq!(read(pieces.iter().copied()), text, "{pieces:?}");
        }
    }

    #[test]
    fn what_has_no_halves_is_not_copied() {
        assert!(matches!(with_placeholders("{\"a\":\"预\\n\\u9884\"}".as_bytes()), Cow::Borrowed(_)));
    }

    proptest! {
        #[test]
        fn a_text_cut_anywhere_is_joined(text in "[a-z预é😀𝄞\\\\\"]{0,12}", cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6)) {
            // Split by bytes.
            let bytes = text.as_bytes();
            let ends = |len: usize| {
                let mut ends: Vec<usize> = cuts.iter().map(|cut| cut.index(len + 1)).collect();
                ends.extend([0, len]);
                ends.sort_unstable();
                ends
            };
            let quoted = |piece: &[u8]| -> Vec<u8> {
                let escaped = piece.iter().flat_map(|byte| match byte {
                    b'"' | b'\\' => vec![b'\\', *byte],
                    _ => vec![*byte],
                });
                [b'"'].into_iter().chain(escaped).chain([b'"']).collect()
            };
            let pieces: Vec<Vec<u8>> = ends(bytes.len()).windows(2).map(|pair| quoted(&bytes[pair[0]..pair[1]])).collect();
            prop_assert_eq!(read(pieces.iter().map(Vec::as_slice)), text.as_str());
            // Split by UTF-16 code units, all of them escaped.
            let units: Vec<u16> = text.encode_utf16().collect();
            let escaped = |units: &[u16]| {
                let inner: String = units.iter().map(|unit| format!("\\u{unit:04x}")).collect();
                format!("\"{inner}\"").into_bytes()
            };
            let pieces: Vec<Vec<u8>> = ends(units.len()).windows(2).map(|pair| escaped(&units[pair[0]..pair[1]])).collect();
            prop_assert_eq!(read(pieces.iter().map(Vec::as_slice)), text.as_str());
        }

        #[test]
        fn any_bytes_are_some_text(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let mut text = String::new();
            TextJoiner::default().push(&with_placeholders(&bytes), &mut text);
        }
    }
}
