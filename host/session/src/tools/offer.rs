//! What a device says it has, made fit for models. Rule: however odd a device's list is, what comes
//! out is bounded, and each name stands for one tool, as the device calls it (the clients of models
//! see to it that a service can read it).

use std::sync::Arc;

use modehost_contract::effect::Tool;
use modehost_limits as limits;
use serde_json::Value;

/// The tools of a device.
#[derive(Default)]
pub(super) struct Offer {
    tools: Vec<Tool>,
    bytes: usize,
    /// They did not all fit with all their words.
    is_short: bool,
}

impl Offer {
    /// Adds the tools of a page: an array of objects; anything else is left out. `sees`: somebody can explain
    /// pictures to the device; without, its camera is not offered, since nothing would come of a picture.
    pub(super) fn add(&mut self, page: &Value, sees: bool) {
        for tool in page.as_array().into_iter().flatten() {
            let Some(name) = tool["name"].as_str().filter(|name| is_name(name)) else { continue };
            let known = self.tools.iter().any(|known| known.name == name);
            if known || (!sees && name.rsplit('.').next() == Some(CAMERA)) {
                continue;
            }
            let schema = &tool["inputSchema"];
            let parameters =
                if schema.is_object() { schema.to_string() } else { r#"{"type":"object","properties":{}}"#.to_owned() };
            let mut description = tool["description"].as_str().unwrap_or_default().to_owned();
            if self.is_short {
                shorten(&mut description);
            } else if !self.has_room(&description, &parameters) {
                // Rather all of them with fewer words than some of them not at all.
                self.is_short = true;
                shorten(&mut description);
                self.tools.iter_mut().for_each(|tool| shorten(&mut tool.description));
                self.bytes = self.tools.iter().map(|tool| tool.description.len() + tool.parameters.len()).sum();
            }
            if self.is_full() || !self.has_room(&description, &parameters) {
                metrics::counter!("modehost_tools_left_out_total").increment(1);
                continue;
            }
            self.bytes += description.len() + parameters.len();
            self.tools.push(Tool { name: name.to_owned(), description, parameters });
        }
    }

    fn has_room(&self, description: &str, parameters: &str) -> bool {
        self.bytes + description.len() + parameters.len() <= limits::TOOL_LIST_BYTES
    }

    /// True once no further tool is taken.
    pub(super) fn is_full(&self) -> bool {
        self.tools.len() >= limits::MODEL_TOOLS
    }

    /// As modes are told of them.
    pub(super) fn tools(&self) -> Arc<[Tool]> {
        self.tools.clone().into()
    }

    /// As the device knows a tool: by its name, or by the one tool whose name is the same but for marks, as models
    /// like to write `_` for `.`.
    pub(super) fn real_name(&self, name: &str) -> Option<&str> {
        let mut names = self.tools.iter().map(|tool| tool.name.as_str());
        if let Some(exact) = names.clone().find(|known| *known == name) {
            return Some(exact);
        }
        let same = |known: &str| known.chars().map(plain).eq(name.chars().map(plain));
        let found = names.find(|known| same(known))?;
        (!names.any(same)).then_some(found)
    }
}

fn shorten(description: &mut String) {
    if description.len() > limits::TOOL_SHORT_BYTES {
        description.truncate(description.floor_char_boundary(limits::TOOL_SHORT_BYTES));
        description.push('…');
    }
}

/// The last part of the name by which firmware knows its camera.
const CAMERA: &str = "take_photo";

fn is_name(name: &str) -> bool {
    (1..=limits::TOOL_NAME_BYTES).contains(&name.len()) && !name.chars().any(char::is_control)
}

fn plain(sign: char) -> char {
    if sign.is_alphanumeric() { sign.to_ascii_lowercase() } else { '_' }
}

/// What a tool's result says, one part a line, in words for a model: what is no text is named, and a tool that says
/// nothing has done what it was asked. A result without parts is given as JSON.
pub(super) fn text_of(result: &Value) -> String {
    const NOTHING: &str = "done; the tool has said nothing";
    let text = match (result["content"].as_array(), result) {
        (Some(parts), _) => parts.iter().map(part).filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n"),
        (None, Value::String(text)) => text.clone(),
        (None, Value::Null) => String::new(),
        (None, other) => other.to_string(),
    };
    let structured = &result["structuredContent"];
    match text.trim().is_empty() {
        true if !structured.is_null() => cut(structured.to_string()),
        true => NOTHING.to_owned(),
        false => cut(text),
    }
}

fn part(part: &Value) -> String {
    let words = part["text"].as_str().or_else(|| part["resource"]["text"].as_str());
    match (words, part["type"].as_str()) {
        (Some(text), _) => text.to_owned(),
        (None, Some("image")) => "[a picture, which cannot be looked at here]".to_owned(),
        (None, Some("audio")) => "[a recording, which cannot be listened to here]".to_owned(),
        (None, Some("resource_link")) => format!("[see {}]", part["uri"].as_str().unwrap_or("an address")),
        (None, Some("resource")) => "[a file, which cannot be read here]".to_owned(),
        (None, _) => String::new(),
    }
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
    fn names_are_the_device_s_own_and_lead_to_one_tool() {
        let mut offer = Offer::default();
        let long = "x".repeat(limits::TOOL_NAME_BYTES + 1);
        let page = json!([
            { "name": "self.audio_speaker.set_volume", "description": "d", "inputSchema": { "type": "object" } },
            { "name": "a.b" }, { "name": "a_b" }, { "name": "拍照" }, { "name": "a.b", "description": "again" },
            { "name": long }, { "name": "" }, { "name": "a\nb" }, { "name": 7 }, "tool", null,
        ]);
        offer.add(&page, true);
        assert_eq!(names(&offer), ["self.audio_speaker.set_volume", "a.b", "a_b", "拍照"]);
        assert_eq!(offer.real_name("self_audio_speaker_set_volume"), Some("self.audio_speaker.set_volume"));
        assert_eq!(offer.real_name("Self.Audio_Speaker.Set_Volume"), Some("self.audio_speaker.set_volume"));
        assert_eq!((offer.real_name("a_b"), offer.real_name("a.b")), (Some("a_b"), Some("a.b")));
        assert_eq!(offer.real_name("a-b"), None, "it could be either");
        assert_eq!(offer.tools[0].parameters, r#"{"type":"object"}"#);
        assert_eq!(offer.tools[1].parameters, r#"{"type":"object","properties":{}}"#);
    }

    #[test]
    fn a_camera_is_offered_where_pictures_can_be_explained() {
        for (sees, expected) in [(false, vec!["take_photos"]), (true, vec!["self.camera.take_photo", "take_photos"])] {
            let mut offer = Offer::default();
            offer.add(&json!([{ "name": "self.camera.take_photo" }, { "name": "take_photos" }]), sees);
            assert_eq!(names(&offer), expected);
        }
    }

    #[test]
    fn a_list_is_bounded_in_number_and_size() {
        let mut offer = Offer::default();
        let many: Vec<Value> = (0..200).map(|number| json!({ "name": format!("t{number}") })).collect();
        offer.add(&Value::from(many), false);
        assert_eq!(names(&offer).len(), limits::MODEL_TOOLS);
        assert!(offer.is_full());
        let mut offer = Offer::default();
        let wordy: Vec<Value> =
            (0..70).map(|number| json!({ "name": format!("w{number}"), "description": "声".repeat(500) })).collect();
        offer.add(&Value::from(wordy), false);
        assert_eq!(offer.tools.len(), 70, "all of them with fewer words");
        assert!(offer.tools.iter().all(|tool| tool.description.len() <= limits::TOOL_SHORT_BYTES + 3));
        let mut offer = Offer::default();
        let heavy = json!({ "type": "object", "description": "d".repeat(limits::TOOL_LIST_BYTES) });
        offer.add(&json!([{ "name": "heavy", "inputSchema": heavy }, { "name": "light" }]), false);
        assert_eq!(names(&offer), ["light"]);
    }

    #[test]
    fn texts_are_joined_and_cut_between_characters() {
        let result = json!({ "content": [
            { "type": "text", "text": "one" }, { "type": "image", "data": "…" }, { "type": "text", "text": "two" },
        ] });
        assert_eq!(text_of(&result), "one\n[a picture, which cannot be looked at here]\ntwo");
        for nothing in [json!({ "content": [] }), json!({ "content": [{ "type": "text", "text": "" }] }), json!(null)] {
            assert_eq!(text_of(&nothing), "done; the tool has said nothing");
        }
        assert_eq!(text_of(&json!({ "content": [], "structuredContent": { "a": 1 } })), r#"{"a":1}"#);
        let resource = json!({ "content": [{ "type": "resource", "resource": { "uri": "x", "text": "words" } }] });
        assert_eq!(text_of(&resource), "words");
        assert_eq!(text_of(&json!(true)), "true");
        for shift in 0..3 {
            let text = text_of(&json!(format!("{}{}", "a".repeat(shift), "声".repeat(limits::TOOL_TEXT_BYTES))));
            assert!(text.len() <= limits::TOOL_TEXT_BYTES && text.ends_with("声… [cut]"));
        }
    }
}
