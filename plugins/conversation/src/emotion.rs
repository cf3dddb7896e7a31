//! The face that accompanies an answer. Rule: the first emoji of the first piece decides; the names are those of the
//! firmware, and any other emoji leaves the face unchanged.

use serde::Serialize;

/// Faces of the firmware with their emoji; the first emoji of each is offered to the model.
const FACES: [(&str, &str); 20] = [
    ("happy", "🙂😊😀😃😄☺"),
    ("laughing", "😆😁🤣"),
    ("funny", "😂"),
    ("sad", "😔☹🙁😞😟"),
    ("angry", "😠😡"),
    ("crying", "😭😢"),
    ("loving", "😍🥰❤"),
    ("embarrassed", "😳😅"),
    ("surprised", "😲😮😯"),
    ("shocked", "😱"),
    ("thinking", "🤔"),
    ("winking", "😉"),
    ("cool", "😎"),
    ("relaxed", "😌"),
    ("delicious", "🤤😋"),
    ("kissy", "😘"),
    ("confident", "😏"),
    ("sleepy", "😴"),
    ("silly", "😜"),
    ("confused", "🙄😕"),
];

/// The message that shows a face.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Face {
    r#type: &'static str,
    emotion: &'static str,
    text: char,
}

impl Face {
    /// The face of a text, if its first emoji has one.
    pub fn of(text: &str) -> Option<Self> {
        let emoji = text.chars().find(|&letter| is_emoji(letter))?;
        let (emotion, _) = FACES.iter().find(|(_, emoji_of)| emoji_of.contains(emoji))?;
        Some(Self { r#type: "llm", emotion, text: emoji })
    }
}

/// True for pictographs, and for characters that combine or modify them.
fn is_emoji(letter: char) -> bool {
    matches!(letter, '\u{1f000}'..='\u{1faff}' | '\u{2600}'..='\u{27bf}' | '\u{2b00}'..='\u{2bff}'
        | '\u{fe0e}' | '\u{fe0f}' | '\u{200d}' | '\u{20e3}' | '\u{e0020}'..='\u{e007f}')
}

/// The emoji offered to the model.
pub fn choices() -> String {
    FACES.iter().filter_map(|(_, emoji)| emoji.chars().next()).collect()
}

#[cfg(test)]
mod tests {
    use super::{Face, choices};

    #[test]
    fn the_first_emoji_decides() {
        let json = serde_json::to_string(&Face::of("😔 对不起 😀")).expect("json");
        assert_eq!(json, r#"{"type":"llm","emotion":"sad","text":"😔"}"#);
        assert_eq!(Face::of("🚗 😀"), None);
        assert_eq!(Face::of("no face"), None);
        assert_eq!(choices().chars().count(), 20);
    }
}
