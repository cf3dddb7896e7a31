//! Parses a message. Rule: every fault is reported before anything is looked up or requested, and nothing of a faulty
//! message is done.

use modehost_sdk::{Fault, Fields, Message, reject, schema_invalid};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::config::{Config, GENERAL, category};

/// Maximum number of targets of one message.
const TARGETS: usize = 64;
/// Maximum length of a message id in characters.
const ID_CHARS: usize = 128;
/// Maximum length of the name of a device or group in bytes.
const NAME_BYTES: usize = 256;
/// Maximum length of a category in characters.
const CATEGORY_CHARS: usize = 64;
/// Maximum length of an instruction in characters.
const INSTRUCTION_CHARS: usize = 2000;
/// Maximum time that a message is queued: 30 days, in ms.
const TTL_MS: u64 = 30 * 24 * 60 * 60 * 1000;

/// The target of a message, as the sender names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// Ids or aliases of devices, without duplicates.
    Devices(Vec<String>),
    Group(String),
    Everyone,
}

impl Target {
    /// The target in a receipt, if no single device is meant.
    pub fn label(&self) -> String {
        match self {
            Self::Devices(devices) => devices.join(","),
            Self::Group(name) => format!("group:{name}"),
            Self::Everyone => "*".to_owned(),
        }
    }
}

/// A message to be delivered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Post {
    /// A string or an integer, as the sender gave it.
    pub id: Value,
    pub to: Target,
    pub category: String,
    /// A JSON object in its original text, so that no number loses a digit.
    pub payload: String,
    pub ttl_ms: u64,
    /// Unix ms of arrival.
    pub at: u64,
}

/// A parsed message.
#[derive(Debug, PartialEq)]
pub struct Request {
    pub post: Post,
    /// The instruction for the model, if the message is relayed.
    pub instruction: Option<String>,
}

impl Request {
    /// Parses a message that arrived at `now`; `seed`: for the id of a message without one.
    ///
    /// # Errors
    /// `SCHEMA_INVALID` with a sentence that names the fault, or `TOO_LARGE`.
    pub fn read(message: &Message, config: &Config, now: u64, seed: u64) -> Result<Self, Fault> {
        let fields = message.fields()?;
        fields.require(&["to", "payload"])?;
        let id = match fields.member("id") {
            None => Value::String(format!("m-{seed:016x}")),
            Some(Value::String(id)) if id.chars().count() <= ID_CHARS => Value::String(id.clone()),
            Some(Value::Number(id)) if id.is_i64() || id.is_u64() => Value::Number(id.clone()),
            Some(_) => {
                return Err(schema_invalid(format!("id must be a string of 1 to {ID_CHARS} characters or an integer")));
            }
        };
        let post = Post {
            id,
            to: target(&fields)?,
            category: category_of(&fields, config)?,
            payload: payload(message, &fields, config)?,
            ttl_ms: ttl(&fields, config)?,
            at: now,
        };
        Ok(Self { post, instruction: instruction(&fields)? })
    }
}

fn target(fields: &Fields) -> Result<Target, Fault> {
    let complaint = || schema_invalid("to must be a device id, an array of device ids, {\"group\":name} or \"*\"");
    match fields.member("to") {
        Some(Value::String(word)) if word.trim() == "*" => Ok(Target::Everyone),
        Some(Value::String(word)) => Ok(Target::Devices(vec![name("to", word)?])),
        Some(Value::Array(words)) => {
            if words.is_empty() || words.len() > TARGETS {
                return Err(schema_invalid(format!("to must have 1 to {TARGETS} items")));
            }
            let mut devices: Vec<String> = Vec::with_capacity(words.len());
            for word in words {
                let word = word.as_str().filter(|word| word.trim() != "*").ok_or_else(complaint)?;
                let word = name("to", word)?;
                if !devices.contains(&word) {
                    devices.push(word);
                }
            }
            Ok(Target::Devices(devices))
        }
        Some(Value::Object(object)) => match object.get("group") {
            Some(Value::String(word)) => Ok(Target::Group(name("to.group", word)?)),
            None | Some(Value::Null) => Err(schema_invalid("to must be {group}: missing one of group")),
            Some(_) => Err(complaint()),
        },
        _ => Err(complaint()),
    }
}

fn name(member: &str, word: &str) -> Result<String, Fault> {
    let word = word.trim();
    if word.is_empty() || word.len() > NAME_BYTES || word.chars().any(char::is_control) {
        return Err(schema_invalid(format!("{member} must be 1 to {NAME_BYTES} bytes without control characters")));
    }
    Ok(word.to_owned())
}

fn category_of(fields: &Fields, config: &Config) -> Result<String, Fault> {
    let Some(word) = fields.text("category")? else {
        return Ok(GENERAL.to_owned());
    };
    let word = category(word);
    if word.chars().count() > CATEGORY_CHARS {
        return Err(schema_invalid(format!("category must have at most {CATEGORY_CHARS} characters")));
    }
    if config.categories.is_empty() || word == GENERAL || config.categories.contains(&word) {
        return Ok(word);
    }
    Err(schema_invalid(format!("category must be one of: {}", config.categories.join(", "))))
}

fn payload(message: &Message, fields: &Fields, config: &Config) -> Result<String, Fault> {
    #[derive(Deserialize)]
    struct Parts {
        payload: Box<RawValue>,
    }
    if !fields.member("payload").is_some_and(Value::is_object) {
        return Err(schema_invalid("payload must be an object"));
    }
    let payload = modehost_sdk::parse::<Parts>(&message.body)?.payload;
    if payload.get().len() > config.max_payload_bytes {
        return Err(reject("TOO_LARGE", format!("payload may have at most {} bytes", config.max_payload_bytes)));
    }
    Ok(payload.get().to_owned())
}

fn ttl(fields: &Fields, config: &Config) -> Result<u64, Fault> {
    match fields.member("ttl_ms") {
        None => Ok(config.offline.ttl_ms),
        Some(value) => value
            .as_u64()
            .filter(|ttl| *ttl <= TTL_MS)
            .ok_or_else(|| schema_invalid(format!("ttl_ms must be an integer from 0 to {TTL_MS}"))),
    }
}

fn instruction(fields: &Fields) -> Result<Option<String>, Fault> {
    let Some(relay) = fields.member("relay") else {
        return Ok(None);
    };
    let relay = relay.as_object().ok_or_else(|| schema_invalid("relay must be {instruction}"))?;
    match relay.get("instruction") {
        None | Some(Value::Null) => Err(schema_invalid("relay must be {instruction}: missing one of instruction")),
        Some(Value::String(text)) if (1..=INSTRUCTION_CHARS).contains(&text.trim().chars().count()) => {
            Ok(Some(text.trim().to_owned()))
        }
        Some(_) => {
            Err(schema_invalid(format!("relay.instruction must be a string of 1 to {INSTRUCTION_CHARS} characters")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<Request, String> {
        let config: Config =
            serde_json::from_str(r#"{"categories":["Task","chat"],"max_payload_bytes":300}"#).expect("a section");
        let message = Message { kind: "peer".into(), body: body.into() };
        Request::read(&message, &config, 5, 0xab).map_err(|fault| match fault {
            Fault::Rejected(rejection) => format!("{}: {}", rejection.code, rejection.message),
            Fault::Failed(sentence) => sentence,
        })
    }

    #[test]
    fn p1_every_form_of_a_target_is_read() {
        let to = |to: &str| read(&format!(r#"{{"to":{to},"payload":{{}}}}"#)).expect("a request").post.to;
        assert_eq!(to(r#"" dev-2 ""#), Target::Devices(vec!["dev-2".into()]));
        assert_eq!(to(r#"["a","b"," a "]"#), Target::Devices(vec!["a".into(), "b".into()]));
        assert_eq!(to(r#"{"group":" red "}"#), Target::Group("red".into()));
        assert_eq!(to(r#"" * ""#), Target::Everyone);
    }

    #[test]
    fn p1_the_payload_stays_word_for_word() {
        let post = read(r#"{"to":"a","payload": {"n": 0.10, "big":12345678901234567890123} ,"category":" TASK "}"#);
        let post = post.expect("a request").post;
        assert_eq!(post.payload, r#"{"n": 0.10, "big":12345678901234567890123}"#);
        assert_eq!((post.category.as_str(), post.ttl_ms, post.at), ("task", 86_400_000, 5));
        assert_eq!(post.id, "m-00000000000000ab");
    }

    #[test]
    fn c10_an_instruction_is_measured_without_the_blanks_around_it() {
        let words = "字".repeat(INSTRUCTION_CHARS);
        let body = format!(r#"{{"to":"a","payload":{{}},"relay":{{"instruction":"  {words}\n"}}}}"#);
        assert_eq!(read(&body).expect("a request").instruction, Some(words));
    }

    #[test]
    fn c10_what_is_wrong_is_said_exactly() {
        let cases = [
            ("{}", "SCHEMA_INVALID: missing: to,payload"),
            (r#"{"to":" ","payload":{}}"#, "SCHEMA_INVALID: missing: to"),
            (r#"{"to":"a","payload":null}"#, "SCHEMA_INVALID: missing: payload"),
            (r#"{"to":"a","payload":"x"}"#, "SCHEMA_INVALID: payload must be an object"),
            (
                r#"{"to":7,"payload":{}}"#,
                r#"SCHEMA_INVALID: to must be a device id, an array of device ids, {"group":name} or "*""#,
            ),
            (
                r#"{"to":["a","*"],"payload":{}}"#,
                r#"SCHEMA_INVALID: to must be a device id, an array of device ids, {"group":name} or "*""#,
            ),
            (r#"{"to":[],"payload":{}}"#, "SCHEMA_INVALID: to must have 1 to 64 items"),
            (r#"{"to":{},"payload":{}}"#, "SCHEMA_INVALID: to must be {group}: missing one of group"),
            (r#"{"to":"a","payload":{},"category":"x"}"#, "SCHEMA_INVALID: category must be one of: task, chat"),
            (r#"{"to":"a","payload":{},"category":7}"#, "SCHEMA_INVALID: category must be a string"),
            (
                r#"{"to":"a","payload":{},"id":1.5}"#,
                "SCHEMA_INVALID: id must be a string of 1 to 128 characters or an integer",
            ),
            (
                r#"{"to":"a","payload":{},"ttl_ms":-1}"#,
                "SCHEMA_INVALID: ttl_ms must be an integer from 0 to 2592000000",
            ),
            (r#"{"to":"a","payload":{},"relay":"x"}"#, "SCHEMA_INVALID: relay must be {instruction}"),
            (
                r#"{"to":"a","payload":{},"relay":{}}"#,
                "SCHEMA_INVALID: relay must be {instruction}: missing one of instruction",
            ),
            (
                r#"{"to":"a","payload":{},"relay":{"instruction":7}}"#,
                "SCHEMA_INVALID: relay.instruction must be a string of 1 to 2000 characters",
            ),
            (r#"{"to":"a","payload":{},"payload":{}}"#, "SCHEMA_INVALID: duplicate field `payload`"),
        ];
        for (body, expected) in cases {
            assert_eq!(read(body), Err(expected.to_owned()), "{body}");
        }
        let large = format!(r#"{{"to":"a","payload":{{"x":"{}"}}}}"#, "x".repeat(300));
        assert_eq!(read(&large), Err("TOO_LARGE: payload may have at most 300 bytes".to_owned()));
    }
}
