//! Schema check: normalises a document according to its schema.
//!
//! Rule: only unambiguous changes are made: an unquoted scalar becomes a text where the schema requires a text, and a
//! section whose keys are all commented out counts as absent. An unknown key is a diagnostic that names the nearest
//! known one.

use serde_json::Value;

use crate::diagnostic::{Diagnostic, suggest};
use crate::layers::Layers;
use crate::path;

/// A JSON Schema, with the root document of its references.
#[derive(Clone, Copy)]
pub struct Schema<'a> {
    root: &'a Value,
    here: &'a Value,
}

/// Maximum of reported unknown keys; each costs a search through the text for its line.
const UNKNOWN_KEYS: usize = 100;

/// Maximum depth of references and alternatives; our types have three levels.
const DEPTH: usize = 16;

impl<'a> Schema<'a> {
    /// The schema of a whole document.
    pub fn new(root: &'a Value) -> Self {
        Self { root, here: root }
    }

    /// All plain schemas that this one may resolve to.
    fn alternatives(self) -> Vec<&'a Value> {
        let (mut open, mut found) = (vec![(self.here, 0)], Vec::new());
        while let Some((schema, depth)) = open.pop() {
            found.push(schema);
            if depth == DEPTH {
                continue;
            }
            let reference = schema.get("$ref").and_then(Value::as_str).and_then(|text| text.strip_prefix('#'));
            open.extend(reference.and_then(|pointer| self.root.pointer(pointer)).map(|schema| (schema, depth + 1)));
            for word in ["anyOf", "oneOf", "allOf"] {
                let branches = schema.get(word).and_then(Value::as_array);
                open.extend(branches.into_iter().flatten().map(|schema| (schema, depth + 1)));
            }
        }
        found
    }

    fn at(self, here: &'a Value) -> Self {
        Self { here, ..self }
    }

    /// The schema of a key, or `None` if the key is unknown.
    pub fn key(self, name: &str) -> Option<Self> {
        let alternatives = self.alternatives();
        let listed = alternatives.iter().find_map(|schema| schema.get("properties")?.get(name));
        let free =
            || alternatives.iter().find_map(|schema| schema.get("additionalProperties").filter(|rest| **rest != false));
        listed.or_else(free).or_else(|| self.is_open().then_some(&Value::Bool(true))).map(|schema| self.at(schema))
    }

    /// The listed keys.
    pub fn keys(self) -> Vec<&'a str> {
        let lists = self.alternatives().into_iter().filter_map(|schema| schema.get("properties")?.as_object());
        lists.flat_map(|properties| properties.keys().map(String::as_str)).collect()
    }

    /// Whether any value is accepted.
    fn is_open(self) -> bool {
        let closing = ["type", "enum", "const", "$ref", "anyOf", "oneOf", "allOf", "properties"];
        self.here == &Value::Bool(true)
            || self.here.as_object().is_some_and(|schema| !closing.iter().any(|word| schema.contains_key(*word)))
    }

    /// The listed keys, without duplicates.
    pub(crate) fn distinct_keys(self) -> Vec<&'a str> {
        let mut keys = self.keys();
        keys.sort_unstable();
        keys.dedup();
        keys
    }

    /// The schema of the elements of a list, or of a map with chosen names.
    pub(crate) fn element(self) -> Option<Self> {
        let named = || {
            let mut rests = self.alternatives().into_iter().filter_map(|schema| schema.get("additionalProperties"));
            rests.find(|rest| rest.is_object()).map(|schema| self.at(schema))
        };
        self.item().or_else(named)
    }

    pub(crate) fn is_list(self) -> bool {
        self.item().is_some()
    }

    /// JSON pointer of this schema in its document.
    pub(crate) fn pointer(self) -> Option<String> {
        fn find(value: &Value, wanted: &Value, pointer: &str) -> Option<String> {
            if std::ptr::eq(value, wanted) {
                return Some(pointer.to_owned());
            }
            match value {
                Value::Object(map) => {
                    map.iter().find_map(|(key, value)| find(value, wanted, &path::join(pointer, key)))
                }
                Value::Array(list) => list
                    .iter()
                    .enumerate()
                    .find_map(|(index, value)| find(value, wanted, &path::join(pointer, &index.to_string()))),
                _ => None,
            }
        }
        find(self.root, self.here, "")
    }

    fn item(self) -> Option<Self> {
        self.alternatives().into_iter().find_map(|schema| schema.get("items")).map(|schema| self.at(schema))
    }

    fn accepts(self, kind: &str) -> bool {
        self.is_open()
            || self.alternatives().into_iter().any(|schema| match schema.get("type") {
                Some(Value::String(only)) => only == kind,
                Some(Value::Array(kinds)) => kinds.iter().any(|kind_name| kind_name == kind),
                _ => false,
            })
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// Normalises `value`, which is at `pointer`; unknown keys are removed and reported.
pub fn normalise(
    layers: &Layers,
    schema: Schema<'_>,
    value: &mut Value,
    pointer: &str,
    diagnostics: &mut Vec<Diagnostic>,
) {
    match value {
        Value::Object(map) => {
            let keys: Vec<String> = map.keys().cloned().collect();
            for key in keys {
                let below = path::join(pointer, &key);
                let Some(schema_below) = schema.key(&key) else {
                    // The schema requires a scalar where the document has a map: the type check reports it.
                    if schema.keys().is_empty() {
                        return;
                    }
                    let known = schema.keys();
                    if diagnostics.len() < UNKNOWN_KEYS {
                        let message = format!("unknown key{}", suggest(&key, &known, "keys here"));
                        diagnostics.push(layers.diagnostic_at_key(&below, message));
                    }
                    map.remove(&key);
                    continue;
                };
                let Some(entry) = map.get_mut(&key) else { continue };
                if entry.is_null() && !schema_below.accepts("null") {
                    map.remove(&key);
                    continue;
                }
                normalise(layers, schema_below, entry, &below, diagnostics);
            }
        }
        Value::Array(list) => {
            let Some(item_schema) = schema.item() else { return };
            for (index, item) in list.iter_mut().enumerate() {
                normalise(layers, item_schema, item, &path::join(pointer, &index.to_string()), diagnostics);
            }
        }
        Value::String(_) => {}
        scalar => {
            let is_number = scalar.is_number() && (schema.accepts("number") || schema.accepts("integer"));
            if schema.accepts("string")
                && !is_number
                && !schema.accepts(kind(scalar))
                && let Some(spelling) = layers.spelling(pointer)
            {
                *scalar = Value::String(spelling.to_owned());
            }
        }
    }
}
