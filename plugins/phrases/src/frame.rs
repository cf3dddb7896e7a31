//! The words that may surround a command, and their effect on the verdict. Rule: only listed words may surround a
//! command; an utterance with any unmatched rest is talk.

use std::cell::OnceCell;

use crate::Verdict;
use crate::path::{Flags, Paths};
use crate::remark::{remark, repetition};
use crate::text::Text;

pub(crate) mod words;

use words::{ADDRESSEES, FAVOURS, PREFIXES, SUFFIXES};

/// The kind of a command, which decides how its flags are judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommandKind {
    /// It starts something: with 了 it may only report the start.
    Begin,
    /// It ends something: with 了 it may only report the end.
    End,
    /// A farewell, or a command to stop speaking.
    Farewell,
}

/// Upper bound on repetitions of a command within one utterance.
const REPEATS: usize = 4;
/// Flags of a clause that make the next clause a doubt, too.
const CARRIED_OVER: Flags =
    Flags::QUESTION.and(Flags::TAG_QUESTION).and(Flags::CAN).and(Flags::I).and(Flags::WEAK).and(Flags::READY);

/// A normalised utterance with the paths through all possible prefixes.
pub struct Framed<'t> {
    text: &'t Text,
    names: Vec<String>,
    /// The paths after everything that may precede a command, computed once for each kind.
    after_prefixes: [OnceCell<Paths<'t>>; 3],
}

impl<'t> Framed<'t> {
    /// `names`: the names of the device.
    pub fn new(text: &'t Text, names: &[&str]) -> Self {
        let names = names.iter().map(|name| Text::phrase(name)).filter(|name| !name.is_empty()).collect();
        Self { text, names, after_prefixes: Default::default() }
    }

    /// Matches the whole utterance against this command.
    pub fn read(&self, kind: CommandKind, command: impl Fn(&Paths<'t>) -> Paths<'t>) -> Verdict<()> {
        let lead = |paths: &Paths<'t>| paths.many0(|paths| self.prefix(paths).or(&remark(paths, kind)));
        let prefixed = self.after_prefixes[kind as usize].get_or_init(|| lead(&Paths::start(&self.text.words)));
        let mut paths = prefixed.clone();
        let mut accepted = Vec::new();
        for _ in 0..REPEATS {
            paths = command(&paths);
            if paths.is_empty() {
                break;
            }
            let suffixed =
                |paths: &Paths<'t>| self.filler(paths, &SUFFIXES).or(&remark(paths, kind)).or(&repetition(paths, kind));
            let suffixed = paths.many0(suffixed);
            accepted.extend(suffixed.accepted());
            // 咱们开会了，开始会议: the first clause reports and the second one is a command.
            paths = lead(&suffixed.or(&suffixed.restart_without(CARRIED_OVER)));
        }
        let mut verdict = Verdict::Talk;
        for flags in accepted {
            let flags = if self.text.is_question { flags | Flags::TAG_QUESTION } else { flags };
            verdict = verdict.or(|| judge(flags, kind));
        }
        match verdict {
            // A quoted command is mentioned, not given.
            Verdict::Command(()) if self.text.has_quotes => Verdict::Doubt(()),
            verdict => verdict,
        }
    }

    fn filler(&self, paths: &Paths<'t>, table: &[(&str, Flags)]) -> Paths<'t> {
        paths.word_from_table(table).or(&paths.word(&ADDRESSEES)).or(&paths.word(&self.names))
    }

    /// Matches the words in front of a command.
    fn prefix(&self, paths: &Paths<'t>) -> Paths<'t> {
        self.filler(paths, &PREFIXES).or(&favour(paths))
    }
}

/// Would you be a dear and, do me a favour and.
fn favour<'t>(paths: &Paths<'t>) -> Paths<'t> {
    let asked =
        paths.optional(|paths| paths.word(&["would you", "could you", "can you", "will you", "please", "go on"]));
    let kind = asked.word(&["be a", "be an", "do me a", "do us a", "be my", "there's a"]).word(&FAVOURS).word(&["and"]);
    let good = asked.word(&[
        "be so good as to",
        "be so kind as to",
        "be kind enough to",
        "be good enough to",
        "be so kind and",
    ]);
    kind.or(&good).with_flags(Flags::REQUESTS)
}

/// Turns the flags of a matched command into a verdict.
pub(crate) fn judge(flags: Flags, kind: CommandKind) -> Verdict<()> {
    let has = |other| flags.has(other);
    // Can we start now?
    let is_asked_now = has(Flags::CAN) && has(Flags::NOW) && !has(Flags::I | Flags::WE);
    let is_wh_question = has(Flags::ASKS_WHAT) && !has(Flags::YOU | Flags::ALL);
    // We can stop the recording now.
    let is_agreed = has(Flags::CAN) && has(Flags::WE) && has(Flags::NOW) && kind == CommandKind::End;
    let is_agreed = is_agreed && !has(Flags::QUESTION | Flags::TAG_QUESTION | Flags::I | Flags::SOON | Flags::WEAK);
    if is_agreed {
        return Verdict::Command(());
    }
    let is_request = is_wh_question || has(Flags::REQUESTS) || (has(Flags::CAN) && has(Flags::POLITE)) || is_asked_now;
    // 现在可以结束会议了; with 吧 it is a question.
    let is_allowed = has(Flags::CAN)
        && has(Flags::COMPLETED)
        && !has(Flags::QUESTION | Flags::TAG_QUESTION | Flags::I)
        && (has(Flags::REPEATED)
            || (!has(Flags::ABOUT_OBJECT | Flags::URGED | Flags::WE | Flags::ACTIVITY | Flags::SOON))
            || (has(Flags::AT_ONCE | Flags::YOU) && !has(Flags::URGED | Flags::WE | Flags::ACTIVITY))
            || (kind == CommandKind::End && !has(Flags::URGED | Flags::SOON | Flags::ABOUT_OBJECT)));
    let is_stated = has(Flags::STATEMENT) && !has(Flags::URGED | Flags::POLITE);
    let flags = if is_stated { flags | Flags::WEAK } else { flags };
    let has = |other| flags.has(other);
    let sure = if kind == CommandKind::Farewell {
        if has(Flags::QUESTION | Flags::TAG_QUESTION) && !is_request {
            return Verdict::Talk;
        }
        !has(Flags::WEAK | Flags::WANTS | Flags::CAN | Flags::ABOUT_OBJECT)
    } else if is_request {
        // 能帮我开始会议了吗 asks whether it is time.
        !has(Flags::COMPLETED | Flags::I | Flags::WE | Flags::NARRATES | Flags::FIRST | Flags::WEAK)
    } else {
        let has_valid_subject = match () {
            () if has(Flags::WANTS) => !has(Flags::ACTIVITY) || has(Flags::POLITE | Flags::NOW),
            () if has(Flags::I) => false,
            () if has(Flags::WE) || (has(Flags::ALL) && kind == CommandKind::Begin) => {
                has(Flags::URGED)
                    || (has(Flags::AT_ONCE) && !has(Flags::ACTIVITY))
                    || (has(Flags::INCLUSIVE) && !has(Flags::COMPLETED))
            }
            () if has(Flags::YOU) => {
                !has(Flags::COMPLETED | Flags::ACTIVITY) || has(Flags::POLITE | Flags::URGED) || is_allowed
            }
            () => true,
        };
        // 散会了 ends the meeting; 开始会议了, 我退出了 and 马上散会了 report.
        let reports = match kind {
            _ if is_allowed => false,
            CommandKind::Begin => has(Flags::COMPLETED),
            _ => has(Flags::COMPLETED) && has(Flags::I | Flags::WE | Flags::SOON | Flags::WANTS),
        };
        let soon = has(Flags::SOON) && has(Flags::ACTIVITY);
        let asks = has(Flags::TAG_QUESTION) || (has(Flags::CAN) && !is_allowed);
        let is_narrated = has(Flags::NARRATES) && (kind == CommandKind::Begin || !has(Flags::URGED));
        let is_narrated = is_narrated || has(Flags::FIRST) && !has(Flags::URGED);
        has_valid_subject && !reports && !soon && !asks && !is_narrated && !has(Flags::WEAK)
    };
    // 人到齐了就开始会议 states a condition.
    if has(Flags::READY) && has(Flags::THEN) || has(Flags::IF) && !has(Flags::URGED | Flags::POLITE) {
        return Verdict::Talk;
    }
    // 会议结束了吗 is a question; 可以结束会议了吗 may be a request.
    if has(Flags::QUESTION) && !has(Flags::CAN | Flags::REQUESTS | Flags::POLITE) {
        return Verdict::Talk;
    }
    // 我开始工作了, 我们开始会议了: reports, not addressed to the device.
    let is_report = kind == CommandKind::Begin && has(Flags::COMPLETED) && has(Flags::I | Flags::WE | Flags::ACTIVITY);
    match sure {
        true => Verdict::Command(()),
        false if is_report && !has(Flags::WANTS | Flags::POLITE) => Verdict::Talk,
        false => Verdict::Doubt(()),
    }
}

#[cfg(test)]
mod tests;
