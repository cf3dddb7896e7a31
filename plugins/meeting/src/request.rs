//! Parses a device message. Rule: everything is checked before anything is done; a fault is described in one sentence.

use modehost_sdk::{Fault, Fields, Message, reject, schema_invalid};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::summary::TITLE_CHARS;

/// Values of the member `phase`.
const PHASES: [&str; 3] = ["snippet", "finalize", "summary"];
/// Segments of one message: each causes an append and a message, and effects are limited.
const ITEMS: usize = 24;
/// Maximum characters of a segment.
pub const SEGMENT_CHARS: usize = 4_000;
/// Maximum characters of all segments of a message.
const MESSAGE_CHARS: usize = 20_000;
/// Maximum characters of a tag.
const TAG_CHARS: usize = 64;

/// A parsed message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Request {
    pub phase: Phase,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
}

/// The command of a message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Phase {
    /// Segments of the transcript.
    Snippet(Vec<Item>),
    /// Ends the meeting.
    Finalize,
    /// Requests the summary again.
    Summary,
}

/// A segment, with its speaker or kind as the tag.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Item {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    pub text: String,
}

impl Request {
    /// Parses a message.
    ///
    /// # Errors
    /// `SCHEMA_INVALID` or `TOO_LARGE`, with a sentence that names the fault.
    pub fn read(message: &Message) -> Result<Self, Fault> {
        let fields = message.fields()?;
        // Other message types call it `event`.
        let name = if fields.member("phase").is_none() && fields.member("event").is_some() { "event" } else { "phase" };
        let phase = match fields.word(name, &PHASES)? {
            "snippet" => Phase::Snippet(items(&fields)?),
            "finalize" => Phase::Finalize,
            _ => Phase::Summary,
        };
        let title = fields.text("title")?.map(one_line);
        if let Some(title) = &title {
            bounded("title", title, TITLE_CHARS)?;
        }
        Ok(Self { phase, title })
    }

    /// Approximate size in bytes while it is deferred.
    pub fn weight(&self) -> usize {
        let items = match &self.phase {
            Phase::Snippet(items) => items.as_slice(),
            _ => &[],
        };
        let length = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        64 + length(&self.title) + items.iter().map(|item| length(&item.tag) + item.text.len() + 32).sum::<usize>()
    }
}

fn items(fields: &Fields) -> Result<Vec<Item>, Fault> {
    let Some(objects) = fields.objects("items", &["tag", "text"])? else {
        let Some(text) = fields.text("text")? else {
            return Err(schema_invalid("missing: text"));
        };
        bounded("text", text, SEGMENT_CHARS)?;
        let tag = fields.text("tag")?.map(one_line);
        if let Some(tag) = &tag {
            bounded("tag", tag, TAG_CHARS)?;
        }
        return Ok(vec![Item { tag, text: text.to_owned() }]);
    };
    if objects.is_empty() {
        return Err(schema_invalid("items must be array of {tag,text}: it is empty"));
    }
    if objects.len() > ITEMS {
        let count = objects.len();
        return Err(reject(
            "TOO_LARGE",
            format!("items has {count} entries; at most {ITEMS} are taken in one message"),
        ));
    }
    let items: Vec<Item> = objects.into_iter().map(item).collect::<Result<_, _>>()?;
    let chars: usize = items.iter().map(|item| item.text.chars().count()).sum();
    if chars > MESSAGE_CHARS {
        let sentence =
            format!("items has {chars} characters of text; at most {MESSAGE_CHARS} are taken in one message");
        return Err(reject("TOO_LARGE", sentence));
    }
    Ok(items)
}

fn item(object: &Map<String, Value>) -> Result<Item, Fault> {
    let word = |name: &str| match object.get(name) {
        Some(Value::String(text)) => Ok(text.trim()),
        _ => Err(schema_invalid(format!("items must be array of {{tag,text}}: {name} must be a string"))),
    };
    let (tag, text) = (one_line(word("tag")?), word("text")?);
    bounded("tag", &tag, TAG_CHARS)?;
    bounded("text", text, SEGMENT_CHARS)?;
    Ok(Item { tag: Some(tag), text: text.to_owned() })
}

fn bounded(name: &str, text: &str, most: usize) -> Result<(), Fault> {
    let chars = text.chars().count();
    if chars > most {
        return Err(reject("TOO_LARGE", format!("{name} has {chars} characters; at most {most} are taken")));
    }
    Ok(())
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<Request, (String, String)> {
        let message = Message { kind: "meeting".into(), body: body.into() };
        Request::read(&message).map_err(|fault| match fault {
            Fault::Rejected(rejection) => (rejection.code, rejection.message),
            other => panic!("{other:?}"),
        })
    }

    #[test]
    fn c10_what_is_wrong_is_said() {
        let long = "x".repeat(SEGMENT_CHARS + 1);
        let many: Vec<Value> = (0..=ITEMS).map(|_| serde_json::json!({"tag": "a", "text": "b"})).collect();
        let cases = [
            (r#"{}"#.to_owned(), "SCHEMA_INVALID", "missing: phase"),
            (r#"{"phase":"begin"}"#.to_owned(), "SCHEMA_INVALID", "phase must be one of: snippet, finalize, summary"),
            (r#"{"event":"end"}"#.to_owned(), "SCHEMA_INVALID", "event must be one of: snippet, finalize, summary"),
            (r#"{"phase":7}"#.to_owned(), "SCHEMA_INVALID", "phase must be one of: snippet, finalize, summary"),
            (r#"{"phase":"snippet"}"#.to_owned(), "SCHEMA_INVALID", "missing: text"),
            (r#"{"phase":"snippet","text":"  "}"#.to_owned(), "SCHEMA_INVALID", "missing: text"),
            (r#"{"phase":"snippet","text":5}"#.to_owned(), "SCHEMA_INVALID", "text must be a string"),
            (r#"{"phase":"snippet","items":{}}"#.to_owned(), "SCHEMA_INVALID", "items must be array of {tag,text}"),
            (r#"{"phase":"snippet","items":["a"]}"#.to_owned(), "SCHEMA_INVALID", "items must be array of {tag,text}"),
            (
                r#"{"phase":"snippet","items":[]}"#.to_owned(),
                "SCHEMA_INVALID",
                "items must be array of {tag,text}: it is empty",
            ),
            (
                r#"{"phase":"snippet","items":[{"tag":"a"}]}"#.to_owned(),
                "SCHEMA_INVALID",
                "items must be array of {tag,text}: missing one of tag/text",
            ),
            (
                r#"{"phase":"snippet","items":[{"tag":7,"text":"b"}]}"#.to_owned(),
                "SCHEMA_INVALID",
                "items must be array of {tag,text}: tag must be a string",
            ),
            (
                format!(r#"{{"phase":"snippet","text":"{long}"}}"#),
                "TOO_LARGE",
                "text has 4001 characters; at most 4000 are taken",
            ),
            (
                serde_json::json!({"phase": "snippet", "items": many}).to_string(),
                "TOO_LARGE",
                "items has 25 entries; at most 24 are taken in one message",
            ),
            (r#"{"phase":"finalize","title":["a"]}"#.to_owned(), "SCHEMA_INVALID", "title must be a string"),
        ];
        for (body, code, sentence) in cases {
            assert_eq!(read(&body), Err((code.to_owned(), sentence.to_owned())), "{body:.200}");
        }
    }

    #[test]
    fn all_texts_of_a_deferred_message_have_weight() {
        let text = |letter: &str, count| letter.repeat(count);
        let item = Item { tag: Some(text("a", 60)), text: text("b", 100) };
        let request = Request { phase: Phase::Snippet(vec![item.clone(), item]), title: Some(text("c", 80)) };
        assert!(request.weight() >= 2 * (60 + 100) + 80, "{}", request.weight());
        let request = Request { phase: Phase::Finalize, title: Some(text("字", 80)) };
        assert!(request.weight() >= 240, "{}", request.weight());
    }

    #[test]
    fn c10_words_are_trimmed_and_lowered() {
        let request = read(r#"{"phase":" Finalize ","title":"  Weekly\n sync "}"#).expect("a request");
        assert_eq!(request, Request { phase: Phase::Finalize, title: Some("Weekly sync".into()) });
        assert_eq!(read(r#"{"event":"SUMMARY"}"#).expect("a request").phase, Phase::Summary);
        let item = |tag: Option<&str>, text: &str| Item { tag: tag.map(Into::into), text: text.into() };
        let request = read(r#"{"phase":"snippet","items":[{"tag":" Ann ","text":" hi "}]}"#).expect("a request");
        assert_eq!(request.phase, Phase::Snippet(vec![item(Some("Ann"), "hi")]));
        let request = read(r#"{"phase":"snippet","text":"hi"}"#).expect("a request");
        assert_eq!(request.phase, Phase::Snippet(vec![item(None, "hi")]));
    }
}
