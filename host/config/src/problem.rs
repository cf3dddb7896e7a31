//! What is wrong with a document, as a person reads it.
//!
//! Rule: a problem names its place, says what is wrong, and where it can, what to write instead.
//! It shows keys and never a value: a key that is written wrongly is no known secret, and what stands
//! behind it is one all the same.

use std::fmt;

/// Where a problem stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In a text; line and column count from 1, columns in characters.
    Text {
        /// The file's path, or what the text is called.
        name: String,
        /// From 1.
        line: u64,
        /// In characters, from 1.
        column: u64,
    },
    /// In an environment variable, or in an option of the command line that stands for a setting.
    Variable(String),
    /// In no one place, or the place is not known.
    Document(String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text { name, line, column } => write!(f, "{name}:{line}:{column}"),
            Self::Variable(name) if name.starts_with("--") => write!(f, "option {name}"),
            Self::Variable(name) => write!(f, "environment variable {name}"),
            Self::Document(name) => f.write_str(name),
        }
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where it stands.
    pub place: Place,
    /// The setting, with dots; empty if it is not about one.
    pub setting: String,
    /// One sentence, no full stop.
    pub message: String,
    /// The key in its line of the text with a mark under the place, ready to print.
    pub snippet: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.place)?;
        if !self.setting.is_empty() {
            write!(f, "{}: ", self.setting)?;
        }
        f.write_str(&self.message)?;
        match &self.snippet {
            Some(snippet) => write!(f, "\n{snippet}"),
            None => Ok(()),
        }
    }
}

/// Everything that is wrong with a document, in the order of its lines. Never empty.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Problems(pub Vec<Problem>);

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, problem) in self.0.iter().enumerate() {
            if number > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl Problems {
    /// Sorted by place, each said once.
    pub fn sorted(mut problems: Vec<Problem>) -> Self {
        problems.sort_by_key(|problem| match &problem.place {
            Place::Text { line, column, .. } => (*line, *column),
            _ => (u64::MAX, 0),
        });
        problems.dedup();
        Self(problems)
    }
}

/// A place further to the right is found by its number: a line without end, shown for each of its problems, would
/// be a text that grows with their square.
const SHOWN_COLUMNS: usize = 160;

/// The line at `line` with a mark under `column`, or `None` if the text has no such line, or none that can be shown.
/// Nothing is shown of it but `key`, where that stands before the mark.
pub fn render_snippet(text: &str, line: u64, column: u64, key: Option<&str>) -> Option<String> {
    let written = text.lines().nth(usize::try_from(line.checked_sub(1)?).ok()?)?;
    let column = usize::try_from(column.max(1)).unwrap_or(1).min(written.chars().count() + 1);
    if column > SHOWN_COLUMNS {
        return None;
    }
    let (mut shown, rest) = match key.and_then(|key| Some((key, find_key(written, key, column)?))) {
        Some((key, at)) => (format!("{}{key}:", blanks(&written[..at])), &written[at + key.len()..]),
        None => (blanks(written.chars().take(column - 1).collect::<String>().as_str()), "…"),
    };
    if !rest.trim_matches(['"', '\'', ' ', ':']).is_empty() {
        let before = if shown.ends_with(':') { " " } else { "" };
        shown.push_str(before);
        shown.push('…');
    }
    // Wide characters count as one column here; the mark may then stand a little to the left.
    let mark = blanks(&written.chars().take(column - 1).collect::<String>());
    let (number, gap) = (line.to_string(), " ".repeat(line.to_string().len()));
    Some(format!("  {number} | {shown}\n  {gap} | {mark}^"))
}

/// As wide as `text`, with nothing of it.
fn blanks(text: &str) -> String {
    text.chars().map(|letter| if letter == '\t' { '\t' } else { ' ' }).collect()
}

/// Where `key` stands as a key in the line, at the column or before it.
fn find_key(line: &str, key: &str, column: usize) -> Option<usize> {
    let is_key = |at: &usize| {
        let behind = line[at + key.len()..].trim_start_matches(['"', '\'']).trim_start();
        let before = line[..*at].chars().next_back();
        let apart = before.is_none_or(|letter| letter.is_whitespace() || "\"'{[,".contains(letter));
        // The mark of a key in quotation marks is at the first of these.
        let quote = usize::from(before.is_some_and(|letter| matches!(letter, '"' | '\'')));
        apart && behind.starts_with(':') && line[..*at].chars().count() - quote < column
    };
    line.match_indices(key).map(|(at, _)| at).filter(is_key).last()
}

/// "; did you mean `x`? keys here are: x, y", with the nearest of `known`, or without if none is near.
/// `what` names the list; nothing is said of an empty one.
pub fn suggest(word: &str, known: &[&str], what: &str) -> String {
    let distance = |candidate: &str| strsim::damerau_levenshtein(&word.to_lowercase(), &candidate.to_lowercase());
    let near = known.iter().map(|candidate| (distance(candidate), *candidate)).min();
    let list = if known.is_empty() { String::new() } else { format!("{what} are: {}", known.join(", ")) };
    match near {
        Some((distance, candidate)) if distance <= 1.max(candidate.len().min(word.len()) / 3) => {
            format!("; did you mean `{candidate}`? {list}")
        }
        Some(_) => format!("; {list}"),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c14_a_line_shows_its_key_and_nothing_else() {
        for (line, column, key, shown) in [
            ("  port: hunter2", 9, "port", "  1 |   port: …\n    |         ^"),
            ("  port: hunter2", 3, "port", "  1 |   port: …\n    |   ^"),
            ("  hunter2: {", 3, "port", "  1 |   …\n    |   ^"),
            (
                "  - { name: hunter2, \"age\": hunter2 }",
                22,
                "age",
                "  1 |                       age: …\n    |                      ^",
            ),
            ("  ports:", 3, "ports", "  1 |   ports:\n    |   ^"),
            ("  x-port: hunter2", 11, "port", "  1 |           …\n    |           ^"),
            ("\t- hunter2", 4, "port", "  1 | \t  …\n    | \t  ^"),
        ] {
            let snippet = render_snippet(line, 1, column, Some(key)).expect("a line");
            assert!(snippet.starts_with(shown) && !snippet.contains("hunter2"), "{line}:\n{snippet}");
            let bare = render_snippet(line, 1, column, None).expect("a line");
            assert!(!bare.contains("hunter2") && !bare.contains("port"), "{bare}");
        }
    }

    #[test]
    fn only_near_words_are_suggested() {
        assert_eq!(suggest("prot", &["port", "ip"], "keys"), "; did you mean `port`? keys are: port, ip");
        assert_eq!(suggest("banana", &["port", "ip"], "keys"), "; keys are: port, ip");
    }
}
