//! The beginning of a mode. Rule: modes are those that are configured, and their phrases are taken apart into a verb
//! and what it begins, so that every verb goes with everything; what stays of a phrase stands for itself.

use crate::leave::{may, moved};
use crate::path::{Marks, Ways};
use crate::text::Text;

mod asked;
mod behind;
mod spoken;
pub mod vocabulary;

use behind::{BEGUN, BROUGHT, RESULTING};
use vocabulary::{
    ACTIVE, DETERMINERS, ENTER, ENTER_MODE, KNOWN, MAKE, MEASURE, NOTE, OPENING, PARTED, PARTS, SHOW, START, Vocabulary,
};

/// A mode and all that it is called.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Named {
    pub mode: String,
    /// Phrases as they are configured.
    wholes: Vec<String>,
    /// 会议模式, meeting mode: said alone they are a command.
    modes: Vec<String>,
    /// 会议, the meeting: something that a device opens and closes.
    things: Vec<String>,
    /// 工作, working: what people do.
    activities: Vec<String>,
    /// 开会: an activity with its verb.
    doings: Vec<String>,
    /// 看板: shown, and closed again.
    boards: Vec<String>,
    /// 任务列表: shown.
    lists: Vec<String>,
    /// 录音: it begins and ends.
    pub(crate) recordings: Vec<String>,
    recorded: Vec<String>,
    /// 收工: ends it, said whole.
    stops: Vec<String>,
}

impl Named {
    /// From the configured phrases. Where these are among what the vocabulary of the mode knows, the rest of it is
    /// understood as well.
    pub fn new<P: AsRef<str>>(mode: &str, phrases: &[P]) -> Self {
        let mut named = Self { mode: mode.to_owned(), ..Self::default() };
        for phrase in phrases {
            named.take_apart(&Text::phrase(phrase.as_ref()));
        }
        let known = KNOWN.iter().find(|known| known.mode == mode && known.has_any(&named));
        if let Some(known) = known {
            named.add(known);
        }
        named
    }

    /// A mode by its vocabulary alone.
    pub fn known(mode: &str) -> Self {
        let mut named = Self { mode: mode.to_owned(), ..Self::default() };
        if let Some(known) = KNOWN.iter().find(|known| known.mode == mode) {
            named.add(known);
        }
        named
    }

    /// Nothing is known of it but its phrases.
    pub(crate) fn is_bare(&self) -> bool {
        self.boards.is_empty() && self.lists.is_empty() && self.recordings.is_empty()
    }

    fn take_apart(&mut self, phrase: &str) {
        if phrase.is_empty() {
            return;
        }
        let mut is_determined = false;
        let mut behind = |rest: &str, verbs: &[&str]| -> Option<String> {
            let verb = verbs.iter().filter(|verb| is_word_at(rest, verb)).max_by_key(|verb| verb.len())?;
            let mut rest = rest[verb.len()..].trim_start();
            while let Some(word) = DETERMINERS.iter().find(|word| is_word_at(rest, word)) {
                rest = rest[word.len()..].trim_start();
                is_determined = true;
            }
            (!rest.is_empty()).then(|| rest.to_owned())
        };
        let (started, entered) =
            (behind(phrase, &START), behind(phrase, &ENTER).or_else(|| behind(phrase, &ENTER_MODE)));
        let rest = started.clone().or_else(|| entered.clone()).unwrap_or_else(|| phrase.to_owned());
        if rest.ends_with("模式") || rest.ends_with(" mode") {
            self.modes.push(rest);
            return;
        }
        let of =
            |list: fn(&Vocabulary) -> &'static [&'static str]| KNOWN.iter().any(|known| list(known).contains(&&*rest));
        match () {
            () if of(|known| known.things) => self.things.push(rest),
            () if of(|known| known.activities) || (started.is_some() && !is_determined) => {
                self.activities.push(rest);
                self.doings.push(phrase.to_owned());
                return;
            }
            () if started.is_some() || entered.is_some() => self.things.push(rest),
            () => {}
        }
        self.wholes.push(phrase.to_owned());
    }

    fn add(&mut self, known: &Vocabulary) {
        let owned = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
        self.modes.extend(owned(known.modes));
        self.things.extend(owned(known.things));
        self.activities.extend(owned(known.activities));
        self.doings.extend(owned(known.doings));
        self.wholes.extend(owned(known.wholes));
        self.boards.extend(owned(known.boards));
        self.lists.extend(owned(known.lists));
        self.recordings.extend(owned(known.recordings));
        self.recorded.extend(owned(known.recorded));
        self.stops.extend(owned(known.stops));
    }

    /// Behind what a device can open and close.
    pub(crate) fn noun<'t>(&self, ways: &Ways<'t>) -> Ways<'t> {
        let ways = determined(ways);
        let one = |ways: &Ways<'t>| ways.word(&self.things).or(&ways.word(&self.modes)).or(&ways.word(&self.boards));
        ways.some(one)
    }

    /// Behind what can be looked at.
    pub(crate) fn shown<'t>(&self, ways: &Ways<'t>) -> Ways<'t> {
        let one = |ways: &Ways<'t>| ways.word(&self.boards).or(&ways.word(&self.lists));
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
        // 任务板上的任务. 开始一个新的任务 shows none that is there.
        let new = ["一个新的", "一个新", "新的", "新", "new", "a new", "another"];
        let shown = ways.many(|ways| ways.word(&DETERMINERS).minus(&ways.word(&new)));
        shown.some(|ways| one(ways).or(&determined(&ways.word(&self.boards).word(&on)).word(&self.lists)))
    }

    /// Behind the record of something that goes on.
    pub(crate) fn recording<'t>(&self, ways: &Ways<'t>) -> Ways<'t> {
        determined(ways).word(&self.recordings)
    }

    /// What ends the mode, said whole.
    pub(crate) fn stop<'t>(&self, ways: &Ways<'t>) -> Ways<'t> {
        ways.marked(&self.stops, Marks::ACTIVITY)
    }

    pub(crate) fn thing<'t>(&self, ways: &Ways<'t>) -> Ways<'t> {
        determined(ways).word(&self.things)
    }

    pub(crate) fn mode<'t>(&self, ways: &Ways<'t>) -> Ways<'t> {
        determined(ways).some(|ways| ways.word(&self.modes))
    }

    pub(crate) fn activity<'t>(&self, ways: &Ways<'t>) -> Ways<'t> {
        determined(ways).marked(&self.activities, Marks::ACTIVITY)
    }

    /// All ways to order the beginning of the mode.
    pub fn core<'t>(&self, ways: &Ways<'t>) -> Ways<'t> {
        let verb = |ways: &Ways<'t>, verbs: &[&str]| {
            // 开始开始会议, start the start the meeting.
            let once = |ways: &Ways<'t>| determined(&ways.word(verbs)).maybe(|ways| ways.word(&["一下", "下"]));
            ways.some(once)
        };
        ways.any(&[
            &|ways| ways.word(&self.wholes),
            &|ways| self.noun(&verb(ways, &START)),
            &|ways| self.noun(&verb(ways, &ENTER)),
            &|ways| self.mode(&verb(ways, &ENTER_MODE)),
            &|ways| self.mode(&moved(ways)),
            &|ways| {
                // One goes to a meeting without any device, and is not switched to one.
                let switched = ways.word(&["switch", "pop", "flip", "swap"]);
                let by =
                    switched.many(|ways| ways.word(&["us", "me", "it", "this", "over", "back", "right", "across"]));
                let to = by.word(&["to", "into"]);
                self.noun(&to).or(&self.activity(&to))
            },
            &|ways| {
                let held = ways.word(&["把会", "把这会", "把咱这会", "把个会", "把咱们的会", "把今天的会"]);
                let held = given(&held).word(&["开起来", "开开", "开了", "录起来", "录下来", "录上", "记下来"]);
                if self.recordings.is_empty() { held.nowhere() } else { held }
            },
            &|ways| self.activity(&ways.some(|ways| ways.word(&ACTIVE))),
            &|ways| self.mode(ways),
            &|ways| {
                // 我要写代码，进入编程模式.
                let told =
                    ways.word(&["我要", "我想", "准备", "该", "要", "我们要", "我准备", "开始"]).word(&self.activities);
                let told = told.many(|ways| ways.word(&["了", "吧", "那", "请", "帮我"]));
                self.mode(&verb(&told, &ENTER).or(&verb(&told, &START)))
            },
            &|ways| ways.marked(&self.doings, Marks::ACTIVITY),
            &|ways| self.activity(ways).marked(&["吧"], Marks::URGES),
            &|ways| self.activity(ways).word(&["走起", "搞起来", "走起来", "搞起", "整起来"]),
            &|ways| {
                let made =
                    ways.word(&MAKE).word(&MEASURE).any(&[&|ways| ways.word(&self.things), &|ways| ways.word(&["会"])]);
                if self.recordings.is_empty() { made.nowhere() } else { made }
            },
            &|ways| self.recording(&ways.maybe(|ways| ways.word(&["开始", "start to"])).word(&NOTE)),
            &|ways| {
                given(&self.noun(&ways.word(&["把", "将"]))).word(&[
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
            &|ways| {
                self.shown(&verb(ways, &SHOW))
                    .maybe(|ways| ways.word(&["to me", "to us", "for me", "with me", "with us", "up", "then"]))
            },
            &|ways| spoken::core(ways, self),
            &|ways| asked::core(ways, &[&self.boards, &self.lists]),
            &|ways| {
                let started = ways.some(|ways| ways.word(&START).maybe(|ways| ways.word(&["一下", "下"])));
                self.shown(&started)
            },
            // 看板打开, 任务读一下; 任务看看 is said of nothing else.
            &|ways| given(&self.shown(&ways.maybe(|ways| ways.word(&["把", "将"])))).word(&BROUGHT),
            &|ways| {
                self.noun(&determined(&ways.word(&PARTED)))
                    .or(&self.shown(&determined(&ways.word(&PARTED))))
                    .word(&PARTS)
            },
            &|ways| {
                self.activity(&ways.some(|ways| ways.word(&ACTIVE)))
                    .word(&["on", "through"])
                    .any(&[&|ways| self.shown(ways)])
            },
            &|ways| self.recording(&verb(ways, &START)),
            &|ways| {
                self.recording(ways).word(&[
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
            &|ways| given(&self.recording(&ways.word(&["把", "将"]))).word(&RESULTING),
            &|ways| {
                let parts = ["going", "started", "rolling", "running", "underway", "under way", "on"];
                self.recording(&determined(&ways.word(&PARTED))).word(&parts)
            },
            &|ways| {
                let recorded = ["录一下", "录下来", "录起来", "录上", "记录一下", "记录下来", "记一下", "记下来"];
                given(&self.thing(ways)).word(&recorded)
            },
            &|ways| {
                self.noun(
                    &determined(&ways.maybe(|ways| ways.word(&["开始", "start to"])).word(&self.recorded))
                        .many(|ways| ways.word(&["一下", "下"])),
                )
            },
            &|ways| given(&self.noun(ways)).word(&BEGUN),
            // My tasks please: who says please has ordered.
            &|ways| {
                let wished = self.shown(ways).or(&self.recording(ways));
                wished.maybe(|ways| ways.word(&["up", "now", "then"])).marked(&["please", "pls"], Marks::POLITE)
            },
            &|ways| may(&self.noun(ways)).word(&["开始", "打开", "启动", "start"]),
            &|ways| given(&self.noun(&ways.word(&["把", "将"]))).word(&RESULTING),
            &|ways| {
                let changed = ways.maybe(|ways| ways.word(&["把", "将"])).word(&["模式"]);
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
                into.or(&ways.word(&["切换模式到", "切换模式为"]))
                    .any(&[&|ways| self.noun(ways), &|ways| self.activity(ways)])
            },
            &|ways| self.noun(&ways.word(&["turn", "switch"])).word(&["on"]),
            &|ways| self.noun(&ways.word(&["get"])).word(&["started", "going", "underway", "under way", "on the road"]),
            &|ways| self.noun(&ways.word(&["get started with", "get going with"])),
            &|ways| {
                let minding = ways.marked(&["would you mind", "do you mind"], Marks::REQUESTS);
                let opening = determined(&minding.word(&OPENING));
                let shown = self.noun(&opening).or(&self.shown(&opening)).or(&self.recording(&opening));
                shown.maybe(|ways| ways.word(&PARTS)).or(&self.activity(&opening))
            },
        ])
    }
}

/// 把看板给我打开.
pub(super) fn given<'t>(ways: &Ways<'t>) -> Ways<'t> {
    ways.many(|ways| ways.word(&["给我", "给我们", "给咱", "给", "帮我", "帮我们", "帮忙", "都", "也", "重新"]))
}

pub(super) fn determined<'t>(ways: &Ways<'t>) -> Ways<'t> {
    ways.many(|ways| ways.word(&DETERMINERS))
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

    fn begins(named: &Named, said: &str) -> bool {
        !named.core(&Ways::begin(&Text::phrase(said))).ends().is_empty()
    }

    #[test]
    fn m18_phrases_are_taken_apart() {
        let named = Named::new("reading", &["读书模式", "start a story"]);
        for said in ["读书模式", "进入读书模式", "切换到读书模式", "把读书模式打开", "begin the story", "start a story"]
        {
            assert!(begins(&named, said), "{said}");
        }
        for said in ["读书", "story", "tell the story", "开始会议"] {
            assert!(!begins(&named, said), "{said}");
        }
    }

    #[test]
    fn m18_what_is_configured_switches_the_vocabulary_on() {
        let named = Named::new("meeting", &["开始会议"]);
        for said in ["开会", "召开会议", "会议开始", "start the meeting", "会议模式", "turn on meeting mode"]
        {
            assert!(begins(&named, said), "{said}");
        }
        let other = Named::new("meeting", &["碰头"]);
        assert!(begins(&other, "碰头") && !begins(&other, "开始会议"));
    }
}
