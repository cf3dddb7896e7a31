//! Removes markup that models write into prose: tags, entities, links, addresses, citations. Rule: a text without
//! markup is not copied, and text that only resembles markup (a comparison, a generic type) stays.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::{Captures, Regex};

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).unwrap_or_else(|error| unreachable!("a fixed pattern: {error}"))
}

/// Reasoning and tool calls with their content. LLM clients remove them from answers already; this covers texts from
/// other sources.
static REASONING: LazyLock<Regex> = LazyLock::new(|| {
    let names = ["think", "thinking", "thought", "reasoning", "reflection", "tool_call", "tool_calls", "function_call"];
    let pairs = names.map(|name| format!(r"<{name}\b[^>]*>.*?</{name}\s*>"));
    regex(&format!(r"(?is)<!--.*?-->|{}", pairs.join("|")))
});
/// A line break, which separates words.
static BREAK: LazyLock<Regex> = LazyLock::new(|| regex(r"(?i)<(?:br|hr|/p|/div|/li|/tr|/td|/th|/h[1-6])\s*/?>"));
/// Any other tag. Its name is checked.
static TAG: LazyLock<Regex> =
    LazyLock::new(|| regex(r#"</?([A-Za-z][A-Za-z0-9_:-]*)(?:\s[^<>]{0,200})?/?>|<\|[^<>|]{1,40}\|>"#));
/// `[words](address)`, also as an image. An address may contain a pair of brackets and a title.
static LINK: LazyLock<Regex> = LazyLock::new(|| {
    regex(r#"!?\[([^\[\]]*)\]\(\s*<?[^\s()<>]*(?:\([^\s()]*\)[^\s()<>]*)*>?(?:\s+(?:"[^"]*"|'[^']*'))?\s*\)"#)
});
/// `[[1]](address)`.
static CITATION_LINK: LazyLock<Regex> = LazyLock::new(|| regex(r"\s*\[\[\^?\d{1,3}\]\]\([^()\s]*\)"));
/// `[words][reference]`.
static REFERENCE: LazyLock<Regex> = LazyLock::new(|| regex(r"!?\[([^\[\]]+)\]\[[^\[\]]*\]"));
/// Citations: `[1]`, `[^2]`, `[1, 3-5]`, `【4†source】`, `[citation needed]`, and the markers of services.
static CITATION: LazyLock<Regex> = LazyLock::new(|| {
    regex(concat!(
        r"\s*\[\^?\d{1,3}(?:\s*[,;，、–-]\s*\^?\d{1,3})*\]",
        r"|\s*\[\^[^\[\]\s]{1,40}\]",
        r"|\s*【\s*\d{1,3}(?:[:：]\d+)?(?:†[^【】]{0,80})?\s*】",
        r"|\s*【[^【】]{0,40}†[^【】]{0,80}】",
        r"|\s*[\[(（](?i:citation needed|来源请求|需要引用)[\])）]",
        r"|\x{e200}[^\x{e200}\x{e201}]{0,200}\x{e201}",
        r"|\s*\[\[\d{1,3}\]\]",
    ))
});
/// A URL; the group is its host.
static ADDRESS: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r#"<?(?:https?|ftp)://([A-Za-z0-9.-]+(?::\d+)?)[^\s<>"'*（）()，。；！？、\x{3000}-\x{9fff}]*(?:\([^\s<>()]*\)[^\s<>"'*（）()，。；！？、\x{3000}-\x{9fff}]*)*>?"#,
    )
});
/// A definition of a footnote or of a reference, on a line of its own.
static FOOTNOTE: LazyLock<Regex> = LazyLock::new(|| regex(r"^\[(?:\^[^\[\]\s]+|[^\[\]]+)\]:\s*(?:<|https?://|\S)"));

/// Tag names that are always markup.
const NAMES: [&str; 60] = [
    "a",
    "b",
    "i",
    "u",
    "s",
    "p",
    "em",
    "strong",
    "small",
    "big",
    "mark",
    "del",
    "ins",
    "sub",
    "sup",
    "code",
    "pre",
    "kbd",
    "samp",
    "var",
    "span",
    "div",
    "br",
    "hr",
    "img",
    "ul",
    "ol",
    "li",
    "dl",
    "dt",
    "dd",
    "table",
    "thead",
    "tbody",
    "tr",
    "td",
    "th",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "blockquote",
    "q",
    "cite",
    "font",
    "center",
    "details",
    "summary",
    "section",
    "article",
    "speak",
    "break",
    "prosody",
    "emphasis",
    "phoneme",
    "voice",
    "audio",
    "video",
];

/// Removes reasoning, tool calls and comments.
pub(super) fn strip_reasoning(text: &str) -> Cow<'_, str> {
    if text.contains('<') { REASONING.replace_all(text, " ") } else { Cow::Borrowed(text) }
}

/// Whether a line only defines a footnote or reference.
pub(super) fn is_footnote(line: &str) -> bool {
    line.starts_with('[') && FOOTNOTE.is_match(line)
}

/// Replaces links by their words.
pub(super) fn words_of_links(text: &str) -> Cow<'_, str> {
    if !text.contains('[') {
        return Cow::Borrowed(text);
    }
    let words = |found: &Captures<'_>| {
        let words = found.get(1).map_or("", |words| words.as_str());
        // `[1](address)` is a citation.
        if is_citation(words) { String::new() } else { words.to_owned() }
    };
    let text = CITATION_LINK.replace_all(text, "").into_owned();
    let text = LINK.replace_all(&text, words).into_owned();
    let text = REFERENCE.replace_all(&text, |found: &Captures<'_>| match is_citation(&found[1]) {
        true => found[0].to_owned(),
        false => found[1].to_owned(),
    });
    Cow::Owned(text.into_owned())
}

/// Whether the words are only numbers, as in a citation.
fn is_citation(words: &str) -> bool {
    let numbers =
        |character: char| character.is_ascii_digit() || matches!(character, '^' | ',' | ';' | '-' | '–' | ' ');
    words.chars().any(|character| character.is_ascii_digit()) && words.chars().all(numbers)
}

/// Removes tags, and decodes entities.
pub(super) fn strip_tags(text: &str) -> Cow<'_, str> {
    let mut text = Cow::Borrowed(text);
    if text.contains('<') {
        let broken = BREAK.replace_all(&text, " ");
        let tags = TAG.replace_all(&broken, |found: &Captures<'_>| {
            let (whole, name) = (found.get(0), found.get(1).map_or("", |name| name.as_str()));
            let before = whole.and_then(|whole| broken[..whole.start()].chars().next_back());
            // `Vec<String>` names a type; `<laugh>` between words does not.
            let is_type = before.is_some_and(|before| before.is_ascii_alphanumeric() || before == '_');
            let known = NAMES.iter().any(|known| known.eq_ignore_ascii_case(name));
            let single_letter_type = is_type && name.len() == 1 && name.bytes().all(|byte| byte.is_ascii_uppercase());
            match name.is_empty() || (known && !single_letter_type) || !is_type {
                true => String::new(),
                false => whole.map_or("", |whole| whole.as_str()).to_owned(),
            }
        });
        text = Cow::Owned(tags.into_owned());
    }
    if text.contains('&') {
        text = Cow::Owned(html_escape::decode_html_entities(&text).replace('\u{a0}', " "));
    }
    text
}

/// Removes citations.
pub(super) fn strip_citations(text: &str) -> Cow<'_, str> {
    let has_any = text.contains(['[', '【', '(', '（', '\u{e200}']);
    if has_any { CITATION.replace_all(text, "") } else { Cow::Borrowed(text) }
}

/// Replaces URLs by their hosts. Punctuation at the end belongs to the sentence.
pub(super) fn hosts_of_addresses(text: &str) -> Cow<'_, str> {
    if !text.contains("://") {
        return Cow::Borrowed(text);
    }
    ADDRESS.replace_all(text, |found: &Captures<'_>| {
        let whole = found.get(0).map_or("", |whole| whole.as_str()).trim_end_matches('>');
        let host = found.get(1).map_or("", |host| host.as_str()).trim_end_matches('.');
        let mark = whole.len() - whole.trim_end_matches(['.', ',', '!', '?', ';', ':']).len();
        format!("{host}{}", &whole[whole.len() - mark..])
    })
}
