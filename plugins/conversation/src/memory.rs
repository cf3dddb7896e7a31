//! The remembered dialogue. Rule: bounded in turns and characters whatever the input, including stored documents; what
//! exceeds the bounds is summarised or dropped.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Config;

/// Maximum characters of the summary.
const SUMMARY_CHARS: usize = 1500;

/// The dialogue of a device, and the content of its document.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dialogue {
    /// Summary of what precedes `turns`.
    #[serde(default)]
    pub summary: String,
    /// In chronological order.
    #[serde(default)]
    pub turns: Vec<Exchange>,
}

/// A turn with its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exchange {
    /// Unix ms of the turn, which identifies it.
    pub at: u64,
    pub user: String,
    /// The part of the answer that was passed to speech output; empty if there was none.
    pub assistant: String,
    /// The answer was cut off.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub interrupted: bool,
}

impl Exchange {
    fn chars(&self) -> usize {
        self.user.chars().count() + self.assistant.chars().count()
    }
}

impl Dialogue {
    /// Parses a document leniently: damaged entries are left out.
    pub fn read(json: &str) -> Self {
        let Ok(Value::Object(document)) = serde_json::from_str::<Value>(json) else {
            return Self::default();
        };
        let summary = document.get("summary").and_then(Value::as_str).map(|text| cut(text, SUMMARY_CHARS));
        let turns = document.get("turns").and_then(Value::as_array).into_iter().flatten();
        let turns = turns.filter_map(|turn| serde_json::from_value::<Exchange>(turn.clone()).ok());
        let mut turns: Vec<Exchange> = turns.filter(|turn| !turn.user.trim().is_empty()).collect();
        turns.sort_by_key(|turn| turn.at);
        Self { summary: summary.unwrap_or_default(), turns }
    }

    /// Merges the dialogue stored by another session of the device; of two turns with the same time, that of `self` is
    /// kept.
    pub fn merge(&mut self, stored: Self) {
        if self.summary.is_empty() {
            self.summary = stored.summary;
        }
        for turn in stored.turns {
            if let Err(place) = self.turns.binary_search_by_key(&turn.at, |known| known.at) {
                self.turns.insert(place, turn);
            }
        }
    }

    /// Adds a turn and returns its time, which is increased if the last turn is not older: merges identify turns by
    /// their times.
    pub fn remember(&mut self, mut turn: Exchange, config: &Config) -> u64 {
        if let Some(last) = self.turns.last() {
            turn.at = turn.at.max(last.at + 1);
        }
        let share = config.memory_chars / 2;
        turn.user = cut(&turn.user, share);
        turn.assistant = cut(&turn.assistant, share);
        let at = turn.at;
        self.turns.push(turn);
        at
    }

    /// Cuts the answer of the turn at `at` to its heard part; drops the turn if nothing was heard. False if all of it
    /// was heard, or the turn is unknown.
    pub fn was_heard(&mut self, at: u64, heard: &str) -> bool {
        let Ok(place) = self.turns.binary_search_by_key(&at, |turn| turn.at) else { return false };
        let turn = &mut self.turns[place];
        // The spoken text has no markup, so only the numbers of letters can be compared.
        if letters(heard) >= letters(&turn.assistant) {
            return false;
        }
        if letters(heard) == 0 {
            self.turns.remove(place);
        } else {
            (turn.assistant, turn.interrupted) = (heard.to_owned(), true);
        }
        true
    }

    /// Number of the oldest turns to summarise now: 0 within the bounds, otherwise enough to leave room for the next
    /// turns.
    pub fn surplus(&self, config: &Config) -> usize {
        if self.first_within(config.memory_turns, config.memory_chars) == 0 {
            return 0;
        }
        self.first_within(config.memory_turns * 2 / 3, config.memory_chars * 2 / 3)
    }

    /// Drops the turns beyond twice the bounds, which hold while a summary is pending; returns how many.
    pub fn bound(&mut self, config: &Config) -> usize {
        let first = self.first_within(config.memory_turns * 2, config.memory_chars * 2);
        self.turns.drain(..first);
        first
    }

    /// Replaces the oldest `count` turns by this summary, or drops them.
    pub fn fold(&mut self, count: usize, summary: Option<&str>) {
        self.turns.drain(..count.min(self.turns.len()));
        if let Some(summary) = summary.map(str::trim).filter(|summary| !summary.is_empty()) {
            self.summary = cut(summary, SUMMARY_CHARS);
        }
    }

    /// Index of the oldest of the newest turns that together are within these bounds.
    fn first_within(&self, count: usize, chars: usize) -> usize {
        let mut left = chars;
        let fitting = self.turns.iter().rev().take(count).take_while(|turn| {
            let fits = turn.chars() <= left;
            left = left.saturating_sub(turn.chars());
            fits
        });
        self.turns.len() - fitting.count()
    }
}

/// The number of letters and digits in a text.
fn letters(text: &str) -> usize {
    text.chars().filter(|letter| letter.is_alphanumeric()).count()
}

/// The first `chars` characters.
pub fn cut(text: &str, chars: usize) -> String {
    text.chars().take(chars).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turn(at: u64, user: &str) -> Exchange {
        Exchange { at, user: user.into(), assistant: "ok".into(), interrupted: false }
    }

    fn dialogue(count: u64) -> Dialogue {
        Dialogue { summary: String::new(), turns: (0..count).map(|at| turn(at, "hello")).collect() }
    }

    #[test]
    fn what_is_damaged_is_left_out() {
        let read = Dialogue::read(
            r#"{"summary":7,"turns":[{"at":5,"user":"b","assistant":""},{"at":"x"},3,{"at":1,"user":"a","assistant":"A","new":1},
               {"at":2,"user":" ","assistant":"A"}],"more":true}"#,
        );
        assert_eq!(read.turns.iter().map(|turn| turn.user.as_str()).collect::<Vec<_>>(), ["a", "b"]);
        for broken in ["", "[]", "null", "{\"turns\":{}}", "{"] {
            assert_eq!(Dialogue::read(broken), Dialogue::default());
        }
        let written = serde_json::to_string(&dialogue(3)).expect("json");
        assert_eq!(Dialogue::read(&written), dialogue(3));
    }

    #[test]
    fn a_merge_keeps_the_turns_of_both_in_their_order() {
        let mut ours = Dialogue { summary: String::new(), turns: vec![turn(5, "five"), turn(9, "nine")] };
        let stored =
            Dialogue { summary: "before".into(), turns: vec![turn(1, "one"), turn(5, "other"), turn(7, "seven")] };
        ours.merge(stored);
        let users: Vec<&str> = ours.turns.iter().map(|turn| turn.user.as_str()).collect();
        assert_eq!((ours.summary.as_str(), users), ("before", vec!["one", "five", "seven", "nine"]));
    }

    #[test]
    fn l5_history_is_what_was_heard() {
        let said = |assistant: &str| Exchange { assistant: assistant.into(), ..turn(7, "hello") };
        let heard = |assistant: &str, heard: &str| {
            let mut dialogue = Dialogue { summary: String::new(), turns: vec![turn(5, "five"), said(assistant)] };
            let changed = dialogue.was_heard(7, heard);
            let last = dialogue.turns.last().expect("a turn");
            (changed, last.user.clone(), last.assistant.clone(), last.interrupted)
        };
        assert_eq!(heard("一。二。", "一。"), (true, "hello".into(), "一。".into(), true));
        assert_eq!(heard("**One.** Two.", "One. Two."), (false, "hello".into(), "**One.** Two.".into(), false));
        assert_eq!(heard("One.", ""), (true, "five".into(), "ok".into(), false), "nothing of it is left");
        assert!(!dialogue(3).was_heard(99, "hello"));
    }

    #[test]
    fn memory_has_bounds() {
        let config = Config { memory_turns: 6, memory_chars: 1000, ..Config::default() };
        assert_eq!(dialogue(6).surplus(&config), 0);
        assert_eq!(dialogue(7).surplus(&config), 3);
        let narrow = Config { memory_turns: 100, memory_chars: 70, ..Config::default() };
        assert_eq!(dialogue(10).surplus(&narrow), 0);
        assert_eq!(dialogue(11).surplus(&narrow), 5);
        let mut much = dialogue(50);
        assert_eq!((much.bound(&config), much.turns.len()), (38, 12));
        let mut one = Dialogue::default();
        one.remember(turn(3, &"字".repeat(5000)), &config);
        one.remember(turn(3, "again"), &config);
        assert_eq!((one.turns[0].user.chars().count(), one.turns[1].at), (500, 4));
        let none = Config { memory_turns: 0, ..Config::default() };
        assert_eq!(dialogue(3).surplus(&none), 3);
    }
}
