//! Renders the schema of a document as a Markdown table.
//!
//! Rule: every setting appears once, with its type, default, the time at which a change takes effect, and its
//! description, all from the schema; nothing is written by hand.

use std::fmt::Write;

use serde_json::Value;

use crate::remote_policy::SOURCE_KEY;

/// Maximum depth, which ends recursive schemas.
const DEPTH: usize = 12;

/// Further input of the rendering.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reference<'a> {
    /// JSON pointers of settings that need a restart.
    pub cold: &'a [&'a str],
    /// Sections of plugins: their names and schemas, in order.
    pub sections: &'a [(String, Value)],
}

/// Renders `schema`, a JSON Schema with `$defs`, as Markdown.
pub fn render_reference(schema: &Value, options: &Reference<'_>) -> String {
    let mut page = String::from(HEAD);
    for (name, section) in members(schema, schema) {
        let mut table = Table { root: schema, cold: options.cold, rows: String::new() };
        table.add(section, name, &format!("/{name}"), DEPTH);
        table.close(name, description(schema, section), &mut page);
    }
    for (name, schema) in options.sections {
        let mut table = Table { root: schema, cold: &[], rows: String::new() };
        for (key, below) in members(schema, schema) {
            table.add(below, &format!("{name}.{key}"), "", DEPTH);
        }
        table.close(name, &format!("Section of the plugin `{name}`."), &mut page);
    }
    page
}

const HEAD: &str = "\
# Settings

Every setting of the server and of the plugins that come with it. Made from the schemas; do not edit.
`modehost.yaml` beside this file says the same in the form of a file. In paths, `<name>` stands for a
name of choice and `[]` for each element of a list; a column of `hot` means that a change of the file
takes effect while the server runs. The column `from` says what may come from the address in
`config.remote` as well: `any` may, `file` stays in the file and in the environment, and a name of a
setting means that the file must have that as true.
";

struct Table<'a> {
    root: &'a Value,
    cold: &'a [&'a str],
    rows: String,
}

impl Table<'_> {
    /// Adds the rows of the setting at `path`.
    fn add(&mut self, schema: &Value, path: &str, pointer: &str, depth: usize) {
        let Some(depth) = depth.checked_sub(1) else { return };
        let target = resolve(self.root, schema);
        let own: Vec<(&String, &Value)> = members(self.root, target).collect();
        if !own.is_empty() {
            for (key, below) in own {
                self.add(below, &format!("{path}.{key}"), &format!("{pointer}/{key}"), depth);
            }
            return;
        }
        self.row(schema, target, path, pointer);
        let element = target.get("items").map(|items| (items, format!("{path}[]")));
        let named = target.get("additionalProperties").map(|named| (named, format!("{path}.<name>")));
        for (below, path) in element.into_iter().chain(named) {
            // Plain elements are described in the row of their container.
            if has_members(self.root, below, DEPTH) {
                self.add(below, &path, pointer, depth);
            }
        }
    }

    fn row(&mut self, schema: &Value, target: &Value, path: &str, pointer: &str) {
        let when = if is_cold(self.cold, pointer) { "restart" } else { "hot" };
        let from = match schema.get(SOURCE_KEY).and_then(Value::as_str) {
            Some("file") => "file".to_owned(),
            Some(switch) => code(switch),
            None => "any".to_owned(),
        };
        let default = match schema.get("default") {
            None | Some(Value::Null) => String::new(),
            Some(default) => code(&default.to_string()),
        };
        let (type_of, description) = (type_of(self.root, target), description(self.root, schema));
        // Writing to a string does not fail.
        let _ = writeln!(
            self.rows,
            "| `{path}` | {} | {default} | {when} | {from} | {} |",
            cell(&type_of),
            cell(description)
        );
    }

    fn close(self, name: &str, description: &str, page: &mut String) {
        let _ = write!(page, "\n## {name}\n\n{}\n", description.trim());
        if !self.rows.is_empty() {
            page.push_str("\n| setting | takes | default | when | from | |\n|---|---|---|---|---|---|\n");
            page.push_str(&self.rows);
        }
    }
}

fn is_cold(cold: &[&str], pointer: &str) -> bool {
    let below = |cold: &&str| pointer.strip_prefix(*cold).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    cold.iter().any(below)
}

/// The type of a value, in a few words.
fn type_of(root: &Value, target: &Value) -> String {
    if let Some(choice) = choices(target) {
        return choice;
    }
    let mut kinds: Vec<&str> = match target.get("type") {
        Some(Value::String(kind)) => vec![kind],
        Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => vec!["any"],
    };
    let or_null = kinds.len() > 1 && kinds.contains(&"null");
    kinds.retain(|kind| *kind != "null" || !or_null);
    let mut text = kinds.iter().map(|kind| type_name(root, target, kind)).collect::<Vec<_>>().join(" or ");
    let bound = |key: &str| target.get(key).filter(|bound| bound.is_number());
    // The bounds of an integer type are no bounds of the setting.
    match (bound("minimum"), bound("maximum")) {
        (Some(least), Some(most)) => text.push_str(&format!(", {least} to {most}")),
        (Some(least), None) if least.as_u64() != Some(0) => text.push_str(&format!(", {least} or more")),
        (None, Some(most)) => text.push_str(&format!(", at most {most}")),
        _ => {}
    }
    text
}

fn type_name(root: &Value, target: &Value, kind: &str) -> String {
    let inner = |key: &str| {
        let below = resolve(root, target.get(key)?);
        (below.is_object() && !has_members(root, below, DEPTH)).then(|| type_of(root, below))
    };
    match kind {
        "string" => "text".to_owned(),
        "integer" => "whole number".to_owned(),
        "boolean" => "true or false".to_owned(),
        "array" => inner("items").map_or_else(|| "list".to_owned(), |inner| format!("list of: {inner}")),
        "object" => inner("additionalProperties").map_or_else(|| "map".to_owned(), |inner| format!("map to: {inner}")),
        other => other.to_owned(),
    }
}

/// The members of a schema, those of all branches where there are several.
fn members<'a>(root: &'a Value, schema: &'a Value) -> impl Iterator<Item = (&'a String, &'a Value)> {
    let target = resolve(root, schema);
    let branches = target.get("oneOf").and_then(Value::as_array).into_iter().flatten();
    std::iter::once(target)
        .chain(branches.map(|branch| resolve(root, branch)))
        .filter_map(|schema| schema.get("properties")?.as_object())
        .flatten()
}

/// Whether the schema has named members at any depth.
fn has_members(root: &Value, schema: &Value, depth: usize) -> bool {
    let Some(depth) = depth.checked_sub(1) else { return false };
    let target = resolve(root, schema);
    let below = ["items", "additionalProperties"].into_iter().filter_map(|key| target.get(key));
    members(root, target).next().is_some() || below.into_iter().any(|below| has_members(root, below, depth))
}

/// Resolves references, and the non-null branch of an optional value.
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

/// The description of a setting, otherwise that of its type.
fn description<'a>(root: &'a Value, schema: &'a Value) -> &'a str {
    let found = [schema, resolve(root, schema)].into_iter().find_map(|schema| schema.get("description")?.as_str());
    found.unwrap_or_default()
}

fn choices(target: &Value) -> Option<String> {
    let listed = target.get("enum").and_then(Value::as_array).cloned();
    let branches = target.get("oneOf").and_then(Value::as_array);
    let words =
        listed.or_else(|| Some(branches?.iter().filter_map(|branch| branch.get("const").cloned()).collect()))?;
    let words: Vec<String> = words.iter().filter_map(Value::as_str).map(code).collect();
    (!words.is_empty()).then(|| words.join(", "))
}

fn code(text: &str) -> String {
    format!("`{}`", text.replace('|', "\\|"))
}

/// Escapes a text for a table cell.
fn cell(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|");
    // Code spans, which are every second part, need no escaping of `<`.
    let parts = line.split('`').enumerate();
    let escaped = parts.map(|(at, part)| if at % 2 == 0 { part.replace('<', "&lt;") } else { part.to_owned() });
    escaped.collect::<Vec<_>>().join("`")
}
