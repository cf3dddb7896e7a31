//! Stage directions: words that describe how something is said. Rule: brackets and asterisks are removed with their
//! words only where the words name a gesture, a sound or a tone; other bracketed words are part of the sentence.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::{Captures, Regex};

static BRACKETED: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = r"\*{1,2}([^*\n]{1,60})\*{1,2}|\(([^()\n]{1,60})\)|（([^（）\n]{1,30})）|\[([^\[\]\n]{1,60})\]|【([^【】\n]{1,30})】";
    Regex::new(pattern).unwrap_or_else(|error| unreachable!("a fixed pattern: {error}"))
});

/// What people do while they speak, as base forms of verbs.
const GESTURES: [&str; 40] = [
    "laugh", "chuckle", "giggle", "smile", "grin", "smirk", "sigh", "gasp", "groan", "moan", "nod", "wink", "blink",
    "shrug", "wave", "bow", "pause", "cough", "sniff", "sneeze", "yawn", "whisper", "cry", "sob", "cheer", "clap",
    "frown", "blush", "hug", "hum", "sing", "think", "ponder", "wince", "gulp", "snort", "beam", "tilt", "clear",
    "lean",
];
/// Directions that are not verbs.
const TONES: [&str; 24] = [
    "laughter",
    "applause",
    "silence",
    "music",
    "sound",
    "sfx",
    "voice",
    "tone",
    "softly",
    "quietly",
    "gently",
    "cheerfully",
    "excitedly",
    "sadly",
    "warmly",
    "thoughtfully",
    "playfully",
    "nervously",
    "sarcastically",
    "angrily",
    "happily",
    "calmly",
    "enthusiastically",
    "jokingly",
];
const CHINESE: [&str; 54] = [
    "微笑",
    "大笑",
    "轻笑",
    "苦笑",
    "偷笑",
    "傻笑",
    "坏笑",
    "笑着",
    "笑了",
    "哈哈笑",
    "叹气",
    "叹了口气",
    "叹息",
    "点头",
    "点点头",
    "摇头",
    "摇摇头",
    "眨眼",
    "眨眨眼",
    "挥手",
    "挥挥手",
    "鼓掌",
    "耸肩",
    "耸耸肩",
    "皱眉",
    "沉默",
    "停顿",
    "思考",
    "沉思",
    "想了想",
    "咳嗽",
    "清嗓子",
    "清了清嗓子",
    "轻声",
    "小声",
    "低声",
    "大声",
    "语气",
    "语调",
    "音乐",
    "音效",
    "掌声",
    "歪头",
    "歪着头",
    "歪了歪头",
    "捂嘴",
    "拍手",
    "脸红",
    "撒娇",
    "调皮",
    "俏皮",
    "温柔地",
    "开心地",
    "激动地",
];

/// The text without its stage directions.
pub(super) fn strip(text: &str) -> Cow<'_, str> {
    if !text.contains(['*', '(', '（', '[', '【']) {
        return Cow::Borrowed(text);
    }
    BRACKETED.replace_all(text, |found: &Captures<'_>| {
        let words = (1..=5).find_map(|group| found.get(group)).map_or("", |words| words.as_str().trim());
        if is_direction(words) { String::new() } else { found[0].to_owned() }
    })
}

fn is_direction(words: &str) -> bool {
    if words.chars().any(|character| matches!(character, '\u{3400}'..='\u{9fff}')) {
        // A direction is short and contains nothing else.
        let short = words.chars().count() <= 12;
        return words == "笑" || (short && CHINESE.iter().any(|known| begins_or_ends(words, known)));
    }
    let lower = words.to_lowercase();
    let mut parts =
        lower.split(|character: char| !character.is_alphabetic() && character != '\'').filter(|word| !word.is_empty());
    let parts: Vec<&str> = parts.by_ref().take(7).collect();
    // An adverb may come first: `softly laughs`.
    let head = parts.iter().find(|word| !word.ends_with("ly")).or(parts.first());
    let is_head = head.is_some_and(|head| is_gesture(head) || TONES.contains(head))
        || parts.first().is_some_and(|first| TONES.contains(first));
    is_head && parts.len() <= 6 && !parts.iter().any(|word| matches!(*word, "i" | "you" | "we" | "is" | "are" | "was"))
}

/// `叹了口气，摇摇头`, `微笑着说`, `语气温柔`.
fn begins_or_ends(words: &str, known: &str) -> bool {
    words.starts_with(known)
        || words.strip_suffix(known).is_some_and(|before| before.ends_with(['地', '着', '，', '、']))
}

/// Whether a word is a gesture in any verb form: `laughs`, `laughing`, `sighed`.
fn is_gesture(word: &str) -> bool {
    GESTURES.iter().any(|gesture| {
        let Some(ending) = word.strip_prefix(gesture.strip_suffix('e').unwrap_or(gesture)) else { return false };
        let doubled = gesture.chars().next_back().map(|character| format!("{character}ing")).unwrap_or_default();
        let past = gesture.chars().next_back().map(|character| format!("{character}ed")).unwrap_or_default();
        matches!(ending, "s" | "es" | "ing" | "ed")
            || ending == doubled
            || ending == past
            || (ending == "e" || ending.is_empty())
                && !matches!(*gesture, "think" | "clear" | "lean" | "sound" | "hug" | "sing" | "bow" | "wave" | "cry")
    }) || matches!(word, "cries" | "cried" | "sang" | "thought")
}
