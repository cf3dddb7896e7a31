//! An utterance made even. Rule: what a recogniser adds or confuses (marks, width, case, spaces, traditional
//! characters, characters of the same sound) is taken off before anything is looked for; words are not.

use std::collections::BTreeMap;
use std::sync::LazyLock;

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

/// Characters that recognisers write for others of the same sound. Only where the words that they make instead mean
/// nothing here: 开始回忆 is a wish of its own, and no meeting.
const SOUNDS: [(&str, &str); 62] = [
    ("会意模式", "会议模式"),
    ("开始会意", "开始会议"),
    ("结束会意", "结束会议"),
    ("退出会意", "退出会议"),
    ("会义", "会议"),
    ("会仪", "会议"),
    ("汇议", "会议"),
    ("惠议", "会议"),
    ("变成模式", "编程模式"),
    ("编成模式", "编程模式"),
    ("编程摸式", "编程模式"),
    ("摸式", "模式"),
    ("模是", "模式"),
    ("模试", "模式"),
    ("工做", "工作"),
    ("公作模式", "工作模式"),
    ("近入", "进入"),
    ("切换道", "切换到"),
    ("作完了", "做完了"),
    ("任领", "认领"),
    ("认令", "认领"),
    ("认零", "认领"),
    ("标计", "标记"),
    ("刷心", "刷新"),
    ("这儿", "这里"),
    ("会儿", "会"),
    ("啦", "了"),
    ("喽", "了"),
    ("咯", "了"),
    ("掰掰", "拜拜"),
    ("摸是", "模式"),
    ("摆摆", "拜拜"),
    ("在见", "再见"),
    ("晚按", "晚安"),
    ("结速", "结束"),
    ("结術", "结束"),
    ("结术", "结束"),
    ("节束", "结束"),
    ("再件", "再见"),
    ("在件", "再见"),
    ("开市会议", "开始会议"),
    ("开使", "开始"),
    ("推出会议", "退出会议"),
    ("推出工作模式", "退出工作模式"),
    ("推出编程模式", "退出编程模式"),
    ("推出当前模式", "退出当前模式"),
    ("魔式", "模式"),
    ("散惠", "散会"),
    ("散汇", "散会"),
    ("任物", "任务"),
    ("看版", "看板"),
    ("看班", "看板"),
    ("代办", "待办"),
    ("下以个", "下一个"),
    ("下一各", "下一个"),
    ("录因", "录音"),
    ("攻作", "工作"),
    ("记要", "纪要"),
    ("今儿个", "今天"),
    ("今儿", "今天"),
    ("明儿个", "明天"),
    ("散会儿", "散会"),
];

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
        let words = meant(fluent(&joined(&steady(&even))));
        (!words.is_empty()).then_some(Self { words, asks, quotes })
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
    let is_sound = |word: &&str| !["um", "umm", "uh", "uhm", "er", "erm", "hmm", "hm", "mm", "uhh"].contains(word);
    words.split(' ').filter(is_sound).collect::<Vec<_>>().join(" ")
}

/// Without the beginning of a word that is begun anew: 回 回到, go go back.
fn steady(text: &str) -> String {
    const STUTTERED: [&str; 24] = [
        "go", "get", "start", "stop", "open", "the", "to", "my", "end", "switch", "put", "show", "can", "could",
        "take", "read", "let's", "a", "i", "and", "we", "close", "mark", "tick",
    ];
    let parts: Vec<&str> = text.split_whitespace().collect();
    let kept = parts.iter().enumerate().filter(|(at, part)| {
        let Some(next) = parts.get(at + 1) else { return true };
        let is_begun = part.chars().all(is_chinese) && part.chars().count() <= 2 && next.len() > part.len();
        !(is_begun && next.starts_with(**part) || **part == *next && STUTTERED.contains(part))
    });
    kept.map(|(_, part)| *part).collect::<Vec<_>>().join(" ")
}

fn meant(mut words: String) -> String {
    for (heard, meant) in SOUNDS {
        if words.contains(heard) {
            words = words.replace(heard, meant);
        }
    }
    words
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
