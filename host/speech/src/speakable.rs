//! Filter in front of TTS (L.7): reduces a text to what a person would say. Rule: reasoning, tool calls, markup,
//! citations and stage directions are never spoken; everything else keeps its words (a weekday in brackets, quoted
//! code), and a text no message is not spoken.
//!
//! # Layout
//! - `markup`: tags, entities, links, addresses, citations
//! - `math`: LaTeX, as it is read
//! - `stage_directions`: words that describe how something is said
//! - here: lines, code spans, Markdown characters, emoji

mod markup;
mod math;
mod stage_directions;

use std::borrow::Cow;

/// The speakable part of a text; none if it has no words.
pub fn speakable(text: &str) -> Option<String> {
    let text = markup::strip_reasoning(text);
    let mut in_fence = false;
    let lines = text.lines().filter_map(|line| {
        let fence = line.trim_start().starts_with("```") || line.trim_start().starts_with("~~~");
        in_fence ^= fence;
        (!fence).then(|| if in_fence { tidy(line) } else { read_line(line) })
    });
    let lines: Vec<String> = lines.filter(|line| !line.is_empty()).collect();
    let text = lines.join(" ");
    text.chars().any(char::is_alphanumeric).then_some(text)
}

fn read_line(line: &str) -> String {
    let line = line.trim();
    if markup::is_footnote(line) {
        return String::new();
    }
    if let Some(row) = line.strip_prefix('|') {
        let cells = row.split('|').map(str::trim).filter(|cell| cell.chars().any(char::is_alphanumeric));
        return tidy(&cells.map(inline).collect::<Vec<_>>().join(", "));
    }
    let line = line.trim_start_matches('#').trim_start_matches('>').trim_start();
    let bullet = ["- ", "* ", "+ ", "• "].iter().find_map(|mark| line.strip_prefix(mark));
    let item = bullet.unwrap_or(line).trim_start();
    let task = ["[ ] ", "[x] ", "[X] "].iter().find_map(|mark| item.strip_prefix(mark));
    tidy(&inline(task.unwrap_or(item)))
}

/// A line without markup. Code spans are quotations and stay unchanged.
fn inline(text: &str) -> String {
    let text = markup::words_of_links(text);
    let mut out = String::with_capacity(text.len());
    let mut rest: &str = &text;
    loop {
        let (prose, after) = rest.split_once('`').map_or((rest, None), |(prose, after)| (prose, Some(after)));
        out.push_str(&filter_prose(prose, &out));
        let Some(after) = after else { return out };
        // Two backticks quote text that contains one.
        let after = after.trim_start_matches('`');
        match after.split_once('`') {
            Some((code, after)) => {
                out.push_str(code);
                rest = after.trim_start_matches('`');
            }
            // An unpaired backtick quotes nothing.
            None => rest = after,
        }
    }
}

/// Filters prose between code spans; `preceding` is the text before it.
fn filter_prose(text: &str, preceding: &str) -> String {
    let text: Cow<'_, str> = markup::strip_tags(text);
    let text = markup::strip_citations(&text);
    let text = math::read_formulas(&text);
    let text = stage_directions::strip(&text);
    let text = markup::hosts_of_addresses(&text);
    let mut out = String::with_capacity(text.len());
    let mut before = preceding.chars().next_back();
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        if !is_emoji(character)
            && !is_invisible(character)
            && !is_markdown(character, before, characters.peek().copied())
        {
            out.push(character);
        }
        before = Some(character);
    }
    out
}

/// Whether this is an emoji or pictograph, or joins or colours one.
fn is_emoji(character: char) -> bool {
    matches!(character, '\u{1f000}'..='\u{1faff}' | '\u{2600}'..='\u{27bf}' | '\u{2b00}'..='\u{2bff}'
        | '\u{fe0e}' | '\u{fe0f}' | '\u{20e3}' | '\u{e0020}'..='\u{e007f}')
}

/// Whether this is invisible: directional marks, joiners, private use.
fn is_invisible(character: char) -> bool {
    let blank = character.is_whitespace();
    matches!(character, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
        | '\u{e000}'..='\u{f8ff}' | '\u{ad}')
        || (character.is_control() && !blank)
}

/// Whether this character is Markdown here and not part of the words.
fn is_markdown(character: char, before: Option<char>, next: Option<char>) -> bool {
    let is_word = |character: Option<char>| character.is_some_and(char::is_alphanumeric);
    let is_number = |character: Option<char>| character.is_some_and(|character| character.is_ascii_digit());
    let is_space = |character: Option<char>| character.is_some_and(char::is_whitespace);
    match character {
        // Multiplication: 2 * 3, 2*3.
        '*' => !((is_space(before) && is_space(next)) || (is_number(before) && is_number(next))),
        // snake_case is a word.
        '_' => !(is_word(before) && is_word(next)),
        '~' => next == Some('~') || before == Some('~'),
        _ => false,
    }
}

/// Collapses spaces, and removes them at the ends and before punctuation; removes empty brackets, and leading
/// characters that close what an earlier piece has opened.
fn tidy(text: &str) -> String {
    let stray = |character: char| {
        matches!(character, '”' | '’' | '」' | '』' | '）' | '》' | '】' | ')' | ']' | '"' | '\'')
            || character.is_whitespace()
            || matches!(character, '。' | '！' | '？' | '，' | '、' | '；' | '…')
    };
    let words: Vec<&str> = text.trim_start_matches(stray).split_whitespace().collect();
    let mut out = words.join(" ");
    for empty in ["()", "[]", "（）", "【】", "( )", "[ ]"] {
        if out.contains(empty) {
            out = out.replace(empty, "");
        }
    }
    for (loose, tight) in [(" .", "."), (" ,", ","), (" !", "!"), (" ?", "?"), (" 。", "。"), (" ，", "，")] {
        if out.contains(loose) {
            out = out.replace(loose, tight);
        }
    }
    out.trim().to_owned()
}

#[cfg(test)]
mod tests;
