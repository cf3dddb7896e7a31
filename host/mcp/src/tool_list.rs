//! The tools of a device, as models get them. Rule: whatever a device lists, the result is bounded in number and bytes,
//! and each name refers to one tool. Names are the device's own; the client of a model maps them to the form that its
//! service accepts.

use std::sync::Arc;

use crate::limits;
use modehost_contract::effect::Tool;
use serde_json::Value;

use crate::metrics::count_left_out;

/// The tools of a device.
#[derive(Debug, Default)]
pub struct ToolList {
    tools: Vec<Tool>,
    bytes: usize,
    /// Descriptions have been shortened, since they did not all fit.
    is_shortened: bool,
}

impl ToolList {
    /// Adds the tools of a page: an array of objects; anything else is skipped. `has_vision`: a vision service is
    /// configured; without one the camera is not listed, since nothing can evaluate a picture.
    pub(crate) fn add(&mut self, page: &Value, has_vision: bool) {
        for tool in page.as_array().into_iter().flatten() {
            let Some(name) = tool["name"].as_str().filter(|name| is_name(name)) else { continue };
            let known = self.tools.iter().any(|known| known.name == name);
            if known || (!has_vision && name.rsplit('.').next() == Some(CAMERA)) {
                continue;
            }
            let schema = &tool["inputSchema"];
            let parameters =
                if schema.is_object() { schema.to_string() } else { r#"{"type":"object","properties":{}}"#.to_owned() };
            let mut description = tool["description"].as_str().unwrap_or_default().to_owned();
            if self.is_shortened {
                shorten(&mut description);
            } else if !self.fits(&description, &parameters) {
                // All tools with shorter descriptions rather than some tools missing.
                self.is_shortened = true;
                shorten(&mut description);
                self.tools.iter_mut().for_each(|tool| shorten(&mut tool.description));
                self.bytes = self.tools.iter().map(|tool| tool.description.len() + tool.parameters.len()).sum();
            }
            if self.is_full() || !self.fits(&description, &parameters) {
                count_left_out();
                continue;
            }
            self.bytes += description.len() + parameters.len();
            self.tools.push(Tool { name: name.to_owned(), description, parameters });
        }
    }

    fn fits(&self, description: &str, parameters: &str) -> bool {
        self.bytes + description.len() + parameters.len() <= limits::TOOL_LIST_BYTES
    }

    /// True once no further tool is accepted.
    pub(crate) fn is_full(&self) -> bool {
        self.tools.len() >= limits::MODEL_TOOLS
    }

    /// The tools, as modes get them.
    pub fn tools(&self) -> Arc<[Tool]> {
        self.tools.clone().into()
    }

    /// Resolves a name to the device's own: by exact match, or to the one tool whose name differs only in punctuation
    /// and case, as models tend to write `_` for `.`.
    pub(crate) fn resolve_name(&self, name: &str) -> Option<&str> {
        let mut names = self.tools.iter().map(|tool| tool.name.as_str());
        if let Some(exact) = names.clone().find(|known| *known == name) {
            return Some(exact);
        }
        let same = |known: &str| known.chars().map(normalise).eq(name.chars().map(normalise));
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

/// The last segment of the name of a firmware's camera tool.
const CAMERA: &str = "take_photo";

fn is_name(name: &str) -> bool {
    (1..=limits::TOOL_NAME_BYTES).contains(&name.len()) && !name.chars().any(char::is_control)
}

fn normalise(sign: char) -> char {
    if sign.is_alphanumeric() { sign.to_ascii_lowercase() } else { '_' }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn names(list: &ToolList) -> Vec<&str> {
        list.tools.iter().map(|tool| tool.name.as_str()).collect()
    }

    #[test]
    fn names_are_the_device_s_own_and_lead_to_one_tool() {
        let mut tools = ToolList::default();
        let long = "x".repeat(limits::TOOL_NAME_BYTES + 1);
        let page = json!([
            { "name": "self.audio_speaker.set_volume", "description": "d", "inputSchema": { "type": "object" } },
            { "name": "a.b" }, { "name": "a_b" }, { "name": "拍照" }, { "name": "a.b", "description": "again" },
            { "name": long }, { "name": "" }, { "name": "a\nb" }, { "name": 7 }, "tool", null,
        ]);
        tools.add(&page, true);
        assert_eq!(names(&tools), ["self.audio_speaker.set_volume", "a.b", "a_b", "拍照"]);
        assert_eq!(tools.resolve_name("self_audio_speaker_set_volume"), Some("self.audio_speaker.set_volume"));
        assert_eq!(tools.resolve_name("Self.Audio_Speaker.Set_Volume"), Some("self.audio_speaker.set_volume"));
        assert_eq!((tools.resolve_name("a_b"), tools.resolve_name("a.b")), (Some("a_b"), Some("a.b")));
        assert_eq!(tools.resolve_name("a-b"), None, "it could be either");
        assert_eq!(tools.tools[0].parameters, r#"{"type":"object"}"#);
        assert_eq!(tools.tools[1].parameters, r#"{"type":"object","properties":{}}"#);
    }

    #[test]
    fn a_camera_is_offered_where_pictures_can_be_explained() {
        for (sees, expected) in [(false, vec!["take_photos"]), (true, vec!["self.camera.take_photo", "take_photos"])] {
            let mut tools = ToolList::default();
            tools.add(&json!([{ "name": "self.camera.take_photo" }, { "name": "take_photos" }]), sees);
            assert_eq!(names(&tools), expected);
        }
    }

    #[test]
    fn a_list_is_bounded_in_number_and_size() {
        let mut tools = ToolList::default();
        let many: Vec<Value> = (0..200).map(|number| json!({ "name": format!("t{number}") })).collect();
        tools.add(&Value::from(many), false);
        assert_eq!(names(&tools).len(), limits::MODEL_TOOLS);
        assert!(tools.is_full());
        let mut tools = ToolList::default();
        let wordy: Vec<Value> =
            (0..70).map(|number| json!({ "name": format!("w{number}"), "description": "声".repeat(500) })).collect();
        tools.add(&Value::from(wordy), false);
        assert_eq!(tools.tools.len(), 70, "all of them with fewer words");
        assert!(tools.tools.iter().all(|tool| tool.description.len() <= limits::TOOL_SHORT_BYTES + 3));
        let mut tools = ToolList::default();
        let heavy = json!({ "type": "object", "description": "d".repeat(limits::TOOL_LIST_BYTES) });
        tools.add(&json!([{ "name": "heavy", "inputSchema": heavy }, { "name": "light" }]), false);
        assert_eq!(names(&tools), ["light"]);
    }
}
