//! Tools offered to the model: those of the device, and two of this mode, which start a mode and end the conversation.
//! Rule: a call is checked before it is made; a fault is reported to the model, which can correct it; results are
//! bounded.

use std::rc::Rc;
use std::time::Duration;

use modehost_sdk::{Cx, Tool, ToolCall};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::memory::cut;
use crate::turn::{End, Round, Stage, Turn, Wanted};
use crate::{Config, Conversation, FILLER, Next, wording};

/// The tools of this mode.
const SWITCH: &str = "switch_mode";
const END: &str = "end_conversation";
/// Maximum number of tools, including those of this mode; a limit of the contract.
const TOOLS: usize = 128;
/// Maximum size of the names, descriptions and parameters of the device's tools in bytes: they are sent with every
/// request.
const TOOL_BYTES: usize = 48 * 1024;
/// Maximum characters of a description if the tools exceed the limit.
const SHORT_DESCRIPTION: usize = 100;
/// Characters of the description of the tool that begins a mode: with more modes than fit their phrases go first.
const SWITCH_CHARS: usize = 2000;
/// Calls of one round; what is beyond is answered with an error.
const CALLS: usize = 8;
/// Maximum size of the arguments of a call in bytes.
const ARGUMENT_BYTES: usize = 4 * 1024;
/// Size of the calls and results of a turn, in bytes, from which no more tools are called: they are part of the state
/// and of every further request.
const ROUND_BYTES: usize = 48 * 1024;
/// Maximum characters of the text beside calls.
const CONTENT_CHARS: usize = 2000;

/// The state of the requests for the tool list.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Listing {
    /// The device was too slow for the last turn that requested its list.
    pub late: bool,
}

/// Requests the tool list of the device, unless a request is pending. The host caches the list for each connection.
pub(crate) fn list_tools(cx: &mut Cx<'_, Conversation>) {
    if !cx.is_waiting(|next| *next == Next::Tools) {
        cx.list_tools().then(Next::Tools);
    }
}

impl Conversation {
    /// The tool list of the device has arrived.
    pub(crate) fn take_tools(&mut self, cx: &mut Cx<'_, Self>, listed: Vec<Tool>) {
        self.listing.late = false;
        if let Some(turn) = &mut self.turn
            && matches!(turn.stage, Stage::Gathering { tools: true, .. })
        {
            let bytes = |tool: &Tool| tool.name.len() + tool.description.len() + tool.parameters.len();
            let mut listed: Vec<Tool> =
                listed.into_iter().filter(|tool| ![SWITCH, END].contains(&&*tool.name)).collect();
            if listed.iter().map(bytes).sum::<usize>() > TOOL_BYTES {
                // All tools with short descriptions are better than some tools with full ones.
                for tool in &mut listed {
                    tool.description = cut(&tool.description, SHORT_DESCRIPTION);
                }
            }
            let mut left = TOOL_BYTES;
            let fitting = listed.into_iter().filter(|tool| {
                let bytes = bytes(tool);
                let fits = bytes <= left;
                left = if fits { left - bytes } else { left };
                fits
            });
            turn.tools = Rc::new(fitting.take(TOOLS - 2).collect());
        }
        self.gathered(cx, Wanted::Tools);
    }

    /// Adds the tools of this mode to those of the device.
    pub(crate) fn offer_own(&mut self, cx: &Cx<'_, Self>) {
        let modes = self.modes(cx);
        let Some(turn) = self.turn.as_mut().filter(|_| cx.config().tools) else { return };
        let tools = Rc::make_mut(&mut turn.tools);
        tools.push(Tool {
            name: END.to_owned(),
            description: "Ends the conversation: the device stops listening and sleeps until it is woken. Use it when \
                          the user says goodbye or wants nothing more; say a short farewell with it."
                .to_owned(),
            parameters: json!({ "type": "object", "properties": {} }).to_string(),
        });
        if !modes.is_empty() {
            let mut names: Vec<&str> = modes.iter().map(|(name, _)| name).collect();
            names.push("chat");
            let purposes = modes.iter().filter(|(_, mode)| !mode.description.is_empty());
            let purposes: Vec<String> = purposes.map(|(name, mode)| format!("{name}: {}", mode.description)).collect();
            let examples: Vec<String> =
                modes.iter().map(|(name, mode)| format!("{name}: {}", mode.phrases.join(", "))).collect();
            let mut description = "Begins another mode of the device; use it only when the user asks for it to begin \
                                   now, not when they talk about it. `chat` leaves the mode that runs."
                .to_owned();
            if !purposes.is_empty() {
                description += &format!(" What they are for: {}", purposes.join(" "));
            }
            description += &format!(" What users say for them: {}", examples.join("; "));
            let parameters = json!({
                "type": "object",
                "properties": { "mode": { "type": "string", "enum": names } },
                "required": ["mode"],
            });
            tools.push(Tool {
                name: SWITCH.to_owned(),
                description: cut(&description, SWITCH_CHARS),
                parameters: parameters.to_string(),
            });
        }
    }

    /// Executes the calls of the model; asks it again once all have a result.
    pub(crate) fn call_tools(&mut self, cx: &mut Cx<'_, Self>, content: &str, mut calls: Vec<ToolCall>) {
        let Some(turn) = &mut self.turn else { return };
        calls.truncate(2 * CALLS);
        if let Some(mode) = calls.iter().find_map(|call| wanted_mode(call, &turn.tools)) {
            match std::mem::take(&mut turn.speaking) {
                true => cx.end_speech(),
                false => turn.say_own(cx, wording::switching(turn.language)),
            }
            match mode.as_str() {
                "chat" => cx.leave_mode(),
                mode => cx.switch_mode(mode),
            }
            return self.end_turn(cx, End::Complete);
        }
        if calls.iter().any(|call| call.name == END) && turn.tools.iter().any(|tool| tool.name == END) {
            match std::mem::take(&mut turn.speaking) {
                true => cx.end_speech(),
                false => turn.say_own(cx, wording::goodbye(turn.language)),
            }
            cx.hang_up();
            return self.end_turn(cx, End::Complete);
        }
        if turn.has_called_enough(cx.config()) {
            // The model called tools although none were offered: it gives no answer.
            if turn.speaking {
                return self.end_turn(cx, End::Interrupted);
            }
            turn.say_own(cx, wording::nothing_to_say(turn.language));
            return self.end_turn(cx, End::Complete);
        }
        let mut results = Vec::new();
        for (index, call) in calls.iter_mut().enumerate() {
            results.push(match check(call, &turn.tools, index) {
                Ok(arguments) => {
                    cx.call_tool(call.name.as_str(), arguments).then(Next::Call(index));
                    None
                }
                Err(mistake) => {
                    // Damaged or oversized arguments are not repeated to the model.
                    call.arguments = "{}".to_owned();
                    Some(format!("error: {mistake}"))
                }
            });
        }
        let is_open = results.contains(&None);
        turn.rounds.push(Round { content: cut(content, CONTENT_CHARS), calls, results });
        if !is_open {
            return self.ask(cx);
        }
        turn.stage = Stage::Calling;
        let filler = cx.config().filler_ms;
        if filler > 0 && !turn.speaking {
            cx.start_alarm(FILLER, Duration::from_millis(filler));
        }
    }

    /// A tool has answered or failed.
    pub(crate) fn tool_answered(&mut self, cx: &mut Cx<'_, Self>, index: usize, text: &str, failed: bool) {
        let Some(turn) = self.turn.as_mut().filter(|turn| turn.stage == Stage::Calling) else { return };
        let mark = if failed { "the tool failed: " } else { "" };
        let left = ROUND_BYTES.saturating_sub(turn.rounds.iter().map(Round::bytes).sum());
        let text = cut(text, cx.config().tool_result_chars);
        let result = format!("{mark}{}", &text[..text.floor_char_boundary(left)]);
        let Some(round) = turn.rounds.last_mut() else { return };
        if let Some(slot) = round.results.get_mut(index) {
            *slot = Some(result);
        }
        if !round.results.contains(&None) {
            cx.stop_alarm(FILLER);
            self.ask(cx);
        }
    }

    /// The tools are slow: says so.
    pub(crate) fn fill(&mut self, cx: &mut Cx<'_, Self>) {
        if let Some(turn) = &mut self.turn
            && matches!(turn.stage, Stage::Calling)
            && !turn.speaking
        {
            cx.say_more(wording::one_moment(turn.language));
            turn.speaking = true;
        }
    }
}

impl Turn {
    /// True if the model may not call more tools in this turn.
    pub(crate) fn has_called_enough(&self, config: &Config) -> bool {
        let bytes: usize = self.rounds.iter().map(Round::bytes).sum();
        self.rounds.len() >= config.tool_rounds as usize || bytes >= ROUND_BYTES
    }
}

impl Round {
    fn bytes(&self) -> usize {
        let calls: usize = self.calls.iter().map(|call| call.name.len() + call.arguments.len()).sum();
        let results: usize = self.results.iter().flatten().map(String::len).sum();
        self.content.len() + calls + results
    }
}

/// The mode requested by a valid call of `switch_mode`.
fn wanted_mode(call: &ToolCall, tools: &[Tool]) -> Option<String> {
    if call.name != SWITCH {
        return None;
    }
    let offered = tools.iter().find(|tool| tool.name == SWITCH)?;
    let parameters: Value = serde_json::from_str(&offered.parameters).ok()?;
    let arguments: Value = serde_json::from_str(&call.arguments).ok()?;
    let mode = arguments["mode"].as_str()?.trim().to_lowercase();
    let known = parameters["properties"]["mode"]["enum"].as_array()?.iter().any(|name| name == mode.as_str());
    known.then_some(mode)
}

/// The arguments of a valid call.
///
/// # Errors
/// A sentence for the model that names the fault.
fn check(call: &ToolCall, tools: &[Tool], index: usize) -> Result<String, String> {
    if index >= CALLS {
        return Err(format!("at most {CALLS} tools may be called at once; call this one again"));
    }
    if !tools.iter().any(|tool| tool.name == call.name) {
        return Err("there is no tool of this name".to_owned());
    }
    if call.name == SWITCH {
        return Err("there is no such mode".to_owned());
    }
    if call.arguments.len() > ARGUMENT_BYTES {
        return Err(format!("the arguments have more than {ARGUMENT_BYTES} bytes"));
    }
    if call.arguments.trim().is_empty() {
        return Ok("{}".to_owned());
    }
    match serde_json::from_str::<Value>(&call.arguments) {
        Ok(Value::Object(_)) => Ok(call.arguments.clone()),
        Ok(_) => Err("the arguments must be a JSON object".to_owned()),
        Err(error) => Err(format!("the arguments are not JSON: {error}")),
    }
}
