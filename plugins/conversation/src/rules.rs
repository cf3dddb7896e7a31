//! Answers without a model. Rule: a turn that no rule matches gets an honest answer that says what can be done.
//! Commands are recognised before, in [`intent`](crate::intent), with or without a model.

use modehost_sdk::Language;

use crate::Config;
use crate::calendar::Moment;
use crate::modes::Modes;

/// The answer to a turn.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    /// A rule has matched.
    Known(String),
    /// No rule has matched; says what can be done instead.
    Unknown(String),
}

const TIME: [&str; 6] = ["几点", "什么时间", "现在时间", "what time", "the time", "time is it"];
const DATE: [&str; 9] =
    ["几号", "星期几", "周几", "礼拜几", "什么日期", "今天日期", "what day", "what date", "the date"];
const HELP: [&str; 9] =
    ["你能做什么", "你会什么", "你会做什么", "有什么功能", "帮助", "怎么用", "what can you do", "help", "how do i use"];
const THANKS: [&str; 4] = ["谢谢", "多谢", "thank", "thanks"];
const BYE: [&str; 5] = ["再见", "拜拜", "bye", "goodbye", "see you"];
const GREETING: [&str; 9] = ["你好", "您好", "早上好", "下午好", "晚上好", "hello", "hi", "hey", "good morning"];

/// Modes that are named as examples; a longer list nobody remembers.
const EXAMPLES: usize = 6;

/// The answer to a turn.
pub fn answer(said: &str, now: u64, config: &Config, modes: &Modes) -> Answer {
    let language = Language::of(said);
    let text = said.to_lowercase();
    let says = |phrases: &[&str]| phrases.iter().any(|phrase| contains(&text, phrase));
    let moment = || Moment::at(now, config.utc_offset_minutes);
    if says(&TIME) {
        Answer::Known(time(&moment(), language))
    } else if says(&DATE) {
        Answer::Known(date(&moment(), language))
    } else if says(&HELP) {
        Answer::Known(abilities(language, modes))
    } else if says(&THANKS) {
        Answer::Known(language.pick("不客气。", "You are welcome.").to_owned())
    } else if says(&BYE) {
        Answer::Known(language.pick("再见。", "Goodbye.").to_owned())
    } else if says(&GREETING) {
        Answer::Known(language.pick("你好！有什么可以帮你？", "Hello! What can I do for you?").to_owned())
    } else {
        let sorry = language.pick(
            "我现在没有可用的语言模型，回答不了这个。",
            "I have no language model at hand right now, so I cannot answer that.",
        );
        Answer::Unknown(format!("{sorry}{}{}", language.pick("", " "), abilities(language, modes)))
    }
}

fn time(moment: &Moment, language: Language) -> String {
    let (hour, minute) = (moment.hour, moment.minute);
    language.pick(format!("现在是{hour}点{minute:02}分。"), format!("It is {hour}:{minute:02}."))
}

fn date(moment: &Moment, language: Language) -> String {
    const CHINESE: [&str; 7] = ["日", "一", "二", "三", "四", "五", "六"];
    const ENGLISH: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
    let Moment { year, month, day, weekday, .. } = moment;
    language.pick(
        format!("今天是{year}年{month}月{day}日，星期{}。", CHINESE[*weekday]),
        format!("Today is {}, {year}-{month:02}-{day:02}.", ENGLISH[*weekday]),
    )
}

fn abilities(language: Language, modes: &Modes) -> String {
    // The phrase of the turn's own language shows best how to begin a mode.
    let examples =
        modes.iter().filter_map(|(_, mode)| mode.phrases.iter().find(|phrase| Language::of(phrase) == language));
    let examples: Vec<String> =
        examples.take(EXAMPLES).map(|phrase| language.pick(format!("“{phrase}”"), format!("\"{phrase}\""))).collect();
    let mut text = language.pick("我可以报时间和日期", "I can tell the time and the date").to_owned();
    if !examples.is_empty() {
        text += language.pick("，也可以说", ", and you can say ");
        text += &examples.join(language.pick("、", ", "));
    }
    text += language.pick("。", ".");
    text
}

/// True if the text has the phrase; a phrase in Latin letters must be whole words.
pub(crate) fn contains(text: &str, phrase: &str) -> bool {
    let is_letter = |letter: Option<char>| letter.is_some_and(|letter| letter.is_ascii_alphanumeric());
    text.match_indices(phrase).any(|(at, _)| {
        let (before, behind) = (text[..at].chars().next_back(), text[at + phrase.len()..].chars().next());
        !phrase.is_ascii() || (!is_letter(before) && !is_letter(behind))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn say(said: &str) -> String {
        let (config, modes) = (Config::default(), Modes::of(&crate::modes::bundled(), &Config::default()));
        match answer(said, 1_735_689_599_000, &config, &modes) {
            Answer::Known(text) | Answer::Unknown(text) => text,
        }
    }

    #[test]
    fn m2_turns_are_answered_in_their_language() {
        let cases = [
            ("现在几点了？", "现在是7点59分。"),
            ("What time is it?", "It is 7:59."),
            ("今天星期几", "今天是2025年1月1日，星期三。"),
            ("what day is it", "Today is Wednesday, 2025-01-01."),
            ("谢谢你", "不客气。"),
            ("Thanks!", "You are welcome."),
            ("你好", "你好！有什么可以帮你？"),
            ("Hi there", "Hello! What can I do for you?"),
        ];
        for (said, expected) in cases {
            assert_eq!(say(said), expected, "{said}");
        }
    }

    #[test]
    fn l4_what_no_rule_knows_is_told_honestly() {
        assert!(say("写一首诗").starts_with("我现在没有可用的语言模型"), "{}", say("写一首诗"));
        assert!(say("this is odd").starts_with("I have no language model at hand"), "{}", say("this is odd"));
        assert!(say("help").contains("\"start working\""), "{}", say("help"));
    }
}
