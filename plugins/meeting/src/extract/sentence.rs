//! Splits segments into sentences. Rule: a sentence ends at its punctuation; numbers, abbreviations and addresses stay
//! whole.

use crate::extract::Line;

/// Bounds of a sentence worth quoting, in characters.
const SHORTEST: usize = 5;
const LONGEST: usize = 160;
/// Words whose full stop does not end a sentence.
const ABBREVIATIONS: [&str; 13] =
    ["mr", "mrs", "ms", "dr", "vs", "etc", "e.g", "i.e", "no", "st", "approx", "inc", "ltd"];
/// Filler words at the start of a sentence.
const FILLERS: [&str; 43] = [
    "嗯",
    "啊",
    "哦",
    "呃",
    "那个",
    "这个",
    "好的",
    "好",
    "对",
    "对对",
    "对对对",
    "是的",
    "行",
    "那么",
    "那",
    "然后",
    "所以",
    "其实",
    "就是说",
    "就是",
    "um",
    "uh",
    "er",
    "well",
    "so",
    "okay",
    "ok",
    "right",
    "yeah",
    "yes",
    "yep",
    "sure",
    "and",
    "but",
    "also",
    "actually",
    "basically",
    "anyway",
    "now",
    "then",
    "great",
    "good",
    "alright",
];

/// Conjunctions that are dropped at the start of a sentence, and the words that must follow them.
const JOINTS: [&str; 9] = ["那么", "那", "所以", "然后", "另外", "so ", "then ", "and ", "but "];
const SUBJECTS: [&str; 13] = ["我", "你", "他", "她", "大家", "请", "就", "we ", "i ", "i'", "the ", "let", "they "];

/// A sentence with its speaker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sentence {
    pub text: String,
    pub tag: Option<String>,
    /// It ends with a question mark or a question particle.
    pub is_question: bool,
}

/// All sentences of these segments that can be quoted, in order.
pub fn split(lines: &[Line]) -> Vec<Sentence> {
    let mut sentences = Vec::new();
    for line in lines {
        for piece in cut(&line.text) {
            let is_question = piece.ends_with(['?', '？']) || piece.ends_with("吗") || piece.ends_with("呢");
            let text = tidy(piece);
            let length = text.chars().count();
            if (SHORTEST..=LONGEST).contains(&length) {
                sentences.push(Sentence { text, tag: line.tag.clone(), is_question });
            }
        }
    }
    sentences
}

/// Splits a text at the ends of sentences; punctuation stays with its sentence.
pub fn cut(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut start = 0;
    let mut letters = text.char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        let end = at + letter.len_utf8();
        let ends = match letter {
            '。' | '！' | '？' | '!' | '?' | '；' | ';' | '\n' | '…' => true,
            '.' => {
                let next_is_blank = letters.peek().is_none_or(|(_, next)| next.is_whitespace());
                next_is_blank && !ends_with_abbreviation(&text[start..at])
            }
            _ => false,
        };
        if ends {
            pieces.push(text[start..end].trim());
            start = end;
        }
    }
    pieces.push(text[start..].trim());
    pieces.retain(|piece| !piece.is_empty());
    pieces
}

fn ends_with_abbreviation(text: &str) -> bool {
    let word = text.rsplit(|letter: char| letter.is_whitespace()).next().unwrap_or_default();
    ABBREVIATIONS.iter().any(|abbreviation| word.eq_ignore_ascii_case(abbreviation))
        || (word.chars().count() == 1 && word.chars().all(char::is_alphabetic) && word != "I")
}

/// Removes fillers at the start and punctuation at the end.
fn tidy(piece: &str) -> String {
    let mut rest = piece.trim();
    loop {
        let before = rest;
        for filler in FILLERS {
            // Only fillers followed by punctuation: `那个` and `right` may start a real sentence.
            if let Some(behind) = strip_word(rest, filler)
                && let Some(behind) = behind.strip_prefix(['，', ',', '、', '。', '.'])
            {
                rest = behind.trim_start();
                break;
            }
        }
        for joint in JOINTS {
            if let Some(behind) = strip_word(rest, joint)
                && SUBJECTS.iter().any(|subject| strip_word(behind, subject).is_some())
            {
                rest = behind;
                break;
            }
        }
        if rest == before {
            break;
        }
    }
    let rest = rest.trim_end_matches(['。', '.', '；', ';', '，', ',', '！', '!', '…', ' ']);
    let mut text = rest.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some(first) = text.chars().next().filter(char::is_ascii_lowercase) {
        text.replace_range(..1, &first.to_ascii_uppercase().to_string());
    }
    text
}

fn strip_word<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let front = text.get(..word.len())?;
    front.eq_ignore_ascii_case(word).then(|| &text[word.len()..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sentences(text: &str) -> Vec<String> {
        let lines = [Line { at: 0, tag: None, text: text.to_owned() }];
        split(&lines).into_iter().map(|sentence| sentence.text).collect()
    }

    #[test]
    fn sentences_end_where_speakers_pause() {
        assert_eq!(
            sentences("Okay, so, we ship v2.1 on Friday. Dr. Lee agrees with it! fine"),
            ["We ship v2.1 on Friday", "Dr. Lee agrees with it"]
        );
        assert_eq!(
            sentences("嗯，那个，我们周五发布。价格是3.5元；大家有问题吗？"),
            ["我们周五发布", "价格是3.5元", "大家有问题吗？"]
        );
    }

    #[test]
    fn fillers_alone_go() {
        assert_eq!(sentences("好的。嗯。Yes. Okay."), Vec::<String>::new());
        assert_eq!(sentences("那个方案我们不做了"), ["那个方案我们不做了"]);
        assert_eq!(sentences("好，那我们周五发布。So we ship it."), ["我们周五发布", "We ship it"]);
        assert_eq!(sentences("Right now we have no budget"), ["Right now we have no budget"]);
    }
}
