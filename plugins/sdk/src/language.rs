//! In which language to answer. Rule: the language of the turn decides, not a setting.

use serde::{Deserialize, Serialize};

/// The languages that the modes of this server speak without a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// `zh`, whatever the region.
    Chinese,
    /// `en`, and every language that is not Chinese.
    English,
}

impl Language {
    /// The language of a tag such as `zh` or `en-GB`; English where it is neither.
    pub fn tagged(tag: &str) -> Self {
        if tag.to_ascii_lowercase().starts_with("zh") { Self::Chinese } else { Self::English }
    }

    /// Chinese as soon as one Chinese character is in the text.
    pub fn of(text: &str) -> Self {
        let chinese =
            |letter| matches!(letter, '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}');
        if text.chars().any(chinese) { Self::Chinese } else { Self::English }
    }

    /// The sentence of this language.
    pub fn pick<T>(self, chinese: T, english: T) -> T {
        match self {
            Self::Chinese => chinese,
            Self::English => english,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Language;

    #[test]
    fn one_character_is_enough() {
        assert_eq!(Language::of("mark 完成"), Language::Chinese);
        assert_eq!(Language::of("mark done, ok?"), Language::English);
        assert_eq!((Language::tagged("zh-CN"), Language::tagged("en")), (Language::Chinese, Language::English));
    }
}
