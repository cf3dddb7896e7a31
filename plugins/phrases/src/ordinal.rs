//! Positions in a list as people say them. Rule: a text is an ordinal only as a whole; a title that contains a number
//! is not.

/// A position in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ordinal {
    /// Counted from 1.
    FromFirst(usize),
    /// Counted from 1, from the end.
    FromLast(usize),
}

const ORDINALS: [&str; 10] =
    ["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth"];
const CARDINALS: [&str; 10] = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"];
const LAST: [&str; 6] = ["最后一个", "最后一项", "最后一条", "最后", "last", "last one"];

impl Ordinal {
    /// Parses a lower-cased ordinal: 第二个, 第2项, 2号, second, 2nd, #2, 2, last, 倒数第二个. In an answer to a question a bare 二
    /// or `two` is accepted as well.
    pub fn parse(text: &str, is_answer: bool) -> Option<Self> {
        if LAST.contains(&text) {
            return Some(Self::FromLast(1));
        }
        if let Some(rest) = text.strip_prefix("倒数") {
            return match Self::parse(rest, false)? {
                Self::FromFirst(number) => Some(Self::FromLast(number)),
                Self::FromLast(_) => None,
            };
        }
        let word = text.strip_suffix(" one").unwrap_or(text);
        if let Some(index) = ORDINALS.iter().position(|known| *known == word) {
            return Some(Self::FromFirst(index + 1));
        }
        let counted = text.strip_prefix('第').map(|rest| rest.trim_end_matches(['个', '项', '条', '件', '号']));
        let number = match counted {
            Some(rest) => number(rest.trim())?,
            None => {
                let digits = text.trim_start_matches('#').trim_end_matches(['号', '个']);
                let digits =
                    ["st", "nd", "rd", "th"].iter().find_map(|tail| digits.strip_suffix(tail)).unwrap_or(digits);
                match digits.trim().parse() {
                    Ok(number) => number,
                    Err(_) if is_answer => bare_number(text)?,
                    Err(_) => return None,
                }
            }
        };
        (number > 0).then_some(Self::FromFirst(number))
    }

    /// True if the text begins with an ordinal and has more words after it.
    pub fn leads(text: &str) -> bool {
        if let Some(rest) = text.strip_prefix('第') {
            let counted =
                rest.trim_start_matches(|by: char| by.is_ascii_digit() || "一二三四五六七八九十两".contains(by));
            let named = counted.trim_start_matches(['个', '项', '条', '件', '号', ' ']);
            let named = named.strip_prefix("任务").unwrap_or(named);
            return counted.len() < rest.len() && !named.trim().is_empty();
        }
        let mut words = text.split_whitespace();
        let first = words.next().unwrap_or_default();
        let is_place = ORDINALS.contains(&first) || first == "last" || Self::parse(first, false).is_some();
        is_place && words.any(|word| !["one", "task"].contains(&word))
    }

    /// The index in a list of this length; none if it is out of range.
    pub fn index(self, length: usize) -> Option<usize> {
        match self {
            Self::FromFirst(number) => number.checked_sub(1).filter(|index| *index < length),
            Self::FromLast(number) => length.checked_sub(number),
        }
    }
}

fn bare_number(text: &str) -> Option<usize> {
    let cardinal = CARDINALS.iter().position(|known| *known == text).map(|index| index + 1);
    cardinal.or_else(|| number(text.trim_end_matches('个')))
}

/// Parses digits, or Chinese numerals up to 99.
fn number(text: &str) -> Option<usize> {
    if let Ok(number) = text.parse() {
        return Some(number);
    }
    let (tens, ones) = match text.split_once('十') {
        Some((tens, ones)) => (if tens.is_empty() { 1 } else { digit(tens)? }, ones),
        None => (0, text),
    };
    let ones = if ones.is_empty() && tens > 0 { 0 } else { digit(ones)? };
    Some(tens * 10 + ones)
}

fn digit(text: &str) -> Option<usize> {
    let digits = ["一", "二", "三", "四", "五", "六", "七", "八", "九"];
    if text == "两" {
        return Some(2);
    }
    digits.iter().position(|digit| *digit == text).map(|index| index + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn m10_ordinals_in_both_languages() {
        let cases = [
            ("第二个", 2),
            ("第2个", 2),
            ("第十二项", 12),
            ("第三十", 30),
            ("2", 2),
            ("#3", 3),
            ("2号", 2),
            ("second", 2),
            ("third one", 3),
            ("21st", 21),
            ("10th", 10),
        ];
        for (text, number) in cases {
            assert_eq!(Ordinal::parse(text, false), Some(Ordinal::FromFirst(number)), "{text}");
        }
        for text in ["最后一个", "last", "last one"] {
            assert_eq!(Ordinal::parse(text, false), Some(Ordinal::FromLast(1)), "{text}");
        }
        assert_eq!(Ordinal::parse("倒数第二个", false), Some(Ordinal::FromLast(2)));
        for text in ["", "写报告", "report 2", "第", "0", "第零个", "two", "二", "一百"] {
            assert_eq!(Ordinal::parse(text, false), None, "{text}");
        }
        assert_eq!(Ordinal::parse("二", true), Some(Ordinal::FromFirst(2)));
        assert_eq!(Ordinal::parse("two", true), Some(Ordinal::FromFirst(2)));
    }

    #[test]
    fn places_stay_inside_the_list() {
        assert_eq!(Ordinal::FromFirst(3).index(2), None);
        assert_eq!(Ordinal::FromLast(1).index(2), Some(1));
        assert_eq!(Ordinal::FromLast(1).index(0), None);
    }
}
