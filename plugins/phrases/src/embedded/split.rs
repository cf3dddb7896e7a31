//! Splits an utterance into clauses. Rule: it is split at punctuation, at blanks next to Chinese, and before words that
//! begin a clause; a split too many does no harm, since a command may consist of several clauses.

use crate::text::{self, is_chinese};

/// A clause of an utterance, without its leading conjunction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clause {
    pub start: usize,
    pub end: usize,
    /// Normalised, with punctuation.
    pub text: String,
    /// Punctuation or a blank precedes it, not only a word that begins a clause.
    pub is_separated: bool,
    /// The end of a sentence precedes it.
    pub starts_sentence: bool,
    /// It begins with 就, 再 or then, so that it follows from something else.
    pub is_sequel: bool,
    /// It ends with a question mark.
    pub is_question: bool,
}

/// Conjunctions, which belong to neither clause.
const CONJUNCTIONS: &[&str] = &["so", "and", "plus", "anyway", "alright"];
/// Statements that nothing is left or that something else comes next are skipped like conjunctions: 没有就散会吧.
const SKIPPED_STATEMENTS: &[&str] = &[
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
/// Words that begin an English clause.
#[rustfmt::skip]
const CLAUSE_STARTS: &[&str] = &[
    "because", "cause", "cuz", "since", "i", "i'm", "i've", "i'll", "im", "ive", "we", "we're", "we've", "we'll", "while i", "while we", "while i'm", "everyone", "everyone's", "everybody", "everybody's", "please", "kindly", "let's", "lets", "it's", "that's", "but", "can you", "could you", "would you", "will you", "can we", "could we", "go ahead", "thanks", "thank you",
];
/// Words that begin a Chinese clause.
#[rustfmt::skip]
const CHINESE_CLAUSE_STARTS: &[&str] = &[
    "你给", "你帮", "你把", "你现在", "你快", "你先", "你去", "帮我", "帮忙", "麻烦", "请你", "请帮", "请把", "那就", "那你", "咱们", "咱就", "劳驾", "给我", "把会", "把录", "我要", "我得", "我先", "我去", "我看", "我妈", "我爸", "我老婆", "我老公", "没意见就", "没问题就", "没事就", "没别的就", "没啥事就", "没人反对就", "没有问题就", "没有意见就", "没啥问题就", "没异议就", "有没有报", "有没有错", "有没有问题", "看看", "瞧瞧", "瞅瞅", "顺便", "我理", "我捋", "我过一", "我对一", "我翻", "我瞄", "我核", "我确认", "人家", "大家都", "客户", "孩子", "领导", "我们得", "我们要",
];
/// Particles that end a Chinese clause.
const FINAL_PARTICLES: &[char] = &['了', '吧', '啊', '呀', '咯', '嘞', '啦', '呗', '哈'];
/// Characters after such a particle that continue the clause.
const CONTINUATIONS: &[char] = &[
    '吧', '啊', '呀', '吗', '么', '嘛', '没', '的', '呢', '哈', '解', '不', '咯', '嘞', '啦', '呗', '一', '哦', '个',
    '好',
];

/// The clauses in order; none is empty.
pub fn clauses(utterance: &str) -> Vec<Clause> {
    let letters: Vec<(usize, char)> = utterance.char_indices().collect();
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
            ' ' if begins_english(&utterance[next..]) => cuts.push((at, next, false, false)),
            // 看了看 is one word.
            _ if before.is_some_and(|by| FINAL_PARTICLES.contains(&by))
                && is_chinese(letter)
                && !CONTINUATIONS.contains(&letter)
                && index.checked_sub(2).and_then(|index| letters.get(index)).map(|(_, by)| *by) != Some(letter) =>
            {
                cuts.push((at, at, false, false));
            }
            // 88我妈叫我了.
            _ if is_chinese(letter) && at >= 2 && utterance[..at].ends_with("88") => cuts.push((at, at, false, false)),
            _ if is_chinese(letter)
                && before.is_some_and(is_chinese)
                && !(before == Some('了') && utterance[..at].ends_with("看了") && letter == '看')
                && CHINESE_CLAUSE_STARTS.iter().any(|start| utterance[at..].starts_with(start)) =>
            {
                cuts.push((at, at, false, false));
            }
            _ => {}
        }
    }
    cuts.push((utterance.len(), utterance.len(), true, true));
    let mut found: Vec<Clause> = Vec::new();
    let (mut start, mut is_separated, mut starts_sentence) = (0, true, false);
    for (end, next, separated, sentence_end) in cuts {
        let part = &utterance[start.min(end)..end];
        let (text, is_sequel) = without_conjunctions(part);
        if text.is_empty() {
            is_separated |= separated;
            starts_sentence |= sentence_end;
        } else {
            let begin = end - text.len();
            let is_question = utterance[end..].trim_start().starts_with(['?', '？']);
            let normalised = text::normalise(text.trim());
            found.push(Clause {
                start: begin,
                end,
                text: normalised,
                is_separated,
                starts_sentence,
                is_sequel,
                is_question,
            });
            (is_separated, starts_sentence) = (separated, sentence_end);
        }
        start = next;
    }
    found
}

/// Joins the clauses that no punctuation separates.
pub fn join_unseparated(clauses: &[Clause]) -> Vec<Clause> {
    let mut found: Vec<Clause> = Vec::new();
    for clause in clauses {
        match found.last_mut() {
            Some(last) if !clause.is_separated => {
                let by = if last.text.ends_with(is_chinese) { "" } else { " " };
                last.text = format!("{}{by}{}", last.text, clause.text);
                last.end = clause.end;
                last.is_question |= clause.is_question;
            }
            _ => found.push(clause.clone()),
        }
    }
    found
}

/// The clause without its leading conjunctions, and whether it follows from something else.
fn without_conjunctions(clause: &str) -> (&str, bool) {
    let mut rest = clause.trim_start();
    let mut is_sequel = false;
    for _ in 0..3 {
        let lower = rest.get(..12.min(rest.len())).unwrap_or(rest).to_ascii_lowercase();
        let conjunction = CONJUNCTIONS.iter().find(|conjunction| is_word_at(&lower, conjunction));
        let then = ["then", "and then"].iter().find(|conjunction| is_word_at(&lower, conjunction));
        let chinese = SKIPPED_STATEMENTS
            .iter()
            .find(|conjunction| rest.starts_with(**conjunction))
            .copied()
            .or_else(|| nothing_left(rest));
        let after = ["然后", "再", "就", "才", "接着", "之后"].iter().find(|conjunction| {
            rest.starts_with(**conjunction) && !rest.starts_with("再见") && !rest.starts_with("再会")
        });
        let onward = rest.strip_prefix("然后").filter(|rest| rest.starts_with("下一") || rest.starts_with("下个"));
        if let Some(next) = onward {
            rest = next;
            break;
        }
        is_sequel |= then.is_some() || after.is_some();
        match conjunction.or(then).copied().or(chinese) {
            Some(conjunction) if rest.len() > conjunction.len() => rest = rest[conjunction.len()..].trim_start(),
            _ => break,
        }
    }
    (rest, is_sequel)
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
    CONJUNCTIONS.iter().chain(CLAUSE_STARTS).chain(&["then"]).any(|word| is_word_at(&head, word))
}

fn is_word_at(text: &str, word: &str) -> bool {
    text.strip_prefix(word)
        .is_some_and(|rest| !rest.starts_with(|letter: char| letter.is_ascii_alphanumeric() || letter == '\''))
}
