//! Normalisation of an utterance. Rule: what recognisers add or confuse (punctuation, width, case, spaces, traditional
//! characters, homophones) is removed before any match; words are kept.

use std::collections::BTreeMap;
use std::sync::LazyLock;

mod homophones;
mod misrecognitions;
mod stutter;

use homophones::fix_homophones;
use misrecognitions::MISRECOGNITIONS;
use stutter::{without_repeated_verb_start, without_stutter};

/// A normalised utterance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// Lower case, without punctuation; words in Latin letters separated by one space, Chinese without spaces.
    pub words: String,
    /// True if it ends with a question mark.
    pub is_question: bool,
    /// True if any of it stands in quotation marks.
    pub has_quotes: bool,
}

/// Upper bound of the length of a command, in bytes.
pub(crate) const MAX_BYTES: usize = 240;

/// Pairs of a traditional character and its simplified form, for the words that commands consist of.
const TRADITIONAL_PAIRS: &str = "開开會会議议進进結结請请幫帮煩烦離离關关閉闭說说話话對对謝谢這这個个們们現现時时間间點点嗎吗沒没過过\
    務务標标記记認认領领項项條条後后編编碼码錄录紀纪動动啟启啓启轉转換换來来為为還还應应該该誰谁麼么樣样給给讓让從从聽听見见\
    週周號号將将場场總总當当習习樂乐寫写無无聲声靜静閒闲掛挂斷断電电徹彻關关資资訊讯單单環环終终專专歡欢愛爱勞劳駕驾\
    確确訂订歸归續续達达處处辦办幹干夠够錯错貴贵";

impl Text {
    /// None if the text is empty or too long for a command.
    pub fn parse(utterance: &str) -> Option<Self> {
        let utterance = utterance.trim();
        if utterance.len() > MAX_BYTES {
            return None;
        }
        let folded = fold_width(utterance);
        let is_question =
            folded.trim_end_matches(|letter: char| !letter.is_alphanumeric() && letter != '?').ends_with('?');
        let has_quotes = folded.contains(['"', '“', '”', '「', '」', '『', '』']);
        let words = without_repeated_verb_start(corrected(without_fillers(&join_words(&without_stutter(&folded)))));
        (!words.is_empty()).then_some(Self { words, is_question, has_quotes })
    }

    /// Without the trailing particle of a call: 开工啦 and 开会咯 summon people, whereas 开会了 reports. None without such a
    /// particle.
    pub fn without_call_particle(&self, utterance: &str) -> Option<Self> {
        const PARTICLES: [char; 7] = ['啦', '咯', '喽', '嘞', '啰', '囉', '咧'];
        let is_call = utterance.trim_end_matches(|letter: char| !letter.is_alphanumeric()).ends_with(PARTICLES);
        let words = self.words.trim_end_matches(|letter| letter == '了' || PARTICLES.contains(&letter));
        (is_call && !words.is_empty()).then(|| Self { words: words.to_owned(), ..self.clone() })
    }

    /// The normalised words alone: for phrases from the configuration.
    pub fn phrase(text: &str) -> String {
        Self::parse(text).map(|text| text.words).unwrap_or_default()
    }
}

/// Normalises width, case, traditional characters and misrecognised words, and keeps the punctuation.
pub fn normalise(utterance: &str) -> String {
    corrected(fold_width(utterance))
}

fn fold_width(utterance: &str) -> String {
    utterance.chars().map(half_width).flat_map(char::to_lowercase).map(simplified).collect()
}

/// Removes the filler sounds of hesitation.
fn without_fillers(words: &str) -> String {
    let words = words.replace(['嗯', '呃', '唔'], "");
    let is_sound = |word: &&str| {
        !["um", "umm", "ummm", "uh", "uhh", "uhm", "er", "erm", "ehm", "hmm", "hm", "mm", "mmm", "mhm"].contains(word)
    };
    words.split(' ').filter(is_sound).collect::<Vec<_>>().join(" ")
}

fn corrected(mut words: String) -> String {
    for (wrong, intended) in MISRECOGNITIONS {
        if words.contains(wrong) {
            words = words.replace(wrong, intended);
        }
    }
    fix_homophones(words)
}

/// Converts full-width characters to half-width, and typographic apostrophes to the plain one.
fn half_width(letter: char) -> char {
    match letter {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(letter as u32 - 0xfee0).unwrap_or(letter),
        '\u{3000}' => ' ',
        '’' | '‘' | '`' => '\'',
        _ => letter,
    }
}

fn simplified(letter: char) -> char {
    static PAIRS: LazyLock<BTreeMap<char, char>> = LazyLock::new(|| {
        let letters: Vec<char> = TRADITIONAL_PAIRS.chars().filter(|letter| !letter.is_whitespace()).collect();
        letters.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect()
    });
    if is_chinese(letter) { PAIRS.get(&letter).copied().unwrap_or(letter) } else { letter }
}

/// True for Chinese characters.
pub fn is_chinese(letter: char) -> bool {
    matches!(letter, '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

/// Removes punctuation; keeps one space between two words unless one of them is Chinese.
fn join_words(text: &str) -> String {
    let mut words = String::with_capacity(text.len());
    let mut apart = false;
    let letters: Vec<char> = text.chars().collect();
    for (index, &letter) in letters.iter().enumerate() {
        let is_inside =
            |at: Option<usize>| at.and_then(|at| letters.get(at)).is_some_and(|by| by.is_ascii_alphabetic());
        let apostrophe = letter == '\'' && is_inside(index.checked_sub(1)) && is_inside(Some(index + 1));
        if !letter.is_alphanumeric() && !apostrophe {
            apart = true;
            continue;
        }
        let last = words.chars().next_back();
        if apart && last.is_some_and(|last| !is_chinese(last)) && !is_chinese(letter) {
            words.push(' ');
        }
        apart = false;
        words.push(letter);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(utterance: &str) -> String {
        Text::phrase(utterance)
    }

    #[test]
    fn m18_what_recognisers_add_is_taken_off() {
        for (utterance, expected) in [
            ("开始 会议 。", "开始会议"),
            ("開始會議！", "开始会议"),
            ("Ｓｔａｒｔ　the  MEETING!!", "start the meeting"),
            ("Don’t start", "don't start"),
            ("bye-bye", "bye bye"),
            ("打开 coding 模式", "打开coding模式"),
            ("进入变成模式", "进入编程模式"),
            ("'start'", "start"),
            ("🙂 好", "好"),
            ("。", ""),
            ("start the, uh, meeting", "start the meeting"),
            ("嗯，开始呃会议", "开始会议"),
        ] {
            assert_eq!(words(utterance), expected, "{utterance}");
        }
        assert_eq!(words("开始回忆"), "开始回忆", "a word of its own");
    }

    #[test]
    fn m18_marks_that_mean_something_are_remembered() {
        let read = |utterance| Text::parse(utterance).expect("a text");
        assert!(read("开始会议？").is_question && read("start?").is_question && !read("开始会议。").is_question);
        assert!(read("“开始会议”").has_quotes && read("\"start\"").has_quotes && !read("let's start").has_quotes);
        assert_eq!(Text::parse(&"会".repeat(200)), None);
    }
}
