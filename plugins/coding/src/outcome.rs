//! What a log says of how the work ended. Rule: an all-clear needs a positive sign, and the last word
//! counts; nothing said is nothing known.

use serde::{Deserialize, Serialize};

use crate::signal::{Sum, Tool};

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
        self.good |= good;
        self.word = Some(good);
    }

    /// A tool has summed up its tests. What it counts again for the same target takes the place of
    /// what it has counted before.
    pub fn sum(&mut self, tool: Tool, target: Option<&str>, failed: u32) {
        self.good |= failed == 0;
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
        self.good = true;
    }

    /// What was run has ended with this code.
    pub fn exit(&mut self, code: i64) {
        self.exit = Some(code);
        self.good |= code == 0;
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
        } else if self.good || build == Some(true) {
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
        assert_eq!(signs.outcome(Some(true)), Outcome::Good);
        signs.sum(Tool::Pytest, None, 0);
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
