//! Commands that start a mode. Rule: only configured modes are recognised; their phrases are split into a verb and an
//! object, so that every known verb combines with every object; a phrase that cannot be split is matched as it is.

use crate::leave::{may_be, switch_to};
use crate::path::{Flags, Paths};
use crate::text::Text;

mod board_question;
mod long_forms;
mod note_forms;
mod task_forms;
mod trailing_verbs;
pub mod vocabulary;
mod watching;

use trailing_verbs::{AFTER_BA_OBJECT, AFTER_OBJECT, AFTER_SHOWN_OBJECT};
use vocabulary::{
    ACTIVITY_VERBS, CREATE_VERBS, DETERMINERS, ENTER_MODE_VERBS, ENTER_VERBS, MEASURE_WORDS, NOTE_VERBS,
    OPENING_GERUNDS, SEPARABLE_VERBS, SHOW_VERBS, START_VERBS, VERB_PARTICLES, VOCABULARIES, Vocabulary,
};

/// A mode and all names it is known by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModePhrases {
    pub mode: String,
    /// Phrases that are matched as a whole.
    whole_phrases: Vec<String>,
    /// 会议模式, meeting mode: the name alone is a command.
    modes: Vec<String>,
    /// 会议, the meeting: an object that is opened and closed.
    things: Vec<String>,
    /// 工作, working: activities.
    activities: Vec<String>,
    /// 开会: an activity with its verb.
    activity_phrases: Vec<String>,
    /// 看板: an object that is shown and closed again.
    boards: Vec<String>,
    /// 任务列表: an object that is only shown.
    lists: Vec<String>,
    /// 录音: a recording, which is started and stopped.
    pub(crate) recordings: Vec<String>,
    /// 录, record: verbs in front of a thing.
    recording_verbs: Vec<String>,
    /// 收工: complete phrases that end the mode.
    end_phrases: Vec<String>,
}

impl ModePhrases {
    /// Built from the configured phrases. If one of them is part of the built-in vocabulary of the mode, the whole
    /// vocabulary is recognised.
    pub fn new<P: AsRef<str>>(mode: &str, phrases: &[P]) -> Self {
        let mut named = Self { mode: mode.to_owned(), ..Self::default() };
        for phrase in phrases {
            named.split_phrase(&Text::phrase(phrase.as_ref()));
        }
        let known = VOCABULARIES.iter().find(|known| known.mode == mode && known.has_any(&named));
        if let Some(known) = known {
            named.add_vocabulary(known);
        }
        named
    }

    /// A mode with its built-in vocabulary alone.
    pub fn known(mode: &str) -> Self {
        let mut named = Self { mode: mode.to_owned(), ..Self::default() };
        if let Some(known) = VOCABULARIES.iter().find(|known| known.mode == mode) {
            named.add_vocabulary(known);
        }
        named
    }

    /// True if only the phrases of the mode are known.
    pub(crate) fn has_no_vocabulary(&self) -> bool {
        self.boards.is_empty() && self.lists.is_empty() && self.recordings.is_empty()
    }

    fn split_phrase(&mut self, phrase: &str) {
        if phrase.is_empty() {
            return;
        }
        let mut has_determiner = false;
        let mut behind = |rest: &str, verbs: &[&str]| -> Option<String> {
            let verb = verbs.iter().filter(|verb| is_word_at(rest, verb)).max_by_key(|verb| verb.len())?;
            let mut rest = rest[verb.len()..].trim_start();
            while let Some(word) = DETERMINERS.iter().find(|word| is_word_at(rest, word)) {
                rest = rest[word.len()..].trim_start();
                has_determiner = true;
            }
            (!rest.is_empty()).then(|| rest.to_owned())
        };
        let (started, entered) =
            (behind(phrase, &START_VERBS), behind(phrase, &ENTER_VERBS).or_else(|| behind(phrase, &ENTER_MODE_VERBS)));
        let rest = started.clone().or_else(|| entered.clone()).unwrap_or_else(|| phrase.to_owned());
        if rest.ends_with("模式") || rest.ends_with(" mode") {
            self.modes.push(rest);
            return;
        }
        let of = |list: fn(&Vocabulary) -> &'static [&'static str]| {
            VOCABULARIES.iter().any(|known| list(known).contains(&&*rest))
        };
        match () {
            () if of(|known| known.things) => self.things.push(rest),
            () if of(|known| known.activities) || (started.is_some() && !has_determiner) => {
                self.activities.push(rest);
                self.activity_phrases.push(phrase.to_owned());
                return;
            }
            () if started.is_some() || entered.is_some() => self.things.push(rest),
            () => {}
        }
        self.whole_phrases.push(phrase.to_owned());
    }

    fn add_vocabulary(&mut self, known: &Vocabulary) {
        let owned = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
        self.modes.extend(owned(known.modes));
        self.things.extend(owned(known.things));
        self.activities.extend(owned(known.activities));
        self.activity_phrases.extend(owned(known.activity_phrases));
        self.whole_phrases.extend(owned(known.whole_phrases));
        self.boards.extend(owned(known.boards));
        self.lists.extend(owned(known.lists));
        self.recordings.extend(owned(known.recordings));
        self.recording_verbs.extend(owned(known.recording_verbs));
        self.end_phrases.extend(owned(known.end_phrases));
    }

    /// Matches an object that is opened and closed.
    pub(crate) fn noun<'t>(&self, paths: &Paths<'t>) -> Paths<'t> {
        let paths = with_determiners(paths);
        let one =
            |paths: &Paths<'t>| paths.word(&self.things).or(&paths.word(&self.modes)).or(&paths.word(&self.boards));
        paths.many1(one)
    }

    /// Matches an object that is shown.
    pub(crate) fn shown<'t>(&self, paths: &Paths<'t>) -> Paths<'t> {
        let one = |paths: &Paths<'t>| paths.word(&self.boards).or(&paths.word(&self.lists));
        let on = [
            "上的",
            "里的",
            "上面的",
            "里面的",
            "上",
            "里",
            "里头的",
            "上头的",
            "上所有的",
            "里所有的",
            "上今天的",
            "的",
        ];
        // 任务板上的任务 is matched by board, preposition and list. 开始一个新的任务 creates a task and shows none.
        let new = ["一个新的", "一个新", "新的", "新", "new", "a new", "another"];
        let shown = paths.many0(|paths| paths.word(&DETERMINERS).except(&paths.word(&new)));
        shown.many1(|paths| one(paths).or(&with_determiners(&paths.word(&self.boards).word(&on)).word(&self.lists)))
    }

    /// Matches the recording of an event.
    pub(crate) fn recording<'t>(&self, paths: &Paths<'t>) -> Paths<'t> {
        with_determiners(paths).word(&self.recordings)
    }

    /// Matches a complete phrase that ends the mode.
    pub(crate) fn stop<'t>(&self, paths: &Paths<'t>) -> Paths<'t> {
        paths.word_with_flags(&self.end_phrases, Flags::ACTIVITY)
    }

    pub(crate) fn thing<'t>(&self, paths: &Paths<'t>) -> Paths<'t> {
        with_determiners(paths).word(&self.things)
    }

    pub(crate) fn mode<'t>(&self, paths: &Paths<'t>) -> Paths<'t> {
        with_determiners(paths).many1(|paths| paths.word(&self.modes))
    }

    pub(crate) fn activity<'t>(&self, paths: &Paths<'t>) -> Paths<'t> {
        with_determiners(paths).word_with_flags(&self.activities, Flags::ACTIVITY)
    }

    /// Matches all commands that start the mode.
    pub fn start_command<'t>(&self, paths: &Paths<'t>) -> Paths<'t> {
        let verb = |paths: &Paths<'t>, verbs: &[&str]| {
            // The verb may be repeated: 开始开始会议, start the start the meeting.
            let once =
                |paths: &Paths<'t>| with_determiners(&paths.word(verbs)).optional(|paths| paths.word(&["一下", "下"]));
            paths.many1(once)
        };
        paths.any(&[
            &|paths| paths.word(&self.whole_phrases),
            &|paths| self.noun(&verb(paths, &START_VERBS)),
            &|paths| self.noun(&verb(paths, &ENTER_VERBS)),
            &|paths| self.mode(&verb(paths, &ENTER_MODE_VERBS)),
            &|paths| self.mode(&switch_to(paths)),
            &|paths| {
                // "Go to the meeting" needs no device and is excluded, "switch to the meeting" is not.
                let switched = paths.word(&["switch", "pop", "flip", "swap"]);
                let by =
                    switched.many0(|paths| paths.word(&["us", "me", "it", "this", "over", "back", "right", "across"]));
                let to = by.word(&["to", "into"]);
                self.noun(&to).or(&self.activity(&to))
            },
            &|paths| {
                let object = paths.word(&["把会", "把这会", "把咱这会", "把个会", "把咱们的会", "把今天的会"]);
                let object =
                    with_adverbials(&object).word(&["开起来", "开开", "开了", "录起来", "录下来", "录上", "记下来"]);
                if self.recordings.is_empty() { object.no_match() } else { object }
            },
            &|paths| self.activity(&paths.many1(|paths| paths.word(&ACTIVITY_VERBS))),
            &|paths| self.mode(paths),
            &|paths| {
                // 我要写代码，进入编程模式.
                let intended = paths
                    .word(&["我要", "我想", "准备", "该", "要", "我们要", "我准备", "开始"])
                    .word(&self.activities);
                let intended = intended.many0(|paths| paths.word(&["了", "吧", "那", "请", "帮我"]));
                self.mode(&verb(&intended, &ENTER_VERBS).or(&verb(&intended, &START_VERBS)))
            },
            &|paths| paths.word_with_flags(&self.activity_phrases, Flags::ACTIVITY),
            &|paths| self.activity(paths).word_with_flags(&["吧"], Flags::URGED),
            &|paths| self.activity(paths).word(&["走起", "搞起来", "走起来", "搞起", "整起来"]),
            &|paths| {
                let made = paths
                    .word(&CREATE_VERBS)
                    .word(&MEASURE_WORDS)
                    .any(&[&|paths| paths.word(&self.things), &|paths| paths.word(&["会"])]);
                if self.recordings.is_empty() { made.no_match() } else { made }
            },
            &|paths| self.recording(&paths.optional(|paths| paths.word(&["开始", "start to"])).word(&NOTE_VERBS)),
            &|paths| {
                with_adverbials(&self.noun(&paths.word(&["把", "将"]))).word(&[
                    "录下来",
                    "记录下来",
                    "记下来",
                    "录一下",
                    "记录一下",
                    "记一下",
                    "录起来",
                    "录上",
                ])
            },
            &|paths| {
                self.shown(&verb(paths, &SHOW_VERBS))
                    .optional(|paths| paths.word(&["to me", "to us", "for me", "with me", "with us", "up", "then"]))
            },
            &|paths| long_forms::start_command(paths, self),
            &|paths| watching::start_command(paths, self),
            &|paths| note_forms::start_command(paths, self),
            &|paths| task_forms::start_command(paths, self),
            &|paths| board_question::start_command(paths, &[&self.boards, &self.lists]),
            &|paths| {
                let started =
                    paths.many1(|paths| paths.word(&START_VERBS).optional(|paths| paths.word(&["一下", "下"])));
                self.shown(&started)
            },
            // 看板打开, 任务读一下; 任务看看 has no other meaning.
            &|paths| {
                with_adverbials(&self.shown(&paths.optional(|paths| paths.word(&["把", "将"]))))
                    .word(&AFTER_SHOWN_OBJECT)
            },
            &|paths| {
                self.noun(&with_determiners(&paths.word(&SEPARABLE_VERBS)))
                    .or(&self.shown(&with_determiners(&paths.word(&SEPARABLE_VERBS))))
                    .word(&VERB_PARTICLES)
            },
            &|paths| {
                self.activity(&paths.many1(|paths| paths.word(&ACTIVITY_VERBS)))
                    .word(&["on", "through"])
                    .any(&[&|paths| self.shown(paths)])
            },
            &|paths| self.recording(&verb(paths, &START_VERBS)),
            &|paths| {
                self.recording(paths).word(&[
                    "开始",
                    "现在开始",
                    "正式开始",
                    "走起",
                    "打开",
                    "开启",
                    "打开一下",
                    "开一下",
                    "启动",
                    "启动一下",
                    "开起来",
                    "开开",
                ])
            },
            &|paths| with_adverbials(&self.recording(&paths.word(&["把", "将"]))).word(&AFTER_BA_OBJECT),
            &|paths| {
                let parts = ["going", "started", "rolling", "running", "underway", "under way", "on"];
                self.recording(&with_determiners(&paths.word(&SEPARABLE_VERBS))).word(&parts)
            },
            &|paths| {
                let after_thing = ["录一下", "录下来", "录起来", "录上", "记录一下", "记录下来", "记一下", "记下来"];
                with_adverbials(&self.thing(paths)).word(&after_thing)
            },
            &|paths| {
                self.noun(
                    &with_determiners(
                        &paths.optional(|paths| paths.word(&["开始", "start to"])).word(&self.recording_verbs),
                    )
                    .many0(|paths| paths.word(&["一下", "下"])),
                )
            },
            &|paths| with_adverbials(&self.noun(paths)).word(&AFTER_OBJECT),
            // "My tasks please" has no verb: "please" makes it a command.
            &|paths| {
                let wished = self.shown(paths).or(&self.recording(paths));
                wished
                    .optional(|paths| paths.word(&["up", "now", "then"]))
                    .word_with_flags(&["please", "pls"], Flags::POLITE)
            },
            &|paths| may_be(&self.noun(paths)).word(&["开始", "打开", "启动", "start"]),
            &|paths| with_adverbials(&self.noun(&paths.word(&["把", "将"]))).word(&AFTER_BA_OBJECT),
            &|paths| {
                let changed = paths.optional(|paths| paths.word(&["把", "将"])).word(&["模式"]);
                let into = changed.word(&[
                    "切换到",
                    "切换成",
                    "切换为",
                    "切到",
                    "切成",
                    "换成",
                    "换到",
                    "改成",
                    "调到",
                    "调成",
                ]);
                into.or(&paths.word(&["切换模式到", "切换模式为"]))
                    .any(&[&|paths| self.noun(paths), &|paths| self.activity(paths)])
            },
            &|paths| self.noun(&paths.word(&["turn", "switch"])).word(&["on"]),
            &|paths| {
                self.noun(&paths.word(&["get"])).word(&["started", "going", "underway", "under way", "on the road"])
            },
            &|paths| self.noun(&paths.word(&["get started with", "get going with"])),
            &|paths| {
                let minding = paths.word_with_flags(&["would you mind", "do you mind"], Flags::REQUESTS);
                let opening = with_determiners(&minding.word(&OPENING_GERUNDS));
                let shown = self.noun(&opening).or(&self.shown(&opening)).or(&self.recording(&opening));
                shown.optional(|paths| paths.word(&VERB_PARTICLES)).or(&self.activity(&opening))
            },
        ])
    }
}

/// Skips the adverbials between object and verb: 把看板给我打开.
pub(super) fn with_adverbials<'t>(paths: &Paths<'t>) -> Paths<'t> {
    paths.many0(|paths| paths.word(&["给我", "给我们", "给咱", "给", "帮我", "帮我们", "帮忙", "都", "也", "重新"]))
}

pub(super) fn with_determiners<'t>(paths: &Paths<'t>) -> Paths<'t> {
    paths.many0(|paths| paths.word(&DETERMINERS))
}

fn is_word_at(text: &str, word: &str) -> bool {
    text.strip_prefix(word).is_some_and(|rest| {
        !word.ends_with(|letter: char| letter.is_ascii_alphanumeric())
            || !rest.starts_with(|letter: char| letter.is_ascii_alphanumeric() || letter == '\'')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begins(named: &ModePhrases, utterance: &str) -> bool {
        !named.start_command(&Paths::start(&Text::phrase(utterance))).accepted().is_empty()
    }

    #[test]
    fn m18_phrases_are_taken_apart() {
        let named = ModePhrases::new("reading", &["读书模式", "start a story"]);
        for utterance in
            ["读书模式", "进入读书模式", "切换到读书模式", "把读书模式打开", "begin the story", "start a story"]
        {
            assert!(begins(&named, utterance), "{utterance}");
        }
        for utterance in ["读书", "story", "tell the story", "开始会议"] {
            assert!(!begins(&named, utterance), "{utterance}");
        }
    }

    #[test]
    fn m18_what_is_configured_switches_the_vocabulary_on() {
        let named = ModePhrases::new("meeting", &["开始会议"]);
        for utterance in ["开会", "召开会议", "会议开始", "start the meeting", "会议模式", "turn on meeting mode"]
        {
            assert!(begins(&named, utterance), "{utterance}");
        }
        let other = ModePhrases::new("meeting", &["碰头"]);
        assert!(begins(&other, "碰头") && !begins(&other, "开始会议"));
    }
}
