//! A mode as its plugin describes it. Rule: names are data; nothing here knows one.

use serde::Serialize;

/// A mode that a plugin implements, and how it is started.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ModeInfo {
    /// The canonical name.
    pub name: String,
    /// Other names by which the mode can be started.
    pub aliases: Vec<String>,
    /// What it is for, in one sentence; may be empty.
    pub description: String,
    /// What users say to start it, in any language.
    pub phrases: Vec<String>,
}

impl ModeInfo {
    /// Approximate bytes; for the replay bound.
    pub(crate) fn weight(&self) -> usize {
        let texts = [&self.name, &self.description].into_iter().chain(&self.aliases).chain(&self.phrases);
        texts.map(|text| text.len() + 24).sum()
    }
}
