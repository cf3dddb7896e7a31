//! Diagnostics: what is wrong with a document, as a person reads it.
//!
//! Rule: a diagnostic names its location, what is wrong, and if possible what to write instead. It shows keys and never
//! a value: a misspelled key is not known as that of a secret, but its value may be one.

use std::fmt;

/// Location of a diagnostic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// In a text; line and column count from 1, columns in characters.
    Text {
        /// The path of the file, or another name of the text.
        name: String,
        /// From 1.
        line: u64,
        /// In characters, from 1.
        column: u64,
    },
    /// In an environment variable, or in a command line option that sets a setting.
    Variable(String),
    /// In no single place, or in an unknown one.
    Document(String),
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text { name, line, column } => write!(f, "{name}:{line}:{column}"),
            Self::Variable(name) if name.starts_with("--") => write!(f, "option {name}"),
            Self::Variable(name) => write!(f, "environment variable {name}"),
            Self::Document(name) => f.write_str(name),
        }
    }
}

/// One diagnostic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Its location.
    pub location: Location,
    /// The setting, with dots; empty if it concerns none.
    pub setting: String,
    /// One sentence without a full stop.
    pub message: String,
    /// The line of the text with only the key visible and a marker under the column, ready to print.
    pub snippet: Option<String>,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.location)?;
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

/// All diagnostics of a document, in the order of its lines. Never empty.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Diagnostics(pub Vec<Diagnostic>);

impl From<Diagnostic> for Diagnostics {
    fn from(diagnostic: Diagnostic) -> Self {
        Self(vec![diagnostic])
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, diagnostic) in self.0.iter().enumerate() {
            if number > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{diagnostic}")?;
        }
        Ok(())
    }
}

impl Diagnostics {
    /// Sorted by location, without duplicates.
    pub fn sorted(mut diagnostics: Vec<Diagnostic>) -> Self {
        diagnostics.sort_by_key(|diagnostic| match &diagnostic.location {
            Location::Text { line, column, .. } => (*line, *column),
            _ => (u64::MAX, 0),
        });
        diagnostics.dedup();
        Self(diagnostics)
    }
}

/// Locations further to the right have no snippet: a very long line, shown for each of its diagnostics, would grow
/// quadratically.
const MAX_SNIPPET_COLUMN: usize = 160;

/// The line at `line` with a marker under `column`, or `None` if the text has no such line, or it cannot be shown. Only
/// `key` is visible, where it precedes the marker.
pub fn render_snippet(text: &str, line: u64, column: u64, key: Option<&str>) -> Option<String> {
    let written = text.lines().nth(usize::try_from(line.checked_sub(1)?).ok()?)?;
    let column = usize::try_from(column.max(1)).unwrap_or(1).min(written.chars().count() + 1);
    if column > MAX_SNIPPET_COLUMN {
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
    // Wide characters count as one column, so the marker may be slightly too far left.
    let marker = blanks(&written.chars().take(column - 1).collect::<String>());
    let (number, gap) = (line.to_string(), " ".repeat(line.to_string().len()));
    Some(format!("  {number} | {shown}\n  {gap} | {marker}^"))
}

/// Blanks of the same width as `text`.
fn blanks(text: &str) -> String {
    text.chars().map(|character| if character == '\t' { '\t' } else { ' ' }).collect()
}

/// Index of `key` in the line, at or before the column, where it is used as a key.
fn find_key(line: &str, key: &str, column: usize) -> Option<usize> {
    let is_key = |at: &usize| {
        let after = line[at + key.len()..].trim_start_matches(['"', '\'']).trim_start();
        let before = line[..*at].chars().next_back();
        let starts_word = before.is_none_or(|character| character.is_whitespace() || "\"'{[,".contains(character));
        // The column of a quoted key is that of its quotation mark.
        let quote = usize::from(before.is_some_and(|character| matches!(character, '"' | '\'')));
        starts_word && after.starts_with(':') && line[..*at].chars().count() - quote < column
    };
    line.match_indices(key).map(|(at, _)| at).filter(is_key).last()
}

/// "; did you mean `x`? keys here are: x, y", with the nearest of `known`, or without if none is near. `what` names the
/// list; an empty list is omitted.
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
