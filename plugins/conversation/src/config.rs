//! The section `conversation` of the configuration. Rule: it agrees with `config.schema.json`, which checks the ranges.

use std::collections::BTreeMap;

use serde::Deserialize;

/// The section `conversation`.
#[derive(Debug, Deserialize)]
#[serde(default)]
pub struct Config {
    /// Minutes east of UTC.
    pub utc_offset_minutes: i32,
    /// Words that start a mode, in place of those that it offers itself; empty for one that only the model starts.
    pub modes: BTreeMap<String, Vec<String>>,
    /// Describes the assistant; `{device}`, `{date}`, `{time}`, `{weekday}` and `{mode}` are replaced.
    pub prompt: String,
    /// Maximum tokens of an answer of the model.
    pub answer_tokens: u32,
    /// Maximum sentences of an answer.
    pub max_sentences: u32,
    /// Maximum characters of an answer.
    pub max_answer_chars: usize,
    /// Maximum characters of a turn; the rest is cut off.
    pub max_turn_chars: usize,
    /// Maximum number of turns that are remembered verbatim; 0: none.
    pub memory_turns: usize,
    /// Maximum characters of the turns that are remembered verbatim.
    pub memory_chars: usize,
    /// Whether the model (purpose `memory`) summarises the turns that exceed these bounds.
    pub memory_summary: bool,
    /// Whether the model may call tools of the device and start modes.
    pub tools: bool,
    /// Maximum rounds of tool calls in a turn.
    pub tool_rounds: u32,
    /// Maximum characters of a tool result for the model.
    pub tool_result_chars: usize,
    /// Time in ms after which a device with slow tools says that it is busy; 0: never.
    pub filler_ms: u64,
    /// Whether a face is shown if the answer starts with an emoji.
    pub emotions: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            utc_offset_minutes: 480,
            modes: BTreeMap::new(),
            prompt: "You are a friendly, well-informed assistant that lives in a small talking device named {device}. \
                     You are warm, direct and honest, and you say so when you do not know something."
                .to_owned(),
            answer_tokens: 600,
            max_sentences: 40,
            max_answer_chars: 2000,
            max_turn_chars: 4000,
            memory_turns: 12,
            memory_chars: 4000,
            memory_summary: true,
            tools: true,
            tool_rounds: 4,
            tool_result_chars: 4000,
            filler_ms: 2500,
            emotions: true,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::Config;

    #[test]
    fn the_schema_names_the_same_members_and_defaults() {
        let schema: Value = serde_json::from_str(include_str!("../config.schema.json")).expect("json");
        let properties = schema["properties"].as_object().expect("properties");
        let defaults: serde_json::Map<String, Value> =
            properties.iter().map(|(name, property)| (name.clone(), property["default"].clone())).collect();
        assert!(properties.values().all(|property| property["description"].is_string()));
        let count = defaults.len();
        let read: Config = serde_json::from_value(Value::Object(defaults)).expect("the defaults read");
        assert_eq!(format!("{read:?}"), format!("{:?}", Config::default()));
        // Every member of the struct is in the schema: the Debug form has each of them once.
        let named = properties.keys().filter(|name| format!("{read:?}").contains(&format!("{name}: "))).count();
        assert_eq!(named, count);
        assert_eq!(format!("{:#?}", Config { modes: Default::default(), ..read }).matches("\n    ").count(), count);
    }
}
