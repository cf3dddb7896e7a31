//! A command among any remarks. Rule: a clause that is a complete command by itself (a verb with its object, a mode
//! with a particle, a fixed phrase) counts, whatever is said beside it, unless [`scope`] finds that another clause
//! cancels it or attributes it to another person, time or condition. Mere hints (开始吧, done) do not count here.

use crate::Verdict;
use crate::scope::{self, CommandContext, Restriction};
use crate::text::{self, is_chinese};

mod split;
mod strong;

pub use split::Clause;
use split::clauses;

/// Upper bound of the sentences; more of them are a narration.
const MAX_SENTENCES: usize = 7;
/// Upper bound of the clauses.
const MAX_CLAUSES: usize = 14;
/// Upper bound of the clauses that form one command: 工作模式 给我 切过去.
const MAX_COMMAND_CLAUSES: usize = 4;

/// The command in the utterance, whatever else is said.
pub fn read<C: PartialEq>(utterance: &str, read: impl Fn(&str) -> Verdict<C>) -> Verdict<C> {
    if utterance.len() > text::MAX_BYTES || utterance.contains(['"', '“', '”', '「', '」', '『', '』', '《', '<', '：'])
    {
        return Verdict::Talk;
    }
    if !strong::is_strong(&text::normalise(utterance)) {
        return Verdict::Talk;
    }
    let clauses = clauses(utterance);
    let parts = clauses.iter().filter(|clause| clause.is_separated).count();
    if clauses.len() < 2 || clauses.len() > MAX_CLAUSES || parts > MAX_SENTENCES {
        return Verdict::Talk;
    }
    let mut found: Verdict<C> = Verdict::Talk;
    for first in 0..clauses.len() {
        for last in (first..clauses.len().min(first + MAX_COMMAND_CLAUSES)).rev() {
            // The utterance as a whole has been read by the caller.
            if first == 0 && last + 1 == clauses.len() || !is_near_an_end(&clauses, first, last) {
                continue;
            }
            let candidate = slice(utterance, &clauses[first..=last]);
            let normalised = text::normalise(candidate);
            // Coding mode, I need to know if it compiles.
            let bare = normalised.trim_matches(|letter: char| !letter.is_alphanumeric());
            let has_reason = || strong::is_name(bare) && clauses.get(last + 1).is_some_and(|next| is_wish(&next.text));
            if !strong::is_strong(&normalised) && !has_reason() {
                continue;
            }
            let context = CommandContext {
                front: &split::join_unseparated(&clauses[..first]),
                command: &normalised,
                back: &split::join_unseparated(&clauses[last + 1..]),
                is_sequel: clauses[first].is_sequel,
                is_separated: clauses[first].is_separated,
                starts_sentence: clauses[first].starts_sentence,
            };
            // Skip the expensive reading of a cancelled command.
            let restriction = scope::restriction(&context);
            if restriction == Restriction::Cancelled {
                continue;
            }
            let Verdict::Command(command) = read(candidate) else { continue };
            match restriction {
                Restriction::None => match found {
                    // Two different commands at once.
                    Verdict::Command(other) if other != command => return Verdict::Doubt(command),
                    _ => found = Verdict::Command(command),
                },
                Restriction::Doubtful => found = found.or(|| Verdict::Doubt(command)),
                Restriction::Cancelled => {}
            }
        }
    }
    found
}

/// True for a clause with a wish of the speaker, which is the reason for the command.
fn is_wish(clause: &str) -> bool {
    ["i need", "i want", "i'd like", "i have to", "i gotta", "我要", "我想", "我得", "我需要", "我看看", "我们要"]
        .iter()
        .any(|word| clause.starts_with(word))
}

fn slice<'t>(utterance: &'t str, clauses: &[Clause]) -> &'t str {
    match (clauses.first(), clauses.last()) {
        (Some(first), Some(last)) => utterance[first.start..last.end].trim(),
        _ => "",
    }
}

/// Commands stand near the beginning or the end of an utterance.
fn is_near_an_end(clauses: &[Clause], first: usize, last: usize) -> bool {
    let parts = |clauses: &[Clause]| clauses.iter().filter(|clause| clause.is_separated).count();
    parts(&clauses[..first]) <= 1 || parts(&clauses[last + 1..]) <= 2
}

/// The length of a clause: characters in Chinese, words otherwise.
pub(crate) fn length(clause: &str) -> usize {
    match clause.contains(is_chinese) {
        true => clause.chars().filter(|letter| letter.is_alphanumeric()).count(),
        false => clause.split_whitespace().count(),
    }
}

#[cfg(test)]
mod tests;
