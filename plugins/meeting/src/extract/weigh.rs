//! Ranks sentences by importance. Rule: a sentence weighs as much as those of its terms that recur in the section,
//! relative to its length; questions and small talk weigh little.

use std::collections::{BTreeMap, BTreeSet};

use crate::extract::sentence::Sentence;
use crate::likeness::{Likeness, normalise};
use crate::notes::{MADE, Point};

/// Common words that do not belong to a subject.
const STOP_WORDS: [&str; 136] = [
    "the",
    "and",
    "for",
    "are",
    "but",
    "not",
    "you",
    "all",
    "can",
    "her",
    "was",
    "one",
    "our",
    "out",
    "has",
    "have",
    "had",
    "how",
    "its",
    "may",
    "new",
    "now",
    "old",
    "see",
    "two",
    "who",
    "did",
    "yes",
    "get",
    "got",
    "him",
    "his",
    "she",
    "they",
    "them",
    "their",
    "this",
    "that",
    "these",
    "those",
    "with",
    "from",
    "will",
    "would",
    "could",
    "should",
    "what",
    "when",
    "where",
    "which",
    "while",
    "there",
    "here",
    "then",
    "than",
    "been",
    "being",
    "were",
    "into",
    "about",
    "just",
    "like",
    "some",
    "very",
    "also",
    "only",
    "over",
    "such",
    "more",
    "most",
    "much",
    "many",
    "any",
    "each",
    "other",
    "your",
    "really",
    "think",
    "know",
    "okay",
    "well",
    "good",
    "right",
    "yeah",
    "thing",
    "things",
    "going",
    "want",
    "need",
    "make",
    "take",
    "let",
    "lets",
    "still",
    "even",
    "does",
    "done",
    "because",
    "maybe",
    "actually",
    "say",
    "said",
    "says",
    "mean",
    "lot",
    "bit",
    "kind",
    "way",
    "too",
    "back",
    "again",
    "last",
    "year",
    "first",
    "next",
    "month",
    "week",
    "number",
    "look",
    "difficult",
    "hardly",
    "same",
    "different",
    "side",
    "part",
    "time",
    "everybody",
    "somebody",
    "anybody",
    "people",
    "point",
    "question",
    "both",
    "since",
    "around",
    "always",
];
/// Chinese characters that mostly connect others.
const STOP_LETTERS: &str = "的了是在我你他她它们这那有和就都也要会说不没一个上下来去到很还吧吗呢啊嗯哦么什怎为以可能对把被让给跟与及其而但或如果因所之于从向";
/// Phrases that open or close a meeting.
const SMALL_TALK: [&str; 22] = [
    "大家好",
    "听得到",
    "听得见",
    "谢谢",
    "辛苦",
    "开始吧",
    "下一个",
    "散会",
    "先这样",
    "没问题",
    "休息",
    "早上好",
    "thank",
    "hello",
    "good morning",
    "can you hear",
    "next topic",
    "let's start",
    "let us start",
    "sounds good",
    "take a break",
    "see you",
];

/// Phrases of opinions and references; a sentence with one of them weighs less.
const HEDGES: [&str; 30] = [
    "我觉得",
    "我担心",
    "我看了",
    "我同意",
    "补充",
    "会后",
    "可以再看",
    "讨论过",
    "明白",
    "有没有",
    "不太好",
    "是合理的",
    "口径",
    "i think",
    "i would be",
    "i'm not sure",
    "honestly",
    "from what i",
    "i have heard",
    "fair point",
    "makes sense",
    "makes me",
    "let me",
    "dashboard",
    "wiki",
    "keep in mind",
    "came up",
    "for another day",
    "on that note",
    "i guess",
];
/// Letters at the start or end of a sentence by which habitual phrases are recognised; Chinese needs fewer.
const LATIN_EDGE: usize = 10;
const CHINESE_EDGE: usize = 6;

/// Weights of the sentences, 0 to `MADE - 1`.
pub fn weigh(sentences: &[Sentence]) -> Vec<u16> {
    let terms: Vec<BTreeSet<String>> = sentences.iter().map(|sentence| terms(&sentence.text)).collect();
    let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
    for term in terms.iter().flatten() {
        *counts.entry(term).or_default() += 1;
    }
    let habits = ways_of_speaking(sentences.iter().map(|sentence| sentence.text.as_str()), 3);
    let scored = sentences.iter().zip(&terms).zip(habits);
    let raw: Vec<f32> = scored
        .map(|((sentence, terms), is_habit)| score(sentence, terms, &counts) * if is_habit { 0.2 } else { 1.0 })
        .collect();
    let most = raw.iter().copied().fold(0.0_f32, f32::max);
    if most <= 0.0 {
        return vec![0; sentences.len()];
    }
    raw.into_iter().map(|score| scale(score / most)).collect()
}

/// At most `limit` of the heaviest points that differ from each other, in their order.
pub fn best(points: Vec<Point>, limit: usize) -> Vec<Point> {
    let mut ranked: Vec<usize> = (0..points.len()).collect();
    ranked.sort_by_key(|&place| (u16::MAX - points[place].weight, place));
    let mut chosen: Vec<usize> = Vec::new();
    let mut seen: Vec<Likeness> = Vec::new();
    for place in ranked {
        if chosen.len() >= limit {
            break;
        }
        let likeness = Likeness::of(&points[place].text);
        if !likeness.is_empty() && !seen.iter().any(|other| other.matches(&likeness)) {
            seen.push(likeness);
            chosen.push(place);
        }
    }
    chosen.sort_unstable();
    chosen.into_iter().map(|place| points[place].clone()).collect()
}

#[allow(clippy::cast_precision_loss, reason = "counts of words are far below the limit")]
fn score(sentence: &Sentence, terms: &BTreeSet<String>, counts: &BTreeMap<&str, u32>) -> f32 {
    if terms.len() < 2 || is_small_talk(&sentence.text) {
        return 0.0;
    }
    // The logarithm: a word said once says little about the section, and one said often is not ten times as important.
    let common: f32 = terms.iter().map(|term| (counts.get(term.as_str()).copied().unwrap_or(1) as f32).ln()).sum();
    let mut score = common / (terms.len() as f32 + 4.0).sqrt();
    if has_figure(&sentence.text) {
        score *= 1.6;
    }
    let lower = sentence.text.to_lowercase();
    if HEDGES.iter().any(|hedge| lower.contains(hedge)) {
        score *= 0.4;
    }
    if sentence.is_question {
        score *= 0.3;
    }
    score
}

/// Sentences with numbers weigh more.
/// True if the script of the text puts spaces between words, as all of Europe does whatever its accents; Chinese and
/// Japanese do not, and say more in fewer characters.
pub fn has_spaces(text: &str) -> bool {
    let is_wide = |letter: char| matches!(letter, '\u{2e80}'..='\u{a4cf}' | '\u{f900}'..='\u{faff}' | '\u{ff00}'..='\u{ffef}' | '\u{20000}'..='\u{3ffff}');
    !text.chars().any(is_wide)
}

fn has_figure(text: &str) -> bool {
    let is_figure = |letter: char| letter.is_ascii_digit() || "百千万亿".contains(letter);
    text.chars().any(is_figure)
}

/// True for each text that starts or ends with the same letters as at least `least` texts, itself included: a habit of
/// speech, not a subject.
pub fn ways_of_speaking<'a>(texts: impl Iterator<Item = &'a str>, least: u32) -> Vec<bool> {
    let edges: Vec<[String; 2]> = texts
        .map(|text| {
            let letters = normalise(text);
            let edge = if has_spaces(text) { LATIN_EDGE } else { CHINESE_EDGE };
            let end: String = letters.chars().rev().take(edge).collect();
            [letters.chars().take(edge).collect(), end]
        })
        .collect();
    let mut counts: BTreeMap<(usize, &str), u32> = BTreeMap::new();
    for edges in &edges {
        for (side, edge) in edges.iter().enumerate() {
            *counts.entry((side, edge)).or_default() += 1;
        }
    }
    let is_habit = |edges: &[String; 2]| {
        edges
            .iter()
            .enumerate()
            .any(|(side, edge)| counts.get(&(side, edge.as_str())).is_some_and(|count| *count >= least))
    };
    edges.iter().map(is_habit).collect()
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the share is between 0 and 1")]
fn scale(share: f32) -> u16 {
    (share * f32::from(MADE - 1)) as u16
}

/// True if the text has a phrase that opens or closes a meeting.
pub fn is_small_talk(text: &str) -> bool {
    let lower = text.to_lowercase();
    SMALL_TALK.iter().any(|talk| lower.contains(talk))
}

/// Stems of ASCII words, and pairs of adjacent other letters, without stop words.
fn terms(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut word = String::new();
    let mut before: Option<char> = None;
    for letter in text.chars().chain([' ']) {
        if letter.is_ascii_alphanumeric() || letter == '\'' {
            word.extend(letter.to_lowercase());
            before = None;
            continue;
        }
        if !word.is_empty() {
            let whole = std::mem::take(&mut word);
            let stem = stem(&whole);
            if stem.len() > 2 && !STOP_WORDS.contains(&whole.as_str()) && !STOP_WORDS.contains(&stem) {
                found.insert(stem.to_owned());
            }
        }
        if !letter.is_alphanumeric() || STOP_LETTERS.contains(letter) {
            before = None;
            continue;
        }
        if let Some(before) = before {
            found.insert([before, letter].iter().collect());
        }
        before = Some(letter);
    }
    found
}

/// The word without common inflections.
fn stem(word: &str) -> &str {
    let word = word.strip_suffix("'s").unwrap_or(word);
    for ending in ["ing", "ed", "es", "s"] {
        if let Some(stem) = word.strip_suffix(ending)
            && stem.len() > 3
        {
            return stem;
        }
    }
    word
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_talk_comes_back_to_weighs_most() {
        let said = [
            "The weather was nice",
            "The billing service loses payments under load",
            "Can everybody hear me?",
            "Payments in the billing service need a queue",
            "Load tests of the billing service show 200 lost payments",
        ];
        let sentence = |text: &&str| Sentence { text: (*text).to_owned(), tag: None, is_question: text.ends_with('?') };
        let weights = weigh(&said.iter().map(sentence).collect::<Vec<_>>());
        assert!(weights[4] > weights[0] && weights[1] > weights[0] && weights[3] > weights[2], "{weights:?}");
        assert_eq!(weights[2], 0);
    }

    #[test]
    fn terms_are_words_and_pairs() {
        let found = terms("We tested 支付系统 again, payments failed");
        assert!(
            ["test", "支付", "付系", "系统", "payment", "fail"].iter().all(|term| found.contains(*term)),
            "{found:?}"
        );
        assert!(!found.contains("again"));
    }
}
