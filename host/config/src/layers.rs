//! Layers of the configuration: built-in settings < file < environment, merged into one value with its origins.
//!
//! Rule: maps are merged key by key, everything else replaces the earlier value; the origin of a value is the last
//! layer that set it.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::diagnostic::{Diagnostic, Location, render_snippet};
use crate::environment::Override;
use crate::path;
use crate::tree::{Content, Node, Position};

/// Where a value comes from.
#[derive(Clone, Debug)]
struct Origin {
    /// Location of the key.
    key: Location,
    value: Location,
    /// The scalar as it is written in the text, for plain scalars.
    spelling: Option<String>,
}

/// The merged layers so far.
#[derive(Clone, Debug, Default)]
pub struct Layers {
    /// The merged value.
    pub value: Value,
    /// By JSON pointer.
    origins: BTreeMap<String, Origin>,
    /// Name and text of each layer that is a text, for snippets.
    texts: BTreeMap<String, String>,
}

impl Layers {
    /// Merges a parsed text over the earlier layers.
    pub fn overlay_text(&mut self, name: &str, text: &str, root: &Node) {
        self.texts.insert(name.to_owned(), text.to_owned());
        let mut value = std::mem::take(&mut self.value);
        self.overlay(&mut value, "", root.position, root, &(name, text));
        self.value = value;
    }

    fn overlay(&mut self, target: &mut Value, pointer: &str, key: Position, node: &Node, source: &(&str, &str)) {
        let place = |position: Position| Location::Text {
            name: source.0.to_owned(),
            line: position.line,
            column: position.column,
        };
        let mut origin = Origin { key: place(key), value: place(node.position), spelling: None };
        match &node.content {
            Content::Map(entries) => {
                if !target.is_object() {
                    self.remove_origins(pointer);
                    *target = Value::Object(Map::new());
                }
                self.origins.insert(pointer.to_owned(), origin);
                let Value::Object(map) = target else { return };
                for entry in entries {
                    let child = map.entry(entry.key.clone()).or_insert(Value::Null);
                    self.overlay(child, &path::join(pointer, &entry.key), entry.position, &entry.node, source);
                }
            }
            Content::List(items) => {
                self.remove_origins(pointer);
                self.origins.insert(pointer.to_owned(), origin);
                let mut list = vec![Value::Null; items.len()];
                for (index, item) in items.iter().enumerate() {
                    self.overlay(
                        &mut list[index],
                        &path::join(pointer, &index.to_string()),
                        item.position,
                        item,
                        source,
                    );
                }
                *target = Value::Array(list);
            }
            Content::Scalar(scalar) => {
                self.remove_origins(pointer);
                origin.spelling = node.spelling(source.1).map(str::to_owned);
                self.origins.insert(pointer.to_owned(), origin);
                *target = scalar.clone();
            }
        }
    }

    /// Sets the value at `pointer` from a variable. `false` where a parent is not a map.
    pub fn overlay_variable(&mut self, pointer: &str, set: &Override) -> bool {
        let place = Location::Variable(set.variable.clone());
        let spelling = (!set.value.is_object() && !set.value.is_array()).then(|| set.spelling.clone());
        if !path::insert(&mut self.value, pointer, set.value.clone()) {
            return false;
        }
        self.remove_origins(pointer);
        self.origins.insert(pointer.to_owned(), Origin { key: place.clone(), value: place, spelling });
        true
    }

    fn remove_origins(&mut self, pointer: &str) {
        self.origins.remove(pointer);
        let stale: Vec<String> = descendants(&self.origins, pointer).map(|(known, _)| known.clone()).collect();
        for known in stale {
            self.origins.remove(&known);
        }
    }

    /// Location of the value at `pointer`; none if it is not set.
    pub fn location(&self, pointer: &str) -> Option<&Location> {
        if let Some(origin) = self.origins.get(pointer) {
            return Some(&origin.value);
        }
        // A variable may contain a whole section, whose members have no location of their own. In a text, everything
        // has one.
        self.value.pointer(pointer)?;
        let mut above = pointer;
        while let Some((shorter, _)) = above.rsplit_once('/') {
            above = shorter;
            if let Some(origin) = self.origins.get(above) {
                return matches!(origin.value, Location::Variable(_)).then_some(&origin.value);
            }
        }
        None
    }

    /// Whether the value at `pointer`, or anything in it, comes from another text than the one of this name, or from a
    /// variable.
    pub fn is_set_outside(&self, name: &str, pointer: &str) -> bool {
        self.locations(pointer).any(|place| !is_in(place, name))
    }

    /// Whether the value at `pointer`, or anything in it, comes from the text of this name.
    pub fn is_from(&self, name: &str, pointer: &str) -> bool {
        self.locations(pointer).any(|place| is_in(place, name))
    }

    /// Pointers of all values set by the text of this name, except maps: a map alone sets nothing.
    pub fn pointers_set_by<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let from = self.origins.iter().filter(move |(_, origin)| is_in(&origin.value, name));
        from.map(|(pointer, _)| pointer.as_str())
            .filter(|pointer| !self.value.pointer(pointer).is_some_and(Value::is_object))
    }

    /// Locations of a value and of everything in it.
    fn locations(&self, pointer: &str) -> impl Iterator<Item = &Location> {
        let own = self.origins.get_key_value(pointer);
        own.into_iter().chain(descendants(&self.origins, pointer)).map(|(_, origin)| &origin.value)
    }

    /// The value at `pointer` as it is written, if it is a plain scalar.
    pub fn spelling(&self, pointer: &str) -> Option<&str> {
        self.origins.get(pointer)?.spelling.as_deref()
    }

    /// A diagnostic for the key at `pointer`.
    pub fn diagnostic_at_key(&self, pointer: &str, message: impl Into<String>) -> Diagnostic {
        self.diagnostic(pointer, true, message.into())
    }

    /// A diagnostic for the value at `pointer`, or for its closest ancestor that is written in a layer.
    pub fn diagnostic_at_value(&self, pointer: &str, message: impl Into<String>) -> Diagnostic {
        self.diagnostic(pointer, false, message.into())
    }

    fn diagnostic(&self, pointer: &str, at_key: bool, message: String) -> Diagnostic {
        let setting = path::dotted(pointer, &self.value);
        let mut ancestor = pointer;
        let origin = loop {
            match (self.origins.get(ancestor), ancestor.rsplit_once('/')) {
                (Some(origin), _) => break Some(origin),
                (None, Some((above, _))) => ancestor = above,
                (None, None) => break None,
            }
        };
        // A missing member is shown at the name of its section.
        let place = origin.map(|origin| if at_key || ancestor != pointer { &origin.key } else { &origin.value });
        let place = place.cloned().unwrap_or_else(|| Location::Document("the configuration".to_owned()));
        let snippet = match &place {
            Location::Text { name, line, column } => {
                let step = path::steps(ancestor).pop();
                let key = step.as_deref().map(path::shown);
                self.texts.get(name).and_then(|text| render_snippet(text, *line, *column, key))
            }
            _ => None,
        };
        Diagnostic { location: place, setting, message, snippet }
    }
}

/// Everything in the value at `pointer`. The pointers are adjacent in the sorted map, so that no lookup scans all of
/// them.
fn descendants<'o>(
    origins: &'o BTreeMap<String, Origin>,
    pointer: &str,
) -> impl Iterator<Item = (&'o String, &'o Origin)> {
    let prefix = format!("{pointer}/");
    origins.range(prefix.clone()..).take_while(move |(known, _)| known.starts_with(&prefix))
}

fn is_in(place: &Location, text: &str) -> bool {
    matches!(place, Location::Text { name, .. } if name == text)
}
