//! The configuration that a test gives the server. Rule: the server reads it from a real file; only ports are passed by
//! environment variables, because they are chosen at start.

use serde_json::{Map, Value, json};

/// A configuration, and the plugins that are installed before the start.
#[derive(Clone, Debug)]
pub struct Settings {
    document: Value,
    plugins: Vec<(String, Vec<u8>)>,
}

impl Default for Settings {
    fn default() -> Self {
        Self::new()
    }
}

impl Settings {
    /// Loopback, no plugins, no default mode; the known plugins are granted what they request.
    pub fn new() -> Self {
        let document = json!({
            "server": { "ip": "127.0.0.1" },
            "plugins": { "grants": {
                "fixture": [
                    "documents:fixture/", "journals:fixture/", "broadcast", "dispatch:*", "switch-mode", "deliver"
                ],
                "workflow": ["documents:workflow/", "broadcast"],
                "working": ["dispatch:workflow", "documents:workflow/"],
                "conversation": ["switch-mode", "model", "tools", "documents:conversation/"],
                "meeting": [
                    "model", "deliver", "journals:meeting/", "documents:meeting/", "archive:meetings", "hook:*"
                ],
                "coding": ["model"],
                "peers": ["model", "deliver"],
            } },
            "log": { "level": "info" },
            // Without a default mode nobody is answered, which many tests rely on.
            "session": { "default_mode": null },
            // Programs installed on the machine must not change a test.
            "tts": { "provider": "none" },
        });
        Self { document, plugins: Vec::new() }
    }

    /// Adds a plugin file that is in the plugins directory before the server starts.
    pub fn plugin(mut self, name: &str, bytes: Vec<u8>) -> Self {
        self.plugins.push((name.to_owned(), bytes));
        self
    }

    /// Adds three of the bundled plugins, with `chat` as the default mode.
    pub fn bundled(self) -> Self {
        ["workflow", "working", "conversation"]
            .into_iter()
            .fold(self, |settings, name| settings.plugin(name, crate::guest::bundled(name)))
            .set("session.default_mode", json!("chat"))
    }

    /// Sets one value; `path` is dotted. Keys that contain dots cannot be addressed this way.
    pub fn set(mut self, path: &str, value: Value) -> Self {
        let mut at = &mut self.document;
        for key in path.split('.') {
            if !at.is_object() {
                *at = Value::Object(Map::new());
            }
            at = &mut at[key];
        }
        *at = value;
        self
    }

    /// Removes one value.
    pub fn unset(mut self, path: &str) -> Self {
        let (parents, last) = path.rsplit_once('.').map_or((None, path), |(parents, last)| (Some(parents), last));
        let mut at = Some(&mut self.document);
        for key in parents.into_iter().flat_map(|parents| parents.split('.')) {
            at = at.and_then(|value| value.get_mut(key));
        }
        if let Some(Value::Object(map)) = at {
            map.remove(last);
        }
        self
    }

    /// The file's text: JSON is YAML; one key a line, so that errors can name a line.
    pub fn text(&self) -> String {
        format!("{:#}\n", self.document)
    }

    pub(crate) fn plugins(&self) -> &[(String, Vec<u8>)] {
        &self.plugins
    }
}
