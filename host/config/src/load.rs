//! Loads a document: layers, form, types, rules.
//!
//! Rule: a [`Loaded`] is good as a whole; anything wrong gives [`Problems`], as many at once as can
//! be told apart, and no document.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::limits;
use garde::Validate;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::conform::{Schema, conform};
use crate::environment::Override;
use crate::layers::Layers;
use crate::path;
use crate::problem::{Place, Problem, Problems, suggest};
use crate::tree;

/// What can be a document: a type whose every section has defaults and refuses unknown keys.
pub trait Document: DeserializeOwned + Validate<Context = ()> + JsonSchema {}

impl<T: DeserializeOwned + Validate<Context = ()> + JsonSchema> Document for T {}

/// Where a document comes from.
#[derive(Clone, Debug)]
pub struct Source {
    /// Name and text of the settings that are built in.
    pub embedded: (&'static str, &'static str),
    /// The file laid over them; none: the built-in settings alone.
    pub file: Option<PathBuf>,
    /// Laid over both.
    pub overrides: Vec<Override>,
}

/// A text that is laid over the file.
pub(crate) struct Further<'a> {
    pub name: &'a str,
    pub text: &'a str,
    /// Finds what it may not say.
    pub judge: &'a dyn Fn(&Layers, Schema<'_>) -> Vec<Problem>,
}

/// A section that is not one of the document's own.
#[derive(Clone, Debug, PartialEq)]
pub struct Section {
    /// Its top-level key.
    pub name: String,
    /// What stands below it, after all layers; not checked here.
    pub value: Value,
}

/// A good document.
#[derive(Clone, Debug)]
pub struct Loaded<T> {
    /// The document's own sections.
    pub document: T,
    /// Top-level sections that the document's type does not have, by name.
    pub sections: BTreeMap<String, Section>,
    /// Top-level sections that it has.
    own: Vec<String>,
    layers: Layers,
    /// The document's own sections after conforming.
    value: Value,
    /// Name of the text of the built-in settings.
    embedded: &'static str,
}

/// Broken rules told at once; each one more costs a look through the text for its line.
const RULE_ERRORS: usize = 100;
/// Type errors told at once; each one more costs another pass.
const TYPE_ERRORS: usize = 20;

impl Source {
    /// Reads the file and loads the document.
    ///
    /// # Errors
    /// Everything that is wrong; a file that cannot be read is one problem.
    pub fn load<T: Document>(&self) -> Result<Loaded<T>, Problems> {
        self.load_with(None)
    }

    /// As [`load`](Self::load), with a further text laid over the file.
    ///
    /// # Errors
    /// As [`load`](Self::load), and what the text may not say: then nothing else is looked at.
    pub(crate) fn load_with<T: Document>(&self, further: Option<&Further<'_>>) -> Result<Loaded<T>, Problems> {
        let Some(file) = &self.file else { return self.load_layers(None, further) };
        let name = file.display().to_string();
        let problem = |message: String| Problem {
            place: Place::Document(name.clone()),
            setting: String::new(),
            message,
            snippet: None,
        };
        let text = modehost_follow::read_text(file, limits::CONFIG_BYTES).map_err(|error| {
            problem(format!("cannot be read: {error}; give the path of a configuration file that exists"))
        })?;
        self.load_layers(Some((&name, &text)), further)
    }

    /// Loads the document with `text` in place of the file.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn load_text<T: Document>(&self, name: &str, text: &str) -> Result<Loaded<T>, Problems> {
        self.load_layers(Some((name, text)), None)
    }

    fn load_layers<T: Document>(
        &self,
        file: Option<(&str, &str)>,
        further: Option<&Further<'_>>,
    ) -> Result<Loaded<T>, Problems> {
        let schema = schemars::schema_for!(T).to_value();
        let schema = Schema::new(&schema);
        let mut layers = Layers::default();
        let texts = further.map(|further| (further.name, further.text));
        for (name, text) in std::iter::once(self.embedded).chain(file).chain(texts) {
            layers.lay_text(name, text, &tree::parse(name, text)?);
        }
        // Before a variable hides what it says, and before anything is made of it: rules of settings may open files.
        let refused = further.map(|further| (further.judge)(&layers, schema)).unwrap_or_default();
        if !refused.is_empty() {
            return Err(Problems::sorted(refused));
        }
        let mut problems = Vec::new();
        for set in &self.overrides {
            match target(&layers.value, schema, set) {
                Ok(pointer) if layers.lay_override(&pointer, set) => {}
                Ok(_) => problems.push(in_variable(set, "a key above this one is no map".to_owned())),
                Err(message) => problems.push(in_variable(set, message)),
            }
        }
        let (mut value, sections) = split(&layers.value, schema);
        conform(&layers, schema, &mut value, "", &mut problems);
        let document = build(&layers, value.clone(), &mut problems);
        match document {
            Some(document) if problems.is_empty() => {
                let own = schema.keys().into_iter().map(str::to_owned).collect();
                Ok(Loaded { document, sections, own, layers, value, embedded: self.embedded.0 })
            }
            _ => Err(Problems::sorted(problems)),
        }
    }
}

impl<T: Document> Loaded<T> {
    /// The document's own settings as a value, with everything that any layer said.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// True if anything but the built-in settings says something about the value at a JSON pointer.
    pub fn is_set(&self, pointer: &str) -> bool {
        self.layers.is_set_beside(self.embedded, pointer)
    }

    /// Where the value at a JSON pointer into the whole document was said; none if nothing but the built-in settings,
    /// or nobody, says it.
    pub fn place(&self, pointer: &str) -> Option<&Place> {
        let embedded = |place: &&Place| matches!(place, Place::Text { name, .. } if name == self.embedded);
        self.layers.place(pointer).filter(|place| !embedded(place))
    }

    /// True if the text of this name says something about the value at a JSON pointer.
    pub fn is_from(&self, name: &str, pointer: &str) -> bool {
        self.layers.is_from(name, pointer)
    }

    /// A problem with the value at a JSON pointer into the whole document, at its line, or at the
    /// deepest key above it that is written somewhere.
    pub fn problem_with_value(&self, pointer: &str, message: impl Into<String>) -> Problem {
        self.layers.problem_with_value(pointer, message)
    }

    /// As [`problem_with_value`](Self::problem_with_value), at the key itself.
    pub fn problem_with_key(&self, pointer: &str, message: impl Into<String>) -> Problem {
        self.layers.problem_with_key(pointer, message)
    }

    /// A problem for each section that is neither the document's own nor in `owned`.
    pub fn unknown_sections(&self, owned: &[&str]) -> Vec<Problem> {
        let mut known: Vec<&str> = self.own.iter().map(String::as_str).chain(owned.iter().copied()).collect();
        known.sort_unstable();
        let unknown = self.sections.keys().filter(|name| !owned.contains(&name.as_str()));
        let problem = |name: &String| {
            let message = format!("unknown section `{}`{}", path::shown(name), suggest(name, &known, "sections"));
            Problem { setting: String::new(), ..self.problem_with_key(&path::join("", name), message) }
        };
        // Each costs a look through the text for its line, and the rest is told when these have been mended.
        unknown.take(RULE_ERRORS).map(problem).collect()
    }

    /// Puts the values that `previous` has at the pointers in `cold` back, for settings that only a
    /// restart can change. Gives the paths, with dots, of those that differed.
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
        // Both documents were good, and what is put back was good beside the rest of the old one;
        // if a rule across settings objects to the mixture, the new document stands as it is.
        if !changed.is_empty()
            && let Some(document) = build(&self.layers, value.clone(), &mut Vec::new())
        {
            (self.document, self.value) = (document, value);
        }
        changed
    }
}

fn in_variable(set: &Override, message: String) -> Problem {
    Problem { place: Place::Variable(set.variable.clone()), setting: String::new(), message, snippet: None }
}

/// The pointer that a variable means, or what is wrong with it.
fn target(value: &Value, schema: Schema<'_>, set: &Override) -> Result<String, String> {
    let (mut pointer, mut here, mut below) = (String::new(), Some(value), Some(schema));
    for (depth, step) in set.steps.iter().enumerate() {
        let same = |key: &&str| key.to_lowercase().replace('-', "_") == *step;
        let listed = below.map(|schema| schema.keys()).unwrap_or_default();
        let present = here.and_then(Value::as_object).into_iter().flat_map(|map| map.keys().map(String::as_str));
        let key = listed.iter().copied().find(same).or_else(|| present.into_iter().find(same)).unwrap_or(step);
        // A section that the document does not know may be a plugin's: the caller decides.
        let foreign = depth == 0 && !listed.contains(&key);
        let next = below.and_then(|schema| schema.key(key));
        if step.is_empty() || (next.is_none() && below.is_some() && !foreign) {
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

/// The document's own sections, and the others.
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

/// Types, then rules. Takes values of the wrong type out and goes on, to tell several at once.
fn build<T: Document>(layers: &Layers, mut value: Value, problems: &mut Vec<Problem>) -> Option<T> {
    for _ in 0..TYPE_ERRORS {
        let error = match serde_path_to_error::deserialize::<_, T>(value.clone()) {
            Ok(document) => {
                if let Err(report) = document.validate() {
                    // The rest is told when these have been mended: a list of ten thousand is for nobody.
                    for (place, error) in report.iter().take(RULE_ERRORS) {
                        let pointer = path::from_dotted(&place.to_string(), &value);
                        problems.push(layers.problem_with_value(&pointer, error.message()));
                    }
                }
                return problems.is_empty().then_some(document);
            }
            Err(error) => error,
        };
        let pointer = pointer_of(error.path());
        let found = value.pointer(&pointer).cloned();
        let mut problem = layers.problem_with_value(&pointer, plain_words(found.as_ref(), &error.inner().to_string()));
        if matches!(problem.place, Place::Variable(_)) && found.as_ref().is_some_and(Value::is_string) {
            problem.message.push_str("; lists and maps are written as JSON in a variable");
        }
        problems.push(problem);
        // Items of a list cannot be taken out one by one; the whole list goes.
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

/// The sentence of serde without names of Rust types, and with the kind of what was found in place of its value.
fn plain_words(value: Option<&Value>, message: &str) -> String {
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
    // Names of fields are those of our types.
    if message.starts_with("missing field ") || message.starts_with("duplicate field ") {
        return message.to_owned();
    }
    // What is expected are words of ours, and stands behind whatever was found.
    let expected = message.rsplit_once(", expected ").map(|(_, expected)| expected);
    let Some(expected) = expected.filter(|_| OF_A_VALUE.iter().any(|start| message.starts_with(start))) else {
        return "is not of a form that is known here".to_owned();
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

/// How serde begins where a value is wrong; anything else may repeat what it pleases.
const OF_A_VALUE: [&str; 5] =
    ["invalid type: ", "invalid value: ", "invalid length ", "unknown variant ", "unknown field "];
