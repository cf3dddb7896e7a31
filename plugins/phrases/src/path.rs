//! A text walked by words. Rule: all ways through it are kept at once, since Chinese does not say where its words
//! end; each way remembers what it has passed.

use std::ops::{BitOr, BitOrAssign};

/// What stood on the way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Marks(u32);

impl Marks {
    pub const NONE: Self = Self(0);
    /// 请, 帮我, please: it is said to the device.
    pub const POLITE: Self = Self(1);
    /// 吧, let's.
    pub const URGES: Self = Self(1 << 1);
    /// 我们, let's.
    pub const WE: Self = Self(1 << 2);
    /// 我.
    pub const I: Self = Self(1 << 3);
    /// 你.
    pub const YOU: Self = Self(1 << 4);
    /// 我要, I want to.
    pub const WANTS: Self = Self(1 << 5);
    /// 可以, 能: permission or a wish.
    pub const CAN: Self = Self(1 << 6);
    /// could you, would you: a wish in the form of a question.
    pub const REQUESTS: Self = Self(1 << 7);
    /// 吗.
    pub const ASKS: Self = Self(1 << 8);
    /// 了: it is so by now.
    pub const IS_SO: Self = Self(1 << 9);
    /// 马上, 快, 要: at once, or about to.
    pub const SOON: Self = Self(1 << 10);
    /// 先, 然后, 就是, time to: a step of something that is told.
    pub const TELLS: Self = Self(1 << 11);
    /// What people do themselves (工作, 开会), besides the mode of that name.
    pub const ACTIVITY: Self = Self(1 << 12);
    /// Words that are mostly, but not only, said to this end.
    pub const WEAK: Self = Self(1 << 13);
    /// 好吗 or a question mark: an order may end so, too.
    pub const TAGGED: Self = Self(1 << 15);
    /// 会议结束: it only says so, and orders it with 吧.
    pub const STATED: Self = Self(1 << 16);
    /// now, in an order or a wish.
    pub const NOW: Self = Self(1 << 17);
    /// 现在.
    pub const AT_ONCE: Self = Self(1 << 18);
    /// 人到齐了: a remark, or with 就 a condition.
    pub const READY: Self = Self(1 << 19);
    /// 就, 再.
    pub const THEN: Self = Self(1 << 20);
    /// 开始吧, behind what it repeats.
    pub const AGAIN: Self = Self(1 << 21);
    /// 咱们: with whoever hears it.
    pub const US: Self = Self(1 << 22);
    /// 会议可以结束: said of the thing, not to the device.
    pub const OF_IT: Self = Self(1 << 23);
    /// What is on my board: a wish in the form of a question, but not about somebody else.
    pub const WHAT: Self = Self(1 << 24);
    /// If there is nothing else.
    pub const IF: Self = Self(1 << 25);
    /// 先: with 吧 it orders.
    pub const FIRST: Self = Self(1 << 26);
    /// 大家, everybody.
    pub const ALL: Self = Self(1 << 14);

    pub fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Both, where a table is written.
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOr for Marks {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for Marks {
    fn bitor_assign(&mut self, other: Self) {
        *self = *self | other;
    }
}

/// A place in the text, and what was passed before it.
pub type Step = (usize, Marks);

/// Ways through a text, in order and each once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ways<'t> {
    text: &'t str,
    steps: Vec<Step>,
}

impl<'t> Ways<'t> {
    /// At the beginning of the text.
    pub fn begin(text: &'t str) -> Self {
        Self { text, steps: vec![(0, Marks::NONE)] }
    }

    fn at(&self, mut steps: Vec<Step>) -> Self {
        steps.sort_unstable();
        steps.dedup();
        Self { text: self.text, steps }
    }

    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Behind one of these words.
    pub fn word<W: AsRef<str>>(&self, words: &[W]) -> Self {
        self.marked(words, Marks::NONE)
    }

    /// Behind one of these words, each of which leaves the marks.
    pub fn marked<W: AsRef<str>>(&self, words: &[W], marks: Marks) -> Self {
        let mut steps = Vec::new();
        for &(at, passed) in &self.steps {
            let ends = words.iter().filter_map(|word| behind(self.text, at, word.as_ref()));
            steps.extend(ends.map(|end| (end, passed | marks)));
        }
        self.at(steps)
    }

    /// Behind one of these words, each with marks of its own.
    pub fn table(&self, words: &[(&str, Marks)]) -> Self {
        let mut steps = Vec::new();
        for &(at, passed) in &self.steps {
            let ends = words.iter().filter_map(|(word, marks)| Some((behind(self.text, at, word)?, passed | *marks)));
            steps.extend(ends);
        }
        self.at(steps)
    }

    /// These ways and those.
    #[must_use]
    pub fn or(&self, other: &Self) -> Self {
        self.at(self.steps.iter().chain(&other.steps).copied().collect())
    }

    /// These ways and none of those.
    #[must_use]
    pub fn minus(&self, other: &Self) -> Self {
        self.at(self.steps.iter().filter(|step| !other.steps.contains(step)).copied().collect())
    }

    /// With the step or without it.
    #[must_use]
    pub fn maybe(&self, step: impl Fn(&Self) -> Self) -> Self {
        self.or(&step(self))
    }

    /// With the step any number of times.
    #[must_use]
    pub fn many(&self, step: impl Fn(&Self) -> Self) -> Self {
        let mut all = self.clone();
        let mut new = self.clone();
        while !new.is_empty() {
            let more = step(&new);
            let steps = more.steps.into_iter().filter(|step| !all.steps.contains(step)).collect();
            new = self.at(steps);
            all = all.or(&new);
        }
        all
    }

    /// With the step once or more often.
    #[must_use]
    pub fn some(&self, step: impl Fn(&Self) -> Self) -> Self {
        step(self).many(step)
    }

    /// Any of these steps.
    #[must_use]
    pub fn any(&self, steps: &[&dyn Fn(&Self) -> Self]) -> Self {
        steps.iter().fold(self.at(Vec::new()), |all, step| all.or(&step(self)))
    }

    /// Marks added to each way.
    #[must_use]
    pub fn mark(&self, marks: Marks) -> Self {
        self.at(self.steps.iter().map(|&(at, passed)| (at, passed | marks)).collect())
    }

    /// No way at all.
    #[must_use]
    pub fn nowhere(&self) -> Self {
        self.at(Vec::new())
    }

    /// The ways that have passed none of these, as if they had passed nothing.
    #[must_use]
    pub fn anew(&self, without: Marks) -> Self {
        let steps = self.steps.iter().filter(|(_, marks)| !marks.has(without));
        self.at(steps.map(|&(at, _)| (at, Marks::NONE)).collect())
    }

    /// What the ways have passed that come to the end of the text.
    pub fn ends(&self) -> Vec<Marks> {
        self.steps.iter().filter(|(at, _)| *at == self.text.len()).map(|(_, marks)| *marks).collect()
    }
}

/// Where the text goes on behind the word, if it stands there as a whole.
pub(crate) fn behind(text: &str, at: usize, word: &str) -> Option<usize> {
    // Most words are ruled out by where they begin.
    if word.is_empty() || text.as_bytes().get(at) != word.as_bytes().first() {
        return None;
    }
    let rest = text[at..].strip_prefix(word)?;
    let is_latin = |letter: char| letter.is_ascii_alphanumeric() || letter == '\'';
    let ends_latin = word.ends_with(is_latin);
    if ends_latin && rest.starts_with(is_latin) {
        return None;
    }
    Some(text.len() - rest.strip_prefix(' ').unwrap_or(rest).len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn m18_all_ways_are_walked() {
        // 好 + 的 is no way, 好的 is one, and 好 leads nowhere.
        let ways = Ways::begin("好的开始").many(|ways| ways.word(&["好", "好的"])).word(&["开始"]);
        assert_eq!(ways.ends(), [Marks::NONE]);
        let ways = Ways::begin("start the meeting");
        assert!(ways.word(&["star"]).is_empty(), "words are whole");
        let ways = ways.marked(&["start"], Marks::POLITE).maybe(|ways| ways.word(&["the"])).word(&["meeting"]);
        assert_eq!(ways.ends(), [Marks::POLITE]);
        assert!(Ways::begin("打开coding模式").word(&["打开"]).word(&["coding"]).word(&["模式"]).ends().len() == 1);
        assert!(Ways::begin("don't").word(&["don"]).is_empty());
    }
}
