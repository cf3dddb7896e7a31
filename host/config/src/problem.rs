//! What is wrong with a document, as a person reads it.
//!
//! Rule: a problem names its place, says what is wrong, and where it can, what to write instead.
//! A line that holds a secret is never shown beyond its key.

use std::fmt;

use crate::path::sounds_secret;

/// Where a problem stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In a text; line and column count from 1, columns in characters.
    Text { name: String, line: u64, column: u64 },
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
    pub place: Place,
    /// The setting, with dots; empty if it is not about one.
    pub setting: String,
    /// One sentence, no full stop.
    pub message: String,
    /// The line of the text with a mark under the place, ready to print.
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

/// The line at `line` with a mark under `column`, or `None` if the text has no such line.
pub fn render_snippet(text: &str, line: u64, column: u64) -> Option<String> {
    Some(marked(&conceal(line_of(text, line)?), line, column))
}

/// The same, with nothing shown from the marked place on: the value that stands there is a secret.
pub fn render_secret(text: &str, line: u64, column: u64) -> Option<String> {
    let before = usize::try_from(column.saturating_sub(1)).unwrap_or(0);
    let shown: String = line_of(text, line)?.chars().take(before).collect();
    Some(marked(&format!("{}…", conceal(&shown)), line, column))
}

fn line_of(text: &str, line: u64) -> Option<&str> {
    text.lines().nth(usize::try_from(line.checked_sub(1)?).ok()?)
}

fn marked(shown: &str, line: u64, column: u64) -> String {
    let column = usize::try_from(column.max(1)).unwrap_or(1).min(shown.chars().count() + 1);
    // Wide characters count as one column here; the mark may then stand a little to the left.
    let blank: String = shown.chars().take(column - 1).map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
    let (number, gap) = (line.to_string(), " ".repeat(line.to_string().len()));
    format!("  {number} | {shown}\n  {gap} | {blank}^")
}

/// The line up to the value of the first key that holds a secret, or may hold one: a key that is written
/// wrongly is none of the settings, and its value is a secret all the same.
fn conceal(line: &str) -> String {
    let ends = line.match_indices(':').filter_map(|(at, colon)| {
        let key = line[..at].trim_end_matches(['"', '\'', ' ']);
        let key = key.rsplit(|letter: char| !(letter.is_alphanumeric() || matches!(letter, '_' | '-' | '.'))).next()?;
        sounds_secret(key).then_some(at + colon.len())
    });
    match ends.min() {
        Some(end) if !line[end..].trim().is_empty() => format!("{} …", &line[..end]),
        _ => line.to_owned(),
    }
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
    fn secrets_stay_out_of_snippets() {
        for line in [
            "  secret: hunter2",
            "  - { token: hunter2, device: 5 }",
            "\"api_key\": hunter2",
            "token : hunter2",
            "  - { name: token-a, token: hunter2 }",
            "apiKey: hunter2",
            "  api-key : hunter2",
            "  secrett: hunter2",
            "    app_key: hunter2",
            "  device_token: { key: @hunter2 }",
        ] {
            let snippet = render_snippet(line, 1, 99).expect("a line");
            assert!(!snippet.contains("hunter2"), "{snippet}");
        }
        assert!(render_snippet("  tokens:", 1, 3).expect("a line").contains("tokens:"));
    }

    #[test]
    fn only_near_words_are_suggested() {
        assert_eq!(suggest("prot", &["port", "ip"], "keys"), "; did you mean `port`? keys are: port, ip");
        assert_eq!(suggest("banana", &["port", "ip"], "keys"), "; keys are: port, ip");
    }
}
