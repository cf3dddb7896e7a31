//! Prefixes that runners and loggers put before each line. Rule: a prefix is recognised by its form and not by its
//! writer; exactly one blank after it is removed, so that indentation is kept; a level, a test result or a location is
//! never part of it.
//!
//! A time is recognised by itself. Names (`valve-1  | `, `[stage] `, `web:build: `) are removed only if most lines have
//! one of the same form, so the first lines of a log are held until there are [`SAMPLE_LINES`] or the log ends.

use serde::{Deserialize, Serialize};

/// Lines by which the form of names is detected; as many are held at the beginning of a log.
pub const SAMPLE_LINES: usize = 16;
/// After that, one line in so many is checked for a change of form.
const SAMPLE_EVERY: u64 = 8;
/// Lines after which the counts are halved.
const HALVING_LINES: u32 = 256;
/// Upper bound of the names that are removed from one line.
const MAX_NAMES: usize = 4;
/// Upper bound of a name, in bytes.
const MAX_NAME_BYTES: usize = 64;

/// Words that are never a prefix, in lower case: levels and test results.
const NEVER_PREFIXES: [&str; 46] = [
    "error",
    "errors",
    "err",
    "warning",
    "warn",
    "info",
    "debug",
    "trace",
    "fatal",
    "critical",
    "severe",
    "notice",
    "note",
    "help",
    "hint",
    "panic",
    "e",
    "w",
    "f",
    "fail",
    "failed",
    "failure",
    "pass",
    "passed",
    "ok",
    "not ok",
    "run",
    "skip",
    "skipped",
    "xfail",
    "xpass",
    "todo",
    "done",
    "success",
    "timeout",
    "abort",
    "aborted",
    "错误",
    "警告",
    "信息",
    "caused by",
    "exception",
    "make",
    "gmake",
    "disabled",
    "test",
];

/// The form of a name, by its delimiters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// `[stage] `
    Bracket,
    /// `valve-1  | `
    Bar,
    /// `job⇥step⇥`
    Tab,
    /// `web:build: `
    Colon,
}

/// Number of lines with a name of each form.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Prefixes {
    counts: [u32; 4],
    lines: u32,
    read: u64,
}

/// A line without its prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stripped<'a> {
    pub text: &'a str,
    /// True if a prefix was removed, so that a level may follow other words of a logger.
    pub had_prefix: bool,
}

impl Prefixes {
    /// Counts the forms of the names before a line.
    pub fn observe(&mut self, line: &str) {
        self.read += 1;
        if self.read > 4 * SAMPLE_LINES as u64 && !self.read.is_multiple_of(SAMPLE_EVERY) {
            return;
        }
        let mut rest = line;
        let mut found = [false; 4];
        for _ in 0..2 * MAX_NAMES {
            if let Some(rest_after) = after_time(rest) {
                rest = rest_after;
            } else if let Some((form, rest_after)) = name(rest) {
                found[form as usize] = true;
                rest = rest_after;
            } else {
                break;
            }
        }
        self.lines += 1;
        for (count, found) in self.counts.iter_mut().zip(found) {
            *count += u32::from(found);
        }
        if self.lines >= HALVING_LINES {
            self.lines /= 2;
            self.counts.iter_mut().for_each(|count| *count /= 2);
        }
    }

    /// Removes the prefix of a line.
    pub fn strip<'a>(&self, line: &'a str) -> Stripped<'a> {
        let mut text = line;
        let mut colons = 0;
        for _ in 0..2 * MAX_NAMES {
            if let Some(rest_after) = after_time(text) {
                text = rest_after;
            } else if let Some((form, rest_after)) =
                self.any().then(|| name(text)).flatten().filter(|(form, _)| self.is_common(*form) && colons == 0)
            {
                // The text after a second colon is the message itself.
                colons += u8::from(form == Form::Colon);
                // After a name in brackets some tools draw a bar.
                let barred = (form == Form::Bracket).then(|| rest_after.trim_start().strip_prefix("| ")).flatten();
                text = barred.unwrap_or(rest_after);
            } else {
                break;
            }
        }
        Stripped { text, had_prefix: text.len() != line.len() }
    }

    /// True if most lines have a name of this form; if there are only two or three lines, all of them.
    fn is_common(&self, form: Form) -> bool {
        let count = self.counts[form as usize];
        let few = form == Form::Colon || count < self.lines;
        count * 5 >= self.lines * 3 && count > 0 && (count >= 4 || !few)
    }

    fn any(&self) -> bool {
        [Form::Bracket, Form::Bar, Form::Tab, Form::Colon].into_iter().any(|form| self.is_common(form))
    }
}

/// The text after a name, whether other lines have one or not.
pub(super) fn after_name(text: &str) -> Option<&str> {
    name(text).map(|(_, rest_after)| rest_after)
}

/// The form of the name before a line, and the text after it.
fn name(text: &str) -> Option<(Form, &str)> {
    let first = text.chars().next()?;
    if first.is_whitespace() {
        return None;
    }
    let head = &text[..text.floor_char_boundary(MAX_NAME_BYTES)];
    bracketed(text, head).or_else(|| barred(text, head)).or_else(|| tabbed(text, head)).or_else(|| colon(text, head))
}

/// `[stage] `, `(web) `
fn bracketed<'a>(text: &'a str, head: &str) -> Option<(Form, &'a str)> {
    let close = match head.as_bytes()[0] {
        b'[' => "]",
        b'(' => ")",
        _ => return None,
    };
    let end = head.find(close)?;
    let inner = head[1..end].trim();
    let rest = &text[end + 1..];
    let rest = rest.strip_prefix(':').unwrap_or(rest);
    if inner.is_empty() || is_never_prefix(inner) || is_location(inner) {
        return None;
    }
    let rest = if rest.is_empty() { rest } else { rest.strip_prefix([' ', '\t'])? };
    Some((Form::Bracket, rest))
}

/// `valve-1  | `, `web │ `: different names with the same column.
fn barred<'a>(text: &'a str, head: &str) -> Option<(Form, &'a str)> {
    let (at, bar) = head.char_indices().find(|(_, letter)| matches!(letter, '|' | '│' | '┃'))?;
    let name = head[..at].trim_end();
    let is_name = name.chars().any(char::is_alphabetic)
        && name.chars().all(|letter| letter.is_alphanumeric() || "-_./:@+#".contains(letter));
    if !is_name || name.ends_with(':') || is_never_prefix(name) || is_location(name) {
        return None;
    }
    let rest = &text[at + bar.len_utf8()..];
    let rest = if rest.is_empty() { rest } else { rest.strip_prefix(' ')? };
    Some((Form::Bar, rest))
}

/// `job⇥step⇥`, one after the other.
fn tabbed<'a>(text: &'a str, head: &str) -> Option<(Form, &'a str)> {
    let at = head.find('\t')?;
    let name = head[..at].trim();
    (!name.is_empty() && !is_never_prefix(name) && !is_location(name) && !name.contains(": ") && !name.ends_with(':'))
        .then(|| (Form::Tab, &text[at + 1..]))
}

/// `web:build: `, `packages/api test: `, `proc[12]: `; a single word is a program with a message.
fn colon<'a>(text: &'a str, head: &str) -> Option<(Form, &'a str)> {
    // Of an empty line the trailing blank has been removed.
    let at = head.find(": ").or_else(|| text.strip_suffix(':').map(str::len).filter(|at| *at < head.len()))?;
    let name = &head[..at];
    let first = name.split([' ', '[']).next().filter(|first| !first.starts_with(['/', '.']))?;
    let known = |letter: char| letter.is_alphanumeric() || " -_./:@+#[]".contains(letter);
    let compound = name.contains([':', '/', '@', '#', '[']) && name.chars().all(known) && !name.contains("::");
    (compound
        && name.split(' ').count() <= 3
        && !is_never_prefix(name)
        && !is_never_prefix(first)
        && !is_location(name))
    .then(|| (Form::Colon, text.get(at + 2..).unwrap_or_default()))
}

fn is_never_prefix(name: &str) -> bool {
    let bare = name.trim_matches(|letter: char| !letter.is_alphanumeric());
    // The word alone, or with a tool's suffix (`error[E0308]`, `W/Tag`).
    let first = bare.bytes().next().map_or(0, |byte| byte.to_ascii_lowercase());
    let starts = |word: &&str| {
        word.as_bytes()[0] == first
            && bare.as_bytes().get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word.as_bytes()))
            && bare[word.len()..].chars().next().is_none_or(|letter| "[(/:!".contains(letter))
    };
    NEVER_PREFIXES.iter().any(starts) || bare.is_empty() && !name.bytes().any(|byte| byte.is_ascii_digit())
}

/// A file with a line, or a path in front of a message: a compiler error and no prefix.
fn is_location(name: &str) -> bool {
    if !name.contains(['.', ':', '(']) {
        return false;
    }
    crate::sanitize::Location::read(&format!("{name}:")).is_some()
        || crate::sanitize::Location::find(name).is_some()
        || name.contains('.') && crate::sanitize::Location::new(name, None).is_some()
}

/// The text after a time in any notation, also in brackets, or after the clock of a step.
fn after_time(text: &str) -> Option<&str> {
    let bytes = text.as_bytes();
    let first = *bytes.first()?;
    match first {
        b'[' | b'(' => {
            let end = text.find([']', ')']).filter(|end| *end <= 48)?;
            let inner = text[1..end].trim();
            let (length, _) = time_len(inner)?;
            let rest = (length == inner.len()).then_some(&text[end + 1..])?;
            // Some tools put the level or the stream after the bracket: `[09:00:00]W:⇥ `.
            let marked = rest.strip_prefix(['W', 'E', 'F', 'i', ' ']).unwrap_or(rest).strip_prefix(':');
            match marked {
                Some(rest) => {
                    let rest = after_blank(rest)?;
                    Some(rest.strip_prefix(' ').filter(|rest| rest.starts_with('[')).unwrap_or(rest))
                }
                None => after_blank(rest),
            }
        }
        // The priority of syslog.
        b'<' => {
            let (number, rest) = text[1..].split_once('>')?;
            ((1..=3).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit())).then_some(rest)
        }
        b'#' => {
            let digits = bytes[1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
            let rest = (digits > 0).then(|| text[1 + digits..].strip_prefix(' '))??;
            Some(rest.split_once(' ').filter(|(word, _)| is_clock(word)).map_or(rest, |(_, rest)| rest))
        }
        _ if first.is_ascii_digit() || first.is_ascii_uppercase() => {
            let (length, marked) = time_len(text)?;
            let rest = &text[length..];
            // GitLab puts the stream of a line after its time: `00O`, `01E+`.
            let stream = rest.strip_prefix(' ').filter(|_| marked).and_then(|rest| {
                let mark = rest.as_bytes().get(..3)?;
                let known = mark[..2].iter().all(u8::is_ascii_hexdigit) && matches!(mark[2], b'O' | b'E');
                known.then(|| rest[3..].strip_prefix(['+', ' ']).unwrap_or(&rest[3..]))
            });
            stream.or_else(|| after_blank(rest))
        }
        _ => None,
    }
}

/// Removes the one blank that is required here.
fn after_blank(rest: &str) -> Option<&str> {
    if rest.is_empty() { Some(rest) } else { rest.strip_prefix([' ', '\t']) }
}

/// The length of the time at the beginning of a text, and whether it has a time zone.
fn time_len(text: &str) -> Option<(usize, bool)> {
    let bytes = text.as_bytes();
    let mut at = date(bytes);
    if at > 0 {
        if !matches!(bytes.get(at), Some(b' ' | b'T')) {
            return None;
        }
        at += 1;
    } else {
        at = month(text);
    }
    let Some(clock) = clock(&bytes[at..]) else {
        // Seconds since the epoch, or since a step began.
        let word = text.split([' ', '\t']).next()?;
        return is_clock(word).then_some((word.len(), false));
    };
    at += clock;
    if matches!(bytes.get(at), Some(b'.' | b',')) {
        let digits = bytes[at + 1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        at += if digits > 0 { digits + 1 } else { 0 };
    }
    let zone = match bytes.get(at) {
        Some(b'Z') => 1,
        Some(b'+' | b'-') => {
            let length = bytes[at + 1..].iter().take_while(|byte| byte.is_ascii_digit() || **byte == b':').count();
            if length >= 2 { length + 1 } else { 0 }
        }
        _ => 0,
    };
    Some((at + zone, zone > 0))
}

/// `2026-11-30`, `2026/11/30`, `30.11.2026`, `11-30`
fn date(bytes: &[u8]) -> usize {
    let end = bytes.iter().take_while(|byte| byte.is_ascii_digit() || b"-/.".contains(byte)).count();
    let mut parts = bytes[..end].split(|byte| !byte.is_ascii_digit());
    let lengths: [usize; 3] = std::array::from_fn(|_| parts.next().map_or(0, <[u8]>::len));
    let known = matches!(lengths, [4, 2, 2] | [2, 2, 4] | [2, 2, 0]);
    if known && parts.next().is_none() { end } else { 0 }
}

/// `Nov 30 `, `Mon Nov 30 `
fn month(text: &str) -> usize {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    let skip = DAYS.iter().find_map(|day| text.strip_prefix(day)?.strip_prefix(' ')).map_or(0, |_| 4);
    let Some(rest) = MONTHS.iter().find_map(|month| text[skip..].strip_prefix(month)?.strip_prefix(' ')) else {
        return 0;
    };
    let day = rest.trim_start();
    let digits = day.bytes().take_while(u8::is_ascii_digit).count();
    let is_day = (1..=2).contains(&digits) && day[digits..].starts_with(' ');
    if is_day { text.len() - day.len() + digits + 1 } else { 0 }
}

/// `09:00:00`
fn clock(bytes: &[u8]) -> Option<usize> {
    let digits = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let start = if digits(1) { 2 } else { 1 };
    let fits = (0..start).all(digits)
        && bytes.get(start) == Some(&b':')
        && digits(start + 1)
        && digits(start + 2)
        && bytes.get(start + 3) == Some(&b':')
        && digits(start + 4)
        && digits(start + 5)
        && !digits(start + 6);
    fits.then_some(start + 6)
}

/// `12.345`: seconds.
fn is_clock(word: &str) -> bool {
    let decimals = word.split_once('.').map_or(0, |(_, decimals)| decimals.len());
    matches!(decimals, 2..=3 | 6) && word.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stripped(lines: &[&str]) -> Vec<String> {
        let mut prefixes = Prefixes::default();
        lines.iter().for_each(|line| prefixes.observe(line));
        lines.iter().map(|line| prefixes.strip(line).text.to_owned()).collect()
    }

    #[test]
    fn times_are_taken_off_in_every_notation() {
        for time in [
            "2026-11-30T09:00:00.1234567Z ",
            "[2026-11-30T09:00:00.123Z] ",
            "2026-11-30 09:00:00,123 ",
            "2026-11-30T09:00:00+08:00 ",
            "2026/11/30 09:00:00 ",
            "30.11.2026 09:00:00 ",
            "09:00:00 ",
            "[9:00:00] ",
            "[09:00:00.123]: ",
            "Nov 30 09:00:00 ",
            "Mon Nov  3 09:00:00 ",
            "11-30 09:00:00.123 ",
            "2026-11-30T09:00:00.123456Z 00O ",
            "2026-11-30T09:00:00.123456Z 01E+",
            "[   12.345678] ",
            "12.345 ",
            "#12 0.345 ",
            "#12 ",
        ] {
            assert_eq!(stripped(&[&format!("{time}  --> src/a.rs:1:2")]), ["  --> src/a.rs:1:2"], "{time}");
        }
    }

    #[test]
    fn names_that_most_lines_have_are_taken_off() {
        for (one, other) in [
            ("valve-1  | ", "database-12  | "),
            ("web │ ", "api │ "),
            ("[stage one] ", "[stage one] "),
            ("[pod/shop-7f/app] ", "[pod/shop-8e/app] "),
            ("[0] ", "[1] "),
            ("web:build: ", "web:build: "),
            ("packages/api test: ", "packages/api test: "),
            ("build\tRun make\t2026-11-30T09:00:00.1Z ", "build\tRun make\t2026-11-30T09:00:01.1Z "),
            ("Nov 30 09:00:00 web-1 shop[12]: ", "Nov 30 09:00:01 web-1 shop[13]: "),
            ("[12:00:00] [main] ", "[12:00:01] [main] "),
        ] {
            let bare = ["src/a.c:1:2: error: no", " --> src/lib.rs:1:33", "error[E0308]: no", "    at x"];
            let lines: Vec<String> = bare
                .iter()
                .enumerate()
                .map(|(at, line)| format!("{}{line}", if at % 2 == 0 { one } else { other }))
                .collect();
            assert_eq!(stripped(&lines.iter().map(String::as_str).collect::<Vec<_>>()), bare, "{one}");
        }
    }

    #[test]
    fn levels_verdicts_and_places_stay() {
        for line in [
            "[ERROR] src/A.java:[3,4] no",
            "error: no",
            "E/Shop: no",
            "W/Shop( 12): no",
            "[ RUN      ] Shop.adds",
            "[  FAILED  ] Shop.adds (0 ms)",
            "src/a.c:1:2: error: no",
            "src/a.ts(1,2): error TS1: no",
            "make[1]: *** [Makefile:3: all] Error 2",
            "npm ERR! code 1",
            "FAIL\tshop\t0.1s",
            "ok  \tshop\t0.1s",
            "12 | pub fn open() {}",
            "   | ^^^",
            "go: module x: not found",
            "test a::b ... ok",
            "12:5  error  no  no-undef",
            "[错误] no",
            "[error] no",
        ] {
            assert_eq!(stripped(&[line; 8]), [line; 8]);
        }
    }
}
