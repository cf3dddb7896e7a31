//! What a person said in the text of a recogniser. Rule: markup of recognisers, descriptions of sounds,
//! emoji and lone punctuation are not speech; words in brackets that a person may have said stay. The
//! work is linear in the text, and drafts and final texts are judged alike.

mod invented;
mod marks;

pub(super) use self::invented::is_invented;
use self::marks::{Bracket, Group};

/// Longest tag such as `<|zh|>`, in characters.
const TAG: usize = 40;
/// How far before a bracket its word is looked for, in characters.
const NEAR: usize = 4;

/// Notes of music, but 🎼: with it models tag speech over music.
const NOTES: [char; 6] = ['♩', '♪', '♫', '♬', '🎵', '🎶'];

/// The words of a text without all that nobody said; empty where nothing was said.
pub(super) fn spoken(text: &str) -> String {
    let has_notes = text.contains(NOTES);
    let text: Vec<char> = without_pictures(&without_tags(text));
    let Stripped { text, groups, removed } = without_marks(&text);
    let words = |part: &[char]| part.iter().any(|one| one.is_alphanumeric());
    let (mut outside, mut behind) = (false, 0);
    for group in &groups {
        outside |= words(&text[behind..group.begin]);
        behind = group.end;
    }
    outside |= words(&text[behind..]);
    // All of it in brackets is a description of a sound, but for a number such as the 一 of （一）.
    if !outside && !groups.iter().any(|group| group.is_number(&text)) {
        return String::new();
    }
    // Between notes stand words that are sung, or what kind of music it is.
    if has_notes && marks::describes_sound(&text) {
        return String::new();
    }
    tidy(&text, removed)
}

/// Without `<|zh|>` and the like, which some models put before the words; some with blanks in it.
pub(super) fn without_tags(text: &str) -> String {
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

/// The length in bytes of the tag at the beginning of `text`; all of it where it is cut off in the tag.
fn tag_length(text: &str) -> Option<usize> {
    let inner = text[1..].trim_start().strip_prefix('|')?;
    let mut bar = false;
    for (length, (index, one)) in inner.char_indices().enumerate() {
        match one {
            '>' if bar => return Some(text.len() - inner.len() + index + 1),
            '<' => return None,
            _ if length >= TAG => return None,
            ' ' if bar => {}
            _ => bar = one == '|',
        }
    }
    Some(text.len())
}

/// Without emoji and notes of music: models put them beside the words, and nobody can say one.
fn without_pictures(text: &str) -> Vec<char> {
    let mut plain: Vec<char> = Vec::with_capacity(text.len());
    // The last character is in `plain`.
    let mut kept = false;
    for one in text.chars() {
        kept = match one {
            // The sign before it is meant as an emoji.
            '\u{fe0f}' | '\u{20e3}' => {
                if kept {
                    plain.pop();
                }
                false
            }
            '\u{200c}' | '\u{200d}' if !kept => false,
            '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2060}' | '\u{feff}' | '\u{fe0e}' | '\u{fffd}' => false,
            '\u{2600}'..='\u{27bf}' | '\u{2b00}'..='\u{2bff}' => false,
            '\u{1f000}'..='\u{1faff}' | '\u{e0000}'..='\u{e007f}' => false,
            one => {
                plain.push(if one.is_control() { ' ' } else { one });
                true
            }
        };
    }
    plain
}

/// A text without marks.
struct Stripped {
    text: Vec<char>,
    /// Brackets that stay, outermost ones only.
    groups: Vec<Group>,
    /// Something was taken out.
    removed: bool,
}

/// An opening bracket that waits for the other one.
struct Open {
    bracket: Bracket,
    index: usize,
    /// A mark within it was taken out.
    emptied: bool,
}

/// Takes out each pair of brackets that describes a sound.
fn without_marks(text: &[char]) -> Stripped {
    let (mut out, mut removed) = (Vec::<char>::with_capacity(text.len()), false);
    let (mut groups, mut open) = (Vec::<Group>::new(), Vec::<Open>::new());
    let mut index = 0;
    while let Some(&one) = text.get(index) {
        index += 1;
        if one == '*' && text.get(index) == Some(&'*') {
            // Markdown's bold, around what was said.
            index += 1;
            continue;
        }
        if let Some(last) = open.pop_if(|last| last.bracket.closes(one)) {
            let content = &out[last.index + 1..];
            let before = out[..last.index].iter().rev().take(NEAR).find(|one| !one.is_whitespace());
            let attached = before.is_some_and(|one| one.is_alphanumeric());
            if marks::is_mark(last.bracket, content, attached && !last.emptied) {
                out.truncate(last.index);
                while groups.pop_if(|group| group.begin > last.index).is_some() {}
                removed = true;
                if let Some(outer) = open.last_mut() {
                    outer.emptied = true;
                }
                continue;
            }
            out.push(one);
            while groups.pop_if(|group| group.begin > last.index).is_some() {}
            groups.push(Group { bracket: last.bracket, begin: last.index, end: out.len() });
            continue;
        }
        if let Some(bracket) = Bracket::opened_by(one) {
            open.push(Open { bracket, index: out.len(), emptied: false });
        }
        out.push(one);
    }
    // A draft ends where it ends.
    while let Some(last) = open.pop() {
        if marks::is_mark(last.bracket, &out[last.index + 1..], true) {
            out.truncate(last.index);
            while groups.pop_if(|group| group.begin > last.index).is_some() {}
            removed = true;
        }
    }
    Stripped { text: out, groups, removed }
}

/// One blank in place of several, and no punctuation that belonged to what was taken out before it.
fn tidy(text: &[char], removed: bool) -> String {
    let mut tidied = String::with_capacity(text.len());
    for one in text {
        if !(one.is_whitespace() && tidied.ends_with(char::is_whitespace)) {
            tidied.push(*one);
        }
    }
    let tidied = tidied.trim().trim_start_matches(">>").trim_start();
    let orphaned = |one: char| one.is_whitespace() || ",.;:!?-…，。；：！？、".contains(one);
    if removed { tidied.trim_start_matches(orphaned).to_owned() } else { tidied.to_owned() }
}

#[cfg(test)]
mod tests;
