//! The one gate before the voice (L.7): what of a text a person would say. Rule: thoughts, calls, markup, citations
//! and stage directions are never said; what is left keeps its words (a weekday in brackets, quoted code), and a
//! text without a word is not said at all.
//!
//! # Layout
//! - `markup`: tags, entities, links, addresses, citations
//! - `math`: LaTeX, as it is read
//! - `aside`: what tells how something is said, and is not said itself
//! - here: lines, code spans, marks of Markdown, pictures

mod aside;
mod markup;
mod math;

use std::borrow::Cow;

/// What can be said of a text; none if it has no words.
pub fn speakable(text: &str) -> Option<String> {
    let text = markup::without_thoughts(text);
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

/// A line without markup. What stands in a code span is quoted, and stays as it is.
fn inline(text: &str) -> String {
    let text = markup::words_of_links(text);
    let mut out = String::with_capacity(text.len());
    let mut rest: &str = &text;
    loop {
        let (prose, behind) = rest.split_once('`').map_or((rest, None), |(prose, behind)| (prose, Some(behind)));
        out.push_str(&prose_of(prose, &out));
        let Some(behind) = behind else { return out };
        // Two marks quote what holds one.
        let behind = behind.trim_start_matches('`');
        match behind.split_once('`') {
            Some((code, behind)) => {
                out.push_str(code);
                rest = behind.trim_start_matches('`');
            }
            // Nothing is quoted.
            None => rest = behind,
        }
    }
}

/// Prose between code spans; `said` is what stands before it.
fn prose_of(text: &str, said: &str) -> String {
    let text: Cow<'_, str> = markup::without_tags(text);
    let text = markup::without_citations(&text);
    let text = math::read(&text);
    let text = aside::without(&text);
    let text = markup::hosts_of_addresses(&text);
    let mut out = String::with_capacity(text.len());
    let mut before = said.chars().next_back();
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        if !is_picture(letter) && !is_invisible(letter) && !is_mark(letter, before, letters.peek().copied()) {
            out.push(letter);
        }
        before = Some(letter);
    }
    out
}

/// True for emoji and other pictures, and for what joins and colours them.
fn is_picture(letter: char) -> bool {
    matches!(letter, '\u{1f000}'..='\u{1faff}' | '\u{2600}'..='\u{27bf}' | '\u{2b00}'..='\u{2bff}'
        | '\u{fe0e}' | '\u{fe0f}' | '\u{20e3}' | '\u{e0020}'..='\u{e007f}')
}

/// True for what shows nothing: directions of writing, joiners, private use.
fn is_invisible(letter: char) -> bool {
    let blank = letter.is_whitespace();
    matches!(letter, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
        | '\u{e000}'..='\u{f8ff}' | '\u{ad}')
        || (letter.is_control() && !blank)
}

/// True if a letter is Markdown here and not part of the words.
fn is_mark(letter: char, before: Option<char>, next: Option<char>) -> bool {
    let is_word = |letter: Option<char>| letter.is_some_and(char::is_alphanumeric);
    let is_number = |letter: Option<char>| letter.is_some_and(|letter| letter.is_ascii_digit());
    let is_space = |letter: Option<char>| letter.is_some_and(char::is_whitespace);
    match letter {
        // Times: 2 * 3, 2*3.
        '*' => !((is_space(before) && is_space(next)) || (is_number(before) && is_number(next))),
        // snake_case is a word.
        '_' => !(is_word(before) && is_word(next)),
        '~' => next == Some('~') || before == Some('~'),
        _ => false,
    }
}

/// One space where there are several, none at the ends nor before a mark, no empty brackets, and no mark that closes
/// what an earlier piece has opened.
fn tidy(text: &str) -> String {
    let stray = |letter: char| {
        matches!(letter, '”' | '’' | '」' | '』' | '）' | '》' | '】' | ')' | ']' | '"' | '\'')
            || letter.is_whitespace()
            || matches!(letter, '。' | '！' | '？' | '，' | '、' | '；' | '…')
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
