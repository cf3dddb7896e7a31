//! Filters the text of a recogniser down to what a person said. Rule: recogniser markup, sound descriptions, emoji and
//! lone punctuation are not speech; bracketed words that a person may have dictated stay. The work is linear in the
//! text, and partial and final texts are filtered alike.

mod brackets;
mod hallucinations;

use self::brackets::{Bracket, Group};
pub(super) use self::hallucinations::is_hallucination;

/// Longest tag such as `<|zh|>`, in characters.
const MAX_TAG: usize = 40;
/// How far before a bracket a preceding word is searched, in characters.
const MAX_WORD_DISTANCE: usize = 4;

/// Musical notes, except 🎼, with which models tag speech over music.
const MUSIC_NOTES: [char; 6] = ['♩', '♪', '♫', '♬', '🎵', '🎶'];

/// The text without anything that nobody said; empty where nothing was said.
pub(super) fn spoken(text: &str) -> String {
    let has_notes = text.contains(MUSIC_NOTES);
    let text: Vec<char> = strip_emoji(&strip_tags(text));
    let Stripped { text, groups, removed } = strip_sound_descriptions(&text);
    let words = |part: &[char]| part.iter().any(|c| c.is_alphanumeric());
    let (mut outside, mut previous_end) = (false, 0);
    for group in &groups {
        outside |= words(&text[previous_end..group.begin]);
        previous_end = group.end;
    }
    outside |= words(&text[previous_end..]);
    // A text that is all in brackets is a sound description, except a number such as the 一 of （一）.
    if !outside && !groups.iter().any(|group| group.is_number(&text)) {
        return String::new();
    }
    // Between notes models write sung words or the kind of music.
    if has_notes && brackets::describes_sound(&text) {
        return String::new();
    }
    tidy(&text, removed)
}

/// Removes `<|zh|>` and the like, which some models put before the words, some with blanks inside.
pub(super) fn strip_tags(text: &str) -> String {
    if !text.contains('<') {
        return text.to_owned();
    }
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(begin) = rest.find('<') {
        let (before, tag) = rest.split_at(begin);
        plain.push_str(before);
        rest = match tag_length(tag) {
            Some(length) => &tag[length..],
            None => {
                plain.push('<');
                &tag[1..]
            }
        };
    }
    plain.push_str(rest);
    plain
}

/// Length in bytes of the tag at the start of `text`; all of it where the text ends inside the tag.
fn tag_length(text: &str) -> Option<usize> {
    let inner = text[1..].trim_start().strip_prefix('|')?;
    let mut bar = false;
    for (length, (index, c)) in inner.char_indices().enumerate() {
        match c {
            '>' if bar => return Some(text.len() - inner.len() + index + 1),
            '<' => return None,
            _ if length >= MAX_TAG => return None,
            ' ' if bar => {}
            _ => bar = c == '|',
        }
    }
    Some(text.len())
}

/// Removes emoji and musical notes: models add them to the words, and nobody can say one.
fn strip_emoji(text: &str) -> Vec<char> {
    let mut plain: Vec<char> = Vec::with_capacity(text.len());
    // Whether the previous character was copied to `plain`.
    let mut copied = false;
    for c in text.chars() {
        copied = match c {
            // A variation selector or keycap: the character before it is an emoji.
            '\u{fe0f}' | '\u{20e3}' => {
                if copied {
                    plain.pop();
                }
                false
            }
            '\u{200c}' | '\u{200d}' if !copied => false,
            '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2060}' | '\u{feff}' | '\u{fe0e}' | '\u{fffd}' => false,
            '\u{2600}'..='\u{27bf}' | '\u{2b00}'..='\u{2bff}' => false,
            '\u{1f000}'..='\u{1faff}' | '\u{e0000}'..='\u{e007f}' => false,
            c => {
                plain.push(if c.is_control() { ' ' } else { c });
                true
            }
        };
    }
    plain
}

/// A text without sound descriptions.
struct Stripped {
    text: Vec<char>,
    /// Brackets that were kept, outermost ones only.
    groups: Vec<Group>,
    /// Something was removed.
    removed: bool,
}

/// An opening bracket without its closing one yet.
struct OpenBracket {
    bracket: Bracket,
    index: usize,
    /// A sound description inside it was removed.
    emptied: bool,
}

/// Removes each pair of brackets that describes a sound.
fn strip_sound_descriptions(text: &[char]) -> Stripped {
    let (mut out, mut removed) = (Vec::<char>::with_capacity(text.len()), false);
    let (mut groups, mut open) = (Vec::<Group>::new(), Vec::<OpenBracket>::new());
    let mut index = 0;
    while let Some(&c) = text.get(index) {
        index += 1;
        if c == '*' && text.get(index) == Some(&'*') {
            // Markdown bold around spoken words.
            index += 1;
            continue;
        }
        if let Some(last) = open.pop_if(|last| last.bracket.closes(c)) {
            let content = &out[last.index + 1..];
            let before = out[..last.index].iter().rev().take(MAX_WORD_DISTANCE).find(|c| !c.is_whitespace());
            let attached = before.is_some_and(|c| c.is_alphanumeric());
            if brackets::is_sound_description(last.bracket, content, attached && !last.emptied) {
                out.truncate(last.index);
                while groups.pop_if(|group| group.begin > last.index).is_some() {}
                removed = true;
                if let Some(outer) = open.last_mut() {
                    outer.emptied = true;
                }
                continue;
            }
            out.push(c);
            while groups.pop_if(|group| group.begin > last.index).is_some() {}
            groups.push(Group { bracket: last.bracket, begin: last.index, end: out.len() });
            continue;
        }
        if let Some(bracket) = Bracket::opened_by(c) {
            open.push(OpenBracket { bracket, index: out.len(), emptied: false });
        }
        out.push(c);
    }
    // A partial text may end inside a bracket.
    while let Some(last) = open.pop() {
        if brackets::is_sound_description(last.bracket, &out[last.index + 1..], true) {
            out.truncate(last.index);
            while groups.pop_if(|group| group.begin > last.index).is_some() {}
            removed = true;
        }
    }
    Stripped { text: out, groups, removed }
}

/// Collapses blanks, and removes leading punctuation that belonged to a removed description.
fn tidy(text: &[char], removed: bool) -> String {
    let mut tidied = String::with_capacity(text.len());
    for c in text {
        if !(c.is_whitespace() && tidied.ends_with(char::is_whitespace)) {
            tidied.push(*c);
        }
    }
    let tidied = tidied.trim().trim_start_matches(">>").trim_start();
    let orphaned = |c: char| c.is_whitespace() || ",.;:!?-…，。；：！？、".contains(c);
    if removed { tidied.trim_start_matches(orphaned).to_owned() } else { tidied.to_owned() }
}

#[cfg(test)]
mod tests;
