//! Reads damaged JSON as it was meant: quotes of other kinds or none, quotes within texts, comments,
//! commas too few or too many, ends cut off. Rule: every step moves on in the text and no level is
//! deeper than allowed, so any text takes linear time and little stack.
//!
//! Our own: the library that was tried first (jsonrepair 0.1.0) does not come back from some texts of
//! twenty characters and takes all memory meanwhile, and a model may answer anything.

use crate::limits;
use serde_json::{Map, Value};

/// Places at which an object may begin that are tried: before it may stand prose with braces.
const STARTS: usize = 8;

/// How far is looked ahead to tell a quote that ends a text from one within it.
const AHEAD: usize = 256;

/// The first object in a text that has anything in it. `None` where there is
/// none, or it is nested too deeply.
pub(crate) fn mend_object(text: &str) -> Option<Map<String, Value>> {
    for (start, _) in text.match_indices('{').take(STARTS) {
        let mut reader = Reader { rest: &text[start + 1..], open: Vec::new() };
        let object = reader.read_object()?;
        if !object.is_empty() {
            return Some(object);
        }
    }
    None
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    Object,
    List,
}

struct Reader<'a> {
    rest: &'a str,
    /// The levels that are open around the one that is read.
    open: Vec<Level>,
}

impl Reader<'_> {
    /// Behind its brace, up to behind its end. `None` where it is nested too deeply.
    fn read_object(&mut self) -> Option<Map<String, Value>> {
        self.enter(Level::Object)?;
        let mut object = Map::new();
        loop {
            self.skip_between();
            match self.peek() {
                None => break,
                Some('}') => {
                    self.take_char();
                    break;
                }
                // The end of a list around it: this one's own end is missing.
                Some(']') if self.is_within(Level::List) => break,
                Some(']' | '{' | '[' | ':') => self.take_char(),
                Some(_) => {
                    let key = self.read_key();
                    self.skip_blanks();
                    if !self.take_colon() {
                        // A key that was cut off, or a word that is none.
                        continue;
                    }
                    self.skip_blanks();
                    let value = match self.peek() {
                        None | Some('}' | ']' | ',' | '\u{ff0c}') => Value::Null,
                        Some(_) => self.read_value(Level::Object)?,
                    };
                    if !key.is_empty() {
                        object.insert(key, value);
                    }
                }
            }
        }
        self.open.pop();
        Some(object)
    }

    fn read_list(&mut self) -> Option<Vec<Value>> {
        self.enter(Level::List)?;
        let mut list = Vec::new();
        loop {
            self.skip_between();
            match self.peek() {
                None => break,
                Some(']') => {
                    self.take_char();
                    break;
                }
                Some('}') if self.is_within(Level::Object) => break,
                Some('}' | ':') => self.take_char(),
                Some(_) => list.push(self.read_value(Level::List)?),
            }
        }
        self.open.pop();
        Some(list)
    }

    /// There is something to read, and it is no end.
    fn read_value(&mut self, within: Level) -> Option<Value> {
        match self.peek()? {
            '{' => {
                self.take_char();
                self.read_object().map(Value::Object)
            }
            '[' => {
                self.take_char();
                self.read_list().map(Value::Array)
            }
            quote if closing(quote).is_some() => Some(Value::String(self.read_text(Some(within)))),
            _ => Some(self.read_bare()),
        }
    }

    fn read_key(&mut self) -> String {
        if self.peek().and_then(closing).is_some() {
            return self.read_text(None);
        }
        let end = self.rest.find([':', '\u{ff1a}', '=', ',', '\u{ff0c}', '{', '}', '[', ']', '\n']);
        let (key, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        // An end that belongs to nothing is stepped over, so that reading goes on.
        if key.is_empty() {
            self.take_char();
        }
        key.trim().to_owned()
    }

    /// A text in quotes; without `within` it is a key.
    fn read_text(&mut self, within: Option<Level>) -> String {
        let Some(end) = self.peek().and_then(closing) else { return String::new() };
        self.take_char();
        let mut text = String::new();
        while let Some(character) = self.peek() {
            self.take_char();
            match character {
                '\\' => self.read_escape(&mut text),
                _ if character == end && self.ends_text(within) => return text,
                _ => text.push(character),
            }
        }
        text
    }

    fn read_escape(&mut self, text: &mut String) {
        let Some(character) = self.peek() else { return };
        self.take_char();
        match character {
            'n' => text.push('\n'),
            't' => text.push('\t'),
            'r' => text.push('\r'),
            'b' => text.push('\u{8}'),
            'f' => text.push('\u{c}'),
            'u' => {
                let Some(unit) = self.read_unit() else { return };
                let mut units = vec![unit];
                // The second half of a character beyond the first 65,536.
                if (0xd800..0xdc00).contains(&unit)
                    && let Some(rest) = self.rest.strip_prefix("\\u")
                {
                    let before = std::mem::replace(&mut self.rest, rest);
                    match self.read_unit() {
                        Some(second) if (0xdc00..0xe000).contains(&second) => units.push(second),
                        _ => self.rest = before,
                    }
                }
                text.push_str(&String::from_utf16_lossy(&units));
            }
            other => text.push(other),
        }
    }

    fn read_unit(&mut self) -> Option<u16> {
        let digits = self.rest.get(..4).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
        self.rest = &self.rest[4..];
        u16::from_str_radix(digits, 16).ok()
    }

    /// Behind a quote: whether it is the end of the text, by what follows.
    fn ends_text(&self, within: Option<Level>) -> bool {
        let rest = self.rest.trim_start();
        let Some(next) = rest.chars().next() else { return true };
        let Some(within) = within else { return matches!(next, ':' | '\u{ff1a}' | '=' | '}') };
        match next {
            '}' | ']' => true,
            // Comments follow values.
            '/' => rest.starts_with("//") || rest.starts_with("/*"),
            ',' | '\u{ff0c}' => {
                let rest = rest[next.len_utf8()..].trim_start();
                match within {
                    Level::Object => begins_key(rest),
                    Level::List => begins_value(rest),
                }
            }
            // A comma was forgotten. Within a text a quote is seldom followed by a blank and another.
            _ => match within {
                Level::Object => closing(next).is_some() && begins_key(rest),
                Level::List => closing(next).is_some() && rest.len() < self.rest.len(),
            },
        }
    }

    /// A number, a word that JSON or its neighbours know, or a text without quotes.
    fn read_bare(&mut self) -> Value {
        let end = self.rest.find([',', '\u{ff0c}', '}', ']', '\n']);
        let (text, _) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        let text = text.split("//").next().unwrap_or_default();
        self.rest = &self.rest[text.len()..];
        let text = text.trim();
        match text {
            "true" | "True" | "TRUE" => true.into(),
            "false" | "False" | "FALSE" => false.into(),
            "" | "null" | "None" | "NULL" | "undefined" | "NaN" => Value::Null,
            _ => {
                let number = text.strip_prefix('+').unwrap_or(text);
                serde_json::from_str::<serde_json::Number>(number).map_or_else(|_| text.into(), Value::Number)
            }
        }
    }

    fn enter(&mut self, level: Level) -> Option<()> {
        self.open.push(level);
        (self.open.len() <= limits::JSON_DEPTH).then_some(())
    }

    /// Whether one of the levels around the one that is read is of this kind.
    fn is_within(&self, level: Level) -> bool {
        self.open.iter().rev().skip(1).any(|open| *open == level)
    }

    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn take_char(&mut self) {
        let mut characters = self.rest.chars();
        characters.next();
        self.rest = characters.as_str();
    }

    fn take_colon(&mut self) -> bool {
        let rest = self.rest;
        for colon in [":", "\u{ff1a}", "=>", "="] {
            if let Some(rest) = rest.strip_prefix(colon) {
                self.rest = rest;
                return true;
            }
        }
        false
    }

    /// Blanks, commas and comments.
    fn skip_between(&mut self) {
        loop {
            self.skip_blanks();
            match self.rest.strip_prefix([',', '\u{ff0c}', ';']) {
                Some(rest) => self.rest = rest,
                None => return,
            }
        }
    }

    fn skip_blanks(&mut self) {
        loop {
            self.rest = self.rest.trim_start();
            let end = if self.rest.starts_with("//") || self.rest.starts_with('#') {
                self.rest.find('\n')
            } else if self.rest.starts_with("/*") {
                self.rest.find("*/").map(|at| at + 2)
            } else {
                return;
            };
            self.rest = &self.rest[end.unwrap_or(self.rest.len())..];
        }
    }
}

/// The quote that ends what this one begins.
fn closing(quote: char) -> Option<char> {
    match quote {
        '"' | '\'' | '`' => Some(quote),
        '“' => Some('”'),
        '‘' => Some('’'),
        _ => None,
    }
}

/// Whether a key with its colon may stand here, or nothing more comes.
fn begins_key(text: &str) -> bool {
    let Some(first) = text.chars().next() else { return true };
    if matches!(first, '}' | ']' | '/' | '#') {
        return true;
    }
    let mut characters = text.chars().take(AHEAD);
    if let Some(end) = closing(first) {
        characters.next();
        let mut escaped = false;
        let ended = characters.by_ref().any(|character| {
            let ends = character == end && !escaped;
            escaped = character == '\\' && !escaped;
            ends
        });
        // Too long to tell, or cut off: then it is taken for one.
        return !ended || characters.find(|c| !c.is_whitespace()).is_none_or(|c| matches!(c, ':' | '\u{ff1a}' | '='));
    }
    let end = characters.find(|c| !(c.is_alphanumeric() || matches!(c, '_' | '-' | '$' | ' ')));
    end.is_some_and(|c| matches!(c, ':' | '\u{ff1a}'))
}

/// Whether an item of a list may stand here, or nothing more comes.
fn begins_value(text: &str) -> bool {
    let Some(first) = text.chars().next() else { return true };
    let is_word = || ["true", "false", "null", "True", "False", "None"].iter().any(|word| text.starts_with(word));
    closing(first).is_some()
        || first.is_ascii_digit()
        || matches!(first, '{' | '[' | ']' | '}' | '-' | '/' | '#')
        || is_word()
}
