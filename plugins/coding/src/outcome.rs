//! What a log says of how the work ended. Rule: an all-clear needs a positive sign, and the last word
//! counts; nothing said is nothing known.

use serde::{Deserialize, Serialize};

use crate::signal::{Sum, Tool};

/// Lines that nobody knows behind a positive sign, with which it still holds: a sum and its footer are
/// the end of a log, and behind much else something else is at work.
const STRONG: u32 = 20;
/// The same behind a sign that only a first step went well, such as that packages were installed.
const WEAK: u32 = 3;
/// Sums that are kept apart.
const SUMS: usize = 64;

/// How the work has ended, as far as the log tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Somebody who must know has said that it went well.
    Good,
    /// Somebody has said that it did not.
    Bad,
    /// Nobody has said anything.
    Open,
}

/// The signs that were seen.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Signs {
    /// There was a positive one.
    good: bool,
    /// Lines that nobody knows which it still bears.
    room: u32,
    /// The last word that has no number.
    word: Option<bool>,
    /// How many tests have failed, by whom and where it was counted.
    sums: Vec<(Tool, u64, u32)>,
    /// Packages whose tests did not go well, although none was counted.
    broken: Vec<u64>,
    /// The exit code of what was run, from the sender.
    exit: Option<i64>,
}

impl Signs {
    /// A tool says that all went well, or that it did not.
    pub fn say(&mut self, good: bool) {
        if good {
            self.go_well();
        }
        self.word = Some(good);
    }

    /// A tool has summed up its tests. What it counts again for the same target takes the place of
    /// what it has counted before.
    pub fn sum(&mut self, tool: Tool, target: Option<&str>, failed: u32) {
        if failed == 0 {
            self.go_well();
        }
        let key = key(tool, target);
        self.broken.retain(|known| *known != key);
        match self.sums.iter().position(|(_, known, _)| *known == key) {
            Some(known) => self.sums[known].2 = failed,
            None if self.sums.len() < SUMS => self.sums.push((tool.family(), key, failed)),
            // Of more targets than are kept apart, the failures stay counted.
            None => self.sums[SUMS - 1].2 = self.sums[SUMS - 1].2.saturating_add(failed),
        }
    }

    /// The tests of this package did not go well, whatever the reason.
    pub fn fail(&mut self, tool: Tool, target: &str) {
        let key = key(tool, Some(target));
        if self.broken.len() < SUMS && !self.broken.contains(&key) {
            self.broken.push(key);
        }
    }

    /// The tool says that all went well, although it had counted failures before.
    pub fn forgive(&mut self, tool: Tool) {
        self.sums.iter_mut().filter(|(who, ..)| *who == tool.family()).for_each(|(_, _, failed)| *failed = 0);
    }

    /// Tests went well.
    pub fn go_well(&mut self) {
        (self.good, self.room) = (true, STRONG);
    }

    /// A first step went well; it takes nothing back.
    pub fn step(&mut self) {
        if !self.good {
            (self.good, self.room) = (true, WEAK);
        }
    }

    /// Something else begins, of which nothing is known.
    pub fn begin_anew(&mut self) {
        self.good = false;
    }

    /// A line that nobody knows.
    pub fn pass_over(&mut self) {
        self.room = self.room.saturating_sub(1);
        self.good &= self.room > 0;
    }

    /// What was run has ended with this code.
    pub fn exit(&mut self, code: i64) {
        self.exit = Some(code);
        if code == 0 {
            (self.good, self.room) = (true, u32::MAX);
        }
        self.word = Some(code == 0);
    }

    /// Failed tests, as the tools have summed up.
    pub fn failed_tests(&self) -> u32 {
        self.sums.iter().fold(0, |all, (_, _, failed)| all.saturating_add(*failed))
    }

    /// How it ended, given whether what was built last went well.
    pub fn outcome(&self, build: Option<bool>) -> Outcome {
        let broken = build == Some(false) && self.exit != Some(0);
        if self.word == Some(false) || broken || self.failed_tests() > 0 || !self.broken.is_empty() {
            Outcome::Bad
        } else if self.good {
            Outcome::Good
        } else {
            Outcome::Open
        }
    }
}

fn key(tool: Tool, target: Option<&str>) -> u64 {
    let mut key = Sum::new();
    key.add(&[tool.family() as u8]);
    key.add(target.unwrap_or_default().as_bytes());
    key.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_all_clear_needs_a_sign() {
        let mut signs = Signs::default();
        assert_eq!(signs.outcome(None), Outcome::Open);
        signs.sum(Tool::Pytest, None, 0);
        assert_eq!(signs.outcome(None), Outcome::Good);
    }

    #[test]
    fn a_sign_does_not_hold_for_what_comes_long_after_it() {
        let mut signs = Signs::default();
        signs.step();
        signs.pass_over();
        assert_eq!(signs.outcome(None), Outcome::Good);
        (0..2).for_each(|_| signs.pass_over());
        assert_eq!(signs.outcome(None), Outcome::Open);
        signs.say(true);
        (0..9).for_each(|_| signs.pass_over());
        assert_eq!(signs.outcome(Some(true)), Outcome::Good);
        (0..STRONG).for_each(|_| signs.pass_over());
        assert_eq!(signs.outcome(Some(true)), Outcome::Open);
        signs.exit(0);
        (0..100).for_each(|_| signs.pass_over());
        assert_eq!(signs.outcome(None), Outcome::Good);
    }

    #[test]
    fn the_last_word_counts() {
        let mut signs = Signs::default();
        signs.say(true);
        signs.say(false);
        assert_eq!(signs.outcome(Some(true)), Outcome::Bad);
        signs.exit(0);
        assert_eq!(signs.outcome(Some(false)), Outcome::Good);
        signs.sum(Tool::Cargo, Some("a"), 2);
        signs.sum(Tool::Cargo, Some("b"), 1);
        signs.sum(Tool::Cargo, Some("a"), 0);
        assert_eq!((signs.failed_tests(), signs.outcome(None)), (1, Outcome::Bad));
    }
}
