//! What may stand around a command, and what it makes of it. Rule: only words that are listed here may stand there;
//! anything else is left over, and what leaves something over is talk.

use crate::Verdict;
use crate::path::{Marks, Ways};
use crate::text::Text;

mod words;

use words::{ADDRESSED, BEFORE, BEHIND};

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

/// An utterance, and what stands before whatever it may order.
pub struct Framed<'t> {
    text: &'t Text,
    names: Vec<String>,
    begun: Ways<'t>,
}

impl<'t> Framed<'t> {
    /// `names`: what the device is called.
    pub fn new(text: &'t Text, names: &[&str]) -> Self {
        let names = names.iter().map(|name| Text::phrase(name)).filter(|name| !name.is_empty()).collect();
        let mut framed = Self { text, names, begun: Ways::begin(&text.words) };
        framed.begun = framed.before(&framed.begun);
        framed
    }

    /// Reads the whole of the utterance as this command.
    pub fn read(&self, manner: Manner, core: impl Fn(&Ways<'t>) -> Ways<'t>) -> Verdict<()> {
        let mut ways = self.begun.clone();
        let mut found = Vec::new();
        for _ in 0..REPEATS {
            ways = core(&ways);
            if ways.is_empty() {
                break;
            }
            let behind = ways.many(|ways| self.among(ways, &BEHIND));
            found.extend(behind.ends());
            ways = self.before(&behind);
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

    fn before(&self, ways: &Ways<'t>) -> Ways<'t> {
        ways.many(|ways| self.among(ways, &BEFORE))
    }

    fn among(&self, ways: &Ways<'t>, table: &[(&str, Marks)]) -> Ways<'t> {
        ways.table(table).or(&ways.word(&ADDRESSED)).or(&ways.word(&self.names))
    }
}

/// What the marks make of a command that is all that was said.
fn judge(marks: Marks, manner: Manner) -> Verdict<()> {
    let has = |other| marks.has(other);
    let is_request = has(Marks::REQUESTS) || (has(Marks::CAN) && has(Marks::POLITE));
    let is_stated = has(Marks::STATED) && !has(Marks::URGES | Marks::POLITE);
    let marks = if is_stated { marks | Marks::WEAK } else { marks };
    let has = |other| marks.has(other);
    let sure = if manner == Manner::Parting {
        if has(Marks::ASKS | Marks::TAGGED) && !is_request {
            return Verdict::Talk;
        }
        !has(Marks::WEAK | Marks::WANTS | Marks::CAN)
    } else if is_request {
        // 能帮我开始会议了吗 asks whether it is time.
        !has(Marks::IS_SO | Marks::I | Marks::WE | Marks::TELLS | Marks::WEAK)
    } else {
        let by_whom = match () {
            () if has(Marks::WANTS) => !has(Marks::ACTIVITY) || has(Marks::POLITE),
            () if has(Marks::I) => false,
            () if has(Marks::WE) || (has(Marks::ALL) && manner == Manner::Begin) => has(Marks::URGES),
            () if has(Marks::YOU) => has(Marks::POLITE | Marks::URGES),
            () => true,
        };
        // 散会了 ends it; 开始会议了, 我退出了 and 马上散会了 tell of it.
        let tells = match manner {
            Manner::Begin => has(Marks::IS_SO),
            _ => has(Marks::IS_SO) && has(Marks::I | Marks::WE | Marks::SOON | Marks::WANTS),
        };
        let soon = has(Marks::SOON) && has(Marks::ACTIVITY);
        let asks = has(Marks::TAGGED | Marks::CAN);
        let steps = has(Marks::TELLS) && (manner == Manner::Begin || !has(Marks::URGES));
        by_whom && !tells && !soon && !asks && !steps && !has(Marks::WEAK)
    };
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
