//! What takes an order back, or puts it under something. Rule: who says it, when, whether, and corrections behind it;
//! each reaches as far as it does in speech. What reaches it weakly makes a doubt, unless it is said to the device.

use crate::order::length;
use crate::text::is_chinese;

mod chinese;
mod english;

/// A clause with what parts it from its neighbours.
pub use crate::order::Clause;

/// An order, and what stands around it.
pub struct Setting<'t> {
    pub front: &'t [Clause],
    /// Evened.
    pub order: &'t str,
    pub back: &'t [Clause],
    /// A mark or a blank stands before the order.
    pub is_marked: bool,
    /// A sentence has ended before the order.
    pub is_apart: bool,
    /// 就, 再, then lead up to it.
    pub asks_to_follow: bool,
}

/// What becomes of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hold {
    Free,
    Unsure,
    Bound,
}

/// How surely an order is said to the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Manner {
    Bare,
    /// 吧, let's, now.
    Urged,
    /// 帮我, please, could you.
    Addressed,
}

/// How far a word reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    /// It binds any order.
    Any,
    /// It binds what is said to nobody.
    Bare,
    /// It makes what is said to nobody a doubt.
    Weak,
    /// It binds what is not said to the device, and makes a doubt of what is.
    Strong,
}

impl Reach {
    fn holds(self, manner: Manner) -> Hold {
        match (self, manner) {
            (Self::Any, _) => Hold::Bound,
            (Self::Strong, Manner::Addressed) => Hold::Unsure,
            (Self::Strong, _) => Hold::Bound,
            (Self::Bare, Manner::Addressed) => Hold::Free,
            (Self::Bare, Manner::Urged) => Hold::Unsure,
            (Self::Bare, Manner::Bare) => Hold::Bound,
            (Self::Weak, Manner::Bare) => Hold::Unsure,
            (Self::Weak, _) => Hold::Free,
        }
    }
}

/// What becomes of an order where it stands.
pub fn hold(setting: &Setting<'_>) -> Hold {
    // Please do one thing, open my tasks.
    let led = setting.front.last().filter(|clause| length(&clause.text) <= 6).is_some_and(|clause| {
        ["please", "could you", "can you", "kindly", "你帮", "帮我", "麻烦", "请", "劳驾"]
            .iter()
            .any(|word| clause.text.starts_with(word))
    });
    let manner = if led { Manner::Addressed } else { manner(setting.order) };
    let mut held = Hold::Free;
    // What ended with a sentence before the order reaches less far.
    let mut is_apart = setting.is_apart;
    // 这个等面料到了再说，先看下一个: it is left for the next one.
    let is_next = ["下一", "下面", "下个", "后面", " next", "next "].iter().any(|word| setting.order.contains(word));
    let is_done = ["勾", "划", "标", "打钩", "tick ", "check ", "cross ", "mark "]
        .iter()
        .any(|word| setting.order.contains(word));
    let leaves = |clause: &Clause| {
        let points = ["这个", "这条", "这项", "这事", "this "].iter().any(|word| clause.text.starts_with(word));
        is_next && points && !["说", "叫", "让", "问"].iter().any(|word| clause.text.replace("再说", "").contains(word))
    };
    for (index, clause) in setting.front.iter().enumerate().rev() {
        let is_last = index + 1 == setting.front.len();
        if leaves(clause) && setting.is_marked {
            continue;
        }
        let reaches = if clause.text.contains(is_chinese) {
            chinese::before(&clause.text, is_last, setting.order, setting.is_marked)
        } else {
            english::before(&clause.text, is_last)
        };
        if is_last && !setting.is_marked {
            let is_bound = match clause.text.contains(is_chinese) {
                true => !chinese::is_ended(&clause.text, setting.order),
                false => !english::is_own(&clause.text),
            };
            held = held.max(if is_bound { Hold::Bound } else { Hold::Free });
        }
        for reach in reaches {
            // What is ticked off was done before.
            if is_done && reach == Reach::Weak {
                continue;
            }
            let hold = match reach.holds(manner) {
                Hold::Bound if !is_last && manner == Manner::Addressed && is_apart => Hold::Unsure,
                hold => hold,
            };
            held = held.max(hold);
        }
        if clause.asks {
            held = held.max(Reach::Bare.holds(manner));
        }
        is_apart |= clause.is_apart;
    }
    if setting.asks_to_follow && !setting.front.is_empty() {
        held = held.max(Reach::Strong.holds(manner));
    }
    for (index, clause) in setting.back.iter().enumerate() {
        let is_first = index == 0;
        let reaches = if clause.text.contains(is_chinese) {
            chinese::behind(&clause.text, is_first, setting.order)
        } else {
            english::behind(&clause.text, is_first, setting.order)
        };
        if is_first && !clause.is_marked {
            let reach = match clause.text.contains(is_chinese) {
                true if chinese::is_own(&clause.text, setting.order) => None,
                true => Some(Reach::Any),
                false if english::is_reason(&clause.text) => Some(Reach::Strong),
                false if english::is_told(&clause.text) => None,
                false => Some(Reach::Weak),
            };
            held = held.max(reach.map_or(Hold::Free, |reach| reach.holds(manner)));
        }
        for reach in reaches {
            held = held.max(reach.holds(manner));
        }
        if clause.follows && is_first {
            held = held.max(Reach::Bare.holds(manner));
        }
        if clause.asks {
            held = held.max(Reach::Bare.holds(manner));
        }
    }
    held
}

/// True where all of it is from a story, or about words.
pub fn is_story(said: &str) -> bool {
    let lower = said.to_lowercase();
    chinese::STORIES.iter().chain(english::STORIES).any(|word| lower.contains(word))
}

fn manner(order: &str) -> Manner {
    let has = |words: &[&str]| words.iter().any(|word| order.contains(word));
    let words: Vec<&str> = order.split(|by: char| !by.is_ascii_alphanumeric() && by != '\'').collect();
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
        return Manner::Addressed;
    }
    let urged = words.iter().any(|word| ["let's", "lets", "now", "just"].contains(word));
    match urged
        || has(&["吧", "呗", "把", "咱", "现在", "马上", "赶紧", "快"])
        || ["看", "念", "读", "报", "先看", "先念"].iter().any(|verb| order.starts_with(verb))
    {
        true => Manner::Urged,
        false => Manner::Bare,
    }
}

/// A clause that is short enough to be no clause at all.
fn is_short(clause: &str) -> bool {
    length(clause) <= if clause.contains(is_chinese) { 5 } else { 3 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn m18_words_reach_as_far_as_in_speech() {
        assert_eq!(Reach::Any.holds(Manner::Addressed), Hold::Bound);
        assert_eq!(Reach::Strong.holds(Manner::Addressed), Hold::Unsure);
        assert_eq!(Reach::Bare.holds(Manner::Addressed), Hold::Free);
        assert_eq!(Reach::Weak.holds(Manner::Bare), Hold::Unsure);
        assert_eq!(manner("帮我打开看板"), Manner::Addressed);
        assert_eq!(manner("打开看板吧"), Manner::Urged);
        assert_eq!(manner("open the board"), Manner::Bare);
    }
}
