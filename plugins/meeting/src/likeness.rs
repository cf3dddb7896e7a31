//! Detects sentences that say the same. Rule: case, punctuation, blanks and a few changed words do not make a new
//! point; another number always does.

use std::collections::BTreeSet;

/// Share of common letter pairs from which two sentences count as the same.
const ALIKE: f32 = 0.72;
/// A sentence contained in another one counts as the same from this share of its length.
const CONTAINED: f32 = 0.6;

/// Chinese numerals, in the order of their values up to ten.
const CHINESE: &str = "零一二三四五六七八九十百千万亿半";
/// English numbers that are written as words; `one` is left out, since it is mostly no number.
const ENGLISH: [(&str, &str); 31] = [
    ("two", "2"),
    ("three", "3"),
    ("four", "4"),
    ("five", "5"),
    ("six", "6"),
    ("seven", "7"),
    ("eight", "8"),
    ("nine", "9"),
    ("ten", "10"),
    ("eleven", "11"),
    ("twelve", "12"),
    ("thirteen", "13"),
    ("fourteen", "14"),
    ("fifteen", "15"),
    ("sixteen", "16"),
    ("seventeen", "17"),
    ("eighteen", "18"),
    ("nineteen", "19"),
    ("twenty", "20"),
    ("thirty", "30"),
    ("forty", "40"),
    ("fifty", "50"),
    ("sixty", "60"),
    ("seventy", "70"),
    ("eighty", "80"),
    ("ninety", "90"),
    ("half", "half"),
    ("hundred", "hundred"),
    ("thousand", "thousand"),
    ("million", "million"),
    ("billion", "billion"),
];

/// A sentence prepared for comparison.
#[derive(Clone, Debug)]
pub struct Likeness {
    letters: String,
    pairs: BTreeSet<(char, char)>,
    numbers: Vec<String>,
}

impl Likeness {
    /// Normalises a sentence.
    pub fn of(text: &str) -> Self {
        let letters = normalise(text);
        let pairs = letters.chars().zip(letters.chars().skip(1)).collect();
        Self { letters, pairs, numbers: numbers(text) }
    }

    /// True if the sentence has no letters or digits.
    pub fn is_empty(&self) -> bool {
        self.letters.is_empty()
    }

    /// True if the sentences count as the same.
    pub fn matches(&self, other: &Self) -> bool {
        // "Version 2" is not "version 3", and a budget of 50 is not one of 500, however much of the rest is the same.
        if self.numbers != other.numbers {
            return false;
        }
        if self.letters == other.letters {
            return true;
        }
        let (short, long) = if self.letters.len() < other.letters.len() { (self, other) } else { (other, self) };
        if long.letters.contains(&short.letters) && ratio(short.letters.len(), long.letters.len()) >= CONTAINED {
            return true;
        }
        let common = self.pairs.intersection(&other.pairs).count();
        let all = self.pairs.len() + other.pairs.len() - common;
        all > 0 && ratio(common, all) >= ALIKE
    }
}

/// Letters and digits only, in lower case.
pub fn normalise(text: &str) -> String {
    text.chars().map(half_width).filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect()
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

/// The numbers of a sentence, in order: digits with the marks between them (`1.5`, `10:30`), Chinese numerals, and
/// English number words.
fn numbers(text: &str) -> Vec<String> {
    let letters: Vec<char> = text.chars().map(half_width).flat_map(char::to_lowercase).collect();
    let mut all = Vec::new();
    let mut at = 0;
    while let Some(&letter) = letters.get(at) {
        let run = |fits: fn(&char) -> bool| letters[at..].iter().take_while(|letter| fits(letter)).count();
        let length = if letter.is_ascii_digit() {
            let length = digits(&letters[at..]);
            let is_negative = at > 0 && letters[at - 1] == '-' && (at == 1 || !letters[at - 2].is_alphanumeric());
            let sign = if is_negative { "-" } else { "" };
            // `1,000` is `1000`.
            let number: String = letters[at..at + length].iter().filter(|letter| **letter != ',').collect();
            all.push(format!("{sign}{number}"));
            length
        } else if is_numeral(&letter) {
            let length = run(is_numeral);
            let number: String = letters[at..at + length].iter().map(|&numeral| common_form(numeral)).collect();
            // Alone it is mostly no number: `一下`, `统一一下`.
            if !number.trim_start_matches('一').is_empty() {
                all.push(number);
            }
            length
        } else if letter.is_ascii_alphabetic() {
            let length = run(char::is_ascii_alphabetic);
            let word: String = letters[at..at + length].iter().collect();
            let named = ENGLISH.iter().find(|(name, _)| *name == word);
            all.extend(named.map(|(_, number)| (*number).to_owned()));
            length
        } else {
            1
        };
        at += length;
    }
    all
}

/// Length of the number at the beginning: digits, and the marks that have digits on both sides. A comma counts only
/// before three digits, since it otherwise separates two numbers.
fn digits(letters: &[char]) -> usize {
    let is_digit = |at: usize| letters.get(at).is_some_and(char::is_ascii_digit);
    let mut end = 0;
    loop {
        let is_group = || (1..=3).all(|behind| is_digit(end + behind)) && !is_digit(end + 4);
        match letters.get(end) {
            Some(letter) if letter.is_ascii_digit() => end += 1,
            Some('.' | ':' | '/') if is_digit(end + 1) => end += 1,
            Some(',') if is_group() => end += 1,
            _ => return end,
        }
    }
}

fn is_numeral(letter: &char) -> bool {
    CHINESE.contains(common_form(*letter))
}

/// `两` is `二`, and `〇` is `零`.
fn common_form(numeral: char) -> char {
    match numeral {
        '两' => '二',
        '〇' => '零',
        other => other,
    }
}

/// The form without extra width of digits and their marks.
fn half_width(letter: char) -> char {
    match letter {
        '\u{ff0d}'..='\u{ff1a}' => char::from_u32(u32::from(letter) - 0xfee0).unwrap_or(letter),
        other => other,
    }
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
    fn other_numbers_are_another_point() {
        let pairs = [
            ("Budget is 50", "Budget is 500"),
            ("The budget is 1.5 million", "The budget is 15 million"),
            ("Move 1 of the 23 servers", "Move 12 of the 3 servers"),
            ("We meet at 10:30 in the lab", "We meet at 10:45 in the lab"),
            ("The outlook is 5 percent", "The outlook is -5 percent"),
            ("We hire two people for the support team", "We hire three people for the support team"),
            ("Ship the new version", "Ship the new version 2"),
            ("预算定为五十万，由财务部批准后执行", "预算定为五百万，由财务部批准后执行"),
            ("预算定为５０万", "预算定为５００万"),
        ];
        for (one, other) in pairs {
            assert!(!Likeness::of(one).matches(&Likeness::of(other)), "{one} / {other}");
            assert!(!Likeness::of(other).matches(&Likeness::of(one)), "{other} / {one}");
        }
        let same = [
            ("The budget is 1,000 for now", "the budget is 1000 for now."),
            ("人员增加两名，明年到岗，由人事部负责招聘", "人员增加二名，明年到岗，由人事部负责招聘"),
            ("我们统一一下发布流程和分支规则", "我们统一发布流程和分支规则"),
            ("预算定为５０万元，由财务部批准后执行", "预算定为50万元，由财务部批准后执行"),
        ];
        for (one, other) in same {
            assert!(Likeness::of(one).matches(&Likeness::of(other)), "{one} / {other}");
        }
    }

    #[test]
    fn the_first_is_kept() {
        let all = ["Ship on Friday", "ship on friday!", "", "...", "Hire two people", "One more"];
        assert_eq!(distinct(all, |text| text, 2), ["Ship on Friday", "Hire two people"]);
    }
}
