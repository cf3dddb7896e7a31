//! Parses a message. Rule: a fault is described in one sentence that names the member; the text of the log is borrowed,
//! not copied.

use std::borrow::Cow;

use modehost_sdk::{Fault, Message, parse, schema_invalid};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::log::step_name;
use crate::scan::Level;

/// The values of `event`, in the order in which error messages list them.
const EVENTS: [&str; 6] = ["start", "stop", "clear", "phase", "log", "step"];
/// Upper bound of the name of a phase or step, in bytes.
const NAME_BYTES: usize = 256;
/// Upper bound of the lines in one message.
const LINES: usize = 100_000;

/// The request of a message.
#[derive(Debug, PartialEq)]
pub enum Request<'a> {
    Start,
    /// The exit code of the command, if the sender knows it.
    Stop(Option<i64>),
    Clear,
    Phase(String),
    /// Text that continues where the last one ended.
    Text(Cow<'a, str>),
    /// Complete lines; text with a level is one record of a logger, and so complete as well.
    Lines(Vec<Cow<'a, str>>, Level),
    Step {
        name: String,
        ok: bool,
    },
}

/// The members of a message; each is parsed only for the events that use it.
#[derive(Deserialize)]
struct Members<'a> {
    #[serde(borrow, default)]
    event: Option<&'a RawValue>,
    #[serde(borrow, default)]
    name: Option<&'a RawValue>,
    #[serde(borrow, default)]
    status: Option<&'a RawValue>,
    #[serde(borrow, default)]
    text: Option<&'a RawValue>,
    #[serde(borrow, default)]
    lines: Option<&'a RawValue>,
    #[serde(borrow, default)]
    level: Option<&'a RawValue>,
    #[serde(borrow, default)]
    exit_code: Option<&'a RawValue>,
}

/// Text that is borrowed unless it contains escapes.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'a> Request<'a> {
    /// Parses a message.
    ///
    /// # Errors
    /// `SCHEMA_INVALID` with what is wrong.
    pub fn read(message: &'a Message) -> Result<Self, Fault> {
        let members: Members<'a> = parse_members(&message.body)?;
        let event = word("event", members.event, &EVENTS)?;
        Ok(match event {
            "start" => Self::Start,
            "stop" => Self::Stop(exit_code(members.exit_code)?),
            "clear" => Self::Clear,
            "phase" => Self::Phase(name(members.name)?),
            "step" => {
                if members.name.is_none() && members.status.is_none() {
                    return Err(schema_invalid("missing: name,status"));
                }
                let name = name(members.name)?;
                Self::Step { name, ok: word("status", members.status, &["ok", "failed"])? == "ok" }
            }
            _ => read_log(&members)?,
        })
    }
}

fn read_log<'a>(members: &Members<'a>) -> Result<Request<'a>, Fault> {
    let level = match members.level {
        Some(level) => Some(read_level(level)?),
        None => None,
    };
    let text = text("text", members.text)?;
    let lines = match members.lines {
        None => None,
        Some(raw) => {
            let wrong = || schema_invalid("lines must be array of strings");
            let lines: Vec<Text<'a>> = serde_json::from_str(raw.get()).map_err(|_| wrong())?;
            if lines.len() > LINES {
                return Err(schema_invalid(format!("lines must have at most {LINES} entries")));
            }
            Some(lines.into_iter().map(|line| line.0).collect::<Vec<_>>())
        }
    };
    match (text, lines, level) {
        (None, None, _) => Err(schema_invalid("missing: text or lines")),
        (Some(_), Some(_), _) => Err(schema_invalid("text and lines: only one of them may be given")),
        (Some(text), None, None) => Ok(Request::Text(text)),
        (Some(text), None, Some(level)) => Ok(Request::Lines(vec![text], level)),
        (None, Some(lines), level) => Ok(Request::Lines(lines, level.unwrap_or_default())),
    }
}

fn parse_members(body: &str) -> Result<Members<'_>, Fault> {
    // Reports invalid JSON in the same words as everywhere.
    serde_json::from_str(body).or_else(|_| {
        parse::<serde_json::Map<String, serde_json::Value>>(body)
            .and_then(|_| Err(schema_invalid("the message is no JSON object of single members")))
    })
}

fn text<'a>(name: &str, raw: Option<&'a RawValue>) -> Result<Option<Cow<'a, str>>, Fault> {
    let Some(raw) = raw else { return Ok(None) };
    let text: Option<Text<'a>> =
        serde_json::from_str(raw.get()).map_err(|_| schema_invalid(format!("{name} must be a string")))?;
    Ok(text.map(|text| text.0))
}

fn word<'w>(name: &str, raw: Option<&RawValue>, allowed: &[&'w str]) -> Result<&'w str, Fault> {
    let complaint = || schema_invalid(format!("{name} must be one of: {}", allowed.join(", ")));
    let found = match raw {
        None => return Err(schema_invalid(format!("missing: {name}"))),
        Some(raw) => text(name, Some(raw)).map_err(|_| complaint())?,
    };
    let found =
        found.filter(|word| !word.trim().is_empty()).ok_or_else(|| schema_invalid(format!("missing: {name}")))?;
    allowed.iter().find(|word| word.eq_ignore_ascii_case(found.trim())).copied().ok_or_else(complaint)
}

fn name(raw: Option<&RawValue>) -> Result<String, Fault> {
    let found =
        text("name", raw)?.filter(|name| !name.trim().is_empty()).ok_or_else(|| schema_invalid("missing: name"))?;
    if found.trim().len() > NAME_BYTES {
        return Err(schema_invalid(format!("name must have at most {NAME_BYTES} bytes")));
    }
    step_name(&found)
        .ok_or_else(|| schema_invalid("name must be the name of a phase or step, without addresses or keys"))
}

/// A number, or null if the command did not end by itself.
fn exit_code(raw: Option<&RawValue>) -> Result<Option<i64>, Fault> {
    let Some(raw) = raw else { return Ok(None) };
    serde_json::from_str(raw.get()).map_err(|_| schema_invalid("exit_code must be a whole number"))
}

fn read_level(raw: &RawValue) -> Result<Level, Fault> {
    let allowed = ["trace", "debug", "info", "notice", "warn", "warning", "error", "fatal", "critical"];
    Ok(match word("level", Some(raw), &allowed)? {
        "warn" | "warning" => Level::Warning,
        "error" | "fatal" | "critical" => Level::Error,
        _ => Level::Unsaid,
    })
}
