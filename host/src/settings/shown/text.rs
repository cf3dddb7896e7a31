//! The text of a configuration file without its secrets. Rule: what is shown as hidden in the list of settings is hidden here,
//! too, in the comments as well; a text in which a secret is left is not shown at all.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use modehost_config::tree::{self, Content, Node};
use modehost_config::{Diagnostic, Loaded};
use serde_json::Value;

use super::redaction::{Redaction, is_hidden, is_plain_url};
use crate::limits;
use crate::settings::Settings;

/// A text whose secrets are placeholders: `<hidden:1>` and so on, in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HiddenText {
    /// With placeholders.
    pub text: String,
    /// What the placeholders stand for, as it is written in the file.
    secrets: Vec<String>,
}

/// Why a text cannot be shown or taken.
#[derive(Debug, thiserror::Error)]
pub enum TextError {
    /// It is not YAML.
    #[error("{0}")]
    Syntax(Box<Diagnostic>),
    /// Where the secret is cannot be told.
    #[error("a secret stands in it where it cannot be hidden, such as in a comment or an anchor")]
    Exposed,
    /// A placeholder without a secret.
    #[error("{0} stands for nothing in the file; write the value itself")]
    Unknown(String),
}

impl HiddenText {
    /// Hides the secrets of a text. `loaded`: the document of this text; none if it is not valid, and then everything
    /// that may be one is hidden. `schemas`: the schemas of the sections of plugins.
    ///
    /// # Errors
    /// See [`TextError`].
    pub fn of(
        text: &str,
        loaded: Option<&Loaded<Settings>>,
        schemas: &BTreeMap<String, Value>,
    ) -> Result<Self, TextError> {
        let root = tree::parse("configuration", text).map_err(|problem| TextError::Syntax(Box::new(problem)))?;
        let mut search = Search { text, secrets: Vec::new(), scalars: Vec::new() };
        let own = loaded.map(|loaded| serde_json::to_value(&loaded.document).unwrap_or_default());
        if let Content::Map(sections) = &root.content {
            for section in sections {
                let value = own.as_ref().and_then(|own| own.get(&section.key));
                let redaction = match (value, schemas.get(&section.key)) {
                    (Some(_), _) => Redaction::OWN.below(&section.key),
                    (None, Some(schema)) if own.is_some() => Redaction::by(schema),
                    (None, _) => Redaction::ALL,
                };
                search.walk(&section.node, redaction, value);
            }
        }
        search.comments();
        Self::replace(text, search.secrets)
    }

    fn replace(text: &str, mut ranges: Vec<Range<usize>>) -> Result<Self, TextError> {
        // An alias has the place of its anchor.
        ranges.sort_by_key(|range| (range.start, range.end));
        ranges.dedup();
        let (mut shown, mut secrets, mut done) = (String::with_capacity(text.len()), Vec::new(), 0);
        for range in ranges {
            let before = text.get(done..range.start).ok_or(TextError::Exposed)?;
            let secret = text.get(range.clone()).ok_or(TextError::Exposed)?;
            secrets.push(secret.to_owned());
            shown.push_str(before);
            shown.push_str(&placeholder(secrets.len()));
            done = range.end;
        }
        shown.push_str(text.get(done..).ok_or(TextError::Exposed)?);
        let hidden = Self { text: shown, secrets };
        let is_exposed = hidden.secrets.iter().any(|secret| hidden.shows(secret));
        if is_exposed || tree::parse("configuration", &hidden.text).is_err() {
            return Err(TextError::Exposed);
        }
        Ok(hidden)
    }

    /// Whether a secret can be read in the text. One that is too short to be one would be found anywhere.
    fn shows(&self, secret: &str) -> bool {
        let bare = secret.trim().trim_matches(['"', '\'']);
        bare.len() >= limits::SECRET_BYTES && self.text.contains(bare)
    }

    /// Puts the secrets back into a text that was made from this one.
    ///
    /// # Errors
    /// If a placeholder in it is none of this text.
    pub fn restore(&self, edited: &str) -> Result<String, TextError> {
        let (mut text, mut rest) = (String::with_capacity(edited.len()), edited);
        while let Some((before, number, after)) = next_placeholder(rest) {
            let secret = number.checked_sub(1).and_then(|index| self.secrets.get(index));
            text.push_str(before);
            text.push_str(secret.ok_or_else(|| TextError::Unknown(placeholder(number)))?);
            rest = after;
        }
        text.push_str(rest);
        Ok(text)
    }

    /// Whether a text shows one of the secrets of this one: a placeholder has been moved to where nothing is hidden.
    pub fn is_shown_in(&self, other: &Self) -> bool {
        self.secrets.iter().any(|secret| other.shows(secret))
    }
}

const START: &str = "<hidden:";

fn placeholder(number: usize) -> String {
    format!("{START}{number}>")
}

/// The text before the next placeholder, its number, and the text behind it.
fn next_placeholder(text: &str) -> Option<(&str, usize, &str)> {
    for (at, _) in text.match_indices(START) {
        let inside = &text[at + START.len()..];
        if let Some((digits, after)) = inside.split_once('>')
            && let Ok(number) = digits.parse()
        {
            return Some((&text[..at], number, after));
        }
    }
    None
}

/// Finds the secrets of a text.
struct Search<'a> {
    text: &'a str,
    secrets: Vec<Range<usize>>,
    /// Every value, to know what is a comment.
    scalars: Vec<Range<usize>>,
}

impl Search<'_> {
    /// `shown`: the value as the settings show it, in which secrets are hidden by their type.
    fn walk(&mut self, node: &Node, redaction: Redaction<'_>, shown: Option<&Value>) {
        match &node.content {
            Content::Map(entries) => {
                for entry in entries {
                    let below = shown.and_then(|shown| shown.get(&entry.key));
                    self.walk(&entry.node, redaction.below(&entry.key), below);
                }
            }
            Content::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.walk(item, redaction.element(), shown.and_then(|shown| shown.get(index)));
                }
            }
            Content::Scalar(value) => {
                let Some(range) = node.range() else { return };
                let by_type = shown.filter(|shown| is_hidden(&redaction.apply(shown)));
                let by_name = is_hidden(&redaction.apply(value));
                let by_form = value.as_str().is_some_and(|text| !is_plain_url(text));
                // Nothing to hide, and a placeholder would be a value.
                let is_empty = value.is_null() || value.as_str().is_some_and(str::is_empty);
                if !is_empty && (by_type.is_some() || by_name || by_form) {
                    self.secrets.push(range.clone());
                }
                self.scalars.push(range);
            }
        }
    }

    /// Settings that are commented out: `# admin_token: hush`.
    fn comments(&mut self) {
        self.scalars.sort_by_key(|range| range.start);
        let mut start = 0;
        for line in self.text.split_inclusive('\n') {
            let begin = start;
            start += line.len();
            let Some(at) = line.find('#') else { continue };
            let is_text = self.scalars.iter().any(|range| range.contains(&(begin + at)));
            if is_text || !line[..at].chars().next_back().is_none_or(char::is_whitespace) {
                continue;
            }
            let comment = line[at..].trim_start_matches('#').trim_end();
            let Some((name, value)) = comment.split_once(':') else { continue };
            let (name, value) = (name.trim().trim_start_matches("- "), value.trim());
            let is_setting =
                !name.is_empty() && name.chars().all(|one| one.is_ascii_alphanumeric() || "_-".contains(one));
            // A sentence has words.
            if is_setting && !value.is_empty() && !value.contains(char::is_whitespace) {
                let value_is_secret =
                    is_hidden(&Redaction::OWN.named(name).apply(&value.into())) || !is_plain_url(value);
                let end = begin + at + line[at..].trim_end().len();
                if value_is_secret && value != "…" {
                    self.secrets.push(end - value.len()..end);
                }
            }
        }
    }
}

/// The names of the settings in which two documents differ, sorted; the first ones of very many.
pub fn differences(one: &Loaded<Settings>, other: &Loaded<Settings>) -> Vec<String> {
    let mut names = BTreeSet::new();
    differ(one.value(), other.value(), &mut String::new(), &mut names);
    for name in one.sections.keys().chain(other.sections.keys()) {
        let [a, b] =
            [one, other].map(|loaded| loaded.sections.get(name).map_or(&Value::Null, |section| &section.value));
        differ(a, b, &mut name.clone(), &mut names);
    }
    names.into_iter().take(limits::PAGE_ROWS as usize).collect()
}

fn differ(one: &Value, other: &Value, name: &mut String, names: &mut BTreeSet<String>) {
    let (Value::Object(a), Value::Object(b)) = (one, other) else {
        if one != other {
            names.insert(name.clone());
        }
        return;
    };
    for key in a.keys().chain(b.keys().filter(|key| !a.contains_key(*key))) {
        let length = name.len();
        if length > 0 {
            name.push('.');
        }
        name.push_str(key);
        differ(a.get(key).unwrap_or(&Value::Null), b.get(key).unwrap_or(&Value::Null), name, names);
        name.truncate(length);
    }
}

#[cfg(test)]
mod tests;
