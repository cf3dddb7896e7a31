//! Repairs damaged JSON: wrong or missing quotes, unescaped quotes within strings, comments, missing or extra commas,
//! truncation. Rule: every step consumes text and the nesting depth is bounded, so any text takes linear time and
//! little stack.
//!
//! A parser of our own: the library that was tried first (jsonrepair 0.1.0) does not return from some texts of twenty
//! characters and exhausts the memory meanwhile, and a model may answer anything.

use crate::limits;
use serde_json::{Map, Value};

/// Opening braces that are tried as the start of the object: prose with braces may precede it.
const STARTS: usize = 8;

/// Lookahead to distinguish a closing quote from one within a string, in characters.
const LOOKAHEAD: usize = 256;

/// The first non-empty object in a text. `None` if there is none, or it is nested too deeply.
pub(crate) fn repair_object(text: &str) -> Option<Map<String, Value>> {
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
    /// The open levels, including the current one.
    open: Vec<Level>,
}

impl Reader<'_> {
    /// Reads from after the opening brace to after the closing one. `None` if it is nested too deeply.
    fn read_object(&mut self) -> Option<Map<String, Value>> {
        self.enter(Level::Object)?;
        let mut object = Map::new();
        loop {
            self.skip_between();
            match self.peek() {
                None => break,
                Some('}') => {
                    self.skip_char();
                    break;
                }
                // The end of an enclosing list: this object's own end is missing.
                Some(']') if self.is_within(Level::List) => break,
                Some(']' | '{' | '[' | ':') => self.skip_char(),
                Some(_) => {
                    let key = self.read_key();
                    self.skip_blanks();
                    if !self.skip_colon() {
                        // A truncated key, or a stray word.
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
                    self.skip_char();
                    break;
                }
                Some('}') if self.is_within(Level::Object) => break,
                Some('}' | ':') => self.skip_char(),
                Some(_) => list.push(self.read_value(Level::List)?),
            }
        }
        self.open.pop();
        Some(list)
    }

    /// Requires a next character that is not an end.
    fn read_value(&mut self, within: Level) -> Option<Value> {
        match self.peek()? {
            '{' => {
                self.skip_char();
                self.read_object().map(Value::Object)
            }
            '[' => {
                self.skip_char();
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
        // Skip an end that closes nothing, so that reading makes progress.
        if key.is_empty() {
            self.skip_char();
        }
        key.trim().to_owned()
    }

    /// A quoted string; without `within` it is a key.
    fn read_text(&mut self, within: Option<Level>) -> String {
        let Some(end) = self.peek().and_then(closing) else { return String::new() };
        self.skip_char();
        let mut text = String::new();
        while let Some(character) = self.peek() {
            self.skip_char();
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
        self.skip_char();
        match character {
            'n' => text.push('\n'),
            't' => text.push('\t'),
            'r' => text.push('\r'),
            'b' => text.push('\u{8}'),
            'f' => text.push('\u{c}'),
            'u' => {
                let Some(unit) = self.read_unit() else { return };
                let mut units = vec![unit];
                // The low surrogate of a pair.
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

    /// Whether the quote just read ends the string, judged by what follows.
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
            // A missing comma. Within a string a quote is rarely followed by a blank and another quote.
            _ => match within {
                Level::Object => closing(next).is_some() && begins_key(rest),
                Level::List => closing(next).is_some() && rest.len() < self.rest.len(),
            },
        }
    }

    /// A number, a literal of JSON or a similar language, or an unquoted string.
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

    /// Whether an enclosing level is of this kind.
    fn is_within(&self, level: Level) -> bool {
        self.open.iter().rev().skip(1).any(|open| *open == level)
    }

    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn skip_char(&mut self) {
        let mut characters = self.rest.chars();
        characters.next();
        self.rest = characters.as_str();
    }

    fn skip_colon(&mut self) -> bool {
        let rest = self.rest;
        for colon in [":", "\u{ff1a}", "=>", "="] {
            if let Some(rest) = rest.strip_prefix(colon) {
                self.rest = rest;
                return true;
            }
        }
        false
    }

    /// Skips whitespace, commas and comments.
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

/// The closing quote for an opening one.
fn closing(quote: char) -> Option<char> {
    match quote {
        '"' | '\'' | '`' => Some(quote),
        '“' => Some('”'),
        '‘' => Some('’'),
        _ => None,
    }
}

/// Whether a key with its colon may start here, or nothing follows.
fn begins_key(text: &str) -> bool {
    let Some(first) = text.chars().next() else { return true };
    if matches!(first, '}' | ']' | '/' | '#') {
        return true;
    }
    let mut characters = text.chars().take(LOOKAHEAD);
    if let Some(end) = closing(first) {
        characters.next();
        let mut escaped = false;
        let ended = characters.by_ref().any(|character| {
            let ends = character == end && !escaped;
            escaped = character == '\\' && !escaped;
            ends
        });
        // Too long to decide, or truncated: assume a key.
        return !ended || characters.find(|c| !c.is_whitespace()).is_none_or(|c| matches!(c, ':' | '\u{ff1a}' | '='));
    }
    let end = characters.find(|c| !(c.is_alphanumeric() || matches!(c, '_' | '-' | '$' | ' ')));
    end.is_some_and(|c| matches!(c, ':' | '\u{ff1a}'))
}

/// Whether a list item may start here, or nothing follows.
fn begins_value(text: &str) -> bool {
    let Some(first) = text.chars().next() else { return true };
    let is_word = || ["true", "false", "null", "True", "False", "None"].iter().any(|word| text.starts_with(word));
    closing(first).is_some()
        || first.is_ascii_digit()
        || matches!(first, '{' | '[' | ']' | '}' | '-' | '/' | '#')
        || is_word()
}
