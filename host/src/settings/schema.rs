//! Schema and reference of the settings, for editors and people. Rule: a default that is shown is the one in force,
//! from the built-in document, which may set what no code does.

use std::collections::BTreeMap;

use modehost_config::{Reference, Source, render_reference};
use serde_json::Value;

use super::{BUILT_IN, COLD, Settings, load, remote_allowlist};

/// The JSON Schema of the document, pretty-printed. Sections of plugins are left open, since only plugins know their
/// schemas.
pub fn schema() -> String {
    let mut text = serde_json::to_string_pretty(&open_schema()).unwrap_or_default();
    text.push('\n');
    text
}

/// The same with the sections of these plugins: schemas by their names.
pub fn with_sections(sections: BTreeMap<String, Value>) -> String {
    let mut schema = open_schema();
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        for (name, section) in sections {
            properties.entry(name).or_insert(section);
        }
    }
    schema.to_string()
}

fn open_schema() -> Value {
    let mut schema = full_schema();
    if let Some(object) = schema.as_object_mut() {
        let description = "A section of the plugin of this name, checked against the schema that it declares.";
        object.insert(
            "additionalProperties".to_owned(),
            serde_json::json!({ "type": "object", "description": description }),
        );
    }
    schema
}

/// Every setting as a Markdown table, followed by the sections of plugins: names and schemas, in order.
pub fn reference(sections: &[(String, Value)]) -> String {
    render_reference(&full_schema(), &Reference { cold: COLD, sections })
}

fn full_schema() -> Value {
    let mut schema = schemars::schema_for!(Settings).to_value();
    remote_allowlist::REMOTE_ALLOWLIST.annotate(&mut schema);
    let built_in = Source { embedded: BUILT_IN, file: None, overrides: Vec::new() };
    let in_force = load(&built_in).ok().and_then(|loaded| serde_json::to_value(&loaded.document).ok());
    set_defaults(&mut schema, "", &in_force.unwrap_or_default());
    schema
}

/// Sets the default of each setting in the object schema at the JSON pointer `at` to its member of `value`.
fn set_defaults(root: &mut Value, at: &str, value: &Value) {
    let reference = root.pointer(at).and_then(|schema| schema.get("$ref")?.as_str()?.strip_prefix('#'));
    let at = reference.map_or_else(|| at.to_owned(), str::to_owned);
    let keys = root.pointer(&at).and_then(|schema| Some(schema.get("properties")?.as_object()?.keys().cloned()));
    let keys: Vec<String> = keys.into_iter().flatten().collect();
    for (key, value) in keys.iter().filter_map(|key| Some((key, value.get(key)?))) {
        let pointer = format!("{at}/properties/{key}");
        if let Some(default) = root.pointer_mut(&pointer).and_then(|schema| schema.get_mut("default")) {
            *default = value.clone();
        }
        set_defaults(root, &pointer, value);
    }
}
