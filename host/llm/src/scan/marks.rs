//! The marks that models put around thoughts and calls. Rule: data and one reader of it; what is no mark
//! of a known kind is text, and no mark is longer than allowed.

/// What a mark means. Names are in lower case, without the signs around them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    OpenThought,
    CloseThought,
    /// A call begins; its name says how it ends.
    OpenCall(String),
    /// An end of calls.
    CloseCall(String),
    /// The head of a message of the format harmony: who speaks, and in which channel.
    Header,
    /// Behind the head.
    Message,
    /// Around an answer that stands behind thoughts.
    Answer,
    /// A token of the model that means nothing to anybody else.
    Token,
}

/// What stands at the start of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    Nothing,
    /// Perhaps the beginning of a mark: what follows decides.
    Partial,
    Mark {
        mark: Mark,
        bytes: usize,
    },
}

/// Longest mark in bytes, with the attributes of a tag.
pub(super) const MARK_BYTES: usize = 160;

/// What every mark begins with.
pub(super) const STARTS: [char; 3] = ['<', '[', '◁'];

/// Names of what a model thinks: `<think>`, `[THINK]`, `◁think▷`, `<|begin_of_thought|>`.
const THOUGHTS: [&str; 20] = [
    "think",
    "thinking",
    "thought",
    "thoughts",
    "reasoning",
    "reasoning_content",
    "reflection",
    "reflect",
    "analysis",
    "scratchpad",
    "monologue",
    "inner_monologue",
    "inner_thoughts",
    "antthinking",
    "chain_of_thought",
    "thought_process",
    "thinking_process",
    "思考",
    "思考过程",
    "推理",
];

/// Names of calls of tools, and of what models invent as their results.
const CALLS: [&str; 20] = [
    "tool_call",
    "tool_calls",
    "toolcall",
    "tool_calls_section",
    "function_call",
    "function_calls",
    "functioncall",
    "function",
    "functions",
    "tool_use",
    "tool_code",
    "invoke",
    "action",
    "tool_response",
    "tool_responses",
    "tool_result",
    "tool_results",
    "tool_output",
    "tool_outputs",
    "function_results",
];

/// Those that are also words of people, or of other notations: only known as a tag with `=` or `name=`, or as
/// a token in bars.
const COMMON_WORDS: [&str; 4] = ["function", "functions", "action", "invoke"];

/// Around an answer; only of use behind thoughts.
const ANSWERS: [&str; 6] = ["answer", "final_answer", "final", "response", "solution", "output"];

/// The mark at the start of `text`, which begins with one of [`STARTS`].
pub(super) fn read(text: &str) -> Found {
    let end_sign = match text.chars().next() {
        Some('<') => '>',
        Some('[') => ']',
        Some('◁') => '▷',
        _ => return Found::Nothing,
    };
    let start = text.chars().next().map_or(0, char::len_utf8);
    let body = &text[start..];
    // The end of the mark, or what cannot stand in one.
    let stop = body.char_indices().find(|(_, character)| *character == end_sign || STARTS.contains(character));
    let window = stop.map_or(body, |(at, _)| &body[..at]);
    if window.len() + start + end_sign.len_utf8() > MARK_BYTES || window.contains(['\n', '\r']) {
        return Found::Nothing;
    }
    match stop {
        Some((at, sign)) if sign == end_sign => match meaning(&body[..at], end_sign) {
            Some(mark) => Found::Mark { mark, bytes: start + at + sign.len_utf8() },
            None => Found::Nothing,
        },
        Some(_) => Found::Nothing,
        None if may_become(window, end_sign) => Found::Partial,
        None => Found::Nothing,
    }
}

/// The bars of special tokens: ASCII, and the wide one of DeepSeek.
const BARS: [char; 2] = ['|', '｜'];

/// What stands between the signs of a mark.
struct Body<'a> {
    /// A bar stands on that side.
    bar_before: bool,
    bar_after: bool,
    slash: bool,
    name: String,
    /// Behind the name of a tag.
    attributes: &'a str,
}

impl<'a> Body<'a> {
    fn of(body: &'a str) -> Self {
        let inner = body.trim_start_matches(BARS);
        let bar_before = inner.len() < body.len();
        let trimmed = inner.trim_end_matches(BARS);
        let bar_after = trimmed.len() < inner.len();
        let named = trimmed.strip_prefix('/').unwrap_or(trimmed);
        let end = named.find(|sign: char| sign.is_whitespace() || matches!(sign, '=' | '/')).unwrap_or(named.len());
        let (name, attributes) = named.split_at(end);
        let name = without_space(name).unwrap_or_default();
        Self { bar_before, bar_after, slash: named.len() < trimmed.len(), name, attributes }
    }
}

/// Name spaces of tags: `<seed:think>`, `</｜DSML｜invoke>`.
const SPACES: [&str; 6] = ["seed", "minimax", "antml", "longcat", "dsml", "glm"];

/// A name in lower case without its name space; `None` where that is none of those.
fn without_space(name: &str) -> Option<String> {
    let name = name.trim_start_matches(BARS).to_lowercase().replace(['▁', '-'], "_");
    match name.split_once([':', '|', '｜']) {
        Some((space, inner)) => SPACES.contains(&space).then(|| inner.to_owned()),
        None => Some(name),
    }
}

fn meaning(body: &str, end_sign: char) -> Option<Mark> {
    let Body { bar_before, bar_after, slash, name, attributes } = Body::of(body);
    let bars = bar_before || bar_after;
    let name = name.as_str();
    if end_sign == ']' {
        return match name {
            _ if !attributes.is_empty() || bars => None,
            "think" | "thinking" | "thought" | "reasoning" => Some(thought(slash)),
            "tool_calls" | "tool_call" | "tool_results" | "available_tools" => Some(call(name, slash)),
            _ => None,
        };
    }
    if !is_name(name) {
        return None;
    }
    if bars {
        return if attributes.is_empty() { token(name, slash, bar_before, bar_after) } else { None };
    }
    if attributes.trim_end().ends_with('/') {
        // An empty element.
        return (THOUGHTS.contains(&name) || CALLS.contains(&name)).then_some(Mark::Token);
    }
    if THOUGHTS.contains(&name) || name.starts_with("think_") {
        return Some(thought(slash));
    }
    if CALLS.contains(&name) {
        let told = slash || attributes.starts_with('=') || attributes.trim_start().starts_with("name=");
        return (told || !COMMON_WORDS.contains(&name)).then(|| call(name, slash));
    }
    ANSWERS.contains(&name).then_some(Mark::Answer)
}

/// A special token, in bars on both sides or, with newer models, on one.
fn token(name: &str, slash: bool, before: bool, after: bool) -> Option<Mark> {
    let both = before && after;
    let part = |word: &str| {
        let behind = name.strip_suffix(word).and_then(|rest| rest.strip_suffix('_'));
        behind.or_else(|| name.strip_prefix(word).and_then(|rest| rest.strip_prefix('_')))
    };
    // `begin_of_thought`, `start_thinking`, `tool_call_start`, `tool_calls_begin`.
    let inside = |name: &str| name.trim_start_matches("of_").to_owned();
    let of = |words: &[&str]| words.iter().find_map(|word| part(word)).map(inside).filter(|_| before);
    if let Some(of) = of(&["begin", "start", "prefix"]) {
        return match of.as_str() {
            of if THOUGHTS.contains(&of) || of == "inner" => Some(Mark::OpenThought),
            of if CALLS.contains(&of) => Some(Mark::OpenCall(of.to_owned())),
            _ => both.then_some(Mark::Token),
        };
    }
    if let Some(of) = of(&["end", "suffix"]) {
        return match of.as_str() {
            of if THOUGHTS.contains(&of) || of == "inner" => Some(Mark::CloseThought),
            of if CALLS.contains(&of) => Some(Mark::CloseCall(of.to_owned())),
            _ => both.then_some(Mark::Token),
        };
    }
    match name {
        // Gemma: `<|channel>thought … <channel|>`.
        "channel" if !both => Some(if after { Mark::CloseThought } else { Mark::OpenThought }),
        "channel" | "start" if both => Some(Mark::Header),
        "message" if both => Some(Mark::Message),
        "python_tag" | "plugin" if both => Some(Mark::OpenCall("tool_call".to_owned())),
        "call" if both => Some(Mark::CloseCall("tool_call".to_owned())),
        name if THOUGHTS.contains(&name) => Some(thought(slash || !both && after)),
        name if CALLS.contains(&name) => Some(call(name, slash || !both && after)),
        _ => both.then_some(Mark::Token),
    }
}

fn thought(close: bool) -> Mark {
    if close { Mark::CloseThought } else { Mark::OpenThought }
}

fn call(name: &str, close: bool) -> Mark {
    if close { Mark::CloseCall(name.to_owned()) } else { Mark::OpenCall(name.to_owned()) }
}

/// Whether it may be the name of a tag or token.
fn is_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|sign| sign.is_alphanumeric() || matches!(sign, '_' | '.'))
}

/// Whether more text may make a mark of this: whatever [`meaning`] takes, begins so.
fn may_become(body: &str, end_sign: char) -> bool {
    if body.starts_with(BARS) || body.ends_with(BARS) {
        return !body.contains(char::is_whitespace);
    }
    let named = body.strip_prefix('/').unwrap_or(body);
    let end = named.find(|sign: char| sign.is_whitespace() || matches!(sign, '=' | '/'));
    let name = &named[..end.unwrap_or(named.len())];
    let mut known = THOUGHTS.iter().chain(&CALLS).chain(&ANSWERS).chain(&["available_tools", "channel", "think_"]);
    match (without_space(name), end) {
        // Only tags have more than a name.
        (Some(name), Some(_)) => end_sign == '>' && (name.starts_with("think_") || known.any(|word| *word == name)),
        (Some(name), None) => {
            let is_space = SPACES.iter().any(|space| space.starts_with(&name));
            is_space || name.starts_with("think_") || known.any(|word| word.starts_with(&name))
        }
        (None, _) => false,
    }
}
