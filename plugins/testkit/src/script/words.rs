//! The lines of a script. Rule: a line is one step, or an error that suggests a valid one; each word is listed in
//! [`WORDS`] with its meaning.

use std::path::PathBuf;
use std::time::Duration;

use modehost_contract::event::Failure;
use serde_json::Value;

use super::shown::Shown;
use crate::Part;

/// Words at the start of a line: their syntax and meaning.
pub const WORDS: [(&str, &str); 29] = [
    ("> WORDS", "the person says this; `dev-2> WORDS` at another device"),
    ("> {JSON}", "the device sends this message"),
    ("~ WORDS", "an interim transcript: the recogniser may still change it"),
    ("< WORDS", "the mode says this; `...` at either end stands for any words"),
    ("< {JSON}", "the device gets a message with at least these members; \"...\" stands for any value"),
    ("* EFFECT", "the mode has this done: ask, tool, hook, archive, dispatch, switch-mode, decline, listen, hang-up"),
    ("! WORDS", "the step before is refused (a section, a swap), and what is said of it has these words"),
    ("= state {JSON}", "the state has at least these members"),
    ("= document KEY {JSON}", "the document has at least these members; without JSON: it is not there"),
    ("+25m", "time passes: ms, s, m, h, d"),
    ("start [MODE]", "begins a mode; without this line the plugin's first mode; `start none`: a handler of messages"),
    ("device ID [group=G] [alias=A] [language=L]", "what follows happens at this device"),
    ("config {JSON}", "the plugin's section of the configuration is this from now on"),
    ("answer PURPOSE TEXT", "the model's next answer to a question of this purpose"),
    ("wish PURPOSE TOOL {JSON}", "the model's next answer asks for this tool to be called, with these arguments"),
    ("tool NAME TEXT", "the device offers this tool, and answers its next call with this"),
    ("document KEY {JSON}", "somebody else writes a document"),
    (
        "fail PART [REASON]",
        "the next request fails; parts: documents, journals, archive, hook, model PURPOSE, tool NAME",
    ),
    ("abort", "the person wants silence"),
    ("leave", "the device loses its connection"),
    ("return", "the device is back"),
    ("end", "the mode ends"),
    ("hold", "outcomes wait from here on: of what is asked, written and sent"),
    ("release", "they come"),
    ("kill", "the process dies and comes back with the state; what waits fails as interrupted, and may have happened"),
    ("swap [FILE]", "this version of the plugin takes the state over, and is told so; without FILE: the tested one"),
    ("plugin FILE", "devices that follow begin with this version of the plugin"),
    ("language L", "people speak this language: zh (default) or en"),
    ("# TEXT", "a comment"),
];

/// A line of a script.
#[derive(Clone, Debug)]
pub struct Line {
    /// Line number, from 1.
    pub number: usize,
    /// The text, without white space at its ends.
    pub text: String,
    /// The parsed step.
    pub step: Step,
}

/// The meaning of a line.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "each is a row of WORDS")]
pub enum Step {
    Says { device: Option<String>, text: String, is_final: bool },
    Message { device: Option<String>, body: Value },
    Expect(Shown),
    Refused(String),
    State(Value),
    Document { key: String, members: Option<Value> },
    Pass(Duration),
    Start(Option<String>),
    Device { id: String, group: Option<String>, alias: Option<String>, language: Option<String> },
    Language(String),
    Config(Value),
    Answer { purpose: String, text: String },
    Wish { purpose: String, tool: String, arguments: Value },
    Tool { name: String, text: String },
    Put { key: String, value: Value },
    Fail(Failing, Failure),
    Abort,
    Leave,
    Return,
    End,
    Hold,
    Release,
    Kill,
    Swap(Option<PathBuf>),
    Plugin(PathBuf),
}

/// The target of an injected failure.
#[derive(Clone, Debug)]
pub enum Failing {
    /// The next request to a part of the environment.
    Part(Part),
    /// The next question of this purpose.
    Model(String),
    /// The next call of this tool.
    Tool(String),
}

/// An invalid line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name}:{line}: {message}")]
pub struct ScriptError {
    /// Name of the script.
    pub name: String,
    /// Line number, from 1.
    pub line: usize,
    /// What is wrong, and what would be valid.
    pub message: String,
}

impl Line {
    /// Whether the line counts as input; a script needs at least one.
    pub(crate) fn is_input(&self) -> bool {
        !matches!(
            self.step,
            Step::Expect(_)
                | Step::Refused(_)
                | Step::Hold
                | Step::State(_)
                | Step::Document { .. }
                | Step::Answer { .. }
                | Step::Wish { .. }
                | Step::Device { .. }
        )
    }
}

/// Parses a line; `None` for an empty line or a comment.
///
/// # Errors
/// A sentence that says what is wrong with it.
pub fn read_line(text: &str) -> Result<Option<Step>, String> {
    let text = text.trim();
    if text.is_empty() || text.starts_with('#') {
        return Ok(None);
    }
    let (word, rest) = text.split_once(char::is_whitespace).map_or((text, ""), |(word, rest)| (word, rest.trim()));
    if let Some(step) = read_spoken(word, rest)? {
        return Ok(Some(step));
    }
    if let Some(duration) = text.strip_prefix('+') {
        let time = humantime::parse_duration(duration)
            .map_err(|error| format!("`{duration}` is no time ({error}); write +500ms, +30s, +25m or +1h"))?;
        return Ok(Some(Step::Pass(time)));
    }
    let bare = |step: Step| if rest.is_empty() { Ok(step) } else { Err(format!("`{word}` stands alone on its line")) };
    let step = match word {
        "start" if rest == "none" => Step::Start(None),
        "start" => Step::Start(Some(rest.to_owned())),
        "device" => read_device(rest)?,
        "language" => Step::Language(one(word, rest)?.to_owned()),
        "config" => Step::Config(json(rest)?),
        "answer" => {
            let (purpose, text) = two(word, rest)?;
            Step::Answer { purpose, text }
        }
        "wish" => {
            let (purpose, call) = two(word, rest)?;
            let (tool, arguments) = two(word, &call)?;
            Step::Wish { purpose, tool, arguments: json(&arguments)? }
        }
        "tool" => {
            let (name, text) = two(word, rest)?;
            Step::Tool { name, text }
        }
        "document" => {
            let (key, value) = two(word, rest)?;
            Step::Put { key, value: json(&value)? }
        }
        "fail" => read_failing(rest)?,
        "abort" => bare(Step::Abort)?,
        "leave" => bare(Step::Leave)?,
        "return" => bare(Step::Return)?,
        "end" => bare(Step::End)?,
        "hold" => bare(Step::Hold)?,
        "release" => bare(Step::Release)?,
        "kill" => bare(Step::Kill)?,
        "swap" => Step::Swap((!rest.is_empty()).then(|| rest.into())),
        "plugin" => Step::Plugin(one(word, rest)?.into()),
        unknown => return Err(unknown_word(unknown)),
    };
    Ok(Some(step))
}

/// A line with a sign: `>`, `~`, `<`, `*`, `=` or `!`. The first four can follow the id of a device.
fn read_spoken(word: &str, rest: &str) -> Result<Option<Step>, String> {
    let Some(sign) = word.chars().last().filter(|sign| ['>', '~', '<', '*', '=', '!'].contains(sign)) else {
        return Ok(None);
    };
    let name = &word[..word.len() - sign.len_utf8()];
    let device = (!name.is_empty()).then(|| name.to_owned());
    if rest.is_empty() {
        return Err(format!("behind `{sign}` nothing is written"));
    }
    if let Some(name) = device.as_ref().filter(|_| matches!(sign, '=' | '!')) {
        return Err(format!("`{sign}` is about the last device that something happened to; leave `{name}` out"));
    }
    let is_json = rest.starts_with('{');
    let step = match sign {
        '>' if is_json => {
            let body = json(rest)?;
            if !body["type"].is_string() {
                return Err("a message has a member \"type\", which is a text".to_owned());
            }
            Step::Message { device, body }
        }
        '>' => Step::Says { device, text: rest.to_owned(), is_final: true },
        '~' => Step::Says { device, text: rest.to_owned(), is_final: false },
        '<' if is_json => Step::Expect(Shown::message(device, json(rest)?)),
        '<' => Step::Expect(Shown::said(device, rest)),
        '*' => {
            let (head, body) = rest.split_once('{').map_or((rest, None), |(head, _)| (head, Some(&rest[head.len()..])));
            Step::Expect(Shown::effect(device, head.trim(), body.map(json).transpose()?))
        }
        '!' => Step::Refused(rest.trim_matches('.').trim().to_owned()),
        _ => read_check(rest)?,
    };
    Ok(Some(step))
}

fn read_check(text: &str) -> Result<Step, String> {
    let (what, rest) = text.split_once(char::is_whitespace).map_or((text, ""), |(what, rest)| (what, rest.trim()));
    match what {
        "state" => Ok(Step::State(json(rest)?)),
        "document" => {
            let (key, members) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
            let members = (!members.trim().is_empty()).then(|| json(members.trim())).transpose()?;
            Ok(Step::Document { key: key.to_owned(), members })
        }
        _ => Err(format!("`{what}` cannot be looked at; `= state {{…}}` and `= document KEY {{…}}` can")),
    }
}

fn read_device(rest: &str) -> Result<Step, String> {
    let mut words = rest.split_whitespace();
    let id = words.next().ok_or("behind `device` stands its name, such as dev-2")?.to_owned();
    let (mut group, mut alias, mut language) = (None, None, None);
    for word in words {
        let slot = match word.split_once('=') {
            Some(("group", value)) => (&mut group, value),
            Some(("alias", value)) => (&mut alias, value),
            Some(("language", value)) => (&mut language, value),
            _ => return Err(format!("`{word}` says nothing of a device; group=…, alias=… and language=… do")),
        };
        *slot.0 = Some(slot.1.to_owned());
    }
    Ok(Step::Device { id, group, alias, language })
}

fn read_failing(rest: &str) -> Result<Step, String> {
    let mut words = rest.split_whitespace();
    let part = words.next().unwrap_or_default();
    let mut name = || words.next().map(str::to_owned).ok_or_else(|| format!("`fail {part}` needs a name behind it"));
    let failing = match part {
        "documents" => Failing::Part(Part::Documents),
        "journals" => Failing::Part(Part::Journals),
        "archive" => Failing::Part(Part::Archives),
        "hook" => Failing::Part(Part::Hooks),
        "model" => Failing::Model(name()?),
        "tool" => Failing::Tool(name()?),
        other => {
            return Err(format!("`{other}` cannot fail; documents, journals, archive, hook, model and tool can"));
        }
    };
    let reason = match words.next() {
        None | Some("unavailable") => Failure::Unavailable,
        Some("interrupted") => Failure::Interrupted,
        Some("timed-out") => Failure::TimedOut,
        Some("rejected") => Failure::Rejected,
        Some("denied") => Failure::Denied,
        Some("too-many") => Failure::TooMany,
        Some("not-json") => Failure::NotJson,
        Some(other) => {
            return Err(format!(
                "`{other}` is no reason; unavailable, interrupted, timed-out, rejected, denied, too-many and not-json are"
            ));
        }
    };
    Ok(Step::Fail(failing, reason))
}

fn json(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| format!("not JSON: {error}"))
}

fn one<'a>(word: &str, rest: &'a str) -> Result<&'a str, String> {
    if rest.is_empty() { Err(format!("behind `{word}` nothing is written")) } else { Ok(rest) }
}

fn two(word: &str, rest: &str) -> Result<(String, String), String> {
    match rest.split_once(char::is_whitespace) {
        Some((first, second)) => Ok((first.to_owned(), second.trim().to_owned())),
        None => Err(format!("behind `{word}` stand a name and a text")),
    }
}

fn unknown_word(word: &str) -> String {
    let known = WORDS.iter().filter_map(|(form, _)| form.split(' ').next()).filter(|word| word.len() > 2);
    let mut known: Vec<&str> = known.filter(|word| word.chars().all(char::is_alphabetic)).collect();
    known.dedup();
    let near = known.iter().copied().min_by_key(|known| strsim::damerau_levenshtein(known, word));
    match near.filter(|near| strsim::damerau_levenshtein(near, word) <= 2) {
        Some(near) => format!("unknown word `{word}`; is `{near}` meant? What a person says stands behind `>`"),
        None => {
            format!("unknown word `{word}`; what a person says stands behind `>`, and words are: {}", known.join(", "))
        }
    }
}
