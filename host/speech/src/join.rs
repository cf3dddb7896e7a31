//! Texts put together. Rule: as their language does it: with a space where words of letters meet, and with none in
//! Chinese.

/// One text after another.
pub fn join(one: &str, other: &str) -> String {
    let apart = |side: Option<char>| side.is_some_and(|side| side.is_ascii() && !side.is_whitespace());
    let space = if apart(one.chars().next_back()) && apart(other.chars().next()) { " " } else { "" };
    format!("{one}{space}{other}")
}

#[cfg(test)]
mod tests {
    use super::join;

    #[test]
    fn sentences_are_joined_as_their_language_does() {
        assert_eq!(join("Hello there.", "How are you?"), "Hello there. How are you?");
        assert_eq!(join("今天开会。", "明天发布。"), "今天开会。明天发布。");
        assert_eq!(join("", "one"), "one");
        assert_eq!(join("用 Rust", "写"), "用 Rust写");
    }
}
