//! Matches a text word by word. Rule: all paths through the text are followed at once, since Chinese does not mark word
//! boundaries; each path collects the flags of its words.

use std::ops::{BitOr, BitOrAssign};

/// What the words of a path say about the command: a set of bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Flags(u32);

impl Flags {
    pub const NONE: Self = Self(0);
    /// 请, 帮我, please: addressed to the device.
    pub const POLITE: Self = Self(1);
    /// 吧, let's.
    pub const URGED: Self = Self(1 << 1);
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
    pub const QUESTION: Self = Self(1 << 8);
    /// 了: completed by now.
    pub const COMPLETED: Self = Self(1 << 9);
    /// 马上, 快, 要: at once, or about to.
    pub const SOON: Self = Self(1 << 10);
    /// 先, 然后, 就是, time to: a step of a narration.
    pub const NARRATES: Self = Self(1 << 11);
    /// An activity of people (工作, 开会), besides the mode of that name.
    pub const ACTIVITY: Self = Self(1 << 12);
    /// Phrases that mean this mostly, but not always.
    pub const WEAK: Self = Self(1 << 13);
    /// 好吗 or a question mark, which may also end a command.
    pub const TAG_QUESTION: Self = Self(1 << 15);
    /// 会议结束: a statement, and a command with 吧.
    pub const STATEMENT: Self = Self(1 << 16);
    /// now, in a command or a wish.
    pub const NOW: Self = Self(1 << 17);
    /// 现在.
    pub const AT_ONCE: Self = Self(1 << 18);
    /// 人到齐了: a remark, or with 就 a condition.
    pub const READY: Self = Self(1 << 19);
    /// 就, 再.
    pub const THEN: Self = Self(1 << 20);
    /// 开始吧, after the command that it repeats.
    pub const REPEATED: Self = Self(1 << 21);
    /// 咱们: including the addressee.
    pub const INCLUSIVE: Self = Self(1 << 22);
    /// 会议可以结束: about the object, not addressed to the device.
    pub const ABOUT_OBJECT: Self = Self(1 << 23);
    /// What is on my board: a wish in the form of a question, but not about somebody else.
    pub const ASKS_WHAT: Self = Self(1 << 24);
    /// If there is nothing else.
    pub const IF: Self = Self(1 << 25);
    /// 先: a command together with 吧.
    pub const FIRST: Self = Self(1 << 26);
    /// 大家, everybody.
    pub const ALL: Self = Self(1 << 14);

    pub fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// The union, as a `const fn` for tables.
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOr for Flags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for Flags {
    fn bitor_assign(&mut self, other: Self) {
        *self = *self | other;
    }
}

/// The end of a path: a byte offset in the text, and the flags so far.
pub type State = (usize, Flags);

/// Paths through a text, sorted and without duplicates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths<'t> {
    text: &'t str,
    states: Vec<State>,
}

impl<'t> Paths<'t> {
    /// One path, at the beginning of the text.
    pub fn start(text: &'t str) -> Self {
        Self { text, states: vec![(0, Flags::NONE)] }
    }

    fn with_states(&self, mut states: Vec<State>) -> Self {
        states.sort_unstable();
        states.dedup();
        Self { text: self.text, states }
    }

    pub fn is_empty(&self) -> bool {
        self.states.is_empty()
    }

    /// Continues each path with one of these words.
    pub fn word<W: AsRef<str>>(&self, words: &[W]) -> Self {
        self.word_with_flags(words, Flags::NONE)
    }

    /// Continues each path with one of these words, and adds the flags.
    pub fn word_with_flags<W: AsRef<str>>(&self, words: &[W], flags: Flags) -> Self {
        let mut states = Vec::new();
        for &(at, flags_so_far) in &self.states {
            let ends = words.iter().filter_map(|word| end_of_word(self.text, at, word.as_ref()));
            states.extend(ends.map(|end| (end, flags_so_far | flags)));
        }
        self.with_states(states)
    }

    /// Continues each path with one of these words, each with its own flags.
    pub fn word_from_table(&self, words: &[(&str, Flags)]) -> Self {
        let mut states = Vec::new();
        for &(at, flags_so_far) in &self.states {
            let ends = words
                .iter()
                .filter_map(|(word, flags)| Some((end_of_word(self.text, at, word)?, flags_so_far | *flags)));
            states.extend(ends);
        }
        self.with_states(states)
    }

    /// The union of both sets of paths.
    #[must_use]
    pub fn or(&self, other: &Self) -> Self {
        self.with_states(self.states.iter().chain(&other.states).copied().collect())
    }

    /// These paths without the others.
    #[must_use]
    pub fn except(&self, other: &Self) -> Self {
        self.with_states(self.states.iter().filter(|state| !other.states.contains(state)).copied().collect())
    }

    /// Zero or one match of the parser.
    #[must_use]
    pub fn optional(&self, parser: impl Fn(&Self) -> Self) -> Self {
        self.or(&parser(self))
    }

    /// Zero or more matches of the parser.
    #[must_use]
    pub fn many0(&self, parser: impl Fn(&Self) -> Self) -> Self {
        let mut all = self.clone();
        let mut new = self.clone();
        while !new.is_empty() {
            let more = parser(&new);
            let states = more.states.into_iter().filter(|state| !all.states.contains(state)).collect();
            new = self.with_states(states);
            all = all.or(&new);
        }
        all
    }

    /// One or more matches of the parser.
    #[must_use]
    pub fn many1(&self, parser: impl Fn(&Self) -> Self) -> Self {
        parser(self).many0(parser)
    }

    /// The union over these parsers.
    #[must_use]
    pub fn any(&self, parsers: &[&dyn Fn(&Self) -> Self]) -> Self {
        parsers.iter().fold(self.with_states(Vec::new()), |all, parser| all.or(&parser(self)))
    }

    /// Adds the flags to each path.
    #[must_use]
    pub fn with_flags(&self, flags: Flags) -> Self {
        self.with_states(self.states.iter().map(|&(at, flags_so_far)| (at, flags_so_far | flags)).collect())
    }

    /// The empty set of paths.
    #[must_use]
    pub fn no_match(&self) -> Self {
        self.with_states(Vec::new())
    }

    /// The paths without any of these flags, with their flags cleared.
    #[must_use]
    pub fn restart_without(&self, without: Flags) -> Self {
        let states = self.states.iter().filter(|(_, flags)| !flags.has(without));
        self.with_states(states.map(|&(at, _)| (at, Flags::NONE)).collect())
    }

    /// The flags of the paths that reach the end of the text.
    pub fn accepted(&self) -> Vec<Flags> {
        self.states.iter().filter(|(at, _)| *at == self.text.len()).map(|(_, flags)| *flags).collect()
    }
}

/// The offset after the word if it stands at `at` as a whole word.
pub(crate) fn end_of_word(text: &str, at: usize, word: &str) -> Option<usize> {
    // Fast path: the first byte rules out most words.
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
        // 好的 is matched as one word: 好 leaves 的 unmatched.
        let paths = Paths::start("好的开始").many0(|paths| paths.word(&["好", "好的"])).word(&["开始"]);
        assert_eq!(paths.accepted(), [Flags::NONE]);
        let paths = Paths::start("start the meeting");
        assert!(paths.word(&["star"]).is_empty(), "words are whole");
        let paths =
            paths.word_with_flags(&["start"], Flags::POLITE).optional(|paths| paths.word(&["the"])).word(&["meeting"]);
        assert_eq!(paths.accepted(), [Flags::POLITE]);
        assert!(Paths::start("打开coding模式").word(&["打开"]).word(&["coding"]).word(&["模式"]).accepted().len() == 1);
        assert!(Paths::start("don't").word(&["don"]).is_empty());
    }
}
