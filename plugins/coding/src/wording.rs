//! Signals in words for people. Rule: every sentence is ours; of a log it contains names, locations and counts. Text
//! within a command is safe to paste into a shell.
//!
//! # Layout
//! - here: the four lists of an insight
//! - [`fact`]: what happened
//! - [`advice`]: what to do about it
//! - [`fallback`]: entries for lists that would be empty
//! - [`command`]: the commands of the tools

pub mod advice;
pub mod command;
pub mod fact;
mod fallback;

use modehost_sdk::Language;

use crate::log::Log;
use crate::outcome::Outcome;
use crate::sanitize::flatten;
use crate::signal::{Kind, Signal, Tool};

/// Upper bound of the entries of each list: insights, risks, actions, next steps.
pub const ENTRIES: [usize; 4] = [6, 4, 6, 4];
/// Upper bound of an entry, in characters.
pub const ENTRY_CHARS: usize = 240;

/// An entry of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The version of its signal; 0 if it is about no single signal.
    pub since: u64,
    pub text: String,
}

/// The four lists of the rules on a finished log: insights, risks, actions, next steps; none of them is empty.
pub fn lists(log: &Log, language: Language) -> [Vec<Entry>; 4] {
    let ledger = &log.ledger;
    let ranked = ledger.ranked();
    let mut lists = Lists { lists: Default::default() };
    for signal in ranked.iter().take(ENTRIES[0]) {
        lists.add(0, signal.since, fact::fact(signal, language));
    }
    let hidden = ranked.len().saturating_sub(ENTRIES[0]) + usize::try_from(ledger.beyond).unwrap_or(usize::MAX);
    if hidden > 0 {
        lists.lists[0].truncate(ENTRIES[0] - 1);
        let hidden = hidden + 1;
        lists.add(
            0,
            0,
            language
                .pick(format!("另有 {hidden} 处问题未逐一列出。"), format!("{hidden} more problems are not listed.")),
        );
    }
    for signal in &ranked {
        lists.add(1, signal.since, advice::risk(signal, ledger, language));
        lists.add(2, signal.since, advice::action(signal, language));
    }
    for (since, step) in advice::next_steps(&ranked, log.build(), language) {
        lists.add(3, since, step);
    }
    // Warnings alone do not say how the work ended.
    let is_open =
        log.outcome() != Outcome::Success && log.line_count() > 0 && ranked.iter().all(|signal| !signal.error);
    for (list, text) in fallback::fallback(log, language).into_iter().enumerate() {
        if is_open && matches!(list, 0 | 2) {
            lists.insert_first(list, text);
        } else if lists.lists[list].is_empty() {
            lists.add(list, 0, text);
        }
    }
    lists.lists
}

struct Lists {
    lists: [Vec<Entry>; 4],
}

impl Lists {
    fn add(&mut self, list: usize, since: u64, text: String) {
        let entries = &mut self.lists[list];
        if text.is_empty() || entries.len() >= ENTRIES[list] || entries.iter().any(|entry| is_same(&entry.text, &text))
        {
            return;
        }
        entries.push(Entry { since, text: flatten(&text, ENTRY_CHARS) });
    }

    fn insert_first(&mut self, list: usize, text: String) {
        self.lists[list].truncate(ENTRIES[list] - 1);
        self.lists[list].insert(0, Entry { since: 0, text });
    }
}

/// True if two entries are equal, apart from case and from everything but letters and digits.
pub fn is_same(one: &str, other: &str) -> bool {
    let core = |text: &str| {
        text.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect::<String>()
    };
    core(one) == core(other)
}

/// True if any signal is of one of these kinds.
fn any(signals: &[&Signal], kinds: &[Kind]) -> bool {
    signals.iter().any(|signal| kinds.contains(&signal.kind))
}

/// The tool of the failing tests, if it is known.
fn test_tool(signals: &[&Signal]) -> Option<Tool> {
    let tests = signals.iter().filter(|signal| signal.kind == Kind::FailedTest);
    tests.map(|signal| signal.tool).find(|tool| !matches!(tool, Tool::Junit | Tool::Tap | Tool::Unknown))
}
