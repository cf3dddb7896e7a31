//! What a device says it has, made fit for models. Rule: however odd a device's list is, what comes
//! out is bounded, its names are such as providers take, and each leads back to one real tool.

use std::collections::HashMap;
use std::sync::Arc;

use modehost_contract::effect::Tool;
use modehost_limits as limits;
use serde_json::Value;

/// The tools of a device.
#[derive(Default)]
pub(super) struct Offer {
    tools: Vec<Tool>,
    /// Names as models see them, to names as the device knows them.
    real: HashMap<String, String>,
    bytes: usize,
}

impl Offer {
    /// Adds the tools of a page: an array of objects; anything else is left out.
    pub(super) fn add(&mut self, page: &Value) {
        for tool in page.as_array().into_iter().flatten() {
            let Some(real) = tool["name"].as_str().filter(|name| !name.is_empty()) else { continue };
            let schema = &tool["inputSchema"];
            let parameters =
                if schema.is_object() { schema.to_string() } else { r#"{"type":"object","properties":{}}"#.to_owned() };
            let description = tool["description"].as_str().unwrap_or_default().to_owned();
            let bytes = self.bytes + description.len() + parameters.len();
            if self.is_full() || bytes > limits::TOOL_LIST_BYTES {
                metrics::counter!("modehost_tools_left_out_total").increment(1);
                continue;
            }
            self.bytes = bytes;
            let name = self.free_name(real);
            self.real.insert(name.clone(), real.to_owned());
            self.tools.push(Tool { name, description, parameters });
        }
    }

    /// True once no further tool is taken.
    pub(super) fn is_full(&self) -> bool {
        self.tools.len() >= limits::MODEL_TOOLS
    }

    /// As modes are told of them.
    pub(super) fn tools(&self) -> Arc<[Tool]> {
        self.tools.clone().into()
    }

    /// As the device knows a tool.
    pub(super) fn real_name(&self, name: &str) -> Option<&str> {
        self.real.get(name).map(String::as_str)
    }

    /// A name of letters, digits, `_` and `-` that no other tool has.
    fn free_name(&self, real: &str) -> String {
        let fit = |char: char| if char.is_ascii_alphanumeric() || char == '-' { char } else { '_' };
        let plain: String = real.chars().take(limits::TOOL_NAME_BYTES).map(fit).collect();
        let mut name = plain.clone();
        let mut number = 1;
        while self.real.contains_key(&name) {
            number += 1;
            let tail = format!("_{number}");
            name = plain[..plain.len().min(limits::TOOL_NAME_BYTES - tail.len())].to_owned() + &tail;
        }
        name
    }
}

/// The text parts of a tool's result, one a line. A result without parts is given as JSON.
pub(super) fn text_of(result: &Value) -> String {
    let text = match result["content"].as_array() {
        Some(parts) => parts.iter().filter_map(|part| part["text"].as_str()).collect::<Vec<_>>().join("\n"),
        None => match result {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        },
    };
    cut(text)
}

/// At most `TOOL_TEXT_BYTES`, and marked where something is missing.
pub(super) fn cut(mut text: String) -> String {
    const MARK: &str = "… [cut]";
    if text.len() > limits::TOOL_TEXT_BYTES {
        text.truncate(text.floor_char_boundary(limits::TOOL_TEXT_BYTES - MARK.len()));
        text.push_str(MARK);
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn names(offer: &Offer) -> Vec<&str> {
        offer.tools.iter().map(|tool| tool.name.as_str()).collect()
    }

    #[test]
    fn names_are_fit_unique_and_lead_back() {
        let mut offer = Offer::default();
        let long = "x".repeat(100);
        offer.add(&json!([
            { "name": "self.audio_speaker.set_volume", "description": "d", "inputSchema": { "type": "object" } },
            { "name": "self_audio_speaker_set_volume" }, { "name": "拍照" }, { "name": "看图" },
            { "name": long }, { "name": format!("{long}y") }, { "name": "" }, { "name": 7 }, "tool", null,
        ]));
        let x = "x".repeat(64);
        let second = format!("{}_2", "x".repeat(62));
        let expected = ["self_audio_speaker_set_volume", "self_audio_speaker_set_volume_2", "__", "___2", &x, &second];
        assert_eq!(names(&offer), expected);
        assert_eq!(offer.real_name("self_audio_speaker_set_volume"), Some("self.audio_speaker.set_volume"));
        assert_eq!(offer.real_name("self_audio_speaker_set_volume_2"), Some("self_audio_speaker_set_volume"));
        assert_eq!(offer.real_name("___2"), Some("看图"));
        assert_eq!(offer.tools[0].parameters, r#"{"type":"object"}"#);
        assert_eq!(offer.tools[1].parameters, r#"{"type":"object","properties":{}}"#);
    }

    #[test]
    fn a_list_is_bounded_in_number_and_size() {
        let mut offer = Offer::default();
        let many: Vec<Value> = (0..100).map(|number| json!({ "name": format!("t{number}") })).collect();
        offer.add(&Value::from(many));
        assert_eq!(names(&offer).len(), limits::MODEL_TOOLS);
        assert!(offer.is_full());
        let mut offer = Offer::default();
        let heavy = "d".repeat(limits::TOOL_LIST_BYTES);
        offer.add(&json!([{ "name": "heavy", "description": heavy }, { "name": "light" }]));
        assert_eq!(names(&offer), ["light"]);
    }

    #[test]
    fn texts_are_joined_and_cut_between_characters() {
        let result = json!({ "content": [
            { "type": "text", "text": "one" }, { "type": "image", "data": "…" }, { "type": "text", "text": "two" },
        ] });
        assert_eq!(text_of(&result), "one\ntwo");
        assert_eq!(text_of(&json!({ "content": [] })), "");
        assert_eq!(text_of(&json!(true)), "true");
        for shift in 0..3 {
            let text = text_of(&json!(format!("{}{}", "a".repeat(shift), "声".repeat(limits::TOOL_TEXT_BYTES))));
            assert!(text.len() <= limits::TOOL_TEXT_BYTES && text.ends_with("声… [cut]"));
        }
    }
}
