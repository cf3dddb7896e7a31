//! The section `conversation` of the configuration. Rule: what stands in `config.schema.json` and
//! what stands here say the same; the schema has checked the ranges.

use std::collections::BTreeMap;

use serde::Deserialize;

/// The section `conversation` of the configuration.
#[derive(Debug, Deserialize)]
#[serde(default)]
pub struct Config {
    /// Minutes east of UTC.
    pub utc_offset_minutes: i32,
    /// Modes that can be started by voice or by the model, with the words that start them.
    pub modes: BTreeMap<String, Vec<String>>,
    /// Who the assistant is; `{device}`, `{date}`, `{time}`, `{weekday}` and `{mode}` are filled in.
    pub prompt: String,
    /// Tokens that one answer of the model may have.
    pub answer_tokens: u32,
    /// An answer ends after so many sentences.
    pub max_sentences: u32,
    /// An answer ends after so many characters.
    pub max_answer_chars: usize,
    /// Characters of a turn; the rest of a longer one is cut off.
    pub max_turn_chars: usize,
    /// Turns that are remembered word for word; 0: none.
    pub memory_turns: usize,
    /// Characters of the turns that are remembered word for word.
    pub memory_chars: usize,
    /// Have the model (purpose `memory`) sum up what falls out of the memory.
    pub memory_summary: bool,
    /// Let the model call tools of the device and begin modes.
    pub tools: bool,
    /// How often in one turn the model may have tools called.
    pub tool_rounds: u32,
    /// Characters of a tool's answer that the model is given.
    pub tool_result_chars: usize,
    /// Milliseconds after which a device whose tools are slow says that it is busy; 0: never.
    pub filler_ms: u64,
    /// Show a face where the model begins its answer with an emoji.
    pub emotions: bool,
}

impl Default for Config {
    fn default() -> Self {
        let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
        let modes = [
            ("coding", words(&["编程模式", "进入编程模式", "coding mode", "start coding"])),
            (
                "meeting",
                words(&[
                    "开始会议",
                    "会议模式",
                    "进入会议模式",
                    "start a meeting",
                    "start the meeting",
                    "meeting mode",
                ]),
            ),
            ("working", words(&["进入工作模式", "开始工作", "工作模式", "start working", "working mode"])),
        ];
        Self {
            utc_offset_minutes: 480,
            modes: modes.into_iter().map(|(mode, words)| (mode.to_owned(), words)).collect(),
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
        // Every member of the struct stands in the schema: its Debug form names each once.
        let named = properties.keys().filter(|name| format!("{read:?}").contains(&format!("{name}: "))).count();
        assert_eq!(named, count);
        assert_eq!(format!("{:#?}", Config { modes: Default::default(), ..read }).matches("\n    ").count(), count);
    }
}
