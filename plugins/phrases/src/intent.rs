//! The intent of a command by the senses of its words, whatever their order. Rule: the senses of all words add up to
//! one action on one object; an unlisted name may stand in front of a noun for a meeting or a list, and any other
//! unlisted word makes it talk. The flags of the words around it (who, when, whether) are judged as by the frame.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use crate::Verdict;
use crate::begin::vocabulary::{ENTER_VERBS, SHOW_VERBS, START_VERBS, VOCABULARIES};
use crate::clause::{reason, unlisted};
use crate::frame::words::{ADDRESSEES, PREFIXES, SUFFIXES};
use crate::frame::{CommandKind, judge};
use crate::leave::QUIT;
use crate::path::{Flags, end_of_word};
use crate::text::{Text, is_chinese};

mod chinese;
mod english;
mod sense;

use sense::{
    ACTIONS, ADVERB, BOARD, BUILD, CHAT, CODING, CREATE, DETERMINER, DONE, END, ENTER, LOG, MEETING, MEETING_MODE,
    MINE, MOVE, NAMED, NEXT, NOTES, OBJECT_MARKER, ONE, ONWARD, OPEN, PAST, PURPOSE, RECORD, REMARK, SHOW, SPOKEN,
    STATE, Sense, TAIL, TAKE, TASKS, THING_FIRST, THINGS, THIS, THIS_MODE, TICK, UNAMBIGUOUS, WHAT, WORKING,
    WOULD_YOU_MIND,
};

/// What is commanded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Intent {
    /// Start the mode of this name.
    StartMode(&'static str),
    /// End the meeting, or its recording.
    EndMeeting,
    /// Leave a named mode, or the current one.
    LeaveMode,
    /// End the conversation.
    Farewell,
    /// Read the next task.
    NextTask,
    /// The current task is done.
    TaskDone,
}

/// Upper bound of an unlisted name, in characters for Chinese and in words otherwise.
const MAX_NAME_CHARS: usize = 6;
const MAX_NAME_WORDS: usize = 3;
/// Length of a key of the word index, in characters; shorter words are indexed by all they have.
const MAX_KEY_CHARS: usize = 3;
/// Upper bound of an unlisted rest after a preposition, in words.
const MAX_TAIL_WORDS: usize = 5;
/// Upper bound of the parse states at one offset; further ones are dropped.
const MAX_STATES: usize = 160;

/// A word of the index.
#[derive(Clone, Copy)]
struct Entry {
    word: &'static str,
    flags: Flags,
    sense: Sense,
    position: Position,
}

/// Where a word may stand.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Position {
    /// Before any command.
    Before,
    /// After a command.
    Behind,
    /// Within a command.
    Inside,
    /// After "would you mind".
    AfterWouldYouMind,
}

/// Verbs with these beginnings create a meeting, and never a board.
const CREATING: [&str; 14] =
    ["新建", "创建", "建", "起", "来", "弄", "搞", "整", "拉", "组", "召开", "发起", "create", "set up"];

/// All words by their first characters, so that only a few are compared at each offset.
static WORDS: LazyLock<BTreeMap<&'static str, Vec<Entry>>> = LazyLock::new(|| {
    let mut words: BTreeMap<&'static str, Vec<Entry>> = BTreeMap::new();
    let mut add = |word: &'static str, flags: Flags, sense: Sense, position: Position| {
        let first_chars = (1..=MAX_KEY_CHARS).rev().find_map(|count| first_chars(word, count));
        if let Some(first_chars) = first_chars {
            words.entry(first_chars).or_default().push(Entry { word, flags, sense, position });
        }
    };
    for (word, flags) in &PREFIXES {
        add(word, *flags, ADVERB, Position::Before);
    }
    for (word, flags) in &SUFFIXES {
        add(word, *flags, ADVERB, Position::Behind);
    }
    for word in ADDRESSEES {
        add(word, Flags::NONE, ADVERB, Position::Inside);
    }
    for (sense, list) in chinese::WORDS.iter().chain(english::WORDS) {
        for word in *list {
            add(word, Flags::NONE, *sense, Position::Inside);
        }
    }
    for (sense, list) in english::GERUNDS {
        for word in *list {
            add(word, Flags::NONE, *sense, Position::AfterWouldYouMind);
        }
    }
    for word in ["would you mind", "do you mind"] {
        add(word, Flags::REQUESTS, WOULD_YOU_MIND, Position::Inside);
    }
    for known in &VOCABULARIES {
        let (mode, list) = match known.mode {
            "meeting" => (MEETING_MODE, NOTES),
            "working" => (WORKING, TASKS),
            "coding" => (CODING, LOG),
            _ => continue,
        };
        let parts = [(mode, known.modes), (MEETING, known.things), (BOARD, known.boards), (list, known.lists)];
        for (sense, list) in parts.into_iter().chain([(NOTES, known.recordings)]) {
            for word in list {
                add(word, Flags::NONE, sense, Position::Inside);
            }
        }
    }
    let verbs: [(Sense, &[&'static str]); 4] =
        [(SHOW, &SHOW_VERBS), (OPEN, &START_VERBS), (OPEN, &ENTER_VERBS), (END, &QUIT)];
    for (sense, list) in verbs {
        for word in list {
            let creates = sense == OPEN && CREATING.iter().any(|verb| word.starts_with(verb));
            add(word, Flags::NONE, if creates { CREATE } else { sense }, Position::Inside);
        }
    }
    words
});

/// The first `count` characters of a text; none if it is shorter.
fn first_chars(text: &str, count: usize) -> Option<&str> {
    let (at, last) = text.char_indices().nth(count.checked_sub(1)?)?;
    text.get(..at + last.len_utf8())
}

/// All intents that this text certainly commands, sorted and without duplicates.
pub fn of(text: &Text) -> Vec<Intent> {
    if text.has_quotes || asks_for_meaning(&text.words) {
        return Vec::new();
    }
    let asks = if text.is_question { Flags::TAG_QUESTION } else { Flags::NONE };
    let is_latin = !text.words.contains(is_chinese);
    let found = parses(&text.words).into_iter().filter_map(|(flags, sense)| {
        let (intent, manner) = classify(sense, flags, is_latin)?;
        let flags = flags | asks;
        let is_sure = judge(flags, manner) == Verdict::Command(());
        (is_sure && is_imperative(flags, sense, is_latin)).then_some(intent)
    });
    found.collect::<BTreeSet<Intent>>().into_iter().collect()
}

/// "What does open the board do": a question about a command.
fn asks_for_meaning(words: &str) -> bool {
    let is_asked = ["what does ", "what did ", "what do ", "what would "].iter().any(|first| words.contains(first));
    is_asked && [" do", " mean", " actually do", " do exactly"].iter().any(|last| words.ends_with(last))
}

/// True if the text commands. With the object first it may be a report: 看板关了.
fn is_imperative(flags: Flags, sense: Sense, is_latin: bool) -> bool {
    let is_asked = flags.has(Flags::POLITE | Flags::REQUESTS);
    let is_urged = is_asked || flags.has(Flags::URGED | Flags::AT_ONCE | Flags::YOU);
    let is_plain = sense & (SHOW | TICK | MOVE | WHAT) != 0 && sense & (OPEN | END | RECORD) == 0;
    // 会议模式开一下子: the name of a mode occurs in no report of this form.
    let is_mode = sense & (MEETING_MODE | WORKING | CODING) != 0;
    match sense & THING_FIRST != 0 {
        true if is_latin => is_asked || sense & (TICK | WHAT) != 0,
        true => is_urged || is_plain || is_mode && !flags.has(Flags::COMPLETED),
        false => true,
    }
}

/// The intent of the summed senses, and the kind of the command.
fn classify(sense: Sense, flags: Flags, is_latin: bool) -> Option<(Intent, CommandKind)> {
    let has = |any: Sense| sense & any != 0;
    let only = |of: Sense| sense & !(of | OBJECT_MARKER | THING_FIRST | REMARK | MINE | WOULD_YOU_MIND | PURPOSE) == 0;
    let counts = has(ONE) && has(ONWARD) && has(SHOW) && only(ONE | ONWARD | SHOW | MOVE | TASKS);
    if counts {
        return Some((Intent::NextTask, CommandKind::Begin));
    }
    if has(NEXT) {
        let is_asked = has(WHAT) && (has(BOARD | TASKS) || flags.has(Flags::POLITE | Flags::REQUESTS));
        let is_next = (has(MOVE | SHOW | ONWARD) || is_asked)
            && only(NEXT | MOVE | SHOW | OPEN | THIS | TASKS | BOARD | WHAT | ONWARD);
        return is_next.then_some((Intent::NextTask, CommandKind::Begin));
    }
    if has(TICK) && has(THIS) | has(DONE) {
        let is_done = has(UNAMBIGUOUS) || has(THIS) && has(DONE);
        let is_told = has(PAST) && !has(DONE);
        return (is_done && !is_told && only(TICK | UNAMBIGUOUS | THIS | DONE | PAST))
            .then_some((Intent::TaskDone, CommandKind::End));
    }
    if has(END) {
        let intent = match () {
            () if only(END | CHAT) && has(CHAT) => Intent::Farewell,
            // Notes are finished by the person who writes them.
            () if is_latin && has(NOTES) && !has(UNAMBIGUOUS) => return None,
            () if only(END | MEETING | NOTES | MEETING_MODE | NAMED | RECORD | UNAMBIGUOUS | DONE)
                && has(MEETING | NOTES)
                && (has(MEETING) || !has(DONE)) =>
            {
                Intent::EndMeeting
            }
            () if only(END | MEETING | MEETING_MODE | WORKING | CODING | BOARD | THIS_MODE)
                && has(MEETING_MODE | WORKING | CODING | BOARD | THIS_MODE) =>
            {
                Intent::LeaveMode
            }
            () => return None,
        };
        return Some((intent, CommandKind::End));
    }
    let begins = |mode| Some((Intent::StartMode(mode), CommandKind::Begin));
    let record = RECORD | UNAMBIGUOUS | TAKE;
    if only(OPEN | CREATE | ENTER | record | MEETING | NOTES | MEETING_MODE | NAMED | TAIL | SPOKEN)
        && (has(OPEN | CREATE) && has(MEETING | MEETING_MODE) && !has(SPOKEN | NOTES)
            || is_latin && has(OPEN) && has(NOTES) && has(UNAMBIGUOUS)
            || has(ENTER) && has(MEETING_MODE)
            || has(RECORD) && has(MEETING | NAMED)
            || has(RECORD) && has(SPOKEN) && (has(UNAMBIGUOUS) || !is_latin)
            || has(RECORD) && has(UNAMBIGUOUS) && has(NOTES)
            || has(TAKE) && has(NOTES))
    {
        return begins("meeting");
    }
    if only(OPEN | ENTER | SHOW | BOARD | TASKS | WORKING | WHAT | NAMED)
        // "What does working mode do" asks; "do" is no verb of entering then.
        && (has(SHOW) && has(BOARD | TASKS)
            || !has(WHAT)
                && (has(OPEN) && has(BOARD | TASKS) || has(OPEN | ENTER) && has(WORKING) || has(ENTER) && has(BOARD)))
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

/// The flags and senses of all parses of the whole text.
fn parses(text: &str) -> BTreeSet<(Flags, Sense)> {
    let mut pending: BTreeMap<usize, BTreeSet<(Flags, Sense)>> = BTreeMap::new();
    pending.insert(0, BTreeSet::from([(Flags::NONE, ADVERB)]));
    while let Some((at, states)) = pending.pop_first() {
        if at >= text.len() {
            // A determiner at the end lacks its noun.
            return states.into_iter().filter(|(_, sense)| sense & DETERMINER == 0).collect();
        }
        let Some(first) = text[at..].chars().next() else { break };
        let mut push = |end: usize, step: (Flags, Sense)| {
            let next_states = pending.entry(end).or_default();
            if next_states.len() < MAX_STATES {
                next_states.insert(step);
            }
        };
        let keys = (1..=MAX_KEY_CHARS).filter_map(|count| first_chars(&text[at..], count));
        for entry in keys.filter_map(|first_chars| WORDS.get(first_chars)).flatten() {
            let Some(end) = end_of_word(text, at, entry.word) else { continue };
            for (flags, sense) in &states {
                if let Some(sense) = with_word(*sense, entry) {
                    push(end, (*flags | entry.flags, sense));
                }
            }
        }
        let purpose = tail(text, at, &["for "]).map(|end| (end, PURPOSE));
        let rest_after = tail(text, at, &["for ", "with ", "about ", "on "]).map(|end| (end, TAIL));
        let unknown = [purpose, rest_after, adverb(text, at), named(text, at, is_chinese(first)), remark(text, at)];
        for (end, meaning) in unknown.into_iter().flatten() {
            for (flags, sense) in &states {
                if let Some(sense) = with_unlisted(*sense, meaning, is_chinese(first)) {
                    push(end, (*flags, sense));
                }
            }
        }
    }
    BTreeSet::new()
}

/// The senses including this word; none if it cannot stand here.
fn with_word(sense: Sense, entry: &Entry) -> Option<Sense> {
    let awaits_noun = sense & DETERMINER != 0;
    let meaning = entry.sense;
    if meaning == ADVERB {
        // In Chinese, 给我 and 帮我 stand between the object and its verb.
        let is_here = match entry.position {
            Position::Before => sense & ACTIONS == 0 || !entry.word.is_ascii() && entry.flags != Flags::NONE,
            Position::Behind => sense & (ACTIONS | THINGS) != 0,
            Position::Inside | Position::AfterWouldYouMind => true,
        };
        return (!awaits_noun && is_here).then_some(sense);
    }
    if meaning & DETERMINER != 0 {
        // "The end of the meeting": the noun with the parts comes first.
        let led = entry.word.split(' ').next().unwrap_or_default();
        let is_part = ["的", "of", "for", "from", "on", "in", "about", "to", "with"].contains(&led);
        // 我打开: the subject is judged with the frame.
        let is_owner = ["我", "我们", "咱", "咱们"].contains(&entry.word);
        let fits = (!is_part || !awaits_noun && sense & (THINGS | STATE | WHAT | SHOW) != 0)
            && (!is_owner || sense & ACTIONS != 0);
        return fits.then_some(sense | DETERMINER);
    }
    if meaning & ACTIONS != 0 {
        let is_here = (entry.position == Position::AfterWouldYouMind) == (sense & WOULD_YOU_MIND != 0);
        return (!awaits_noun && is_here).then_some(sense | meaning);
    }
    if meaning & THINGS != 0 {
        let first = if sense & (ACTIONS | OBJECT_MARKER) == 0 { THING_FIRST } else { ADVERB };
        return Some(sense & !DETERMINER | meaning | first);
    }
    // "How's the build" is matched by `begin::long_forms`.
    let asks = entry.word.starts_with("what ") || entry.word.starts_with("what's ");
    let is_asked = meaning & STATE == 0 || asks || sense & (THINGS | SHOW) != 0;
    (is_asked && (!awaits_noun || meaning & STATE != 0)).then_some(sense & !DETERMINER | meaning)
}

/// The senses including a sequence of unlisted words; none if it cannot stand here.
fn with_unlisted(sense: Sense, meaning: Sense, is_chinese: bool) -> Option<Sense> {
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
            let awaits_noun = sense & DETERMINER != 0;
            let is_led = sense & (OPEN | RECORD | END) != 0 || sense & OBJECT_MARKER != 0;
            let is_free = sense & (THINGS | NAMED | SHOW | ENTER) == 0;
            let is_led = is_led && (is_chinese || awaits_noun) && is_free;
            is_led.then_some(sense & !DETERMINER | meaning)
        }
    }
}

/// Matches an unlisted adverb of manner: slowly, carefully.
fn adverb(text: &str, at: usize) -> Option<(usize, Sense)> {
    let word = text[at..].split(' ').next()?;
    let is_adverb = word.len() > 4 && word.ends_with("ly") && word.chars().all(|letter| letter.is_ascii_alphabetic());
    (is_adverb && !english::NOT_ADVERBS.contains(&word)).then(|| ((at + word.len() + 1).min(text.len()), ADVERB))
}

/// Matches an unlisted name with the noun that it belongs to: 业主会, the quarterly sales meeting.
fn named(text: &str, at: usize, is_chinese: bool) -> Option<(usize, Sense)> {
    let rest = &text[at..];
    if is_chinese {
        let ends = rest.char_indices().skip(2).take(MAX_NAME_CHARS).map(|(end, _)| end);
        let is_name = |end: &usize| {
            !rest.starts_with('的') && !chinese::NOT_IN_NAMES.iter().any(|word| rest[..*end].contains(word))
        };
        let noun = ends.filter(is_name).filter_map(|end| {
            let noun = chinese::NAMED_NOUNS.iter().filter(|noun| rest[end..].starts_with(**noun));
            noun.map(|noun| at + end + noun.len()).max()
        });
        return noun.max().map(|end| (end, MEETING | NAMED));
    }
    let starts = rest.match_indices(' ').map(|(end, _)| end + 1).take(MAX_NAME_WORDS);
    let is_name = |name: &str| {
        let is_plain = name.split(' ').all(|word| !english::NOT_IN_NAMES.contains(&word));
        is_plain && !name.contains('\'') && !unlisted::names_other(name, "")
    };
    starts.filter(|end| is_name(&rest[..*end])).find_map(|end| {
        let meeting = english::NAMED_NOUNS.iter().find_map(|noun| end_of_word(text, at + end, noun));
        let list = || english::NAMED_LIST_NOUNS.iter().find_map(|noun| end_of_word(text, at + end, noun));
        let meeting = meeting.map(|end| (end, MEETING | NAMED));
        meeting.or_else(|| list().map(|end| (end, TASKS | NAMED)))
    })
}

/// Matches the rest of the text after a preposition: for the sales team, with the client.
fn tail(text: &str, at: usize, led: &[&str]) -> Option<usize> {
    let rest = &text[at..];
    let rest_after = led.iter().find_map(|word| rest.strip_prefix(word))?;
    let is_short = rest_after.split(' ').count() <= MAX_TAIL_WORDS;
    let is_time = rest_after.split(' ').any(|word| english::NOT_PEOPLE.contains(&word));
    let is_whom = is_short && !is_time && !unlisted::names_other(rest_after, "");
    is_whom.then_some(text.len())
}

/// Matches a remark about people who have arrived, up to the end of the text: the colleagues have just joined, 甲方进来了.
fn remark(text: &str, at: usize) -> Option<(usize, Sense)> {
    let rest = &text[at..];
    if rest.contains(is_chinese) {
        let is_so = rest.ends_with(['了', '呢']);
        return (is_so && reason::is_own_reason(rest)).then_some((text.len(), REMARK));
    }
    let words: Vec<&str> = rest.split(' ').collect();
    let first = words.first()?;
    let is_subject = english::SUBJECTS.contains(first);
    let is_somebody = first.ends_with("'s") && !english::NOT_PEOPLE_WITH_S.contains(first);
    let says = |word: &&str| english::STATES.contains(word) || word.ends_with("'s") || word.ends_with("'re");
    let is_said = (3..=9).contains(&words.len()) && words.iter().any(says);
    let is_own = (is_subject || is_somebody) && is_said && !unlisted::names_other(rest, "");
    is_own.then_some((text.len(), REMARK))
}

#[cfg(test)]
mod tests;
