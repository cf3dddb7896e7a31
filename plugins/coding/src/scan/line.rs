//! Parsing helpers for lines. Rule: nothing here knows any tool.

use std::borrow::Cow;

use super::trigrams::bits;

/// One line of a log, without colours and without its prefix.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    /// With indentation, without trailing blanks.
    pub text: &'a str,
    /// Without indentation.
    pub body: &'a str,
    pub indent: usize,
    /// True if a prefix was removed.
    pub had_prefix: bool,
    /// True if it stood in a box.
    pub is_boxed: bool,
    /// The bits of its trigrams.
    trigrams: u64,
}

impl<'a> Line<'a> {
    pub fn new(text: &'a str) -> Self {
        let text = text.trim_end();
        let body = text.trim_start();
        Self { text, body, indent: text.len() - body.len(), had_prefix: false, is_boxed: false, trigrams: bits(body) }
    }

    /// Sets whether a prefix was removed.
    pub fn with_prefix_removed(mut self, had_prefix: bool) -> Self {
        self.had_prefix = had_prefix;
        self
    }

    /// Removes the left side of a box that is drawn around a message.
    pub fn unboxed(self) -> Self {
        let sides = ['│', '┃', '╷', '╵', '║'];
        match self.body.strip_prefix(sides) {
            Some(rest) => {
                let inner = Self::new(rest.strip_prefix(' ').unwrap_or(rest));
                Self { had_prefix: self.had_prefix, is_boxed: true, ..inner }
            }
            None => self,
        }
    }

    /// The text after a beginning, without leading blanks.
    pub fn after(&self, start: &str) -> Option<&'a str> {
        self.body.strip_prefix(start).map(str::trim_start)
    }

    /// True if it contains any of these trigrams.
    pub fn has_any(&self, trigrams: u64) -> bool {
        self.trigrams & trigrams != 0
    }
}

/// Removes escape sequences and control characters; keeps tabs.
pub fn strip_controls(raw: &str) -> Cow<'_, str> {
    if !raw.bytes().any(|byte| byte < b' ' && byte != b'\t' || byte == 0x7f) {
        return Cow::Borrowed(raw);
    }
    let mut clean = String::with_capacity(raw.len());
    let mut letters = raw.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\u{1b}' => skip_sequence(&mut letters),
            '\t' => clean.push('\t'),
            letter if letter.is_control() => {}
            letter => clean.push(letter),
        }
    }
    Cow::Owned(clean)
}

/// Skips the rest of an escape sequence (ECMA-48).
fn skip_sequence(letters: &mut std::str::Chars<'_>) {
    match letters.next() {
        Some('[') => while letters.next().is_some_and(|letter| !('\u{40}'..='\u{7e}').contains(&letter)) {},
        Some(']' | 'P' | '_' | '^') => loop {
            match letters.next() {
                None | Some('\u{7}') => break,
                Some('\u{1b}') => {
                    letters.next();
                    break;
                }
                Some(_) => {}
            }
        },
        Some('(' | ')' | '#' | '%') => {
            letters.next();
        }
        _ => {}
    }
}

/// The text between the first pair of quotes of any kind.
pub fn quoted(text: &str) -> Option<&str> {
    let (at, open) = text.char_indices().find(|(_, letter)| "`'\"‘“「".contains(*letter))?;
    let rest = &text[at + open.len_utf8()..];
    let close: &[char] = match open {
        '`' => &['`', '\''],
        '‘' => &['’'],
        '“' => &['”'],
        '「' => &['」'],
        '"' => &['"'],
        _ => &['\''],
    };
    rest.find(close).map(|end| &rest[..end]).filter(|inner| !inner.is_empty())
}

/// The text between two delimiters.
pub fn between<'a>(text: &'a str, open: &str, close: &str) -> Option<&'a str> {
    let rest = &text[text.find(open)? + open.len()..];
    Some(&rest[..rest.find(close)?])
}

/// The number before a word, as in `2 failed`.
pub fn number_before(text: &str, word: &str) -> Option<u32> {
    let before = text[..text.find(word)?].trim_end();
    let start = before.trim_end_matches(|letter: char| letter.is_ascii_digit()).len();
    before[start..].parse().ok()
}

/// The number after a label, as in `Failures: 1`.
pub fn number_after(text: &str, label: &str) -> Option<u32> {
    let rest = text[text.find(label)? + label.len()..].trim_start();
    let end = rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len());
    rest[..end].parse().ok()
}

/// True if the text contains a word in any case; `word` is in lower case.
pub fn has_in_any_case(text: &str, word: &str) -> bool {
    let (text, word) = (text.as_bytes(), word.as_bytes());
    text.len() >= word.len() && text.windows(word.len()).any(|part| part.eq_ignore_ascii_case(word))
}

/// True if the word consists of upper-case letters and digits, such as `F401` or `SIM102`.
pub fn is_rule(word: &str) -> bool {
    let letters = word.bytes().take_while(u8::is_ascii_uppercase).count();
    let digits = word.len() - letters;
    (1..=5).contains(&letters) && (3..=5).contains(&digits) && word[letters..].bytes().all(|byte| byte.is_ascii_digit())
}

/// `Some.Class` and the message after it, as the last line of an uncaught error.
pub fn class_and_message(text: &str) -> Option<(&str, &str)> {
    let (class, message) = text.split_once(": ").unwrap_or((text.trim_end_matches(':'), ""));
    let last = class.rsplit(['.', ':', '$']).next()?;
    let known = |letter: char| letter.is_ascii_alphanumeric() || "_.$:".contains(letter);
    let is_class = last.starts_with(|letter: char| letter.is_ascii_uppercase())
        && ["Error", "Exception", "Failure", "Timeout", "Interrupt", "Exit", "Warning"]
            .iter()
            .any(|end| last.ends_with(end))
        && class.len() <= 80
        && class.chars().all(known);
    is_class.then_some((class, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_beside_letters_of_any_width() {
        assert_eq!(number_before("=====界2 failed, 211 passed", " failed"), Some(2));
        assert_eq!(number_before("12 failed", " failed"), Some(12));
        assert_eq!(number_before("界 failed", " failed"), None);
        assert_eq!(number_after("Failures:界", "Failures:"), None);
        assert_eq!(number_after("Failures: 3界", "Failures:"), Some(3));
    }
}
