//! Commands for a board of tasks. Rule: a phrase counts at the ends of what was said, never in the middle of a
//! sentence; what is left of it names the task, denies nothing and tells of nothing.

use serde::{Deserialize, Serialize};

use crate::Verdict;
use crate::clause;
use crate::frame::{Framed, Manner};
use crate::gist::{self, Gist};
use crate::negation;
use crate::order;
use crate::ordinal::Place;
use crate::talk::{self, Sound};
use crate::text::{self, Text};
use crate::wording::{is_question, normalise, peel, unwrapped};

pub mod answer;
mod current;
mod pattern;
mod ticked;

use pattern::{Surety, find, is_titled, numbered};

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verb {
    Assign,
    Complete,
    Refresh,
    /// Say which task would be the next one.
    Next,
}

/// A command with the words that name its task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    pub verb: Verb,
    /// Lower-cased; empty where no task is named.
    pub target: String,
    /// It had the form of a question. A doubt without it is about the target alone: what is the title of a task as a
    /// whole leaves none.
    pub asks: bool,
}

/// Phrases that the operator adds.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct ExtraPhrases {
    pub assign: Vec<String>,
    pub complete: Vec<String>,
    pub refresh: Vec<String>,
}

/// Longest words for a task, in characters; more is a sentence and no command.
const TARGET_CHARS: usize = 80;

/// The command in what was said.
pub fn read(said: &str, extra: &ExtraPhrases) -> Verdict<Command> {
    // 搞定了吗，搞定了就勾掉 is a condition.
    if said.contains('吗') && said.contains("了就") {
        return Verdict::Talk;
    }
    // A title is told as it was heard first, and only then with what recognisers confuse put right.
    let named = clause::among(said, closed)
        .or(|| ticked::read(said))
        .or(|| open(said, extra))
        .or(|| open(&text::even(said), extra));
    // I'm through with the board, close it: no task is closed.
    let lower = said.to_lowercase();
    let is_board = lower.contains("board") && (lower.contains("close it") || lower.contains("shut it"));
    let named = named.or(|| if is_board { Verdict::Talk } else { clause::among(said, pointed) });
    // Without a title: 这条昨天就弄好了，帮我标成完成.
    let untitled = |said: &str| match open(said, extra) {
        Verdict::Command(command) if command.target.is_empty() => Verdict::Command(command),
        _ if is_board => Verdict::Talk,
        _ => pointed(said),
    };
    named.or(|| order::among(said, untitled))
}

/// Commands without a task of one's own words.
fn closed(said: &str) -> Verdict<Command> {
    let Some(mut text) = Text::of(said) else { return Verdict::Talk };
    // What's next? is a question and an order of it.
    let asks = ["what's", "what is", "whats", "which", "是什么", "是啥", "是哪", "什么任务", "啥任务"];
    text.asks &= !asks.iter().any(|word| text.words.contains(word));
    let framed = Framed::new(&text, &[]);
    let of = |verb| Command { verb, target: String::new(), asks: true };
    let called =
        || text.called(said).map_or(Verdict::Talk, |text| Framed::new(&text, &[]).read(Manner::Begin, current::next));
    let next = framed.read(Manner::Begin, current::next).or(called).map(|()| of(Verb::Next));
    next.or(|| framed.read(Manner::Begin, pattern::refresh).map(|()| of(Verb::Refresh))).or(|| {
        match gist::of(&text).as_slice() {
            [Gist::Next] => Verdict::Command(of(Verb::Next)),
            _ => Verdict::Talk,
        }
    })
}

/// The task at hand, pointed at and done.
fn pointed(said: &str) -> Verdict<Command> {
    let Some(text) = Text::of(said) else { return Verdict::Talk };
    let read = Framed::new(&text, &[]).read(Manner::End, current::done);
    let done = || match gist::of(&text).as_slice() {
        [Gist::Done] => Verdict::Command(()),
        _ => Verdict::Talk,
    };
    read.or(done).map(|()| Command { verb: Verb::Complete, target: String::new(), asks: true })
}

/// Commands that name a task, or leave it to what is obvious.
fn open(said: &str, extra: &ExtraPhrases) -> Verdict<Command> {
    let asked = unwrapped(said);
    // 能帮我…吗 is an order, 可以…吗 may be one, 做完了吗 is none.
    let is_doubtful = asked.may && !asked.is_polite;
    if is_question(&asked.text) && !asked.is_polite && !asked.may {
        return Verdict::Talk;
    }
    let text = normalise(&asked.text);
    let text = if is_question(&text) { normalise(text.trim_end_matches(['吗', '么'])) } else { text };
    let text = once(&text);
    let Some(found) = find(text, extra) else { return Verdict::Talk };
    // 别把写报告标记为完成: the phrase is there and the opposite is meant.
    if negation::of_command(found.rest, found.leads) {
        return Verdict::Talk;
    }
    // 我妈说做完作业打个勾.
    let told = ["说明", "小说", "说法", "传说", "说服"]
        .iter()
        .fold(found.rest.to_owned(), |rest, word| rest.replace(word, ""));
    let is_told = ["妈说", "爸说", "师说", "板说", "导说", "事说", "总说", "经理说", "户说", "友说", "们说"]
        .iter()
        .any(|word| told.contains(word));
    if found.leads && is_told {
        return Verdict::Talk;
    }
    let number = numbered(found.rest);
    let target = number.map_or_else(|| normalise(found.rest), |number| number.to_string());
    let command = Command { verb: found.verb, target, asks: is_doubtful };
    let bare = peel(&command.target);
    // 我已经做完了 says that it is done, 我已经认领了 orders nothing.
    if found.verb == Verb::Assign && found.rest.contains("已经") {
        return Verdict::Talk;
    }
    if command.target.chars().count() > TARGET_CHARS || (found.verb == Verb::Refresh && !bare.is_empty()) {
        return Verdict::Talk;
    }
    let rest = normalise(found.rest);
    let is_titled = !found.leads && is_titled(found.rest);
    let is_clear = bare.is_empty() || is_titled || Place::read(bare, false).is_some();
    // 认领第二个任务需要多久: behind a number nothing is left. 认领了第二个 tells of it.
    if !is_clear && Place::leads(bare) || !found.leads && !bare.is_empty() && rest.starts_with('了') {
        return Verdict::Talk;
    }
    let sound = match (found.leads, is_clear) {
        _ if is_titled => Sound::Title,
        // Also with what peeling takes off: 他把写报告标记为完成.
        (true, _) => talk::before(bare).max(talk::before(&rest)),
        (false, true) => talk::before(bare),
        (false, false) => talk::behind(&rest).max(talk::before(bare)),
    };
    let sure = sound == Sound::Title && (is_clear || found.surety == Surety::Clear);
    match sound {
        Sound::Sentence => Verdict::Talk,
        _ if sure && !is_doubtful => Verdict::Command(command),
        _ => Verdict::Doubt(command),
    }
}

/// What was said twice in one breath, once.
fn once(text: &str) -> &str {
    let half = text.len() / 2;
    let is_twice = text.is_char_boundary(half) && text[..half].trim() == text[half..].trim();
    if is_twice { text[..half].trim() } else { text }
}

#[cfg(test)]
mod tests;
