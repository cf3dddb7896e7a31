//! Which values are not shown. Rule: a name that may be that of a secret is taken for one, unless what stands behind
//! it can be none.

use serde_json::{Value, json};

/// Parts of names that stand before secrets.
const SECRET_PARTS: [&str; 11] = [
    "token",
    "secret",
    "key",
    "passw",
    "passphrase",
    "credential",
    "authorization",
    "cookie",
    "private",
    "signature",
    "bearer",
];

/// The same, as whole words: as parts they stand in too many others.
const SECRET_WORDS: [&str; 4] = ["pin", "pass", "salt", "auth"];

/// Names under which somebody may have put anything at all.
const FREE_FORM: [&str; 3] = ["headers", "extra", "env"];

/// Settings of the server itself whose names say less than they seem to.
const OPEN: [&str; 4] = ["auth", "key", "public_key_file", "jwks_file"];

/// What is known of a value.
#[derive(Clone, Copy)]
pub(super) struct Hidden<'s> {
    /// The whole schema, for what refers to parts of it.
    root: Option<&'s Value>,
    schema: Option<&'s Value>,
    /// Of the server itself, whose secrets have types of their own.
    own: bool,
    /// Nothing of it is shown that may be secret.
    all: bool,
}

impl<'s> Hidden<'s> {
    pub const OWN: Hidden<'static> = Hidden { root: None, schema: None, own: true, all: false };
    pub const ALL: Hidden<'static> = Hidden { root: None, schema: None, own: false, all: true };

    /// By what a plugin says of its section.
    pub fn by(schema: &'s Value) -> Self {
        Self { root: Some(schema), own: false, all: false, schema: None }.with(Some(schema))
    }

    /// What stands under a key.
    pub fn below(self, key: &str) -> Self {
        let schema = self.schema.and_then(|schema| {
            let named = schema.get("properties").and_then(|all| all.get(key));
            named.or_else(|| schema.get("additionalProperties")).filter(|schema| schema.is_object())
        });
        self.with(schema).named(key)
    }

    /// What stands in a list.
    pub fn element(self) -> Self {
        self.with(self.schema.and_then(|schema| schema.get("items")).filter(|items| items.is_object()))
    }

    /// Under another part of the schema. Of what is put together from several it is not known which holds.
    fn with(self, schema: Option<&'s Value>) -> Self {
        let reference = schema.and_then(|schema| schema.get("$ref")).and_then(Value::as_str);
        let schema = match reference {
            Some(reference) => reference.strip_prefix('#').and_then(|place| self.root?.pointer(place)),
            None => schema,
        };
        let unclear = ["$ref", "anyOf", "oneOf", "allOf", "patternProperties", "if"];
        let marked = match schema {
            Some(schema) => is_marked(schema) || unclear.iter().any(|word| schema.get(*word).is_some()),
            None => reference.is_some(),
        };
        Self { schema, all: self.all || marked, ..self }
    }

    /// Under this name.
    pub fn named(self, key: &str) -> Self {
        let name = key.to_lowercase().replace('-', "_");
        let is_secret = SECRET_PARTS.iter().any(|part| name.contains(part))
            || name.split('_').any(|word| SECRET_WORDS.contains(&word));
        let is_secret = is_secret && !(self.own && OPEN.contains(&&*name));
        Self { all: self.all || is_secret || FREE_FORM.contains(&&*name), ..self }
    }

    /// The value as it is shown.
    pub fn show(self, value: &Value) -> Value {
        match value {
            Value::Null | Value::Bool(_) => value.clone(),
            Value::Array(list) => {
                let element = self.element();
                list.iter().map(|value| element.show(value)).collect()
            }
            Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), self.below(key).show(value))).collect(),
            // The server's own secrets are texts.
            Value::Number(_) if self.own || !self.all => value.clone(),
            // As secrets show themselves.
            Value::String(text) if text == "…" => set(),
            Value::String(text) if !self.all => address(text),
            Value::String(text) if text.is_empty() => value.clone(),
            Value::Number(_) | Value::String(_) => set(),
        }
    }
}

fn set() -> Value {
    json!("(set)")
}

/// A plugin says that this is to be written and not read.
fn is_marked(schema: &Value) -> bool {
    schema.get("writeOnly") == Some(&Value::Bool(true))
        || schema.get("format").is_some_and(|format| format == "password")
}

/// Of an address, where it is; any other text as it is.
fn address(text: &str) -> Value {
    if !text.contains("://") {
        return json!(text);
    }
    match modehost_ids::place(text) {
        Some(place) if place.len() == text.len() => json!(text),
        Some(place) => json!(format!("{place}/…")),
        None => set(),
    }
}
