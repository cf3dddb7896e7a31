//! An order among any remarks. Rule: a clause that is a whole order by itself (a verb with what it is about, a mode with
//! a particle, a set phrase) is one whatever else is said beside it, unless something takes it back or puts it under
//! somebody, some time or some condition: see [`scope`]. What only hints (开始吧, done) is none here.

use crate::Verdict;
use crate::scope::{self, Hold, Setting};
use crate::text::{self, is_chinese};

mod split;
mod strong;

pub use split::Clause;
use split::clauses;

/// More sentences are a tale.
const MOST_PARTS: usize = 7;
/// More clauses than this have no order that is read here.
const MOST: usize = 14;
/// An order is said in so many clauses: 工作模式 给我 切过去.
const WIDEST: usize = 4;

/// The order that the utterance has in it, however much else is said.
pub fn among<C: PartialEq>(said: &str, read: impl Fn(&str) -> Verdict<C>) -> Verdict<C> {
    if said.len() > text::LONGEST || said.contains(['"', '“', '”', '「', '」', '『', '』', '《', '<', '：']) {
        return Verdict::Talk;
    }
    if !strong::is_strong(&text::even(said)) {
        return Verdict::Talk;
    }
    let clauses = clauses(said);
    let parts = clauses.iter().filter(|clause| clause.is_marked).count();
    if clauses.len() < 2 || clauses.len() > MOST || parts > MOST_PARTS {
        return Verdict::Talk;
    }
    let mut found: Verdict<C> = Verdict::Talk;
    for first in 0..clauses.len() {
        for last in (first..clauses.len().min(first + WIDEST)).rev() {
            // The utterance as a whole has been read.
            if first == 0 && last + 1 == clauses.len() || !is_near_an_end(&clauses, first, last) {
                continue;
            }
            let order = slice(said, &clauses[first..=last]);
            let even = text::even(order);
            // Coding mode, I need to know if it compiles.
            let bare = even.trim_matches(|letter: char| !letter.is_alphanumeric());
            let is_wanted = || strong::is_name(bare) && clauses.get(last + 1).is_some_and(|next| wants(&next.text));
            if !strong::is_strong(&even) && !is_wanted() {
                continue;
            }
            let setting = Setting {
                front: &split::whole(&clauses[..first]),
                order: &even,
                back: &split::whole(&clauses[last + 1..]),
                asks_to_follow: clauses[first].follows,
                is_marked: clauses[first].is_marked,
                is_apart: clauses[first].is_apart,
            };
            // What is bound is not worth the reading.
            let hold = scope::hold(&setting);
            if hold == Hold::Bound {
                continue;
            }
            let Verdict::Command(command) = read(order) else { continue };
            match hold {
                Hold::Free => match found {
                    // Two wishes at once.
                    Verdict::Command(other) if other != command => return Verdict::Doubt(command),
                    _ => found = Verdict::Command(command),
                },
                Hold::Unsure => found = found.or(|| Verdict::Doubt(command)),
                Hold::Bound => {}
            }
        }
    }
    found
}

/// The speaker wants something, for which the order is given.
fn wants(clause: &str) -> bool {
    ["i need", "i want", "i'd like", "i have to", "i gotta", "我要", "我想", "我得", "我需要", "我看看", "我们要"]
        .iter()
        .any(|word| clause.starts_with(word))
}

fn slice<'t>(said: &'t str, clauses: &[Clause]) -> &'t str {
    match (clauses.first(), clauses.last()) {
        (Some(first), Some(last)) => said[first.start..last.end].trim(),
        _ => "",
    }
}

/// Orders stand at the beginning or at the end of what is said.
fn is_near_an_end(clauses: &[Clause], first: usize, last: usize) -> bool {
    let parts = |clauses: &[Clause]| clauses.iter().filter(|clause| clause.is_marked).count();
    parts(&clauses[..first]) <= 1 || parts(&clauses[last + 1..]) <= 2
}

/// The letters of a clause in Chinese, or its words.
pub(crate) fn length(clause: &str) -> usize {
    match clause.contains(is_chinese) {
        true => clause.chars().filter(|letter| letter.is_alphanumeric()).count(),
        false => clause.split_whitespace().count(),
    }
}

#[cfg(test)]
mod tests;
