//! Which values are hidden. Rule: a name that may be that of a secret is treated as one, unless its value cannot be a
//! secret.

use serde_json::{Value, json};

/// Substrings of names of secrets.
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

/// Whole words of names of secrets: as substrings they match too many others.
const SECRET_WORDS: [&str; 4] = ["pin", "pass", "salt", "auth"];

/// Names of free-form settings, which may contain anything.
const FREE_FORM: [&str; 3] = ["headers", "extra", "env"];

/// Settings of the server itself that match the lists above and are not secret.
const OPEN: [&str; 4] = ["auth", "key", "public_key_file", "jwks_file"];

/// Hiding rules for a value.
#[derive(Clone, Copy)]
pub(super) struct Redaction<'s> {
    /// The whole schema, for resolving `$ref`.
    root: Option<&'s Value>,
    schema: Option<&'s Value>,
    /// Belongs to the server itself, whose secrets have types of their own.
    own: bool,
    /// Hides every value that may be secret.
    all: bool,
}

impl<'s> Redaction<'s> {
    pub const OWN: Redaction<'static> = Redaction { root: None, schema: None, own: true, all: false };
    pub const ALL: Redaction<'static> = Redaction { root: None, schema: None, own: false, all: true };

    /// From a plugin's schema of its section.
    pub fn by(schema: &'s Value) -> Self {
        Self { root: Some(schema), own: false, all: false, schema: None }.with(Some(schema))
    }

    /// The rules for the value of a key.
    pub fn below(self, key: &str) -> Self {
        let schema = self.schema.and_then(|schema| {
            let named = schema.get("properties").and_then(|all| all.get(key));
            named.or_else(|| schema.get("additionalProperties")).filter(|schema| schema.is_object())
        });
        self.with(schema).named(key)
    }

    /// The rules for elements of a list.
    pub fn element(self) -> Self {
        self.with(self.schema.and_then(|schema| schema.get("items")).filter(|items| items.is_object()))
    }

    /// The rules under a subschema. If it combines several schemas, it is unknown which applies, so values are hidden.
    fn with(self, schema: Option<&'s Value>) -> Self {
        let reference = schema.and_then(|schema| schema.get("$ref")).and_then(Value::as_str);
        let schema = match reference {
            Some(reference) => reference.strip_prefix('#').and_then(|pointer| self.root?.pointer(pointer)),
            None => schema,
        };
        let unclear = ["$ref", "anyOf", "oneOf", "allOf", "patternProperties", "if"];
        let marked = match schema {
            Some(schema) => is_marked(schema) || unclear.iter().any(|word| schema.get(*word).is_some()),
            None => reference.is_some(),
        };
        Self { schema, all: self.all || marked, ..self }
    }

    /// The rules under this name.
    pub fn named(self, key: &str) -> Self {
        let name = key.to_lowercase().replace('-', "_");
        let is_secret = SECRET_PARTS.iter().any(|part| name.contains(part))
            || name.split('_').any(|word| SECRET_WORDS.contains(&word));
        let is_secret = is_secret && !(self.own && OPEN.contains(&&*name));
        Self { all: self.all || is_secret || FREE_FORM.contains(&&*name), ..self }
    }

    /// The value as it is shown.
    pub fn apply(self, value: &Value) -> Value {
        match value {
            Value::Null | Value::Bool(_) => value.clone(),
            Value::Array(list) => {
                let element = self.element();
                list.iter().map(|value| element.apply(value)).collect()
            }
            Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), self.below(key).apply(value))).collect(),
            // The server's own secrets are strings.
            Value::Number(_) if self.own || !self.all => value.clone(),
            // Secret types serialise as this.
            Value::String(text) if text == "…" => redacted(),
            Value::String(text) if !self.all => url_origin(text),
            Value::String(text) if text.is_empty() => value.clone(),
            Value::Number(_) | Value::String(_) => redacted(),
        }
    }
}

/// Whether a value that is shown stands for a hidden one.
pub(super) fn is_hidden(shown: &Value) -> bool {
    *shown == redacted()
}

/// Whether a text is no URL, or one that holds no secret: its path has words and versions only, such as `/api/v1`.
pub(super) fn is_plain_url(text: &str) -> bool {
    if !text.contains("://") {
        return true;
    }
    let Some(origin) = modehost_ids::origin(text) else { return false };
    let is_version = |word: &str| word.len() <= 4 && word.starts_with('v');
    let is_word = |word: &str| word.chars().all(|one| one.is_ascii_lowercase() || "-_".contains(one));
    text[origin.len()..].split('/').all(|word| is_word(word) || is_version(word))
}

fn redacted() -> Value {
    json!("(set)")
}

/// Whether the plugin's schema marks the value as write-only or a password.
fn is_marked(schema: &Value) -> bool {
    schema.get("writeOnly") == Some(&Value::Bool(true))
        || schema.get("format").is_some_and(|format| format == "password")
}

/// Only the origin of a URL; other text unchanged.
fn url_origin(text: &str) -> Value {
    if !text.contains("://") {
        return json!(text);
    }
    match modehost_ids::origin(text) {
        Some(origin) if origin.len() == text.len() => json!(text),
        Some(origin) => json!(format!("{origin}/…")),
        None => redacted(),
    }
}
