//! An utterance in clauses. Rule: it is parted where a mark or, in Chinese, a blank parts it, and where a word begins a
//! clause; parting once too often costs nothing, since an order may be several clauses.

use crate::text::{self, is_chinese};

/// A clause of an utterance, without the word that joins it to the one before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clause {
    pub start: usize,
    pub end: usize,
    /// Evened, with its marks.
    pub text: String,
    /// A mark or a blank stands before it, and not only a word that begins clauses.
    pub is_marked: bool,
    /// A sentence has ended before it.
    pub is_apart: bool,
    /// 就, 再, then: it comes after something.
    pub follows: bool,
    /// It ends with a question mark.
    pub asks: bool,
}

/// They join two clauses, and belong to none.
const JOINTS: &[&str] = &["so", "and", "plus", "anyway", "alright"];
/// So does what says that nothing is left, or that something else comes: 没有就散会吧.
const ENOUGH: &[&str] = &[
    "所以",
    "因此",
    "没有就",
    "没有的话就",
    "没有的话",
    "没问题就",
    "没事就",
    "没别的就",
    "没意见就",
    "没人反对就",
    "没有问题就",
    "没有意见就",
    "没啥问题就",
    "没异议就",
    "没有别的就",
    "没有我们就",
    "没有咱们就",
    "没有那就",
    "没问题的话",
    "没事的话",
    "没别的事就",
    "没什么事就",
    "没啥事就",
    "没啥就",
];
/// An English clause begins with them.
#[rustfmt::skip]
const STARTS: &[&str] = &[
    "because", "cause", "cuz", "since", "i", "i'm", "i've", "i'll", "im", "ive", "we", "we're", "we've", "we'll", "while i", "while we", "while i'm", "everyone", "everyone's", "everybody", "everybody's", "please", "kindly", "let's", "lets", "it's", "that's", "but", "can you", "could you", "would you", "will you", "can we", "could we", "go ahead", "thanks", "thank you",
];
/// A Chinese clause begins with them.
#[rustfmt::skip]
const CHINESE_STARTS: &[&str] = &[
    "你给", "你帮", "你把", "你现在", "你快", "你先", "你去", "帮我", "帮忙", "麻烦", "请你", "请帮", "请把", "那就", "那你", "咱们", "咱就", "劳驾", "给我", "把会", "把录", "我要", "我得", "我先", "我去", "我看", "我妈", "我爸", "我老婆", "我老公", "没意见就", "没问题就", "没事就", "没别的就", "没啥事就", "没人反对就", "没有问题就", "没有意见就", "没啥问题就", "没异议就", "有没有报", "有没有错", "有没有问题", "看看", "瞧瞧", "瞅瞅", "顺便", "我理", "我捋", "我过一", "我对一", "我翻", "我瞄", "我核", "我确认", "人家", "大家都", "客户", "孩子", "领导", "我们得", "我们要",
];
/// A Chinese clause ends with them.
const ENDS: &[char] = &['了', '吧', '啊', '呀', '咯', '嘞', '啦', '呗', '哈'];
/// Behind one of them, it has not ended yet.
const GOES_ON: &[char] = &[
    '吧', '啊', '呀', '吗', '么', '嘛', '没', '的', '呢', '哈', '解', '不', '咯', '嘞', '啦', '呗', '一', '哦', '个',
    '好',
];

/// The clauses in order; none is empty.
pub fn clauses(said: &str) -> Vec<Clause> {
    let letters: Vec<(usize, char)> = said.char_indices().collect();
    let mut cuts: Vec<(usize, usize, bool, bool)> = Vec::new();
    for (index, &(at, letter)) in letters.iter().enumerate() {
        let before = index.checked_sub(1).and_then(|index| letters.get(index)).map(|(_, letter)| *letter);
        let after = letters.get(index + 1).map(|(_, letter)| *letter);
        let is_number = before.is_some_and(|by| by.is_ascii_digit()) && after.is_some_and(|by| by.is_ascii_digit());
        let next = at + letter.len_utf8();
        let by_chinese = |by: Option<char>| by.is_some_and(|by| is_chinese(by) || "，。、！？".contains(by));
        match letter {
            '。' | '！' | '？' | '；' | '!' | '?' | ';' | '\n' | '…' => cuts.push((at, next, true, true)),
            '.' if !is_number => cuts.push((at, next, true, true)),
            '，' | '、' | ',' | '—' | '~' | '～' => cuts.push((at, next, true, false)),
            '-' if before == Some(' ') && after == Some(' ') => cuts.push((at, next, true, false)),
            ' ' | '\u{3000}' if by_chinese(before) || by_chinese(after) => cuts.push((at, next, true, false)),
            ' ' if begins_english(&said[next..]) => cuts.push((at, next, false, false)),
            // 看了看 is one word.
            _ if before.is_some_and(|by| ENDS.contains(&by))
                && is_chinese(letter)
                && !GOES_ON.contains(&letter)
                && index.checked_sub(2).and_then(|index| letters.get(index)).map(|(_, by)| *by) != Some(letter) =>
            {
                cuts.push((at, at, false, false));
            }
            // 88我妈叫我了.
            _ if is_chinese(letter) && at >= 2 && said[..at].ends_with("88") => cuts.push((at, at, false, false)),
            _ if is_chinese(letter)
                && before.is_some_and(is_chinese)
                && !(before == Some('了') && said[..at].ends_with("看了") && letter == '看')
                && CHINESE_STARTS.iter().any(|start| said[at..].starts_with(start)) =>
            {
                cuts.push((at, at, false, false));
            }
            _ => {}
        }
    }
    cuts.push((said.len(), said.len(), true, true));
    let mut found: Vec<Clause> = Vec::new();
    let (mut start, mut is_marked, mut is_apart) = (0, true, false);
    for (end, next, marked, apart) in cuts {
        let whole = &said[start.min(end)..end];
        let (text, follows) = joined(whole);
        if text.is_empty() {
            is_marked |= marked;
            is_apart |= apart;
        } else {
            let begin = end - text.len();
            let asks = said[end..].trim_start().starts_with(['?', '？']);
            let even = text::even(text.trim());
            found.push(Clause { start: begin, end, text: even, is_marked, is_apart, follows, asks });
            (is_marked, is_apart) = (marked, apart);
        }
        start = next;
    }
    found
}

/// The same without the cuts that no mark has made.
pub fn whole(clauses: &[Clause]) -> Vec<Clause> {
    let mut found: Vec<Clause> = Vec::new();
    for clause in clauses {
        match found.last_mut() {
            Some(last) if !clause.is_marked => {
                let by = if last.text.ends_with(is_chinese) { "" } else { " " };
                last.text = format!("{}{by}{}", last.text, clause.text);
                last.end = clause.end;
                last.asks |= clause.asks;
            }
            _ => found.push(clause.clone()),
        }
    }
    found
}

/// Without the words that join it to what stands before, and whether it comes after that.
fn joined(clause: &str) -> (&str, bool) {
    let mut rest = clause.trim_start();
    let mut follows = false;
    for _ in 0..3 {
        let lower = rest.get(..12.min(rest.len())).unwrap_or(rest).to_ascii_lowercase();
        let joint = JOINTS.iter().find(|joint| is_word_at(&lower, joint));
        let then = ["then", "and then"].iter().find(|joint| is_word_at(&lower, joint));
        let chinese = ENOUGH.iter().find(|joint| rest.starts_with(**joint)).copied().or_else(|| nothing_left(rest));
        let after = ["然后", "再", "就", "才", "接着", "之后"]
            .iter()
            .find(|joint| rest.starts_with(**joint) && !rest.starts_with("再见") && !rest.starts_with("再会"));
        let onward = rest.strip_prefix("然后").filter(|rest| rest.starts_with("下一") || rest.starts_with("下个"));
        if let Some(next) = onward {
            rest = next;
            break;
        }
        follows |= then.is_some() || after.is_some();
        match joint.or(then).copied().or(chinese) {
            Some(joint) if rest.len() > joint.len() => rest = rest[joint.len()..].trim_start(),
            _ => break,
        }
    }
    (rest, follows)
}

/// 那没有别的事咱们就: that nothing is left is no condition.
fn nothing_left(clause: &str) -> Option<&str> {
    const THINGS: &str = "别其他她什么么啥事问题意见补充异议疑要说的的话了人情大家";
    let led = ["那", "要", "既然", "如果", "要是", "大家", "各位", "诸位", "咱们", "大家都", "那大家"]
        .iter()
        .filter_map(|word| clause.strip_prefix(word))
        .min_by_key(|rest| rest.len())
        .unwrap_or(clause);
    let rest = led.strip_prefix("没有").or_else(|| led.strip_prefix('没'))?;
    let rest = rest.trim_start_matches(|letter: char| THINGS.contains(letter));
    let then = ["那咱们就", "那我们就", "咱们就", "我们就", "咱就", "那就", "就"];
    let rest = then.iter().find_map(|word| rest.strip_prefix(word))?;
    Some(&clause[..clause.len() - rest.len()])
}

fn begins_english(rest: &str) -> bool {
    // Stop working so hard.
    let is_degree = ["hard", "much", "far", "many", "well", "long", "late", "good", "that"]
        .iter()
        .any(|word| rest.strip_prefix("so ").is_some_and(|rest| is_word_at(rest, word)));
    if is_degree {
        return false;
    }
    let head: String = rest.chars().take(14).map(|letter| letter.to_ascii_lowercase()).collect();
    let head = head.replace('’', "'");
    JOINTS.iter().chain(STARTS).chain(&["then"]).any(|word| is_word_at(&head, word))
}

fn is_word_at(text: &str, word: &str) -> bool {
    text.strip_prefix(word)
        .is_some_and(|rest| !rest.starts_with(|letter: char| letter.is_ascii_alphanumeric() || letter == '\''))
}
