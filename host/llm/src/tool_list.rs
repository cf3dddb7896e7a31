//! The tools of a question, and parsing of calls that a model has written as text. Rule: whatever notation the model
//! was trained on, a call becomes a name and a JSON object, or is dropped.

use crate::limits;
use modehost_contract::effect::Tool;
use serde_json::{Map, Value};

use crate::repair::repair_object;
use crate::split::Splitter;

/// The offered tools.
#[derive(Debug)]
pub(crate) struct ToolList {
    /// Names, with the schemas of the parameters.
    tools: Vec<(String, Value)>,
}

/// A call that was parsed from text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WrittenCall {
    pub name: String,
    /// A JSON object.
    pub arguments: String,
}

/// Member names that models use for the arguments.
const ARGUMENTS: [&str; 8] =
    ["arguments", "parameters", "args", "input", "action_input", "tool_input", "kwargs", "params"];
/// Member names that models use for the tool name.
const NAMES: [&str; 6] = ["name", "function", "tool", "tool_name", "function_name", "action"];

impl ToolList {
    pub(crate) fn new(tools: &[Tool]) -> Self {
        let schema = |tool: &Tool| serde_json::from_str(&tool.parameters).unwrap_or_default();
        Self { tools: tools.iter().map(|tool| (tool.name.clone(), schema(tool))).collect() }
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.tools.iter().any(|(known, _)| known == name)
    }

    /// The calls in a text that should contain nothing but calls; anything else is ignored.
    pub(crate) fn read_calls(&self, text: &str) -> Vec<WrittenCall> {
        let mut calls = self.read_elements(text);
        if calls.is_empty() {
            calls = self.read_json(text);
        }
        calls.truncate(limits::MODEL_TOOL_CALLS);
        calls
    }

    /// The offered name: models add a namespace, and write dots where there were none.
    fn name(&self, written: &str) -> Option<String> {
        let written = written.trim().trim_matches(['"', '\'', '`']);
        let plain = |name: &str| name.to_lowercase().replace(['.', '-', ' '], "_");
        let bare = written.strip_prefix("functions.").unwrap_or(written);
        // `functions.light:0`
        let bare =
            bare.rsplit_once(':').filter(|(_, number)| number.parse::<u32>().is_ok()).map_or(bare, |(name, _)| name);
        let is_name = !bare.is_empty()
            && bare.len() <= limits::TOOL_NAME_BYTES
            && bare.chars().all(|sign| sign.is_alphanumeric() || matches!(sign, '_' | '-' | '.'));
        let offered = || self.tools.iter().find(|(known, _)| plain(known) == plain(bare));
        let exact = self.has(bare).then(|| bare.to_owned());
        exact.or_else(|| offered().map(|(name, _)| name.clone())).or_else(|| is_name.then(|| bare.to_owned()))
    }

    /// JSON objects, one or several, in a list or not, with the tool name before or in each.
    fn read_json(&self, text: &str) -> Vec<WrittenCall> {
        let mut calls = Vec::new();
        let (mut splitter, mut rest, mut before) = (Splitter::default(), text, String::new());
        while !rest.is_empty() && calls.len() < limits::MODEL_TOOL_CALLS {
            let Ok((taken, object)) = splitter.push(rest.as_bytes()) else { break };
            if let Some(object) = object {
                let object = serde_json::from_slice(&object).ok();
                let object = object.or_else(|| repair_object(&rest[..taken]).map(Value::Object));
                if let Some(object) = object {
                    self.read_object(&object, &before, &mut calls);
                }
                before.clear();
                rest = &rest[taken..];
            } else if splitter.is_within() {
                // Truncated, or a closing brace is missing.
                if let Some(object) = repair_object(rest) {
                    self.read_object(&Value::Object(object), &before, &mut calls);
                }
                return calls;
            } else {
                let taken = match taken {
                    0 => rest.chars().next().map_or(1, char::len_utf8),
                    taken => taken,
                };
                before.push_str(&rest[..taken]);
                rest = &rest[taken..];
            }
        }
        // A tool without parameters.
        if calls.is_empty() && self.has(before.trim()) {
            calls.push(WrittenCall { name: before.trim().to_owned(), arguments: "{}".to_owned() });
        }
        calls
    }

    /// An object that is a call, contains calls, or is the arguments of the preceding name.
    fn read_object(&self, object: &Value, before: &str, calls: &mut Vec<WrittenCall>) {
        let inner = ["tool_calls", "function_calls", "calls"].iter().find_map(|name| object[*name].as_array());
        if let Some(inner) = inner {
            inner.iter().for_each(|call| self.read_object(call, "", calls));
            return;
        }
        for name in ["function", "function_call", "tool_call"] {
            if object[name].is_object() && NAMES.iter().any(|inner| object[name][*inner].is_string()) {
                self.read_object(&object[name], "", calls);
                return;
            }
        }
        let own = NAMES.iter().find_map(|name| Some((*name, object[*name].as_str()?)));
        let arguments = ARGUMENTS.iter().map(|name| &object[*name]).find(|value| !value.is_null());
        // A parameter may have the same name as one of these members.
        let own = own.filter(|(member, name)| arguments.is_some() || *member == "name" && self.is_tool(name));
        let before = name_before(before);
        match (own, before) {
            (Some((_, name)), before)
                if self.is_tool(name) || before.as_deref().is_none_or(|name| !self.is_tool(name)) =>
            {
                let rest = || {
                    let mut rest = object.as_object().cloned().unwrap_or_default();
                    rest.retain(|member, value| {
                        let is_own = matches!(member.as_str(), "name" | "id" | "type");
                        !(is_own || value.is_null() && ARGUMENTS.contains(&member.as_str()))
                    });
                    Value::Object(rest)
                };
                if let Some(name) = self.name(name) {
                    calls.extend(call(name, arguments.unwrap_or(&rest())));
                }
            }
            (_, Some(name)) => {
                if let Some(name) = self.name(&name) {
                    calls.extend(call(name, object));
                }
            }
            _ => {}
        }
    }

    /// Whether a name, in any spelling, is that of a tool.
    fn is_tool(&self, written: &str) -> bool {
        self.name(written).is_some_and(|name| self.has(&name))
    }

    /// XML-like elements: `<function=light><parameter=on>true</parameter></function>`, `<invoke name="light">…`, and
    /// pairs `<arg_key>on</arg_key><arg_value>true</arg_value>` after a name.
    fn read_elements(&self, text: &str) -> Vec<WrittenCall> {
        let mut calls = Vec::new();
        if text.contains("<arg_key>") {
            let (name, pairs) = text.split_once("<arg_key>").unwrap_or_default();
            if let Some(name) = self.name(name) {
                let mut arguments = Map::new();
                for pair in pairs.split("<arg_key>") {
                    let Some((key, rest)) = pair.split_once("</arg_key>") else { continue };
                    let value = rest.split_once("<arg_value>").map_or("", |(_, value)| value);
                    let value = value.split("</arg_value>").next().unwrap_or_default();
                    arguments.insert(key.trim().to_owned(), self.value(&name, key.trim(), value));
                }
                calls.push(WrittenCall { name, arguments: Value::Object(arguments).to_string() });
            }
            return calls;
        }
        let mut rest = text;
        while let Some(element) = Element::first(rest, &["function", "invoke"]) {
            rest = element.after;
            let Some(name) = self.name(&element.name) else { continue };
            let mut arguments = Map::new();
            let (mut inner, mut any) = (element.inside, false);
            while let Some(parameter) = Element::first(inner, &["parameter"]) {
                any = true;
                let value = self.value(&name, &parameter.name, parameter.inside);
                arguments.insert(parameter.name, value);
                inner = parameter.after;
            }
            match any {
                true => calls.push(WrittenCall { name, arguments: Value::Object(arguments).to_string() }),
                false => match element.inside.trim() {
                    "" => calls.push(WrittenCall { name, arguments: "{}".to_owned() }),
                    json => calls.extend(parse_or_repair(json).and_then(|object| call(name, &object))),
                },
            }
        }
        calls
    }

    /// A value written as text, converted to the parameter's type.
    fn value(&self, tool: &str, parameter: &str, text: &str) -> Value {
        let text = text.strip_prefix('\n').unwrap_or(text);
        let text = text.strip_suffix('\n').unwrap_or(text);
        let schema = self.tools.iter().find(|(name, _)| name == tool).map(|(_, schema)| schema);
        let kind = schema.map(|schema| &schema["properties"][parameter]["type"]);
        match kind.and_then(Value::as_str) {
            Some("string") => Value::from(text),
            _ => match text.trim() {
                "True" => Value::Bool(true),
                "False" => Value::Bool(false),
                "None" => Value::Null,
                json => serde_json::from_str(json).unwrap_or_else(|_| Value::from(text)),
            },
        }
    }
}

/// The last word before an object, ignoring format markers.
fn name_before(text: &str) -> Option<String> {
    // Markers are not names: `<｜tool▁sep｜>`.
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        plain.push_str(&rest[..at]);
        plain.push(' ');
        let tag = tag_at(&rest[at + 1..]);
        rest = &rest[(at + 1 + tag.map_or(0, |tag| tag.len() + 1)).min(rest.len())..];
    }
    plain.push_str(rest);
    let plain = plain.split("[CALL_ID]").next().unwrap_or_default();
    let is_separator = |sign: char| !(sign.is_alphanumeric() || matches!(sign, '_' | '-' | '.' | ':'));
    let no_names = ["args", "json", "function", "assistant", "commentary", "tool_calls", "tool_call"];
    let is_name = |word: &&str| {
        let word = word.trim_matches([':', '.']);
        !word.is_empty() && !no_names.contains(&word.to_lowercase().as_str())
    };
    plain.split(is_separator).rev().find(is_name).map(|word| word.trim_matches([':', '.']).to_owned())
}

/// The contents of a tag, from after its `<`.
fn tag_at(text: &str) -> Option<&str> {
    const TAG_BYTES: usize = 200;
    let end = text.bytes().take(TAG_BYTES).position(|byte| byte == b'>')?;
    Some(&text[..end])
}

fn parse_or_repair(json: &str) -> Option<Value> {
    serde_json::from_str(json).ok().or_else(|| repair_object(json).map(Value::Object))
}

/// A call, with its arguments normalised to an object.
fn call(name: String, arguments: &Value) -> Option<WrittenCall> {
    let arguments = match arguments {
        Value::Object(object) => Value::Object(object.clone()),
        Value::Null => Value::Object(Map::new()),
        Value::String(text) if text.trim().is_empty() => Value::Object(Map::new()),
        // JSON within a JSON string.
        Value::String(text) => parse_or_repair(text).filter(Value::is_object)?,
        _ => return None,
    };
    Some(WrittenCall { name, arguments: arguments.to_string() })
}

/// A named element: `<function=light>…</function>`, `<invoke name="light">…</invoke>`.
struct Element<'a> {
    name: String,
    inside: &'a str,
    after: &'a str,
}

impl<'a> Element<'a> {
    /// The first element of these kinds; its end tag may be missing.
    fn first(text: &'a str, kinds: &[&str]) -> Option<Self> {
        let mut from = 0;
        while let Some(at) = text[from..].find('<').map(|at| from + at) {
            from = at + 1;
            let Some(tag) = tag_at(&text[from..]) else { continue };
            let bare = tag.rsplit([':', '｜']).next().unwrap_or(tag);
            let Some(kind) = kinds.iter().find(|kind| bare.starts_with(**kind)) else { continue };
            let attributes = bare[kind.len()..].trim_start();
            let Some(named) = attributes.strip_prefix('=').or_else(|| attributes.strip_prefix("name=")) else {
                continue;
            };
            let named = named.trim();
            let name = match named.chars().next() {
                Some(quote @ ('"' | '\'')) => named[1..].split(quote).next().unwrap_or_default(),
                _ => named.split_whitespace().next().unwrap_or_default(),
            };
            let inner = &text[from + tag.len() + 1..];
            let end = inner.match_indices("</").find(|(end, _)| {
                let close = tag_at(&inner[end + 2..]).and_then(|close| close.rsplit([':', '｜']).next());
                close.is_some_and(|close| close.trim() == *kind)
            });
            let (inside, after) = match end {
                Some((end, _)) => {
                    let after = inner[end..].find('>').map_or(inner.len(), |close| end + close + 1);
                    (&inner[..end], &inner[after..])
                }
                None => (inner, ""),
            };
            return Some(Self { name: name.to_owned(), inside, after });
        }
        None
    }
}

#[cfg(test)]
mod tests;
