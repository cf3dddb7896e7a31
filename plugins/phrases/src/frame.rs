//! What may stand around a command, and what it makes of it. Rule: only words that are listed here may stand there;
//! anything else is left over, and what leaves something over is talk.

use std::cell::OnceCell;

use crate::Verdict;
use crate::path::{Marks, Ways};
use crate::remark::{again, remark};
use crate::text::Text;

pub(crate) mod words;

use words::{ADDRESSED, BEFORE, BEHIND, KIND};

/// How surely a command may be taken for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// Something begins: with 了 it may just be told that it has begun.
    Begin,
    /// Something ends: with 了 too.
    End,
    /// It is said to somebody who is left, or told to be silent.
    Parting,
}

/// A command may be said so often in one breath.
const REPEATS: usize = 4;
/// A clause with one of these makes a doubt of the one behind it, too.
const NOT_TOLD: Marks = Marks::ASKS.and(Marks::TAGGED).and(Marks::CAN).and(Marks::I).and(Marks::WEAK).and(Marks::READY);

/// An utterance, and what stands before whatever it may order.
pub struct Framed<'t> {
    text: &'t Text,
    names: Vec<String>,
    /// Behind all that may lead up to a command, for each manner.
    begun: [OnceCell<Ways<'t>>; 3],
}

impl<'t> Framed<'t> {
    /// `names`: what the device is called.
    pub fn new(text: &'t Text, names: &[&str]) -> Self {
        let names = names.iter().map(|name| Text::phrase(name)).filter(|name| !name.is_empty()).collect();
        Self { text, names, begun: Default::default() }
    }

    /// Reads the whole of the utterance as this command.
    pub fn read(&self, manner: Manner, core: impl Fn(&Ways<'t>) -> Ways<'t>) -> Verdict<()> {
        let lead = |ways: &Ways<'t>| ways.many(|ways| self.before(ways).or(&remark(ways, manner)));
        let begun = self.begun[manner as usize].get_or_init(|| lead(&Ways::begin(&self.text.words)));
        let mut ways = begun.clone();
        let mut found = Vec::new();
        for _ in 0..REPEATS {
            ways = core(&ways);
            if ways.is_empty() {
                break;
            }
            let behind = |ways: &Ways<'t>| self.among(ways, &BEHIND).or(&remark(ways, manner)).or(&again(ways, manner));
            let behind = ways.many(behind);
            found.extend(behind.ends());
            // 咱们开会了，开始会议: the one tells and the other orders.
            ways = lead(&behind.or(&behind.anew(NOT_TOLD)));
        }
        let mut verdict = Verdict::Talk;
        for marks in found {
            let marks = if self.text.asks { marks | Marks::TAGGED } else { marks };
            verdict = verdict.or(|| judge(marks, manner));
        }
        match verdict {
            // Whoever quotes a command has not given it.
            Verdict::Command(()) if self.text.quotes => Verdict::Doubt(()),
            verdict => verdict,
        }
    }

    fn among(&self, ways: &Ways<'t>, table: &[(&str, Marks)]) -> Ways<'t> {
        ways.table(table).or(&ways.word(&ADDRESSED)).or(&ways.word(&self.names))
    }

    /// Before a command.
    fn before(&self, ways: &Ways<'t>) -> Ways<'t> {
        self.among(ways, &BEFORE).or(&kindness(ways))
    }
}

/// Would you be a dear and, do me a favour and.
fn kindness<'t>(ways: &Ways<'t>) -> Ways<'t> {
    let asked = ways.maybe(|ways| ways.word(&["would you", "could you", "can you", "will you", "please", "go on"]));
    let kind = asked.word(&["be a", "be an", "do me a", "do us a", "be my", "there's a"]).word(&KIND).word(&["and"]);
    let good = asked.word(&[
        "be so good as to",
        "be so kind as to",
        "be kind enough to",
        "be good enough to",
        "be so kind and",
    ]);
    kind.or(&good).mark(Marks::REQUESTS)
}

/// What the marks make of a command that is all that was said.
pub(crate) fn judge(marks: Marks, manner: Manner) -> Verdict<()> {
    let has = |other| marks.has(other);
    // Can we start now?
    let is_asked_now = has(Marks::CAN) && has(Marks::NOW) && !has(Marks::I | Marks::WE);
    let is_told = has(Marks::WHAT) && !has(Marks::YOU | Marks::ALL);
    // We can stop the recording now.
    let is_agreed = has(Marks::CAN) && has(Marks::WE) && has(Marks::NOW) && manner == Manner::End;
    let is_agreed = is_agreed && !has(Marks::ASKS | Marks::TAGGED | Marks::I | Marks::SOON | Marks::WEAK);
    if is_agreed {
        return Verdict::Command(());
    }
    let is_request = is_told || has(Marks::REQUESTS) || (has(Marks::CAN) && has(Marks::POLITE)) || is_asked_now;
    // 现在可以结束会议了; with 吧 it asks.
    let is_allowed = has(Marks::CAN)
        && has(Marks::IS_SO)
        && !has(Marks::ASKS | Marks::TAGGED | Marks::I)
        && (has(Marks::AGAIN)
            || (!has(Marks::OF_IT | Marks::URGES | Marks::WE | Marks::ACTIVITY | Marks::SOON))
            || (has(Marks::AT_ONCE | Marks::YOU) && !has(Marks::URGES | Marks::WE | Marks::ACTIVITY))
            || (manner == Manner::End && !has(Marks::URGES | Marks::SOON | Marks::OF_IT)));
    let is_stated = has(Marks::STATED) && !has(Marks::URGES | Marks::POLITE);
    let marks = if is_stated { marks | Marks::WEAK } else { marks };
    let has = |other| marks.has(other);
    let sure = if manner == Manner::Parting {
        if has(Marks::ASKS | Marks::TAGGED) && !is_request {
            return Verdict::Talk;
        }
        !has(Marks::WEAK | Marks::WANTS | Marks::CAN | Marks::OF_IT)
    } else if is_request {
        // 能帮我开始会议了吗 asks whether it is time.
        !has(Marks::IS_SO | Marks::I | Marks::WE | Marks::TELLS | Marks::FIRST | Marks::WEAK)
    } else {
        let by_whom = match () {
            () if has(Marks::WANTS) => !has(Marks::ACTIVITY) || has(Marks::POLITE | Marks::NOW),
            () if has(Marks::I) => false,
            () if has(Marks::WE) || (has(Marks::ALL) && manner == Manner::Begin) => {
                has(Marks::URGES)
                    || (has(Marks::AT_ONCE) && !has(Marks::ACTIVITY))
                    || (has(Marks::US) && !has(Marks::IS_SO))
            }
            () if has(Marks::YOU) => {
                !has(Marks::IS_SO | Marks::ACTIVITY) || has(Marks::POLITE | Marks::URGES) || is_allowed
            }
            () => true,
        };
        // 散会了 ends it; 开始会议了, 我退出了 and 马上散会了 tell of it.
        let tells = match manner {
            _ if is_allowed => false,
            Manner::Begin => has(Marks::IS_SO),
            _ => has(Marks::IS_SO) && has(Marks::I | Marks::WE | Marks::SOON | Marks::WANTS),
        };
        let soon = has(Marks::SOON) && has(Marks::ACTIVITY);
        let asks = has(Marks::TAGGED) || (has(Marks::CAN) && !is_allowed);
        let steps = has(Marks::TELLS) && (manner == Manner::Begin || !has(Marks::URGES));
        let steps = steps || has(Marks::FIRST) && !has(Marks::URGES);
        by_whom && !tells && !soon && !asks && !steps && !has(Marks::WEAK)
    };
    // 人到齐了就开始会议 names a condition.
    if has(Marks::READY) && has(Marks::THEN) || has(Marks::IF) && !has(Marks::URGES | Marks::POLITE) {
        return Verdict::Talk;
    }
    // 会议结束了吗 wants to know; 可以结束会议了吗 may want more.
    if has(Marks::ASKS) && !has(Marks::CAN | Marks::REQUESTS | Marks::POLITE) {
        return Verdict::Talk;
    }
    // 我开始工作了, 我们开始会议了: nobody is asked for anything.
    let is_report = manner == Manner::Begin && has(Marks::IS_SO) && has(Marks::I | Marks::WE | Marks::ACTIVITY);
    match sure {
        true => Verdict::Command(()),
        false if is_report && !has(Marks::WANTS | Marks::POLITE) => Verdict::Talk,
        false => Verdict::Doubt(()),
    }
}

#[cfg(test)]
mod tests;
