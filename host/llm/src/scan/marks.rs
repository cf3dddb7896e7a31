//! Markers of reasoning and tool calls. Rule: tables and one parser; an unknown marker is text, and the length of a
//! marker is bounded.

/// Meaning of a marker. Names are in lower case, without delimiters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    OpenReasoning,
    CloseReasoning,
    /// A call starts; the name identifies its end marker.
    OpenCall(String),
    /// The end of a call.
    CloseCall(String),
    /// The header of a harmony message: role and channel.
    Header,
    /// The end of the header.
    Message,
    /// Around an answer that follows reasoning.
    Answer,
    /// A special token without meaning here.
    Token,
}

/// Result of parsing the start of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    Nothing,
    /// Perhaps the beginning of a marker: more input is needed.
    Partial,
    Mark {
        mark: Mark,
        bytes: usize,
    },
}

/// Longest marker in bytes, including attributes.
pub(super) const MARK_BYTES: usize = 160;

/// First characters of markers.
pub(super) const STARTS: [char; 3] = ['<', '[', '◁'];

/// Names of reasoning markers: `<think>`, `[THINK]`, `◁think▷`, `<|begin_of_thought|>`.
const REASONING: [&str; 20] = [
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

/// Names of markers of tool calls, and of tool results that models invent.
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

/// Those that are also ordinary words, or used in other notations: recognised only as a tag with `=` or `name=`, or as
/// a special token.
const COMMON_WORDS: [&str; 4] = ["function", "functions", "action", "invoke"];

/// Markers around an answer; relevant only after reasoning.
const ANSWERS: [&str; 6] = ["answer", "final_answer", "final", "response", "solution", "output"];

/// The marker at the start of `text`, which begins with one of [`STARTS`].
pub(super) fn read(text: &str) -> Found {
    let end_sign = match text.chars().next() {
        Some('<') => '>',
        Some('[') => ']',
        Some('◁') => '▷',
        _ => return Found::Nothing,
    };
    let start = text.chars().next().map_or(0, char::len_utf8);
    let body = &text[start..];
    // The end of the marker, or a character that cannot be part of one.
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

/// Bars of special tokens: ASCII, and the full-width one of DeepSeek.
const BARS: [char; 2] = ['|', '｜'];

/// The parsed contents of a marker.
struct Body<'a> {
    /// A bar on that side.
    bar_before: bool,
    bar_after: bool,
    slash: bool,
    name: String,
    /// Text after the name of a tag.
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
        let name = without_namespace(name).unwrap_or_default();
        Self { bar_before, bar_after, slash: named.len() < trimmed.len(), name, attributes }
    }
}

/// Namespaces of tags: `<seed:think>`, `</｜DSML｜invoke>`.
const NAMESPACES: [&str; 6] = ["seed", "minimax", "antml", "longcat", "dsml", "glm"];

/// A name in lower case without its namespace; `None` if the namespace is unknown.
fn without_namespace(name: &str) -> Option<String> {
    let name = name.trim_start_matches(BARS).to_lowercase().replace(['▁', '-'], "_");
    match name.split_once([':', '|', '｜']) {
        Some((space, inner)) => NAMESPACES.contains(&space).then(|| inner.to_owned()),
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
            "think" | "thinking" | "thought" | "reasoning" => Some(reasoning(slash)),
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
        return (REASONING.contains(&name) || CALLS.contains(&name)).then_some(Mark::Token);
    }
    if REASONING.contains(&name) || name.starts_with("think_") {
        return Some(reasoning(slash));
    }
    if CALLS.contains(&name) {
        let is_explicit = slash || attributes.starts_with('=') || attributes.trim_start().starts_with("name=");
        return (is_explicit || !COMMON_WORDS.contains(&name)).then(|| call(name, slash));
    }
    ANSWERS.contains(&name).then_some(Mark::Answer)
}

/// A special token, with bars on both sides or, with newer models, on one.
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
            of if REASONING.contains(&of) || of == "inner" => Some(Mark::OpenReasoning),
            of if CALLS.contains(&of) => Some(Mark::OpenCall(of.to_owned())),
            _ => both.then_some(Mark::Token),
        };
    }
    if let Some(of) = of(&["end", "suffix"]) {
        return match of.as_str() {
            of if REASONING.contains(&of) || of == "inner" => Some(Mark::CloseReasoning),
            of if CALLS.contains(&of) => Some(Mark::CloseCall(of.to_owned())),
            _ => both.then_some(Mark::Token),
        };
    }
    match name {
        // Gemma: `<|channel>thought … <channel|>`.
        "channel" if !both => Some(if after { Mark::CloseReasoning } else { Mark::OpenReasoning }),
        "channel" | "start" if both => Some(Mark::Header),
        "message" if both => Some(Mark::Message),
        "python_tag" | "plugin" if both => Some(Mark::OpenCall("tool_call".to_owned())),
        "call" if both => Some(Mark::CloseCall("tool_call".to_owned())),
        name if REASONING.contains(&name) => Some(reasoning(slash || !both && after)),
        name if CALLS.contains(&name) => Some(call(name, slash || !both && after)),
        _ => both.then_some(Mark::Token),
    }
}

fn reasoning(close: bool) -> Mark {
    if close { Mark::CloseReasoning } else { Mark::OpenReasoning }
}

fn call(name: &str, close: bool) -> Mark {
    if close { Mark::CloseCall(name.to_owned()) } else { Mark::OpenCall(name.to_owned()) }
}

/// Whether it is a valid name of a tag or token.
fn is_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|sign| sign.is_alphanumeric() || matches!(sign, '_' | '.'))
}

/// Whether more input may complete a marker: true for every prefix of what [`meaning`] accepts.
fn may_become(body: &str, end_sign: char) -> bool {
    if body.starts_with(BARS) || body.ends_with(BARS) {
        return !body.contains(char::is_whitespace);
    }
    let named = body.strip_prefix('/').unwrap_or(body);
    let end = named.find(|sign: char| sign.is_whitespace() || matches!(sign, '=' | '/'));
    let name = &named[..end.unwrap_or(named.len())];
    let mut known = REASONING.iter().chain(&CALLS).chain(&ANSWERS).chain(&["available_tools", "channel", "think_"]);
    match (without_namespace(name), end) {
        // Only tags have attributes.
        (Some(name), Some(_)) => end_sign == '>' && (name.starts_with("think_") || known.any(|word| *word == name)),
        (Some(name), None) => {
            let is_space = NAMESPACES.iter().any(|space| space.starts_with(&name));
            is_space || name.starts_with("think_") || known.any(|word| word.starts_with(&name))
        }
        (None, _) => false,
    }
}
