//! Joins texts. Rule: a space goes between two ASCII characters, and none next to Chinese.

/// Appends one text to another.
pub fn join(first: &str, second: &str) -> String {
    let is_word = |side: Option<char>| side.is_some_and(|side| side.is_ascii() && !side.is_whitespace());
    let space = if is_word(first.chars().next_back()) && is_word(second.chars().next()) { " " } else { "" };
    format!("{first}{space}{second}")
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
