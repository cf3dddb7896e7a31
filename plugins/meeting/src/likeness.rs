//! Detects sentences that say the same. Rule: case, punctuation, blanks and a few changed words do not make a new
//! point.

use std::collections::BTreeSet;

/// Share of common letter pairs from which two sentences count as the same.
const ALIKE: f32 = 0.72;
/// A sentence contained in another one counts as the same from this share of its length.
const CONTAINED: f32 = 0.6;

/// A sentence prepared for comparison.
#[derive(Clone, Debug)]
pub struct Likeness {
    letters: String,
    pairs: BTreeSet<(char, char)>,
}

impl Likeness {
    /// Normalises a sentence.
    pub fn of(text: &str) -> Self {
        let letters = normalise(text);
        let pairs = letters.chars().zip(letters.chars().skip(1)).collect();
        Self { letters, pairs }
    }

    /// True if the sentence has no letters or digits.
    pub fn is_empty(&self) -> bool {
        self.letters.is_empty()
    }

    /// True if the sentences count as the same.
    pub fn matches(&self, other: &Self) -> bool {
        if self.letters == other.letters {
            return true;
        }
        let (short, long) = if self.letters.len() < other.letters.len() { (self, other) } else { (other, self) };
        if long.letters.contains(&short.letters) && ratio(short.letters.len(), long.letters.len()) >= CONTAINED {
            return true;
        }
        let common = self.pairs.intersection(&other.pairs).count();
        let all = self.pairs.len() + other.pairs.len() - common;
        // Sentences with different numbers differ: "version 2" is not "version 3".
        all > 0 && ratio(common, all) >= ALIKE && digits(&self.letters) == digits(&other.letters)
    }
}

/// Letters and digits only, in lower case.
pub fn normalise(text: &str) -> String {
    text.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Keeps the first of all entries that count as the same, `limit` at most.
pub fn distinct<T>(entries: impl IntoIterator<Item = T>, text: impl Fn(&T) -> &str, limit: usize) -> Vec<T> {
    let mut kept: Vec<T> = Vec::new();
    let mut seen: Vec<Likeness> = Vec::new();
    for entry in entries {
        if kept.len() >= limit {
            break;
        }
        let likeness = Likeness::of(text(&entry));
        if !likeness.is_empty() && !seen.iter().any(|other| other.matches(&likeness)) {
            seen.push(likeness);
            kept.push(entry);
        }
    }
    kept
}

#[allow(clippy::cast_precision_loss, reason = "counts of letters are far below the limit")]
fn ratio(part: usize, whole: usize) -> f32 {
    part as f32 / whole as f32
}

fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_says_the_same_is_one() {
        let alike = |a: &str, b: &str| Likeness::of(a).matches(&Likeness::of(b));
        assert!(alike("We ship on Friday.", "we ship on friday"));
        assert!(alike("预算定为五十万。", "预算 定为五十万"));
        assert!(alike("我们决定下周三发布新版本", "我们决定在下周三发布新版本"));
        assert!(alike("Alice writes the test plan by Friday", "Alice writes the test plan"));
        assert!(!alike("Ship version 2 on Friday", "Ship version 3 on Friday"));
        assert!(!alike("预算定为五十万", "人员增加两名"));
    }

    #[test]
    fn the_first_is_kept() {
        let all = ["Ship on Friday", "ship on friday!", "", "...", "Hire two people", "One more"];
        assert_eq!(distinct(all, |text| text, 2), ["Ship on Friday", "Hire two people"]);
    }
}
