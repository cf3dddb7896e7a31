//! A command among other clauses. Rule: if punctuation or blanks split an utterance, one clause may be the command, and
//! the others may say anything that does not ask, deny, name another time or speak for somebody else.

use crate::Verdict;
use crate::embedded;
use crate::scope;
use crate::text::{self, is_chinese};

pub(crate) mod reason;
pub(crate) mod unlisted;

/// Upper bound of a remark, in characters; for English in words.
const MAX_CHARS: usize = 12;
const MAX_WORDS: usize = 7;

/// Words that make a clause more than a remark: other people, other times, questions, conditions, reports, talk about
/// words.
#[rustfmt::skip]
const EXCLUDED: [&str; 75] = [
    "他", "她", "它", "谁", "什么", "怎么", "为啥", "哪", "几", "多少", "吗", "呢", "是否", "是不是", "有没有", "能不能", "要不要", "如果", "要是", "假如", "的话", "只要", "除非", "等", "因为", "所以", "但", "可是", "不过", "然后",
    "虽然", "昨", "明天", "后天", "前天", "上周", "下周", "上次", "下次", "那天", "每", "以前", "以后", "之前", "之后", "后来", "刚", "当时", "时候", "点钟", "点半", "月", "年", "待会", "稍后", "一会", "说", "讲", "问",
    "告诉", "听", "叫", "让", "写", "喊", "宣布", "通知", "建议", "要求", "觉得", "希望", "别", "不要", "先", "应该",
];
#[rustfmt::skip]
const ENGLISH_EXCLUDED: [&str; 74] = [
    "he", "she", "they", "him", "her", "them", "who", "what", "when", "where", "why", "how", "which", "if", "whether", "unless", "until", "till", "after", "before", "once", "because", "but", "or", "then", "tomorrow", "yesterday", "tonight", "later",
    "soon", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", "week", "month", "year", "last", "next", "ago", "said", "says", "say", "told", "tell", "asked", "ask", "called", "wrote", "heard", "yet", "not", "never", "no", "don't",
    "can't", "won't", "didn't", "isn't", "aren't", "doesn't", "wait", "should", "would", "could", "might", "maybe", "did", "does", "do", "was",
];

/// The most certain verdict of the utterance as a whole and of any of its clauses.
pub fn read_with_remarks<C: PartialEq>(utterance: &str, read: impl Fn(&str) -> Verdict<C>) -> Verdict<C> {
    let whole = read_beside_remarks(utterance, &read);
    match whole {
        Verdict::Command(_) => whole,
        whole if scope::is_story(utterance) => whole,
        whole => match embedded::read(utterance, &read) {
            Verdict::Talk => whole,
            embedded => embedded,
        },
    }
}

/// The most certain verdict of the utterance as a whole and of a clause beside remarks.
fn read_beside_remarks<C>(utterance: &str, read: &impl Fn(&str) -> Verdict<C>) -> Verdict<C> {
    let whole = read(utterance);
    if scope::is_story(utterance) {
        return whole;
    }
    // A long utterance is narration, and trying every split of it would be expensive.
    if matches!(whole, Verdict::Command(_)) || utterance.len() > text::MAX_BYTES {
        return whole;
    }
    for (front, back) in sentence_splits(utterance) {
        // 人到齐了，就开始会议 states a condition.
        let is_consequence = is_consequence(back);
        if is_remark(front)
            && !unlisted::names_other(front, back)
            && !is_consequence
            && let Verdict::Command(command) = read(back)
        {
            return Verdict::Command(command);
        }
        if front.ends_with('吧')
            && is_harmless(back)
            && let Verdict::Command(command) = read(front)
        {
            return Verdict::Command(command);
        }
    }
    for (front, back) in clause_splits(utterance) {
        if unlisted::is_reason_after(front, back)
            && let Verdict::Command(command) = read(front)
        {
            return Verdict::Command(command);
        }
        if unlisted::is_remark_before(front, back)
            && !is_consequence(back)
            && let Verdict::Command(command) = read(back)
        {
            return Verdict::Command(command);
        }
    }
    whole
}

fn is_consequence(back: &str) -> bool {
    let back = back.to_lowercase();
    let is_farewell = ["再见", "再会"].iter().any(|word| back.starts_with(word));
    !is_farewell && ["就", "再", "才", "然后", "and ", "then ", "的", "是"].iter().any(|word| back.starts_with(word))
}

/// All splits of the utterance in two where a clause may end.
fn clause_splits(utterance: &str) -> impl Iterator<Item = (&str, &str)> {
    let utterance = utterance.trim();
    utterance
        .char_indices()
        .filter(|(_, letter)| !letter.is_alphanumeric() && !['\'', '’', '-'].contains(letter))
        .filter_map(move |(at, letter)| {
            let (front, back) = (utterance[..at].trim_end(), utterance[at + letter.len_utf8()..].trim_start());
            // Not inside of "good night", which is one word here.
            let is_inside = front.ends_with("good") && back.starts_with("night");
            (!front.is_empty() && !is_inside && back.starts_with(char::is_alphanumeric)).then_some((front, back))
        })
}

/// All splits of the utterance in two where a sentence may end.
fn sentence_splits(utterance: &str) -> impl Iterator<Item = (&str, &str)> {
    let utterance = utterance.trim();
    utterance.char_indices().filter_map(move |(at, letter)| {
        let (front, back) = (utterance[..at].trim_end(), utterance[at + letter.len_utf8()..].trim_start());
        let ends = match letter {
            '。' | '！' | '；' | '.' | '!' | ';' => true,
            '，' | ',' | ' ' | '\u{3000}' => front.ends_with(is_chinese),
            _ => false,
        };
        (ends && !front.is_empty() && !back.is_empty()).then_some((front, back))
    })
}

/// True for a complete remark: a Chinese one has to end with a final particle.
fn is_remark(clause: &str) -> bool {
    let ends = clause.ends_with(['了', '吧', '啦', '啊', '好']) || !clause.ends_with(is_chinese);
    ends && is_harmless(clause)
}

fn is_harmless(clause: &str) -> bool {
    let clause = clause.trim_end_matches(|letter: char| !letter.is_alphanumeric() && letter != '?' && letter != '？');
    let lower = clause.to_lowercase().replace('’', "'");
    let is_quoted = lower.contains(['?', '？', '"', '“', '”', '「', '《', ':', '：']);
    let is_short = match lower.contains(is_chinese) {
        true => lower.chars().filter(|letter| letter.is_alphanumeric()).count() <= MAX_CHARS,
        false => lower.split_whitespace().count() <= MAX_WORDS,
    };
    let words = || lower.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '\'');
    let is_excluded =
        EXCLUDED.iter().any(|word| lower.contains(word)) || words().any(|word| ENGLISH_EXCLUDED.contains(&word));
    !clause.is_empty() && is_short && !is_quoted && !is_excluded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(utterance: &str) -> Verdict<()> {
        match utterance.trim_end_matches(['.', '。', '吧']) {
            "开始会议" | "Start the meeting" => Verdict::Command(()),
            _ => Verdict::Talk,
        }
    }

    #[test]
    fn m18_an_order_stands_beside_remarks() {
        for utterance in [
            "咖啡都倒好了 开始会议",
            "让投影仪热一下吧",
            "投影仪也修好了，开始会议",
            "That's all of us. Start the meeting.",
            "开始会议吧 大家坐近一点",
        ] {
            let is_command = !utterance.starts_with('让');
            assert_eq!(read_with_remarks(utterance, read) == Verdict::Command(()), is_command, "{utterance}");
        }
        for utterance in [
            "他说好了 开始会议",
            "我朋友 开始会议",
            "人到齐了 就开始会议",
            "明天人齐了 开始会议",
            "开始会议 压力很大",
            "谁来了 开始会议",
            "If he is here. Start the meeting",
            "After lunch, Start the meeting",
            "开始会议吧 他这么说的",
            "她来了吗 开始会议",
            "开始会议吧 是什么意思",
        ] {
            // A doubt is accepted: it starts nothing.
            assert_ne!(read_with_remarks(utterance, read), Verdict::Command(()), "{utterance}");
        }
    }

    #[test]
    fn a_long_utterance_is_read_once() {
        let reads = std::cell::Cell::new(0);
        let count = |_: &str| {
            reads.set(reads.get() + 1);
            Verdict::<()>::Talk
        };
        read_with_remarks(&"word ".repeat(5000), count);
        assert_eq!(reads.get(), 1);
    }
}
