//! Normalisation of wake words. Rule: compared without case, punctuation and spaces, in which recognisers and firmware
//! differ.

/// A wake word in the form in which it is compared.
pub fn wake_word(text: &str) -> String {
    text.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}
