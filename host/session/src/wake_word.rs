//! Wake words as they are compared. Rule: in any case, without marks and blanks, as recognisers and firmware differ in
//! those.

/// A wake word as it is compared.
pub fn wake_word(text: &str) -> String {
    text.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}
