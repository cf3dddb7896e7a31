//! Tools of firmware before 1.6.3, which describes things and takes commands (`iot`) instead of serving MCP. Rule: what
//! comes out is what `Offer` makes of any device's list; firmware answers no command, so a call is done when it is sent.
//!
//! Source of the shapes: the ecosystem's `iot` messages. A thing has a `name`, a `description`, `properties` and
//! `methods`, each with a `description` and `parameters`; `states` tell the values of its properties.

use modehost_limits as limits;
use modehost_protocol::reply;
use serde_json::{Map, Value, json};

use super::offer::Offer;

/// The tool of a thing that tells the values of its properties.
const STATE: &str = "get_state";

/// What a device has described of itself.
#[derive(Debug, Default)]
pub(super) struct Things {
    /// By name, in the order in which they came.
    things: Vec<(String, Value)>,
    states: Map<String, Value>,
}

impl Things {
    /// Takes what an `iot` message says: descriptors, states, or both. What is beyond the bounds is left out.
    pub(super) fn take(&mut self, body: &str) {
        let message: Value = serde_json::from_str(body).unwrap_or_default();
        for thing in message["descriptors"].as_array().into_iter().flatten() {
            let Some(name) = thing["name"].as_str() else { continue };
            self.things.retain(|(known, _)| known != name);
            let bytes: usize =
                self.things.iter().map(|(_, known)| known).chain([thing]).map(|one| one.to_string().len()).sum();
            if self.things.len() < limits::THINGS && bytes <= limits::TOOL_LIST_BYTES {
                self.things.push((name.to_owned(), thing.clone()));
            }
        }
        for told in message["states"].as_array().into_iter().flatten() {
            let name = told["name"].as_str().filter(|name| self.things.iter().any(|(known, _)| known == name));
            if let Some(name) = name
                && body.len() <= limits::TOOL_TEXT_BYTES
            {
                self.states.insert(name.to_owned(), told["state"].clone());
            }
        }
    }

    /// The things as tools.
    pub(super) fn offer(&self) -> Offer {
        let mut offer = Offer::default();
        let tools: Vec<Value> = self.things.iter().flat_map(|(name, thing)| tools_of(name, thing)).collect();
        offer.add(&Value::from(tools), true);
        offer
    }

    /// What a call of a tool comes to: what is to be sent, if anything, and what the tool says.
    pub(super) fn call(&self, name: &str, arguments: &str, session_id: &str) -> Option<(Option<String>, String)> {
        let offer = self.offer();
        let (thing, method) = offer.real_name(name)?.rsplit_once('.')?;
        if method == STATE {
            return Some((None, self.states.get(thing).map_or_else(|| "not known".to_owned(), Value::to_string)));
        }
        let parameters: Value = serde_json::from_str(arguments).unwrap_or_else(|_| json!({}));
        let command = json!({ "name": thing, "method": method, "parameters": parameters });
        Some((Some(reply::iot(&command, session_id)), "the device has been told; it does not answer".to_owned()))
    }
}

fn tools_of(name: &str, thing: &Value) -> Vec<Value> {
    let about = thing["description"].as_str().unwrap_or(name);
    let methods = thing["methods"].as_object().into_iter().flatten();
    let mut tools: Vec<Value> = methods.map(|(method, how)| tool_of(name, about, method, how)).collect();
    if let Some(properties) = thing["properties"].as_object().filter(|properties| !properties.is_empty()) {
        let words = properties.iter().map(|(name, property)| {
            format!("{name} ({})", property["description"].as_str().unwrap_or("no description"))
        });
        let description = format!("{about}: tells {}", words.collect::<Vec<_>>().join(", "));
        tools.push(json!({ "name": format!("{name}.{STATE}"), "description": description }));
    }
    tools
}

fn tool_of(name: &str, about: &str, method: &str, how: &Value) -> Value {
    let parameters = how["parameters"].as_object();
    let required: Vec<&String> = parameters.into_iter().flat_map(Map::keys).collect();
    let typed = |parameter: &Value| {
        let known = |kind: &&str| matches!(*kind, "number" | "integer" | "boolean");
        let kind = parameter["type"].as_str().filter(known).unwrap_or("string");
        json!({ "type": kind, "description": parameter["description"].as_str().unwrap_or_default() })
    };
    let properties: Map<String, Value> =
        parameters.into_iter().flatten().map(|(name, parameter)| (name.clone(), typed(parameter))).collect();
    json!({
        "name": format!("{name}.{method}"),
        "description": format!("{about}: {}", how["description"].as_str().unwrap_or(method)),
        "inputSchema": { "type": "object", "properties": properties, "required": required },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPEAKER: &str = r#"{"type":"iot","update":true,"descriptors":[{"name":"Speaker","description":"扬声器",
        "properties":{"volume":{"description":"当前音量值","type":"number"}},
        "methods":{"SetVolume":{"description":"设置音量",
        "parameters":{"volume":{"description":"0到100之间的整数","type":"number"}}}}}]}"#;

    fn speaker() -> Things {
        let mut things = Things::default();
        things.take(SPEAKER);
        things
    }

    #[test]
    fn things_become_tools() {
        let tools = speaker().offer().tools();
        let names: Vec<&str> = tools.iter().map(|tool| tool.name.as_str()).collect();
        assert_eq!(names, ["Speaker.SetVolume", "Speaker.get_state"]);
        assert_eq!(tools[0].description, "扬声器: 设置音量");
        let schema: Value = serde_json::from_str(&tools[0].parameters).expect("JSON");
        assert_eq!(schema["properties"]["volume"]["type"], "number");
        assert_eq!(schema["required"], json!(["volume"]));
    }

    #[test]
    fn calls_become_commands_and_states_are_told() {
        let mut things = speaker();
        let (sent, said) = things.call("Speaker_SetVolume", r#"{"volume":70}"#, "s").expect("a tool");
        let sent: Value = serde_json::from_str(&sent.expect("a command")).expect("JSON");
        let command = json!({ "name": "Speaker", "method": "SetVolume", "parameters": { "volume": 70 } });
        assert_eq!(sent, json!({ "type": "iot", "session_id": "s", "commands": [command] }));
        assert!(said.contains("told"), "{said}");
        assert_eq!(things.call("Speaker.get_state", "{}", "s"), Some((None, "not known".to_owned())));
        things
            .take(r#"{"type":"iot","states":[{"name":"Speaker","state":{"volume":70}},{"name":"Nobody","state":1}]}"#);
        assert_eq!(things.call("Speaker.get_state", "{}", "s"), Some((None, r#"{"volume":70}"#.to_owned())));
        assert_eq!(things.call("Lamp.On", "{}", "s"), None);
        assert_eq!(things.states.len(), 1, "of things that nobody has described nothing is kept");
    }

    #[test]
    fn what_is_described_again_replaces_and_all_is_bounded() {
        let mut things = speaker();
        things.take(SPEAKER);
        assert_eq!(things.offer().tools().len(), 2);
        for odd in ["7", "{}", r#"{"descriptors":7}"#, r#"{"descriptors":[7,{"name":7}]}"#, r#"{"states":[{}]}"#] {
            things.take(odd);
        }
        for number in 0..2 * limits::THINGS {
            things.take(&json!({ "descriptors": [{ "name": format!("t{number}") }] }).to_string());
        }
        assert_eq!(things.things.len(), limits::THINGS);
        let heavy = "d".repeat(limits::TOOL_LIST_BYTES);
        let mut things = Things::default();
        things.take(&json!({ "descriptors": [{ "name": "heavy", "description": heavy }] }).to_string());
        assert!(things.things.is_empty());
    }
}
