//! Tools of firmware before 1.6.3, which describes things and takes commands (`iot`) instead of serving MCP. Rule: the
//! tool list is bounded as for any device; firmware does not acknowledge commands, so a call is complete once it is
//! sent.
//!
//! Source of the schema: the ecosystem's `iot` messages. A thing has a `name`, a `description`, `properties` and
//! `methods`, each with a `description` and `parameters`; `states` carry the values of its properties.

use crate::limits;
use serde_json::{Map, Value, json};

use crate::tool_list::ToolList;

/// The tool that returns the property values of a thing.
const STATE: &str = "get_state";

/// The things that a device has described.
#[derive(Debug, Default)]
pub struct IotThings {
    /// Descriptors by name, in the order of arrival.
    things: Vec<(String, Value)>,
    states: Map<String, Value>,
}

/// The result of calling a tool of a thing.
#[derive(Clone, Debug, PartialEq)]
pub struct IotCommand {
    /// The command to send to the device; none where its reported state already answers the call.
    pub message: Option<Value>,
    /// The result for the caller.
    pub text: String,
}

impl IotThings {
    /// Handles an `iot` message: descriptors, states, or both. Anything beyond the bounds is dropped.
    pub fn receive(&mut self, body: &str) {
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
        for state in message["states"].as_array().into_iter().flatten() {
            let name = state["name"].as_str().filter(|name| self.things.iter().any(|(known, _)| known == name));
            if let Some(name) = name
                && body.len() <= limits::TOOL_TEXT_BYTES
            {
                self.states.insert(name.to_owned(), state["state"].clone());
            }
        }
    }

    /// The tools of all things.
    pub fn tools(&self) -> ToolList {
        let mut list = ToolList::default();
        let tools: Vec<Value> = self.things.iter().flat_map(|(name, thing)| tools_of(name, thing)).collect();
        list.add(&Value::from(tools), true);
        list
    }

    /// Calls a tool; none if no thing has it.
    pub fn call(&self, name: &str, arguments: &str) -> Option<IotCommand> {
        let list = self.tools();
        let (thing, method) = list.resolve_name(name)?.rsplit_once('.')?;
        if method == STATE {
            let text = self.states.get(thing).map_or_else(|| "not known".to_owned(), Value::to_string);
            return Some(IotCommand { message: None, text });
        }
        let parameters: Value = serde_json::from_str(arguments).unwrap_or_else(|_| json!({}));
        let message = json!({ "name": thing, "method": method, "parameters": parameters });
        Some(IotCommand {
            message: Some(message),
            text: "the command has been sent; the device does not acknowledge it".to_owned(),
        })
    }
}

fn tools_of(name: &str, thing: &Value) -> Vec<Value> {
    let about = thing["description"].as_str().unwrap_or(name);
    let methods = thing["methods"].as_object().into_iter().flatten();
    let mut tools: Vec<Value> = methods.map(|(method, how)| tool_of(name, about, method, how)).collect();
    if let Some(properties) = thing["properties"].as_object().filter(|properties| !properties.is_empty()) {
        let described = properties.iter().map(|(name, property)| {
            format!("{name} ({})", property["description"].as_str().unwrap_or("no description"))
        });
        let description = format!("{about}: returns {}", described.collect::<Vec<_>>().join(", "));
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

    fn speaker() -> IotThings {
        let mut things = IotThings::default();
        things.receive(SPEAKER);
        things
    }

    #[test]
    fn things_become_tools() {
        let tools = speaker().tools().tools();
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
        let called = things.call("Speaker_SetVolume", r#"{"volume":70}"#).expect("a tool");
        let command = json!({ "name": "Speaker", "method": "SetVolume", "parameters": { "volume": 70 } });
        assert_eq!(called.message, Some(command));
        assert!(called.text.contains("has been sent"), "{}", called.text);
        let known = |text: &str| Some(IotCommand { message: None, text: text.to_owned() });
        assert_eq!(things.call("Speaker.get_state", "{}"), known("not known"));
        things.receive(
            r#"{"type":"iot","states":[{"name":"Speaker","state":{"volume":70}},{"name":"Nobody","state":1}]}"#,
        );
        assert_eq!(things.call("Speaker.get_state", "{}"), known(r#"{"volume":70}"#));
        assert_eq!(things.call("Lamp.On", "{}"), None);
        assert_eq!(things.states.len(), 1, "of things that nobody has described nothing is kept");
    }

    #[test]
    fn what_is_described_again_replaces_and_all_is_bounded() {
        let mut things = speaker();
        things.receive(SPEAKER);
        assert_eq!(things.tools().tools().len(), 2);
        for odd in ["7", "{}", r#"{"descriptors":7}"#, r#"{"descriptors":[7,{"name":7}]}"#, r#"{"states":[{}]}"#] {
            things.receive(odd);
        }
        for number in 0..2 * limits::THINGS {
            things.receive(&json!({ "descriptors": [{ "name": format!("t{number}") }] }).to_string());
        }
        assert_eq!(things.things.len(), limits::THINGS);
        let heavy = "d".repeat(limits::TOOL_LIST_BYTES);
        let mut things = IotThings::default();
        things.receive(&json!({ "descriptors": [{ "name": "heavy", "description": heavy }] }).to_string());
        assert!(things.things.is_empty());
    }
}
