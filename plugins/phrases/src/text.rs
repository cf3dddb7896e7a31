//! An utterance made even. Rule: what a recogniser adds or confuses (marks, width, case, spaces, traditional
//! characters, characters of the same sound) is taken off before anything is looked for; words are not.

use std::collections::BTreeMap;
use std::sync::LazyLock;

mod alike;
mod sounds;
mod steady;

use alike::alike;
use sounds::SOUNDS;
use steady::{begun_once, steady};

/// What was said, ready to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// Lower case, without marks; words in Latin letters with one space between, Chinese without any.
    pub words: String,
    /// It ends with a question mark.
    pub asks: bool,
    /// Something of it stands in quotation marks.
    pub quotes: bool,
}

/// A command is shorter, in bytes.
pub(crate) const LONGEST: usize = 240;

/// Traditional characters of the words that commands are made of, and the simple ones.
const TRADITIONAL: &str = "開开會会議议進进結结請请幫帮煩烦離离關关閉闭說说話话對对謝谢這这個个們们現现時时間间點点嗎吗沒没過过\
    務务標标記记認认領领項项條条後后編编碼码錄录紀纪動动啟启啓启轉转換换來来為为還还應应該该誰谁麼么樣样給给讓让從从聽听見见\
    週周號号將将場场總总當当習习樂乐寫写無无聲声靜静閒闲掛挂斷断電电徹彻關关資资訊讯單单環环終终專专歡欢愛爱勞劳駕驾\
    確确訂订歸归續续達达處处辦办幹干夠够錯错貴贵";

impl Text {
    /// None where it is too long for a command, or empty.
    pub fn of(said: &str) -> Option<Self> {
        let said = said.trim();
        if said.len() > LONGEST {
            return None;
        }
        let even = width(said);
        let asks = even.trim_end_matches(|letter: char| !letter.is_alphanumeric() && letter != '?').ends_with('?');
        let quotes = even.contains(['"', '“', '”', '「', '」', '『', '』']);
        let words = begun_once(meant(fluent(&joined(&steady(&even)))));
        (!words.is_empty()).then_some(Self { words, asks, quotes })
    }

    /// 开工啦, 开会咯 call others to it, where 开会了 tells: without what calls.
    pub fn called(&self, said: &str) -> Option<Self> {
        const CALLS: [char; 7] = ['啦', '咯', '喽', '嘞', '啰', '囉', '咧'];
        let called = said.trim_end_matches(|letter: char| !letter.is_alphanumeric()).ends_with(CALLS);
        let words = self.words.trim_end_matches(|letter| letter == '了' || CALLS.contains(&letter));
        (called && !words.is_empty()).then(|| Self { words: words.to_owned(), ..self.clone() })
    }

    /// The same with nothing known of its marks: for phrases that people have configured.
    pub fn phrase(text: &str) -> String {
        Self::of(text).map(|text| text.words).unwrap_or_default()
    }
}

/// The same text with its marks, in lower case and simple characters, and what sounds alike put right.
pub fn even(said: &str) -> String {
    meant(width(said))
}

fn width(said: &str) -> String {
    said.chars().map(half_width).flat_map(char::to_lowercase).map(simple).collect()
}

/// Without the sounds of somebody who looks for words.
fn fluent(words: &str) -> String {
    let words = words.replace(['嗯', '呃', '唔'], "");
    let is_sound = |word: &&str| {
        !["um", "umm", "ummm", "uh", "uhh", "uhm", "er", "erm", "ehm", "hmm", "hm", "mm", "mmm", "mhm"].contains(word)
    };
    words.split(' ').filter(is_sound).collect::<Vec<_>>().join(" ")
}

fn meant(mut words: String) -> String {
    for (heard, meant) in SOUNDS {
        if words.contains(heard) {
            words = words.replace(heard, meant);
        }
    }
    alike(words)
}

/// Half-width, with the plain apostrophe.
fn half_width(letter: char) -> char {
    match letter {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(letter as u32 - 0xfee0).unwrap_or(letter),
        '\u{3000}' => ' ',
        '’' | '‘' | '`' => '\'',
        _ => letter,
    }
}

fn simple(letter: char) -> char {
    static PAIRS: LazyLock<BTreeMap<char, char>> = LazyLock::new(|| {
        let letters: Vec<char> = TRADITIONAL.chars().filter(|letter| !letter.is_whitespace()).collect();
        letters.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect()
    });
    if is_chinese(letter) { PAIRS.get(&letter).copied().unwrap_or(letter) } else { letter }
}

/// True for Chinese characters.
pub fn is_chinese(letter: char) -> bool {
    matches!(letter, '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

/// Without marks; spaces only between two words in other letters than Chinese.
fn joined(text: &str) -> String {
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

    fn words(said: &str) -> String {
        Text::phrase(said)
    }

    #[test]
    fn m18_what_recognisers_add_is_taken_off() {
        for (said, expected) in [
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
            assert_eq!(words(said), expected, "{said}");
        }
        assert_eq!(words("开始回忆"), "开始回忆", "a word of its own");
    }

    #[test]
    fn m18_marks_that_mean_something_are_remembered() {
        let read = |said| Text::of(said).expect("a text");
        assert!(read("开始会议？").asks && read("start?").asks && !read("开始会议。").asks);
        assert!(read("“开始会议”").quotes && read("\"start\"").quotes && !read("let's start").quotes);
        assert_eq!(Text::of(&"会".repeat(200)), None);
    }
}
