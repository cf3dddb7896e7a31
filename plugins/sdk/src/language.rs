//! Language of a reply. Rule: the language of the turn decides, not a setting.

use serde::{Deserialize, Serialize};

/// Languages in which the modes of this server reply without a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// `zh`, in any region.
    Chinese,
    /// `en`, and every language that is not Chinese.
    English,
}

impl Language {
    /// The language of a tag such as `zh` or `en-GB`; English for a tag that is neither.
    pub fn tagged(tag: &str) -> Self {
        if tag.to_ascii_lowercase().starts_with("zh") { Self::Chinese } else { Self::English }
    }

    /// Chinese if the text contains at least one Han character, otherwise English.
    pub fn of(text: &str) -> Self {
        let chinese =
            |letter| matches!(letter, '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}');
        if text.chars().any(chinese) { Self::Chinese } else { Self::English }
    }

    /// The value for this language.
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
