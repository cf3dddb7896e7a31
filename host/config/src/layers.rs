//! Built-in settings < file < environment, as one value that knows where each part comes from.
//!
//! Rule: maps are laid over each other key by key, everything else replaces what was there; the
//! origin of a value is that of the last layer that said anything about it.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::environment::Override;
use crate::path;
use crate::problem::{Place, Problem, render_snippet};
use crate::tree::{Content, Mark, Node};

/// Where a value comes from.
#[derive(Clone, Debug)]
struct Origin {
    /// Of the key that it stands under.
    key: Place,
    value: Place,
    /// As it is written, for plain scalars.
    spelling: Option<String>,
}

/// All layers so far.
#[derive(Clone, Debug, Default)]
pub struct Layers {
    /// What they come to.
    pub value: Value,
    /// By JSON pointer.
    origins: BTreeMap<String, Origin>,
    /// Name and text of each layer that was a text, for snippets.
    texts: BTreeMap<String, String>,
}

impl Layers {
    /// Lays a parsed text over what is there.
    pub fn lay_text(&mut self, name: &str, text: &str, root: &Node) {
        self.texts.insert(name.to_owned(), text.to_owned());
        let mut value = std::mem::take(&mut self.value);
        self.lay(&mut value, "", root.mark, root, &(name, text));
        self.value = value;
    }

    fn lay(&mut self, target: &mut Value, pointer: &str, key: Mark, node: &Node, source: &(&str, &str)) {
        let place = |mark: Mark| Place::Text { name: source.0.to_owned(), line: mark.line, column: mark.column };
        let mut origin = Origin { key: place(key), value: place(node.mark), spelling: None };
        match &node.content {
            Content::Map(entries) => {
                if !target.is_object() {
                    self.forget(pointer);
                    *target = Value::Object(Map::new());
                }
                self.origins.insert(pointer.to_owned(), origin);
                let Value::Object(map) = target else { return };
                for entry in entries {
                    let below = map.entry(entry.key.clone()).or_insert(Value::Null);
                    self.lay(below, &path::join(pointer, &entry.key), entry.mark, &entry.node, source);
                }
            }
            Content::List(items) => {
                self.forget(pointer);
                self.origins.insert(pointer.to_owned(), origin);
                let mut list = vec![Value::Null; items.len()];
                for (index, item) in items.iter().enumerate() {
                    self.lay(&mut list[index], &path::join(pointer, &index.to_string()), item.mark, item, source);
                }
                *target = Value::Array(list);
            }
            Content::Scalar(scalar) => {
                self.forget(pointer);
                origin.spelling = node.spelling(source.1).map(str::to_owned);
                self.origins.insert(pointer.to_owned(), origin);
                *target = scalar.clone();
            }
        }
    }

    /// Sets the value at `pointer`. `false` where something other than a map stands in the way.
    pub fn lay_override(&mut self, pointer: &str, set: &Override) -> bool {
        let place = Place::Variable(set.variable.clone());
        let spelling = (!set.value.is_object() && !set.value.is_array()).then(|| set.spelling.clone());
        if !path::insert(&mut self.value, pointer, set.value.clone()) {
            return false;
        }
        self.forget(pointer);
        self.origins.insert(pointer.to_owned(), Origin { key: place.clone(), value: place, spelling });
        true
    }

    fn forget(&mut self, pointer: &str) {
        self.origins.remove(pointer);
        let below: Vec<String> = within(&self.origins, pointer).map(|(known, _)| known.clone()).collect();
        for known in below {
            self.origins.remove(&known);
        }
    }

    /// Where the value at `pointer` was said; none if it was not.
    pub fn place(&self, pointer: &str) -> Option<&Place> {
        if let Some(origin) = self.origins.get(pointer) {
            return Some(&origin.value);
        }
        // A variable may hold a whole section: what is in it has no place of its own. In a text, everything has.
        self.value.pointer(pointer)?;
        let mut above = pointer;
        while let Some((shorter, _)) = above.rsplit_once('/') {
            above = shorter;
            if let Some(origin) = self.origins.get(above) {
                return matches!(origin.value, Place::Variable(_)).then_some(&origin.value);
            }
        }
        None
    }

    /// True if the value at `pointer`, or anything in it, comes from another text than the one of this
    /// name, or from a variable.
    pub fn is_set_beside(&self, name: &str, pointer: &str) -> bool {
        self.below(pointer).any(|place| !is_in(place, name))
    }

    /// True if the value at `pointer`, or anything in it, comes from the text of this name.
    pub fn is_from(&self, name: &str, pointer: &str) -> bool {
        self.below(pointer).any(|place| is_in(place, name))
    }

    /// Pointers of all values, but for maps, that come from the text of this name: a map by itself says nothing.
    pub fn said_by<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let from = self.origins.iter().filter(move |(_, origin)| is_in(&origin.value, name));
        from.map(|(pointer, _)| pointer.as_str())
            .filter(|pointer| !self.value.pointer(pointer).is_some_and(Value::is_object))
    }

    /// The places of a value and of all that is in it.
    fn below(&self, pointer: &str) -> impl Iterator<Item = &Place> {
        let own = self.origins.get_key_value(pointer);
        own.into_iter().chain(within(&self.origins, pointer)).map(|(_, origin)| &origin.value)
    }

    /// As the value at `pointer` is written, if it is a plain scalar.
    pub fn spelling(&self, pointer: &str) -> Option<&str> {
        self.origins.get(pointer)?.spelling.as_deref()
    }

    /// A problem with the key at `pointer`.
    pub fn problem_with_key(&self, pointer: &str, message: impl Into<String>) -> Problem {
        self.problem(pointer, true, message.into())
    }

    /// A problem with the value at `pointer`, or with the deepest map above it that is written
    /// somewhere.
    pub fn problem_with_value(&self, pointer: &str, message: impl Into<String>) -> Problem {
        self.problem(pointer, false, message.into())
    }

    fn problem(&self, pointer: &str, at_key: bool, message: String) -> Problem {
        let setting = path::dotted(pointer, &self.value);
        let mut written = pointer;
        let origin = loop {
            match (self.origins.get(written), written.rsplit_once('/')) {
                (Some(origin), _) => break Some(origin),
                (None, Some((above, _))) => written = above,
                (None, None) => break None,
            }
        };
        // What is missing from a section is best shown at the section's name.
        let place = origin.map(|origin| if at_key || written != pointer { &origin.key } else { &origin.value });
        let place = place.cloned().unwrap_or_else(|| Place::Document("the configuration".to_owned()));
        let snippet = match &place {
            Place::Text { name, line, column } => {
                let step = path::steps(written).pop();
                let key = step.as_deref().map(path::shown);
                self.texts.get(name).and_then(|text| render_snippet(text, *line, *column, key))
            }
            _ => None,
        };
        Problem { place, setting, message, snippet }
    }
}

/// What is in the value at `pointer`: it stands together in the order of pointers, so that nobody has to look
/// through all of them for each.
fn within<'o>(origins: &'o BTreeMap<String, Origin>, pointer: &str) -> impl Iterator<Item = (&'o String, &'o Origin)> {
    let below = format!("{pointer}/");
    origins.range(below.clone()..).take_while(move |(known, _)| known.starts_with(&below))
}

fn is_in(place: &Place, text: &str) -> bool {
    matches!(place, Place::Text { name, .. } if name == text)
}
