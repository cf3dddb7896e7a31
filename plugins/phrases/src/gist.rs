//! The gist of an order, whatever the order of its words. Rule: each word of it is known by what it means, and their sum
//! is one thing done with one other; a name that nobody has listed may stand where names of meetings do, and a word that
//! is none of these makes it talk. What the words of the frame say of it (who, when, whether) is judged as elsewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use crate::Verdict;
use crate::begin::vocabulary::{ENTER as ENTERING, KNOWN, SHOW as SHOWING, START};
use crate::clause::{behind as reasons, free};
use crate::frame::words::{ADDRESSED, BEFORE, BEHIND};
use crate::frame::{Manner, judge};
use crate::leave::QUIT;
use crate::path::{Marks, behind};
use crate::text::{Text, is_chinese};

mod chinese;
mod english;
mod sense;

use sense::{
    ACTIONS, ADVERB, BOARD, BUILD, CHAT, CODING, CREATE, DETERMINER, DONE, END, ENTER, HELD, LOG, MEETING,
    MEETING_MODE, MIND, MINE, MOVE, NAMED, NEXT, NOTES, ONE, ONWARD, OPEN, PAST, PURPOSE, RECORD, REMARK, SHOW, SPOKEN,
    STATE, SURE, Sense, TAIL, TAKE, TASKS, THING_FIRST, THINGS, THIS, THIS_MODE, TICK, WHAT, WORKING,
};

/// What is ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Gist {
    /// Begin the mode of this name.
    Begin(&'static str),
    /// End the meeting, or its record.
    EndMeeting,
    /// Leave a mode that is named, or this one.
    Leave,
    /// End the conversation.
    Part,
    /// Read the task behind this one.
    Next,
    /// This task is done.
    Done,
}

/// A name has so many letters in Chinese, and so many words elsewhere.
const LONGEST_NAME: usize = 6;
const MOST_WORDS: usize = 3;
/// Words are looked up by so many letters, or by all that they have.
const HEAD: usize = 3;
/// Words behind "for".
const LONGEST_TAIL: usize = 5;
/// More ways through one place are not followed.
const MOST_WAYS: usize = 160;

/// What a word does.
#[derive(Clone, Copy)]
struct Entry {
    word: &'static str,
    marks: Marks,
    sense: Sense,
    place: Place,
}

/// Where a word stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Before an order of any kind.
    Before,
    /// Behind one.
    Behind,
    /// In it.
    Inside,
    /// Behind "would you mind".
    Minding,
}

/// Verbs that begin so make a meeting, and no board.
const CREATING: [&str; 14] =
    ["新建", "创建", "建", "起", "来", "弄", "搞", "整", "拉", "组", "召开", "发起", "create", "set up"];

/// All words by their first letters: at no place are many of them compared.
static WORDS: LazyLock<BTreeMap<&'static str, Vec<Entry>>> = LazyLock::new(|| {
    let mut words: BTreeMap<&'static str, Vec<Entry>> = BTreeMap::new();
    let mut add = |word: &'static str, marks: Marks, sense: Sense, place: Place| {
        let head = (1..=HEAD).rev().find_map(|count| head(word, count));
        if let Some(head) = head {
            words.entry(head).or_default().push(Entry { word, marks, sense, place });
        }
    };
    for (word, marks) in &BEFORE {
        add(word, *marks, ADVERB, Place::Before);
    }
    for (word, marks) in &BEHIND {
        add(word, *marks, ADVERB, Place::Behind);
    }
    for word in ADDRESSED {
        add(word, Marks::NONE, ADVERB, Place::Inside);
    }
    for (sense, list) in chinese::WORDS.iter().chain(english::WORDS) {
        for word in *list {
            add(word, Marks::NONE, *sense, Place::Inside);
        }
    }
    for (sense, list) in english::MINDING {
        for word in *list {
            add(word, Marks::NONE, *sense, Place::Minding);
        }
    }
    for word in ["would you mind", "do you mind"] {
        add(word, Marks::REQUESTS, MIND, Place::Inside);
    }
    for known in &KNOWN {
        let (mode, list) = match known.mode {
            "meeting" => (MEETING_MODE, NOTES),
            "working" => (WORKING, TASKS),
            "coding" => (CODING, LOG),
            _ => continue,
        };
        let parts = [(mode, known.modes), (MEETING, known.things), (BOARD, known.boards), (list, known.lists)];
        for (sense, list) in parts.into_iter().chain([(NOTES, known.recordings)]) {
            for word in list {
                add(word, Marks::NONE, sense, Place::Inside);
            }
        }
    }
    let verbs: [(Sense, &[&'static str]); 4] = [(SHOW, &SHOWING), (OPEN, &START), (OPEN, &ENTERING), (END, &QUIT)];
    for (sense, list) in verbs {
        for word in list {
            let creates = sense == OPEN && CREATING.iter().any(|verb| word.starts_with(verb));
            add(word, Marks::NONE, if creates { CREATE } else { sense }, Place::Inside);
        }
    }
    words
});

/// The first letters of a text that has so many.
fn head(text: &str, count: usize) -> Option<&str> {
    let (at, last) = text.char_indices().nth(count.checked_sub(1)?)?;
    text.get(..at + last.len_utf8())
}

/// All that this text may order without doubt, in order and each once.
pub fn of(text: &Text) -> Vec<Gist> {
    if text.quotes {
        return Vec::new();
    }
    let asks = if text.asks { Marks::TAGGED } else { Marks::NONE };
    let is_latin = !text.words.contains(is_chinese);
    let found = walked(&text.words).into_iter().filter_map(|(marks, sense)| {
        let (gist, manner) = meant(sense, marks, is_latin)?;
        let marks = marks | asks;
        let is_sure = judge(marks, manner) == Verdict::Command(());
        (is_sure && is_said_so(marks, sense, is_latin)).then_some(gist)
    });
    found.collect::<BTreeSet<Gist>>().into_iter().collect()
}

/// Where the thing stands first it may be told of: 看板关了.
fn is_said_so(marks: Marks, sense: Sense, is_latin: bool) -> bool {
    let is_asked = marks.has(Marks::POLITE | Marks::REQUESTS);
    let is_urged = is_asked || marks.has(Marks::URGES | Marks::AT_ONCE | Marks::YOU);
    let is_plain = sense & (SHOW | TICK | MOVE | WHAT) != 0 && sense & (OPEN | END | RECORD) == 0;
    // 会议模式开一下子: nobody speaks of modes in these words.
    let is_mode = sense & (MEETING_MODE | WORKING | CODING) != 0;
    match sense & THING_FIRST != 0 {
        true if is_latin => is_asked || sense & (TICK | WHAT) != 0,
        true => is_urged || is_plain || is_mode && !marks.has(Marks::IS_SO),
        false => true,
    }
}

/// What the words mean together.
fn meant(sense: Sense, marks: Marks, is_latin: bool) -> Option<(Gist, Manner)> {
    let has = |any: Sense| sense & any != 0;
    let only = |of: Sense| sense & !(of | HELD | THING_FIRST | REMARK | MINE | MIND | PURPOSE) == 0;
    let counts = has(ONE) && has(ONWARD) && has(SHOW) && only(ONE | ONWARD | SHOW | MOVE | TASKS);
    if counts {
        return Some((Gist::Next, Manner::Begin));
    }
    if has(NEXT) {
        let is_asked = has(WHAT) && (has(BOARD | TASKS) || marks.has(Marks::POLITE | Marks::REQUESTS));
        let is_next = (has(MOVE | SHOW | ONWARD) || is_asked)
            && only(NEXT | MOVE | SHOW | OPEN | THIS | TASKS | BOARD | WHAT | ONWARD);
        return is_next.then_some((Gist::Next, Manner::Begin));
    }
    if has(TICK) && has(THIS) | has(DONE) {
        let is_done = has(SURE) || has(THIS) && has(DONE);
        let is_told = has(PAST) && !has(DONE);
        return (is_done && !is_told && only(TICK | SURE | THIS | DONE | PAST)).then_some((Gist::Done, Manner::End));
    }
    if has(END) {
        let gist = match () {
            () if only(END | CHAT) && has(CHAT) => Gist::Part,
            // Notes are finished by whoever writes them.
            () if is_latin && has(NOTES) && !has(SURE) => return None,
            () if only(END | MEETING | NOTES | MEETING_MODE | NAMED | RECORD | SURE | DONE)
                && has(MEETING | NOTES)
                && (has(MEETING) || !has(DONE)) =>
            {
                Gist::EndMeeting
            }
            () if only(END | MEETING | MEETING_MODE | WORKING | CODING | BOARD | THIS_MODE)
                && has(MEETING_MODE | WORKING | CODING | BOARD | THIS_MODE) =>
            {
                Gist::Leave
            }
            () => return None,
        };
        return Some((gist, Manner::End));
    }
    let begins = |mode| Some((Gist::Begin(mode), Manner::Begin));
    let record = RECORD | SURE | TAKE;
    if only(OPEN | CREATE | ENTER | record | MEETING | NOTES | MEETING_MODE | NAMED | TAIL | SPOKEN)
        && (has(OPEN | CREATE) && has(MEETING | MEETING_MODE) && !has(SPOKEN | NOTES)
            || is_latin && has(OPEN) && has(NOTES) && has(SURE)
            || has(ENTER) && has(MEETING_MODE)
            || has(RECORD) && has(MEETING | NAMED)
            || has(RECORD) && has(SPOKEN) && (has(SURE) || !is_latin)
            || has(RECORD) && has(SURE) && has(NOTES)
            || has(TAKE) && has(NOTES))
    {
        return begins("meeting");
    }
    if only(OPEN | ENTER | SHOW | BOARD | TASKS | WORKING | WHAT | NAMED)
        && (has(SHOW | OPEN) && has(BOARD | TASKS) || has(OPEN | ENTER) && has(WORKING) || has(ENTER) && has(BOARD))
    {
        return begins("working");
    }
    if only(OPEN | ENTER | SHOW | LOG | BUILD | CODING | STATE | WHAT | THIS)
        && (has(SHOW | OPEN) && has(LOG)
            || has(SHOW) && has(BUILD) && has(STATE)
            || has(OPEN | ENTER) && has(CODING) && !has(STATE | WHAT))
    {
        return begins("coding");
    }
    None
}

/// What all ways through the text have added up.
fn walked(text: &str) -> BTreeSet<(Marks, Sense)> {
    let mut ways: BTreeMap<usize, BTreeSet<(Marks, Sense)>> = BTreeMap::new();
    ways.insert(0, BTreeSet::from([(Marks::NONE, ADVERB)]));
    while let Some((at, here)) = ways.pop_first() {
        if at >= text.len() {
            // Nothing follows that a determiner could belong to.
            return here.into_iter().filter(|(_, sense)| sense & DETERMINER == 0).collect();
        }
        let Some(first) = text[at..].chars().next() else { break };
        let mut go = |end: usize, step: (Marks, Sense)| {
            let there = ways.entry(end).or_default();
            if there.len() < MOST_WAYS {
                there.insert(step);
            }
        };
        let heads = (1..=HEAD).filter_map(|count| head(&text[at..], count));
        for entry in heads.filter_map(|head| WORDS.get(head)).flatten() {
            let Some(end) = behind(text, at, entry.word) else { continue };
            for (marks, sense) in &here {
                if let Some(sense) = added(*sense, entry) {
                    go(end, (*marks | entry.marks, sense));
                }
            }
        }
        let purpose = tail(text, at, &["for "]).map(|end| (end, PURPOSE));
        let whom = tail(text, at, &["for ", "with ", "about ", "on "]).map(|end| (end, TAIL));
        let unknown = [purpose, whom, manner(text, at), named(text, at, is_chinese(first)), remark(text, at)];
        for (end, meaning) in unknown.into_iter().flatten() {
            for (marks, sense) in &here {
                if let Some(sense) = passed(*sense, meaning, is_chinese(first)) {
                    go(end, (*marks, sense));
                }
            }
        }
    }
    BTreeSet::new()
}

/// With what this word means; none where it cannot stand there.
fn added(sense: Sense, entry: &Entry) -> Option<Sense> {
    let waits = sense & DETERMINER != 0;
    let meaning = entry.sense;
    if meaning == ADVERB {
        // In Chinese, 给我 and 帮我 stand between the thing and what is done with it.
        let is_here = match entry.place {
            Place::Before => sense & ACTIONS == 0 || !entry.word.is_ascii() && entry.marks != Marks::NONE,
            Place::Behind => sense & (ACTIONS | THINGS) != 0,
            Place::Inside | Place::Minding => true,
        };
        return (!waits && is_here).then_some(sense);
    }
    if meaning & DETERMINER != 0 {
        // The end of the meeting: what has parts is named first.
        let led = entry.word.split(' ').next().unwrap_or_default();
        let is_part = ["的", "of", "for", "from", "on", "in", "about", "to", "with"].contains(&led);
        // 我打开: who does it is judged with the frame.
        let is_owner = ["我", "我们", "咱", "咱们"].contains(&entry.word);
        let stands =
            (!is_part || !waits && sense & (THINGS | STATE | WHAT | SHOW) != 0) && (!is_owner || sense & ACTIONS != 0);
        return stands.then_some(sense | DETERMINER);
    }
    if meaning & ACTIONS != 0 {
        let is_here = (entry.place == Place::Minding) == (sense & MIND != 0);
        return (!waits && is_here).then_some(sense | meaning);
    }
    if meaning & THINGS != 0 {
        let first = if sense & (ACTIONS | HELD) == 0 { THING_FIRST } else { ADVERB };
        return Some(sense & !DETERMINER | meaning | first);
    }
    // How's the build is asked elsewhere.
    let asks = entry.word.starts_with("what ") || entry.word.starts_with("what's ");
    let is_asked = meaning & STATE == 0 || asks || sense & (THINGS | SHOW) != 0;
    (is_asked && (!waits || meaning & STATE != 0)).then_some(sense & !DETERMINER | meaning)
}

/// With words that nobody has listed.
fn passed(sense: Sense, meaning: Sense, is_chinese: bool) -> Option<Sense> {
    match meaning {
        ADVERB => (sense & DETERMINER == 0).then_some(sense),
        REMARK => {
            let is_whole = sense & ACTIONS != 0 && sense & THINGS != 0 && sense & (DETERMINER | THING_FIRST) == 0;
            (is_whole && sense & (TICK | MOVE | NEXT) == 0).then_some(sense | REMARK)
        }
        PURPOSE => {
            let is_mode = sense & (MEETING | MEETING_MODE | WORKING | CODING) != 0;
            (is_mode && sense & (OPEN | ENTER) != 0 && sense & (DETERMINER | END) == 0).then_some(sense | PURPOSE)
        }
        TAIL => {
            let is_told = sense & (RECORD | TAKE) != 0 && sense & (MEETING | NOTES | SPOKEN) != 0;
            (is_told && sense & (DETERMINER | END) == 0).then_some(sense | TAIL)
        }
        _ => {
            let waits = sense & DETERMINER != 0;
            let is_led = sense & (OPEN | RECORD | END) != 0 || sense & HELD != 0;
            let is_free = sense & (THINGS | NAMED | SHOW | ENTER) == 0;
            let is_led = is_led && (is_chinese || waits) && is_free;
            is_led.then_some(sense & !DETERMINER | meaning)
        }
    }
}

/// Slowly, carefully: how it is to be done.
fn manner(text: &str, at: usize) -> Option<(usize, Sense)> {
    let word = text[at..].split(' ').next()?;
    let is_manner = word.len() > 4 && word.ends_with("ly") && word.chars().all(|letter| letter.is_ascii_alphabetic());
    (is_manner && !english::NO_MANNER.contains(&word)).then(|| ((at + word.len() + 1).min(text.len()), ADVERB))
}

/// A name that is nobody's word, and what is held by it: 业主会, the quarterly sales meeting.
fn named(text: &str, at: usize, is_chinese: bool) -> Option<(usize, Sense)> {
    let rest = &text[at..];
    if is_chinese {
        let ends = rest.char_indices().skip(2).take(LONGEST_NAME).map(|(end, _)| end);
        let is_name =
            |end: &usize| !rest.starts_with('的') && !chinese::NAMELESS.iter().any(|word| rest[..*end].contains(word));
        let held = ends.filter(is_name).filter_map(|end| {
            let held = chinese::NAMED.iter().filter(|held| rest[end..].starts_with(**held));
            held.map(|held| at + end + held.len()).max()
        });
        return held.max().map(|end| (end, MEETING | NAMED));
    }
    let starts = rest.match_indices(' ').map(|(end, _)| end + 1).take(MOST_WORDS);
    let is_name = |name: &str| {
        let is_plain = name.split(' ').all(|word| !english::NAMELESS.contains(&word));
        is_plain && !name.contains('\'') && !free::names_other(name, "")
    };
    starts.filter(|end| is_name(&rest[..*end])).find_map(|end| {
        let meeting = english::NAMED.iter().find_map(|held| behind(text, at + end, held));
        let list = || english::NAMED_LISTS.iter().find_map(|held| behind(text, at + end, held));
        let meeting = meeting.map(|end| (end, MEETING | NAMED));
        meeting.or_else(|| list().map(|end| (end, TASKS | NAMED)))
    })
}

/// For the sales team, with the client: all that follows.
fn tail(text: &str, at: usize, led: &[&str]) -> Option<usize> {
    let rest = &text[at..];
    let whom = led.iter().find_map(|word| rest.strip_prefix(word))?;
    let is_short = whom.split(' ').count() <= LONGEST_TAIL;
    let is_time = whom.split(' ').any(|word| english::NOBODY.contains(&word));
    let is_whom = is_short && !is_time && !free::names_other(whom, "");
    is_whom.then_some(text.len())
}

/// The colleagues have just joined, 甲方进来了: somebody is there, and so the order is given.
fn remark(text: &str, at: usize) -> Option<(usize, Sense)> {
    let rest = &text[at..];
    if rest.contains(is_chinese) {
        let is_so = rest.ends_with(['了', '呢']);
        return (is_so && reasons::is_own(rest)).then_some((text.len(), REMARK));
    }
    let words: Vec<&str> = rest.split(' ').collect();
    let first = words.first()?;
    let is_subject = english::SUBJECTS.contains(first);
    let is_somebody = first.ends_with("'s") && !english::NOBODYS.contains(first);
    let says = |word: &&str| english::STATES.contains(word) || word.ends_with("'s") || word.ends_with("'re");
    let is_said = (3..=9).contains(&words.len()) && words.iter().any(says);
    let is_own = (is_subject || is_somebody) && is_said && !free::names_other(rest, "");
    is_own.then_some((text.len(), REMARK))
}

#[cfg(test)]
mod tests;
