//! Decides which settings a remote configuration may set.
//!
//! Rule: a setting that is not listed may only come from the file, so that a new setting is not remote by accident; a
//! value that covers several settings counts as the strictest of them.

use serde_json::{Value, json};

use crate::diagnostic::Diagnostic;
use crate::layers::Layers;
use crate::path;
use crate::schema_check::Schema;

/// Key in the JSON Schema that says where a setting may come from, if not from anywhere.
pub const SOURCE_KEY: &str = "x-modehost-source";

/// Maximum depth, which ends recursive schemas.
const DEPTH: usize = 12;

/// Permitted sources of a setting, from the least to the most restrictive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AllowedSource {
    /// The file, the environment, and the remote configuration.
    Anywhere,
    /// The remote configuration only where the file enables it.
    IfEnabled,
    /// The file and the environment.
    File,
}

/// Settings that may come from a remote configuration, as JSON pointers, with `*` for a chosen name and for list
/// elements. All others may not.
#[derive(Clone, Copy, Debug)]
pub struct RemotePolicy {
    /// Settings that are always permitted.
    pub anywhere: &'static [&'static str],
    /// Settings that are permitted only where the file enables them.
    pub if_enabled: &'static [&'static str],
    /// The setting that enables them, as people write it.
    pub switch: &'static str,
    /// What they are, for messages.
    pub about: &'static str,
}

/// What the file says about the settings that have to be enabled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Switch {
    /// They are accepted.
    On,
    /// They are rejected.
    Off,
    /// Nothing: they are accepted with this warning.
    Unset(&'static str),
}

impl RemotePolicy {
    /// Permitted sources of the setting with this pattern.
    pub fn source_of(&self, pattern: &str) -> AllowedSource {
        if self.anywhere.contains(&pattern) {
            AllowedSource::Anywhere
        } else if self.if_enabled.contains(&pattern) {
            AllowedSource::IfEnabled
        } else {
            AllowedSource::File
        }
    }

    /// Adds [`SOURCE_KEY`] to every setting of a schema that has restricted sources.
    pub fn annotate(&self, schema: &mut Value) {
        for (pattern, pointer) in settings(schema) {
            let word = match self.source_of(&pattern) {
                AllowedSource::Anywhere => continue,
                AllowedSource::IfEnabled => self.switch,
                AllowedSource::File => "file",
            };
            if let Some(Value::Object(setting)) = schema.pointer_mut(&pointer) {
                setting.insert(SOURCE_KEY.to_owned(), json!(word));
            }
        }
    }

    /// Checks a text. Returns its forbidden settings, and whether it sets any that the file does not mention.
    pub(crate) fn check(
        &self,
        layers: &Layers,
        schema: Schema<'_>,
        text: &str,
        switch: Switch,
    ) -> (Vec<Diagnostic>, bool) {
        let known = leaves(schema);
        let (mut diagnostics, mut sets_unset) = (Vec::new(), false);
        for pointer in layers.pointers_set_by(text) {
            // Sections that the document does not own are not checked here.
            let first = path::steps(pointer).into_iter().next().unwrap_or_default();
            if !schema.keys().contains(&first.as_str()) {
                continue;
            }
            let message = match (self.strictest(&known, &pattern(schema, pointer)), switch) {
                (AllowedSource::Anywhere, _) | (AllowedSource::IfEnabled, Switch::On) => continue,
                (AllowedSource::IfEnabled, Switch::Unset(_)) => {
                    sets_unset = true;
                    continue;
                }
                (AllowedSource::IfEnabled, Switch::Off) => {
                    format!(
                        "{} may come from the remote configuration only if the file sets `{}: true`",
                        self.about, self.switch
                    )
                }
                (AllowedSource::File, _) => {
                    "this may stand in the file only (or in the environment): what runs, where files \
                                    lie and what operators are known by are not another machine's to say"
                        .to_owned()
                }
            };
            diagnostics.push(layers.diagnostic_at_key(pointer, message));
        }
        (diagnostics, sets_unset)
    }

    /// The strictest source of a setting, or of all settings below it.
    fn strictest(&self, known: &[String], pattern: &str) -> AllowedSource {
        let below = format!("{pattern}/");
        let concerned = known.iter().filter(|leaf| *leaf == pattern || leaf.starts_with(&below));
        concerned.map(|leaf| self.source_of(leaf)).max().unwrap_or(AllowedSource::File)
    }
}

/// Patterns of all settings of a schema.
pub fn leaves(schema: Schema<'_>) -> Vec<String> {
    let mut found = Vec::new();
    walk(schema, String::new(), DEPTH, &mut |pattern, _| found.push(pattern));
    found
}

/// Each setting with the JSON pointer of its schema.
fn settings(root: &Value) -> Vec<(String, String)> {
    let mut found = Vec::new();
    walk(Schema::new(root), String::new(), DEPTH, &mut |pattern, schema| {
        found.extend(schema.pointer().map(|pointer| (pattern, pointer)));
    });
    found
}

fn walk(schema: Schema<'_>, pattern: String, depth: usize, found: &mut impl FnMut(String, Schema<'_>)) {
    let Some(depth) = depth.checked_sub(1) else { return };
    let keys = schema.distinct_keys();
    for key in &keys {
        if let Some(below) = schema.key(key) {
            walk(below, path::join(&pattern, key), depth, found);
        }
    }
    if !keys.is_empty() {
        return;
    }
    let element = schema.element().filter(|element| has_keys(*element, DEPTH));
    // A list is a setting itself, since it is replaced as a whole; a map is merged name by name.
    if element.is_none() || schema.is_list() {
        found(pattern.clone(), schema);
    }
    if let Some(element) = element {
        walk(element, path::join(&pattern, "*"), depth, found);
    }
}

fn has_keys(schema: Schema<'_>, depth: usize) -> bool {
    let Some(depth) = depth.checked_sub(1) else { return false };
    !schema.keys().is_empty() || schema.element().is_some_and(|element| has_keys(element, depth))
}

/// The pattern of the setting at a pointer, or around it.
fn pattern(schema: Schema<'_>, pointer: &str) -> String {
    let (mut here, mut pattern) = (schema, String::new());
    for step in path::steps(pointer) {
        if !here.keys().is_empty() {
            // An unknown key is reported elsewhere; here it matches nothing.
            let Some(below) = here.key(&step) else { return path::join(&pattern, &step) };
            (here, pattern) = (below, path::join(&pattern, &step));
            continue;
        }
        match here.element().filter(|element| has_keys(*element, DEPTH)) {
            Some(element) => (here, pattern) = (element, path::join(&pattern, "*")),
            None => return pattern,
        }
    }
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_of_every_shape_have_one_pattern() {
        let schema = json!({
            "properties": {
                "plain": { "type": "string" },
                "list": { "type": "array", "items": { "type": "string" } },
                "names": { "type": "object", "additionalProperties": { "type": "string" } },
                "people": { "type": "array", "items": { "$ref": "#/$defs/Person" } },
                "houses": { "type": "object", "additionalProperties": { "$ref": "#/$defs/Person" } },
                "maybe": { "anyOf": [{ "$ref": "#/$defs/Person" }, { "type": "null" }] },
            },
            "$defs": { "Person": { "type": "object", "properties": { "name": { "type": "string" } } } },
        });
        let mut known = leaves(Schema::new(&schema));
        known.sort();
        let patterns = ["/houses/*/name", "/list", "/maybe/name", "/names", "/people", "/people/*/name", "/plain"];
        assert_eq!(known, patterns);
        for (pointer, meant) in [
            ("/plain", "/plain"),
            ("/list/3", "/list"),
            ("/names/x", "/names"),
            ("/people/0/name", "/people/*/name"),
            ("/houses/x", "/houses/*"),
            ("/maybe", "/maybe"),
        ] {
            assert_eq!(pattern(Schema::new(&schema), pointer), meant);
        }
        let afar =
            RemotePolicy { anywhere: &["/maybe/name", "/people"], if_enabled: &["/plain"], switch: "s", about: "a" };
        assert_eq!(afar.strictest(&known, "/maybe"), AllowedSource::Anywhere);
        assert_eq!(afar.strictest(&known, "/people"), AllowedSource::File, "an element is stricter");
        assert_eq!(afar.strictest(&known, "/unheard-of"), AllowedSource::File);
        let mut marked = schema.clone();
        afar.annotate(&mut marked);
        assert_eq!(marked["properties"]["plain"][SOURCE_KEY], "s");
        assert_eq!(marked["properties"]["list"][SOURCE_KEY], "file");
        assert_eq!(marked["properties"]["people"].get(SOURCE_KEY), None);
    }
}
