//! Loads a document: layers, schema check, types, validation rules.
//!
//! Rule: a [`Loaded`] is valid as a whole; any error results in [`Diagnostics`], as many at once as can be distinguished,
//! and no document.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::limits;
use garde::Validate;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::diagnostic::{Diagnostic, Diagnostics, Location, suggest};
use crate::environment::Override;
use crate::layers::Layers;
use crate::path;
use crate::schema_check::{Schema, normalise};
use crate::tree;

/// A document type: every section has defaults and rejects unknown keys.
pub trait Document: DeserializeOwned + Validate<Context = ()> + JsonSchema {}

impl<T: DeserializeOwned + Validate<Context = ()> + JsonSchema> Document for T {}

/// Sources of a document.
#[derive(Clone, Debug)]
pub struct Source {
    /// Name and text of the built-in settings.
    pub embedded: (&'static str, &'static str),
    /// The file merged over them; none: the built-in settings alone.
    pub file: Option<PathBuf>,
    /// Environment variables, merged over both.
    pub overrides: Vec<Override>,
}

/// A text that is merged over the file.
pub(crate) struct Overlay<'a> {
    pub name: &'a str,
    pub text: &'a str,
    /// Returns the settings that it may not set.
    pub check: &'a dyn Fn(&Layers, Schema<'_>) -> Vec<Diagnostic>,
}

/// A top-level section that is not part of the document type.
#[derive(Clone, Debug, PartialEq)]
pub struct Section {
    /// Its key.
    pub name: String,
    /// Its value after merging all layers; not validated here.
    pub value: Value,
}

/// A valid document.
#[derive(Clone, Debug)]
pub struct Loaded<T> {
    /// The sections of the document type.
    pub document: T,
    /// Other top-level sections, by name.
    pub sections: BTreeMap<String, Section>,
    /// Names of the sections of the document type.
    own: Vec<String>,
    layers: Layers,
    /// The sections of the document type after the schema check.
    value: Value,
    /// Name of the built-in settings.
    embedded: &'static str,
}

/// Maximum of reported rule violations; each costs a search through the text for its line.
const RULE_ERRORS: usize = 100;
/// Maximum of reported type errors; each costs another pass.
const TYPE_ERRORS: usize = 20;

impl Source {
    /// Reads the file and loads the document.
    ///
    /// # Errors
    /// All diagnostics; an unreadable file is a single one.
    pub fn load<T: Document>(&self) -> Result<Loaded<T>, Diagnostics> {
        self.load_with(None)
    }

    /// As [`load`](Self::load), with a text merged over the file.
    ///
    /// # Errors
    /// As [`load`](Self::load), and what the text may not set: then nothing else is checked.
    pub(crate) fn load_with<T: Document>(&self, overlay: Option<&Overlay<'_>>) -> Result<Loaded<T>, Diagnostics> {
        let Some(file) = &self.file else { return self.load_layers(None, overlay) };
        let name = file.display().to_string();
        let diagnostic = |message: String| Diagnostic {
            location: Location::Document(name.clone()),
            setting: String::new(),
            message,
            snippet: None,
        };
        let text = modehost_follow::read_text(file, limits::CONFIG_BYTES).map_err(|error| {
            diagnostic(format!("cannot be read: {error}; give the path of a configuration file that exists"))
        })?;
        self.load_layers(Some((&name, &text)), overlay)
    }

    /// Loads the document with `text` in place of the file.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn load_text<T: Document>(&self, name: &str, text: &str) -> Result<Loaded<T>, Diagnostics> {
        self.load_layers(Some((name, text)), None)
    }

    fn load_layers<T: Document>(
        &self,
        file: Option<(&str, &str)>,
        overlay: Option<&Overlay<'_>>,
    ) -> Result<Loaded<T>, Diagnostics> {
        let schema = schemars::schema_for!(T).to_value();
        let schema = Schema::new(&schema);
        let mut layers = Layers::default();
        let texts = overlay.map(|overlay| (overlay.name, overlay.text));
        for (name, text) in std::iter::once(self.embedded).chain(file).chain(texts) {
            layers.overlay_text(name, text, &tree::parse(name, text)?);
        }
        // Checked before variables hide what the text sets, and before validation rules run, since these may open
        // files.
        let rejected = overlay.map(|overlay| (overlay.check)(&layers, schema)).unwrap_or_default();
        if !rejected.is_empty() {
            return Err(Diagnostics::sorted(rejected));
        }
        let mut diagnostics = Vec::new();
        for set in &self.overrides {
            match target(&layers.value, schema, set) {
                Ok(pointer) if layers.overlay_variable(&pointer, set) => {}
                Ok(_) => diagnostics.push(variable_diagnostic(set, "a key above this one is no map".to_owned())),
                Err(message) => diagnostics.push(variable_diagnostic(set, message)),
            }
        }
        let (mut value, sections) = split(&layers.value, schema);
        normalise(&layers, schema, &mut value, "", &mut diagnostics);
        let document = build(&layers, value.clone(), &mut diagnostics);
        match document {
            Some(document) if diagnostics.is_empty() => {
                let own = schema.keys().into_iter().map(str::to_owned).collect();
                Ok(Loaded { document, sections, own, layers, value, embedded: self.embedded.0 })
            }
            _ => Err(Diagnostics::sorted(diagnostics)),
        }
    }
}

impl<T: Document> Loaded<T> {
    /// The settings of the document type as a value, merged from all layers.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// Whether any layer but the built-in settings sets the value at a JSON pointer.
    pub fn is_set(&self, pointer: &str) -> bool {
        self.layers.is_set_outside(self.embedded, pointer)
    }

    /// Location of the value at a JSON pointer into the whole document; none if only the built-in settings set it, or
    /// no layer does.
    pub fn location(&self, pointer: &str) -> Option<&Location> {
        let embedded = |place: &&Location| matches!(place, Location::Text { name, .. } if name == self.embedded);
        self.layers.location(pointer).filter(|place| !embedded(place))
    }

    /// Whether the text of this name sets the value at a JSON pointer.
    pub fn is_from(&self, name: &str, pointer: &str) -> bool {
        self.layers.is_from(name, pointer)
    }

    /// A diagnostic for the value at a JSON pointer into the whole document, at its line, or at its closest ancestor
    /// that is written in a layer.
    pub fn diagnostic_for_value(&self, pointer: &str, message: impl Into<String>) -> Diagnostic {
        self.layers.diagnostic_at_value(pointer, message)
    }

    /// As [`diagnostic_at_value`](Self::diagnostic_for_value), at the key itself.
    pub fn diagnostic_for_key(&self, pointer: &str, message: impl Into<String>) -> Diagnostic {
        self.layers.diagnostic_at_key(pointer, message)
    }

    /// A diagnostic for each section that is neither part of the document type nor in `owned`.
    pub fn unknown_sections(&self, owned: &[&str]) -> Vec<Diagnostic> {
        let mut known: Vec<&str> = self.own.iter().map(String::as_str).chain(owned.iter().copied()).collect();
        known.sort_unstable();
        let unknown = self.sections.keys().filter(|name| !owned.contains(&name.as_str()));
        let diagnostic = |name: &String| {
            let message = format!("unknown section `{}`{}", path::shown(name), suggest(name, &known, "sections"));
            Diagnostic { setting: String::new(), ..self.diagnostic_for_key(&path::join("", name), message) }
        };
        // Each costs a search through the text for its line; the rest is reported once these are fixed.
        unknown.take(RULE_ERRORS).map(diagnostic).collect()
    }

    /// Restores the values of `previous` at the pointers in `cold`, for settings that need a restart. Returns the
    /// paths, with dots, of those that differed.
    pub fn keep_cold(&mut self, previous: &Self, cold: &[&str]) -> Vec<String> {
        let mut changed = Vec::new();
        let mut value = self.value.clone();
        for pointer in cold {
            let old = previous.value.pointer(pointer);
            if old == value.pointer(pointer) {
                continue;
            }
            changed.push(path::dotted(pointer, &self.value));
            match old {
                Some(old) => drop(path::insert(&mut value, pointer, old.clone())),
                None => drop(path::remove(&mut value, pointer)),
            }
        }
        // Both documents were valid, and the restored values were valid in the old one; if a rule across settings
        // rejects the mixture, the new document is used unchanged.
        if !changed.is_empty()
            && let Some(document) = build(&self.layers, value.clone(), &mut Vec::new())
        {
            (self.document, self.value) = (document, value);
        }
        changed
    }
}

fn variable_diagnostic(set: &Override, message: String) -> Diagnostic {
    Diagnostic { location: Location::Variable(set.variable.clone()), setting: String::new(), message, snippet: None }
}

/// The pointer that a variable sets, or an error message.
fn target(value: &Value, schema: Schema<'_>, set: &Override) -> Result<String, String> {
    let (mut pointer, mut here, mut below) = (String::new(), Some(value), Some(schema));
    for (depth, step) in set.steps.iter().enumerate() {
        let same = |key: &&str| key.to_lowercase().replace('-', "_") == *step;
        let listed = below.map(|schema| schema.keys()).unwrap_or_default();
        let present = here.and_then(Value::as_object).into_iter().flat_map(|map| map.keys().map(String::as_str));
        let key = listed.iter().copied().find(same).or_else(|| present.into_iter().find(same)).unwrap_or(step);
        // An unknown section may belong to a plugin: the caller decides.
        let is_plugin_section = depth == 0 && !listed.contains(&key);
        let next = below.and_then(|schema| schema.key(key));
        if step.is_empty() || (next.is_none() && below.is_some() && !is_plugin_section) {
            return Err(format!(
                "no setting has this name: unknown key `{step}`{}",
                suggest(step, &listed, "keys here")
            ));
        }
        pointer = path::join(&pointer, key);
        here = here.and_then(|value| path::child(value, key));
        below = next;
    }
    Ok(pointer)
}

/// Splits the sections of the document type from the others.
fn split(value: &Value, schema: Schema<'_>) -> (Value, BTreeMap<String, Section>) {
    let (mut own, mut sections) = (serde_json::Map::new(), BTreeMap::new());
    let known = schema.keys();
    for (name, value) in value.as_object().into_iter().flatten() {
        if known.contains(&name.as_str()) {
            own.insert(name.clone(), value.clone());
        } else {
            sections.insert(name.clone(), Section { name: name.clone(), value: value.clone() });
        }
    }
    (Value::Object(own), sections)
}

/// Checks types, then rules. Removes values of the wrong type and continues, to report several at once.
fn build<T: Document>(layers: &Layers, mut value: Value, diagnostics: &mut Vec<Diagnostic>) -> Option<T> {
    for _ in 0..TYPE_ERRORS {
        let error = match serde_path_to_error::deserialize::<_, T>(value.clone()) {
            Ok(document) => {
                if let Err(report) = document.validate() {
                    // The rest is reported once these are fixed: nobody reads a list of ten thousand.
                    for (place, error) in report.iter().take(RULE_ERRORS) {
                        let pointer = path::from_dotted(&place.to_string(), &value);
                        diagnostics.push(layers.diagnostic_at_value(&pointer, error.message()));
                    }
                }
                return diagnostics.is_empty().then_some(document);
            }
            Err(error) => error,
        };
        let pointer = pointer_of(error.path());
        let found = value.pointer(&pointer).cloned();
        let mut diagnostic =
            layers.diagnostic_at_value(&pointer, plain_message(found.as_ref(), &error.inner().to_string()));
        if matches!(diagnostic.location, Location::Variable(_)) && found.as_ref().is_some_and(Value::is_string) {
            diagnostic.message.push_str("; lists and maps are written as JSON in a variable");
        }
        diagnostics.push(diagnostic);
        // Elements of a list cannot be removed one by one, so the whole list is.
        let mut pointer = pointer.as_str();
        while found.is_some() && path::remove(&mut value, pointer).is_none() {
            pointer = pointer.rsplit_once('/')?.0;
        }
        found?;
    }
    None
}

fn pointer_of(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    path.iter().fold(String::new(), |pointer, segment| match segment {
        Segment::Seq { index } => path::join(&pointer, &index.to_string()),
        Segment::Map { key } => path::join(&pointer, key),
        Segment::Enum { variant } => path::join(&pointer, variant),
        Segment::Unknown => pointer,
    })
}

/// The message of serde without Rust type names, and with the kind of the found value in place of the value.
fn plain_message(value: Option<&Value>, message: &str) -> String {
    const NUMBERS: [(&str, &str); 8] = [
        ("u8", "a whole number from 0 to 255"),
        ("u16", "a whole number from 0 to 65535"),
        ("u32", "a whole number from 0 to 4294967295"),
        ("u64", "a whole number, 0 or more"),
        ("usize", "a whole number, 0 or more"),
        ("i32", "a whole number"),
        ("i64", "a whole number"),
        ("f64", "a number"),
    ];
    // Field names are those of our types, so they can be shown.
    if message.starts_with("missing field ") || message.starts_with("duplicate field ") {
        return message.to_owned();
    }
    // The expectation comes from our types, and follows the found value.
    let expected = message.rsplit_once(", expected ").map(|(_, expected)| expected);
    let Some(expected) = expected.filter(|_| VALUE_ERRORS.iter().any(|start| message.starts_with(start))) else {
        return "has an invalid form".to_owned();
    };
    let expected = NUMBERS.iter().find(|(name, _)| *name == expected).map_or(expected, |(_, words)| words);
    let expected = match expected {
        "a sequence" => "a list, such as [a, b]",
        "a map" => "keys and values, such as { key: value }",
        "a boolean" => "true or false",
        other if other.starts_with("struct ") => "keys and values, such as { key: value }",
        other => other,
    };
    let found = match value {
        None | Some(Value::Null) => "nothing",
        Some(Value::Bool(_)) => "true or false",
        Some(Value::Number(number)) if number.is_f64() => "a number with a fraction",
        Some(Value::Number(_)) if expected.contains("number") => "one that is too large or too small",
        Some(Value::Number(_)) => "a number",
        Some(Value::String(_)) if message.starts_with("unknown variant ") => "another word",
        Some(Value::String(_)) => "a text",
        Some(Value::Array(_)) => "a list",
        Some(Value::Object(_)) => "keys and values",
    };
    format!("expected {expected}, found {found}")
}

/// Prefixes of serde messages about a wrong value; other messages may contain anything.
const VALUE_ERRORS: [&str; 5] =
    ["invalid type: ", "invalid value: ", "invalid length ", "unknown variant ", "unknown field "];
