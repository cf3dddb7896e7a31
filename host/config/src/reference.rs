//! The schema of a document as a commented YAML page.
//!
//! Rule: every key appears once, with its description, what it takes and its default, as the
//! schema has them; nothing is written by hand.

use serde_json::Value;

/// Renders `schema`, a JSON Schema with `$defs`, as YAML in which everything is commented out.
pub fn render_reference(schema: &Value) -> String {
    let mut page = String::from("# Every setting with its default. Remove the `#` in front of what you change.\n");
    render(schema, schema, 0, &mut page);
    page
}

fn render(root: &Value, schema: &Value, depth: usize, page: &mut String) {
    let Some(properties) = resolve(root, schema).get("properties").and_then(Value::as_object) else { return };
    for (key, property) in properties {
        let target = resolve(root, property);
        let blank = "  ".repeat(depth);
        if depth == 0 {
            page.push('\n');
        }
        let words = [property, target].into_iter().find_map(|schema| schema.get("description")?.as_str());
        for line in words.unwrap_or_default().lines() {
            page.push_str(format!("{blank}# {line}").trim_end());
            page.push('\n');
        }
        if let Some(choice) = choices(root, property) {
            page.push_str(&format!("{blank}# One of: {choice}\n"));
        }
        let below = target.get("properties").is_some();
        let default = property.get("default").filter(|default| !default.is_null());
        match default {
            _ if below => page.push_str(&format!("{blank}# {key}:\n")),
            Some(default) => page.push_str(&format!("{blank}# {key}: {default}\n")),
            None => page.push_str(&format!("{blank}# {key}:\n")),
        }
        render(root, property, depth + 1, page);
    }
}

/// The schema behind references, and behind "this or nothing".
fn resolve<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    if let Some(target) =
        schema.get("$ref").and_then(Value::as_str).and_then(|text| root.pointer(text.strip_prefix('#')?))
    {
        return resolve(root, target);
    }
    let branches = ["anyOf", "allOf"].iter().find_map(|word| schema.get(word)?.as_array());
    let some = branches
        .and_then(|branches| branches.iter().find(|branch| branch.get("type").is_none_or(|kind| kind != "null")));
    some.map_or(schema, |some| resolve(root, some))
}

fn choices(root: &Value, schema: &Value) -> Option<String> {
    let schema = resolve(root, schema);
    let listed = schema.get("enum").and_then(Value::as_array).cloned();
    let branches = schema.get("oneOf").and_then(Value::as_array);
    let words =
        listed.or_else(|| Some(branches?.iter().filter_map(|branch| branch.get("const").cloned()).collect()))?;
    let words: Vec<&str> = words.iter().filter_map(Value::as_str).collect();
    (!words.is_empty()).then(|| words.join(", "))
}
