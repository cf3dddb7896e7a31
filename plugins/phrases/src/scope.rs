//! Clauses that cancel or restrict a command. Rule: reporters, times, questions and conditions around it, and
//! corrections after it; each with its own strength. A weak one makes a doubt, unless the command is addressed to the
//! device.

use crate::embedded::length;
use crate::text::is_chinese;

mod chinese;
mod english;

/// A clause with its separators.
pub use crate::embedded::Clause;

/// A command and the clauses around it.
pub struct CommandContext<'t> {
    pub front: &'t [Clause],
    /// Normalised.
    pub command: &'t str,
    pub back: &'t [Clause],
    /// Punctuation or a blank precedes the command.
    pub is_separated: bool,
    /// The end of a sentence precedes the command.
    pub starts_sentence: bool,
    /// 就, 再 or then introduces the command.
    pub is_sequel: bool,
}

/// What remains of a command in its context.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Restriction {
    None,
    Doubtful,
    Cancelled,
}

/// How directly a command is addressed to the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Directness {
    Bare,
    /// 吧, let's, now.
    Urged,
    /// 帮我, please, could you.
    Addressed,
}

/// How strongly a clause restricts a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Strength {
    /// Cancels any command.
    Any,
    /// Cancels a bare command, and makes a doubt of an urged one.
    Bare,
    /// Makes a doubt of a bare command.
    Weak,
    /// Cancels a command that is not addressed to the device, and makes a doubt of one that is.
    Strong,
}

impl Strength {
    fn restricts(self, directness: Directness) -> Restriction {
        match (self, directness) {
            (Self::Any, _) => Restriction::Cancelled,
            (Self::Strong, Directness::Addressed) => Restriction::Doubtful,
            (Self::Strong, _) => Restriction::Cancelled,
            (Self::Bare, Directness::Addressed) => Restriction::None,
            (Self::Bare, Directness::Urged) => Restriction::Doubtful,
            (Self::Bare, Directness::Bare) => Restriction::Cancelled,
            (Self::Weak, Directness::Bare) => Restriction::Doubtful,
            (Self::Weak, _) => Restriction::None,
        }
    }
}

/// The restriction that the context puts on the command.
pub fn restriction(context: &CommandContext<'_>) -> Restriction {
    // Please do one thing, open my tasks.
    let is_led_by_request = context.front.last().filter(|clause| length(&clause.text) <= 6).is_some_and(|clause| {
        ["please", "could you", "can you", "kindly", "你帮", "帮我", "麻烦", "请", "劳驾"]
            .iter()
            .any(|word| clause.text.starts_with(word))
    });
    let directness = if is_led_by_request { Directness::Addressed } else { directness(context.command) };
    let mut restriction = Restriction::None;
    // A clause before the end of a sentence restricts less.
    let mut starts_sentence = context.starts_sentence;
    // 这个等面料到了再说，先看下一个: the task is postponed in favour of the next one.
    let is_next = ["下一", "下面", "下个", "后面", " next", "next "].iter().any(|word| context.command.contains(word));
    let is_done = ["勾", "划", "标", "打钩", "tick ", "check ", "cross ", "mark "]
        .iter()
        .any(|word| context.command.contains(word));
    let is_postponement = |clause: &Clause| {
        let refers_to_task = ["这个", "这条", "这项", "这事", "this "].iter().any(|word| clause.text.starts_with(word));
        is_next
            && refers_to_task
            && !["说", "叫", "让", "问"].iter().any(|word| clause.text.replace("再说", "").contains(word))
    };
    for (index, clause) in context.front.iter().enumerate().rev() {
        let is_last = index + 1 == context.front.len();
        if is_postponement(clause) && context.is_separated {
            continue;
        }
        let strengths = if clause.text.contains(is_chinese) {
            chinese::before(&clause.text, is_last, context.command, context.is_separated)
        } else {
            english::before(&clause.text, is_last)
        };
        if is_last && !context.is_separated {
            let is_bound = match clause.text.contains(is_chinese) {
                true => !chinese::is_ended(&clause.text, context.command),
                false => !english::is_independent(&clause.text),
            };
            restriction = restriction.max(if is_bound { Restriction::Cancelled } else { Restriction::None });
        }
        for strength in strengths {
            // A task that is ticked off has been done before.
            if is_done && strength == Strength::Weak {
                continue;
            }
            let one = match strength.restricts(directness) {
                Restriction::Cancelled if !is_last && directness == Directness::Addressed && starts_sentence => {
                    Restriction::Doubtful
                }
                one => one,
            };
            restriction = restriction.max(one);
        }
        if clause.is_question {
            restriction = restriction.max(Strength::Bare.restricts(directness));
        }
        starts_sentence |= clause.starts_sentence;
    }
    if context.is_sequel && !context.front.is_empty() {
        restriction = restriction.max(Strength::Strong.restricts(directness));
    }
    for (index, clause) in context.back.iter().enumerate() {
        let is_first = index == 0;
        let strengths = if clause.text.contains(is_chinese) {
            chinese::behind(&clause.text, is_first, context.command)
        } else {
            english::behind(&clause.text, is_first, context.command)
        };
        if is_first && !clause.is_separated {
            let strength = match clause.text.contains(is_chinese) {
                true if chinese::is_independent(&clause.text, context.command) => None,
                true => Some(Strength::Any),
                false if english::is_reason(&clause.text) => Some(Strength::Strong),
                false if english::is_further_request(&clause.text) => None,
                false => Some(Strength::Weak),
            };
            restriction =
                restriction.max(strength.map_or(Restriction::None, |strength| strength.restricts(directness)));
        }
        for strength in strengths {
            restriction = restriction.max(strength.restricts(directness));
        }
        if clause.is_sequel && is_first {
            restriction = restriction.max(Strength::Bare.restricts(directness));
        }
        if clause.is_question {
            restriction = restriction.max(Strength::Bare.restricts(directness));
        }
    }
    restriction
}

/// True if the utterance is about a story or about words.
pub fn is_story(utterance: &str) -> bool {
    let lower = utterance.to_lowercase();
    chinese::STORY_WORDS.iter().chain(english::STORY_WORDS).any(|word| lower.contains(word))
}

fn directness(command: &str) -> Directness {
    let has = |words: &[&str]| words.iter().any(|word| command.contains(word));
    let words: Vec<&str> = command.split(|by: char| !by.is_ascii_alphanumeric() && by != '\'').collect();
    let pair = |one: &str, other: &str| words.windows(2).any(|pair| pair == [one, other]);
    let asked = ["can", "could", "would", "will"].iter().any(|verb| pair(verb, "you"));
    let said_to = words.iter().any(|word| ["please", "kindly", "pls"].contains(word))
        || asked
        || pair("for", "me")
        || pair("for", "us")
        || pair("you", "can")
        || pair("show", "me")
        || pair("read", "me")
        || pair("go", "ahead");
    let asked = ["what", "what's", "whats", "how's", "is", "did"].iter().any(|word| words.first() == Some(word));
    if said_to
        || asked
        || has(&["是什么", "是啥", "呢", "哪个", "哪些", "告诉我"])
        || has(&["帮", "请", "麻烦", "给我", "给咱", "你", "您", "劳驾", "拜托", "辛苦"])
    {
        return Directness::Addressed;
    }
    let urged = words.iter().any(|word| ["let's", "lets", "now", "just"].contains(word));
    match urged
        || has(&["吧", "呗", "把", "咱", "现在", "马上", "赶紧", "快"])
        || ["看", "念", "读", "报", "先看", "先念"].iter().any(|verb| command.starts_with(verb))
    {
        true => Directness::Urged,
        false => Directness::Bare,
    }
}

/// True for a clause that is too short to be a complete one.
fn is_short(clause: &str) -> bool {
    length(clause) <= if clause.contains(is_chinese) { 5 } else { 3 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn m18_words_reach_as_far_as_in_speech() {
        assert_eq!(Strength::Any.restricts(Directness::Addressed), Restriction::Cancelled);
        assert_eq!(Strength::Strong.restricts(Directness::Addressed), Restriction::Doubtful);
        assert_eq!(Strength::Bare.restricts(Directness::Addressed), Restriction::None);
        assert_eq!(Strength::Weak.restricts(Directness::Bare), Restriction::Doubtful);
        assert_eq!(directness("帮我打开看板"), Directness::Addressed);
        assert_eq!(directness("打开看板吧"), Directness::Urged);
        assert_eq!(directness("open the board"), Directness::Bare);
    }
}
