//! The settings in force, for people: each with its value and origin. Rule: when in doubt, a value is hidden. A secret
//! is recognised by its type, by its plugin's schema, or by its name; of a URL only the origin is shown.

mod redaction;
pub mod text;

use std::collections::BTreeMap;

use modehost_config::remote_config::NAME as REMOTE;
use modehost_config::{Loaded, Location, path};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use self::redaction::Redaction;
use super::Settings;
use super::document::from_older_name;

/// Settings that may still be in a plugin's section under an older name.
const HAD_OLDER_NAMES: [&str; 2] = ["/workers/max_blocking", "/vad/manual_fallback_ms"];

/// A setting.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Shown {
    /// As `section.key`.
    pub setting: String,
    /// `(set)` in place of a secret; only the origin of a URL.
    pub value: Value,
    /// `default`, `file:line`, `environment NAME`, `option --NAME`, `remote:line`, or `older name NAME`.
    pub origin: String,
    /// The file has another value, which takes effect after a restart.
    pub waits_for_restart: bool,
}

/// All settings in force. `waiting`: settings that wait for a restart. `schemas`: the schemas of plugin sections; of a
/// section without a schema nothing is shown that might be secret.
pub fn shown(loaded: &Loaded<Settings>, waiting: &[String], schemas: &BTreeMap<String, Value>) -> Vec<Shown> {
    let own = serde_json::to_value(&loaded.document).unwrap_or_default();
    let mut walker = Rows { loaded, waiting, rows: Vec::new() };
    walker.walk("", &own, Redaction::OWN);
    for (name, section) in &loaded.sections {
        let pointer = path::join("", name);
        match schemas.get(name) {
            Some(schema) => {
                walker.walk(&pointer, &section.value, Redaction::by(schema));
                walker.defaults(&pointer, schema, &section.value, Redaction::by(schema));
            }
            None => walker.walk(&pointer, &section.value, Redaction::ALL),
        }
    }
    walker.rows.sort_by(|one, other| one.setting.cmp(&other.setting));
    walker.rows
}

struct Rows<'a> {
    loaded: &'a Loaded<Settings>,
    waiting: &'a [String],
    rows: Vec<Shown>,
}

impl Rows<'_> {
    /// Adds every setting in a value.
    fn walk(&mut self, pointer: &str, value: &Value, redaction: Redaction<'_>) {
        match value {
            Value::Object(map) if !map.is_empty() => {
                for (key, value) in map {
                    self.walk(&path::join(pointer, key), value, redaction.below(key));
                }
            }
            Value::Array(list) if list.iter().any(Value::is_object) => {
                for (index, value) in list.iter().enumerate() {
                    self.walk(&path::join(pointer, &index.to_string()), value, redaction.element());
                }
            }
            value => {
                let older = HAD_OLDER_NAMES.contains(&pointer).then(|| self.older(pointer)).flatten();
                let (value, origin) = older.unwrap_or_else(|| (value.clone(), self.origin(pointer)));
                self.push_row(pointer, redaction.apply(&value), origin);
            }
        }
    }

    /// Adds the schema defaults of a plugin for settings that its section omits.
    fn defaults(&mut self, pointer: &str, schema: &Value, section: &Value, redaction: Redaction<'_>) {
        let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return };
        for (key, schema) in properties {
            let (pointer, redaction) = (path::join(pointer, key), redaction.below(key));
            match (section.get(key), schema.get("default")) {
                (None, Some(default)) => self.push_row(&pointer, redaction.apply(default), plain("default")),
                (found, _) => self.defaults(&pointer, schema, found.unwrap_or(&Value::Null), redaction),
            }
        }
    }

    fn older(&self, pointer: &str) -> Option<(Value, String)> {
        let setting = pointer.trim_start_matches('/').replace('/', ".");
        let (name, value) = from_older_name(self.loaded, &setting).filter(|(_, value)| value.is_u64())?;
        Some((value.clone(), format!("older name {name}")))
    }

    fn push_row(&mut self, pointer: &str, value: Value, origin: String) {
        let setting = path::dotted(pointer, &self.loaded_value(pointer));
        let is_in = |outer: &String| {
            setting.strip_prefix(outer.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        let waits_for_restart = self.waiting.iter().any(is_in);
        self.rows.push(Shown { setting, value, origin, waits_for_restart });
    }

    /// The document, in which list indices can be told from keys.
    fn loaded_value(&self, pointer: &str) -> Value {
        let first = path::steps(pointer).into_iter().next().unwrap_or_default();
        match self.loaded.sections.get(&first) {
            Some(section) => Value::Object([(first, section.value.clone())].into_iter().collect()),
            None => self.loaded.value().clone(),
        }
    }

    fn origin(&self, pointer: &str) -> String {
        match self.loaded.location(pointer) {
            None | Some(Location::Document(_)) => plain("default"),
            Some(Location::Text { name, line, .. }) if name == REMOTE => format!("remote:{line}"),
            Some(Location::Text { name, line, .. }) => format!("{name}:{line}"),
            Some(Location::Variable(name)) if name.starts_with("--") => format!("option {name}"),
            Some(Location::Variable(name)) => format!("environment {name}"),
        }
    }
}

fn plain(word: &str) -> String {
    word.to_owned()
}

#[cfg(test)]
mod tests {
    use modehost_config::Source;
    use modehost_config::environment::Override;
    use serde_json::json;

    use super::*;
    use crate::settings::BUILT_IN;
    use crate::settings::tests::EVERY_SECRET;

    fn rows(text: &str, overrides: Vec<Override>, schemas: &[(&str, Value)]) -> BTreeMap<String, (Value, String)> {
        let source = Source { embedded: BUILT_IN, file: None, overrides };
        let loaded = source.load_text::<Settings>("c.yaml", text).expect("a document");
        let schemas = schemas.iter().map(|(name, schema)| ((*name).to_owned(), schema.clone())).collect();
        let rows = shown(&loaded, &[], &schemas);
        rows.into_iter().map(|row| (row.setting, (row.value, row.origin))).collect()
    }

    #[test]
    fn c14_nothing_secret_is_shown_whatever_it_stands_in() {
        let plugin = r#"
mine:
  note: hush
  pass_phrase: hush
  apiKey: hush
  list: [hush, hush]
  url: "https://me:hush@a.example/hush?x=hush"
  deep: { quiet: hush, headers: { x-mine: hush }, pin: 1234567 }
"#;
        let schema = json!({ "properties": {
            "note": { "writeOnly": true },
            "list": { "items": { "format": "password" } },
            "deep": { "properties": { "quiet": { "type": "string", "format": "password" } } },
            "preset_token": { "default": "hush" },
        } });
        for schemas in [vec![("mine", schema)], Vec::new()] {
            let rows = rows(&format!("{EVERY_SECRET}{plugin}"), Vec::new(), &schemas);
            let text = format!("{rows:?}");
            assert!(!text.contains("hush") && !text.contains("1234567"), "{text}");
            assert_eq!(rows["server.admin_token"].0, json!("(set)"));
            assert_eq!(rows["auth.tokens[0].token"].0, json!("(set)"));
            assert_eq!(rows["llm.aliases.a.base_url"].0, json!("https://a.example/…"));
        }
    }

    #[test]
    fn each_value_says_where_it_comes_from() {
        let variable = |variable: &str, steps: &[&str], value: Value| Override {
            variable: variable.to_owned(),
            steps: steps.iter().map(|step| (*step).to_owned()).collect(),
            spelling: value.to_string(),
            value,
        };
        let text = "server:\n  port: 9000\nmine: { loud: 3 }\nconfig: { older_names: { mine.blocking: workers.max_blocking } }\n";
        let overrides = vec![
            variable("--data", &["storage", "dir"], json!("/kept")),
            variable("MODEHOST__GATEWAY", &["gateway"], json!({ "ping_interval_s": 30 })),
        ];
        let schema = json!({ "properties": { "loud": {}, "soft": { "default": 4 } } });
        let rows = rows(text, overrides, &[("mine", schema)]);
        for (setting, value, origin) in [
            ("server.port", json!(9000), "c.yaml:2"),
            ("server.http_port", json!(8003), "default"),
            ("server.admin_token", Value::Null, "default"),
            ("storage.dir", json!("/kept"), "option --data"),
            ("gateway.ping_interval_s", json!(30), "environment MODEHOST__GATEWAY"),
            ("gateway.handshake_timeout_ms", json!(10_000), "default"),
            ("mine.loud", json!(3), "c.yaml:3"),
            ("mine.soft", json!(4), "default"),
        ] {
            assert_eq!(rows.get(setting), Some(&(value, origin.to_owned())), "{setting}");
        }
    }
}
