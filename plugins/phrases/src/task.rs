//! Commands for a task board. Rule: a phrase counts only at the ends of an utterance, never in the middle; the rest
//! names the task and contains neither a denial nor a report.

use serde::{Deserialize, Serialize};

use crate::Verdict;
use crate::clause;
use crate::embedded;
use crate::frame::{CommandKind, Framed};
use crate::intent::{self, Intent};
use crate::negation;
use crate::ordinal::Ordinal;
use crate::talk::{self, TextKind};
use crate::text::{self, Text};
use crate::wording::{is_question, normalise, strip_fillers, strip_politeness};

pub mod answer;
mod current;
mod pattern;
mod ticked;

use pattern::{TargetRule, find_phrase, is_explicit_title, numbered};

/// The action of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verb {
    Assign,
    Complete,
    Refresh,
    /// Say which task is the next one.
    Next,
}

/// A command with the words that name its task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    pub verb: Verb,
    /// Lower case; empty if no task is named.
    pub target: String,
    /// True if the command had the form of a question. A doubt without it concerns the target alone, and is resolved if
    /// the target is the complete title of a task.
    pub is_question: bool,
}

/// Additional phrases from the configuration.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct ExtraPhrases {
    pub assign: Vec<String>,
    pub complete: Vec<String>,
    pub refresh: Vec<String>,
}

/// Upper bound of the words for a task, in characters; a longer text is a sentence.
const TARGET_CHARS: usize = 80;

/// Reads the command in an utterance.
pub fn read(utterance: &str, extra: &ExtraPhrases) -> Verdict<Command> {
    // 搞定了吗，搞定了就勾掉 is a condition.
    if utterance.contains('吗') && utterance.contains("了就") {
        return Verdict::Talk;
    }
    // A title is read as transcribed first, and only then with misrecognised words corrected.
    let named = clause::read_with_remarks(utterance, read_untitled)
        .or(|| ticked::read(utterance))
        .or(|| read_titled(utterance, extra))
        .or(|| read_titled(&text::normalise(utterance), extra));
    // "I'm through with the board, close it" closes no task.
    let lower = utterance.to_lowercase();
    let is_board = lower.contains("board") && (lower.contains("close it") || lower.contains("shut it"));
    let named =
        named.or(|| if is_board { Verdict::Talk } else { clause::read_with_remarks(utterance, read_current_done) });
    // Without a title: 这条昨天就弄好了，帮我标成完成.
    let untitled = |utterance: &str| match read_titled(utterance, extra) {
        Verdict::Command(command) if command.target.is_empty() => Verdict::Command(command),
        _ if is_board => Verdict::Talk,
        _ => read_current_done(utterance),
    };
    named.or(|| embedded::read(utterance, untitled))
}

/// Reads a command without any words of the speaker's own.
fn read_untitled(utterance: &str) -> Verdict<Command> {
    let Some(mut text) = Text::parse(utterance) else { return Verdict::Talk };
    // "What's next?" is a question and a command.
    let asks = ["what's", "what is", "whats", "which", "是什么", "是啥", "是哪", "什么任务", "啥任务"];
    text.is_question &= !asks.iter().any(|word| text.words.contains(word));
    let framed = Framed::new(&text, &[]);
    let of = |verb| Command { verb, target: String::new(), is_question: true };
    let called = || {
        text.without_call_particle(utterance)
            .map_or(Verdict::Talk, |text| Framed::new(&text, &[]).read(CommandKind::Begin, current::next_task))
    };
    let next = framed.read(CommandKind::Begin, current::next_task).or(called).map(|()| of(Verb::Next));
    next.or(|| framed.read(CommandKind::Begin, pattern::refresh).map(|()| of(Verb::Refresh))).or(|| {
        match intent::of(&text).as_slice() {
            [Intent::NextTask] => Verdict::Command(of(Verb::Next)),
            _ => Verdict::Talk,
        }
    })
}

/// Reads the completion of the current task, which is pointed at.
fn read_current_done(utterance: &str) -> Verdict<Command> {
    let Some(text) = Text::parse(utterance) else { return Verdict::Talk };
    let read = Framed::new(&text, &[]).read(CommandKind::End, current::current_done);
    let done = || match intent::of(&text).as_slice() {
        [Intent::TaskDone] => Verdict::Command(()),
        _ => Verdict::Talk,
    };
    read.or(done).map(|()| Command { verb: Verb::Complete, target: String::new(), is_question: true })
}

/// Reads a command that names a task or leaves it open.
fn read_titled(utterance: &str, extra: &ExtraPhrases) -> Verdict<Command> {
    let asked = strip_politeness(utterance);
    // 能帮我…吗 is a command, 可以…吗 may be one, 做完了吗 is none.
    let is_doubtful = asked.asks_permission && !asked.is_polite;
    if is_question(&asked.text) && !asked.is_polite && !asked.asks_permission {
        return Verdict::Talk;
    }
    let text = normalise(&asked.text);
    let text = if is_question(&text) { normalise(text.trim_end_matches(['吗', '么'])) } else { text };
    let text = without_repetition(&text);
    let Some(found) = find_phrase(text, extra) else { return Verdict::Talk };
    // 别把写报告标记为完成 contains the phrase and means the opposite.
    if negation::of_command(found.rest, found.leads) {
        return Verdict::Talk;
    }
    // 我妈说做完作业打个勾.
    let without_harmless = ["说明", "小说", "说法", "传说", "说服"]
        .iter()
        .fold(found.rest.to_owned(), |rest, word| rest.replace(word, ""));
    let is_report = ["妈说", "爸说", "师说", "板说", "导说", "事说", "总说", "经理说", "户说", "友说", "们说"]
        .iter()
        .any(|word| without_harmless.contains(word));
    if found.leads && is_report {
        return Verdict::Talk;
    }
    let number = numbered(found.rest);
    let target = number.map_or_else(|| normalise(found.rest), |number| number.to_string());
    let command = Command { verb: found.verb, target, is_question: is_doubtful };
    let bare = strip_fillers(&command.target);
    // 我已经做完了 reports the completion; 我已经认领了 commands nothing.
    if found.verb == Verb::Assign && found.rest.contains("已经") {
        return Verdict::Talk;
    }
    if command.target.chars().count() > TARGET_CHARS || (found.verb == Verb::Refresh && !bare.is_empty()) {
        return Verdict::Talk;
    }
    let rest = normalise(found.rest);
    let is_explicit_title = !found.leads && is_explicit_title(found.rest);
    let is_clear = bare.is_empty() || is_explicit_title || Ordinal::parse(bare, false).is_some();
    // 认领第二个任务需要多久: nothing may follow the number. 认领了第二个 is a report.
    if !is_clear && Ordinal::leads(bare) || !found.leads && !bare.is_empty() && rest.starts_with('了') {
        return Verdict::Talk;
    }
    let kind = match (found.leads, is_clear) {
        _ if is_explicit_title => TextKind::Title,
        // Also with the peeled words: 他把写报告标记为完成.
        (true, _) => talk::before(bare).max(talk::before(&rest)),
        (false, true) => talk::before(bare),
        (false, false) => talk::behind(&rest).max(talk::before(bare)),
    };
    let sure = kind == TextKind::Title && (is_clear || found.target_rule == TargetRule::AnyTitle);
    match kind {
        TextKind::Sentence => Verdict::Talk,
        _ if sure && !is_doubtful => Verdict::Command(command),
        _ => Verdict::Doubt(command),
    }
}

/// The text once if it was said twice in a row.
fn without_repetition(text: &str) -> &str {
    let half = text.len() / 2;
    let is_twice = text.is_char_boundary(half) && text[..half].trim() == text[half..].trim();
    if is_twice { text[..half].trim() } else { text }
}

#[cfg(test)]
mod tests;
