//! The settings as editors and people read of them. Rule: a default that is shown is the one in force: what the
//! built-in document says, which may name what no code does.

use modehost_config::{Reference, Source, render_reference};
use serde_json::Value;

use super::{BUILT_IN, COLD, Settings, afar, load};

/// The JSON Schema of the document, pretty-printed. Sections of plugins are left open, since only
/// a plugin knows its own.
pub fn schema() -> String {
    let mut schema = described();
    if let Some(object) = schema.as_object_mut() {
        let words = "A section of the plugin of this name, checked against the schema that it declares.";
        object.insert("additionalProperties".to_owned(), serde_json::json!({ "type": "object", "description": words }));
    }
    let mut text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    text.push('\n');
    text
}

/// Every setting as a table in Markdown, with those of plugins: their names and schemas, in order.
pub fn reference(sections: &[(String, Value)]) -> String {
    render_reference(&described(), &Reference { cold: COLD, sections })
}

fn described() -> Value {
    let mut schema = schemars::schema_for!(Settings).to_value();
    afar::AFAR.mark(&mut schema);
    let built_in = Source { embedded: BUILT_IN, file: None, overrides: Vec::new() };
    let in_force = load(&built_in).ok().and_then(|loaded| serde_json::to_value(&loaded.document).ok());
    put_defaults(&mut schema, "", &in_force.unwrap_or_default());
    schema
}

/// Gives each setting of the object schema at the JSON pointer `at` the default that `value` has for it.
fn put_defaults(root: &mut Value, at: &str, value: &Value) {
    let reference = root.pointer(at).and_then(|schema| schema.get("$ref")?.as_str()?.strip_prefix('#'));
    let at = reference.map_or_else(|| at.to_owned(), str::to_owned);
    let keys = root.pointer(&at).and_then(|schema| Some(schema.get("properties")?.as_object()?.keys().cloned()));
    let keys: Vec<String> = keys.into_iter().flatten().collect();
    for (key, value) in keys.iter().filter_map(|key| Some((key, value.get(key)?))) {
        let place = format!("{at}/properties/{key}");
        if let Some(default) = root.pointer_mut(&place).and_then(|schema| schema.get_mut("default")) {
            *default = value.clone();
        }
        put_defaults(root, &place, value);
    }
}
