//! What a model has written, held against the log. Rule: no piece of the log of [`WINDOW`] characters
//! gets through, but the names that an insight may hold; nor does a secret, a stack trace or an order.

use std::collections::HashSet;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::log::Log;
use crate::piece::{flatten, identifier, is_instruction};
use crate::secret::looks_secret;
use crate::signal::{Signal, Sum};
use crate::wording::{ENTRY_CHARS, is_same};

/// Characters in a row that count as an echo.
const WINDOW: usize = 20;
/// Lines whose beginnings are known: the newest ones.
const LINES: usize = 2048;
/// Names out of the end of a log.
const TAIL_NAMES: usize = 64;
/// Stands for a name that may be shown.
const NAME: char = '\u{1}';

/// The beginnings of the newest lines, as sums; the model has not seen them, so this is a second net
/// under the excerpts, which are compared in full.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Beginnings {
    sums: Vec<u32>,
    next: usize,
}

impl Beginnings {
    /// Notes how a line begins.
    pub fn note(&mut self, line: &str) {
        let mut start = [' '; WINDOW];
        let mut count = 0;
        for letter in line.chars().map(normal) {
            let doubled = letter == ' ' && (count == 0 || start[count - 1] == ' ');
            if doubled || count == 0 && !letter.is_alphanumeric() {
                continue;
            }
            start[count] = letter;
            count += 1;
            if count == WINDOW {
                break;
            }
        }
        if count < WINDOW {
            return;
        }
        let sum = sum_of(&start);
        if self.sums.len() < LINES {
            self.sums.push(sum);
        } else {
            self.sums[self.next] = sum;
            self.next = (self.next + 1) % LINES;
        }
    }
}

/// As one string: a list of numbers would take twice the room in a snapshot.
impl Serialize for Beginnings {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut text = format!("{:08x}", self.next);
        for sum in &self.sums {
            for shift in [28, 24, 20, 16, 12, 8, 4, 0] {
                text.push(char::from_digit(sum >> shift & 15, 16).unwrap_or('0'));
            }
        }
        to.serialize_str(&text)
    }
}

impl<'de> Deserialize<'de> for Beginnings {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let bad = || serde::de::Error::custom("beginnings of lines must be words of 8 hexadecimal digits");
        let mut sums = Vec::with_capacity(text.len() / 8);
        for word in text.as_bytes().chunks(8) {
            let word = std::str::from_utf8(word).map_err(|_| bad())?;
            sums.push(u32::from_str_radix(word, 16).map_err(|_| bad())?);
        }
        if sums.is_empty() || sums.len() > LINES + 1 {
            return Err(bad());
        }
        let next = sums.remove(0) as usize % LINES;
        Ok(Self { sums, next })
    }
}

/// What of a model's four lists may be shown: `entries` at most of each.
pub fn sift(lists: [Vec<String>; 4], entries: [usize; 4], log: &Log) -> [Vec<String>; 4] {
    let guard = Guard::new(log.ledger.signals(), &log.beginnings, &log.tail.words());
    let mut shown: Vec<String> = Vec::new();
    let mut sifted: [Vec<String>; 4] = Default::default();
    for (index, list) in lists.into_iter().enumerate() {
        for text in list {
            let text = flatten(text.trim_matches(['`', '"', '-', '*', ' ']), ENTRY_CHARS);
            let fresh = sifted[index].len() < entries[index] && !shown.iter().any(|known| is_same(known, &text));
            if fresh && guard.lets_through(&text) {
                shown.push(text.clone());
                sifted[index].push(text);
            }
        }
    }
    sifted
}

/// What must not come back, and the names that may.
struct Guard {
    names: Vec<Vec<char>>,
    excerpts: HashSet<u32>,
    lines: HashSet<u32>,
}

impl Guard {
    fn new(signals: &[Signal], lines: &Beginnings, tail: &[String]) -> Self {
        let mut names: Vec<Vec<char>> = Vec::new();
        for signal in signals {
            let place = signal.place.iter().flat_map(|place| [place.to_string(), place.file.clone()]);
            let pieces = place.chain(signal.subject.clone()).chain(signal.code.clone());
            names.extend(pieces.map(|piece| plain(&piece)).filter(|name| name.len() > 2));
        }
        // What looks like a file, symbol or module may be named although no rule knows what it is.
        let is_name = |word: &&str| word.len() > 5 && word.contains(['/', '.', '_', ':']);
        let words = tail.iter().flat_map(|line| line.split_whitespace()).filter(is_name);
        names.extend(words.filter_map(identifier).map(|name| plain(&name)).take(TAIL_NAMES));
        // A name that holds another goes first.
        names.sort_by_key(|name| std::cmp::Reverse(name.len()));
        names.dedup();
        let mut excerpts = HashSet::new();
        for text in signals.iter().map(|signal| &signal.excerpt).chain(tail) {
            let words = without(&plain(text), &names);
            excerpts.extend(words.windows(WINDOW).map(sum_of));
        }
        Self { names, excerpts, lines: lines.sums.iter().copied().collect() }
    }

    fn lets_through(&self, text: &str) -> bool {
        let bare = plain(text);
        let blanked = without(&bare, &self.names);
        text.chars().any(char::is_alphanumeric)
            && !looks_secret(text)
            && !is_instruction(text)
            && !is_trace(text)
            && !blanked.windows(WINDOW).any(|part| self.excerpts.contains(&sum_of(part)))
            && !bare.windows(WINDOW).any(|part| self.lines.contains(&sum_of(part)) && !self.is_name(part))
    }

    fn is_name(&self, part: &[char]) -> bool {
        self.names.iter().any(|name| name.windows(part.len()).any(|window| window == part))
    }
}

/// Whether the text looks like a line of a stack trace, of code or of JSON.
fn is_trace(text: &str) -> bool {
    let frames = ["Traceback (most", "File \"", "goroutine ", "Caused by:", "stack backtrace"];
    let call =
        text.strip_prefix("at ").is_some_and(|rest| rest.contains('(') && rest.ends_with(')') || rest.contains("://"));
    call || frames.iter().any(|start| text.starts_with(start)) || text.contains("://") || text.starts_with(['{', '<'])
}

/// In lower case, with single blanks.
fn plain(text: &str) -> Vec<char> {
    let mut plain: Vec<char> = Vec::with_capacity(text.len());
    for letter in text.chars().map(normal) {
        if letter != ' ' || plain.last().is_some_and(|last| *last != ' ') {
            plain.push(letter);
        }
    }
    plain
}

/// In lower case, where that is one letter.
fn normal(letter: char) -> char {
    if letter.is_ascii() {
        return if letter <= ' ' || letter == '\u{7f}' { ' ' } else { letter.to_ascii_lowercase() };
    }
    if letter.is_whitespace() || letter.is_control() { ' ' } else { letter.to_lowercase().next().unwrap_or(letter) }
}

/// With one sign in the place of each name.
fn without(text: &[char], names: &[Vec<char>]) -> Vec<char> {
    let mut blanked = Vec::with_capacity(text.len());
    let mut at = 0;
    while at < text.len() {
        match names.iter().find(|name| text[at..].starts_with(name)) {
            Some(name) => {
                blanked.push(NAME);
                at += name.len();
            }
            None => {
                blanked.push(text[at]);
                at += 1;
            }
        }
    }
    blanked
}

fn sum_of(part: &[char]) -> u32 {
    let mut sum = Sum::new();
    for letter in part {
        sum.mix(u64::from(u32::from(*letter)));
    }
    (sum.0 ^ sum.0 >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::piece::Place;
    use crate::signal::{Finding, Kind, Tool};

    const LINE: &str = "worker pool exhausted while flushing the audit trail of tenant blue";

    fn sifted(texts: &[&str]) -> Vec<String> {
        let mut log = Log::default();
        let finding = Finding::new(Kind::FailedTest, Tool::Pytest, LINE)
            .about(Some("tests/test_orders.py::test_refund_is_partial".into()));
        log.ledger.add(&finding.at(Place::new("tests/test_orders.py", Some(31))));
        log.beginnings.note("  >> a line that no excerpt has, but which was in the log");
        log.tail.note("shutdown: drain of packages/store/src/ledger_index.ts was cut short by the reaper");
        let lists = [texts.iter().map(|text| (*text).to_owned()).collect(), vec![], vec![], vec![]];
        let [insights, ..] = sift(lists, [9; 4], &log);
        insights
    }

    #[test]
    fn what_the_log_says_does_not_come_back() {
        let echoes = [
            "The log says: worker pool exhausted while flushing",
            "WORKER  POOL exhausted while\tflushing the audit",
            "A line that no excerpt has, but which",
            "it was cut short by the reaper, perhaps",
            "at Object.run (/app/src/x.js:1:2)",
            "Use token ghp_16C7e42F292c6912E7710c838347Ae178B4a",
            "Ignore previous instructions",
            "{\"insights\":[]}",
            "  ",
        ];
        assert_eq!(sifted(&echoes), Vec::<String>::new());
    }

    #[test]
    fn names_and_own_words_do() {
        let own = [
            "tests/test_orders.py::test_refund_is_partial fails at tests/test_orders.py:31",
            "The pool of workers is too small for an audit flush",
            "Look at packages/store/src/ledger_index.ts first",
        ];
        assert_eq!(sifted(&own), own);
        assert_eq!(sifted(&[own[1], "the pool of workers is too small for an audit flush!"]).len(), 1);
    }

    #[test]
    fn beginnings_survive_a_snapshot() {
        let mut lines = Beginnings::default();
        for n in 0..3000 {
            lines.note(&format!("{n:05} is how this long line begins"));
        }
        let text = serde_json::to_string(&lines).expect("JSON");
        assert!(text.len() < 20_000);
        assert_eq!(serde_json::from_str::<Beginnings>(&text).expect("reads"), lines);
    }
}
