//! Signals in words for people. Rule: every sentence is ours; of a log it holds names, places and
//! counts. Whatever stands in a command is fit to be pasted into a shell.
//!
//! # Layout
//! - here: the four lists of an insight
//! - [`fact`]: what happened
//! - [`advice`]: what to do about it
//! - [`closing`]: what to say where there is nothing to tell
//! - [`command`]: the commands of the tools

pub mod advice;
mod closing;
pub mod command;
pub mod fact;

use modehost_sdk::Language;

use crate::log::Log;
use crate::outcome::Outcome;
use crate::piece::flatten;
use crate::signal::{Kind, Signal, Tool};

/// Entries of each list: insights, risks, actions, next steps.
pub const ENTRIES: [usize; 4] = [6, 4, 6, 4];
/// Longest entry, in characters.
pub const ENTRY_CHARS: usize = 240;

/// An entry of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// The signal that it tells of; 0 where it tells of all.
    pub since: u64,
    pub text: String,
}

/// What the rules have to say of a settled log: insights, risks, actions, next steps; none of them
/// empty.
pub fn tell(log: &Log, language: Language) -> [Vec<Told>; 4] {
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
    // Warnings alone do not say how it ended.
    let open = log.outcome() != Outcome::Good && log.line_count() > 0 && ranked.iter().all(|signal| !signal.error);
    for (list, text) in closing::closing(log, language).into_iter().enumerate() {
        if open && matches!(list, 0 | 2) {
            lists.put_first(list, text);
        } else if lists.lists[list].is_empty() {
            lists.add(list, 0, text);
        }
    }
    lists.lists
}

struct Lists {
    lists: [Vec<Told>; 4],
}

impl Lists {
    fn add(&mut self, list: usize, since: u64, text: String) {
        let entries = &mut self.lists[list];
        if text.is_empty() || entries.len() >= ENTRIES[list] || entries.iter().any(|entry| is_same(&entry.text, &text))
        {
            return;
        }
        entries.push(Told { since, text: flatten(&text, ENTRY_CHARS) });
    }

    fn put_first(&mut self, list: usize, text: String) {
        self.lists[list].truncate(ENTRIES[list] - 1);
        self.lists[list].insert(0, Told { since: 0, text });
    }
}

/// Whether two entries say the same: letters and digits count, whatever stands between them does not.
pub fn is_same(one: &str, other: &str) -> bool {
    let core = |text: &str| {
        text.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect::<String>()
    };
    core(one) == core(other)
}

/// Whether any signal is of one of these kinds.
fn any(signals: &[&Signal], kinds: &[Kind]) -> bool {
    signals.iter().any(|signal| kinds.contains(&signal.kind))
}

/// The tool that failing tests were run with, where one is known.
fn test_tool(signals: &[&Signal]) -> Option<Tool> {
    let tests = signals.iter().filter(|signal| signal.kind == Kind::FailedTest);
    tests.map(|signal| signal.tool).find(|tool| !matches!(tool, Tool::Junit | Tool::Tap | Tool::Unknown))
}
