//! Tools that the model may have called: those of the device, and two of our own, which begin a mode and
//! end the conversation. Rule: what a model wants is checked before it is done, and whatever is wrong with it is
//! told to the model, which can mend it; what a tool answers is bounded.

use std::rc::Rc;
use std::time::Duration;

use modehost_sdk::{Cx, RequestId, Tool, ToolCall};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::memory::cut;
use crate::turn::{End, Round, Stage, Turn};
use crate::{Config, Conversation, FILLER, wording};

/// The tools of our own.
const SWITCH: &str = "switch_mode";
const END: &str = "end_conversation";
/// Tools offered at once, ours included; the contract allows no more.
const TOOLS: usize = 128;
/// Bytes of all descriptions and parameters: they are sent with every question.
const TOOL_BYTES: usize = 48 * 1024;
/// Characters of a description where they do not all fit as they are.
const SHORT_DESCRIPTION: usize = 100;
/// Calls of one round; what is beyond is answered with an error.
const CALLS: usize = 8;
/// Bytes of the arguments of one call.
const ARGUMENT_BYTES: usize = 4 * 1024;
/// Bytes of all calls and answers of a turn, beyond which no more tools are called: they are part
/// of the state, and of every further question.
const ROUND_BYTES: usize = 48 * 1024;
/// Characters of what the model writes beside its calls.
const CONTENT_CHARS: usize = 2000;

/// The list of the device's tools, while it is being asked for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Listing {
    open: Option<RequestId>,
    /// The device was too slow for the turn that asked.
    pub late: bool,
}

impl Conversation {
    /// Asks what the device offers; the host remembers it for a connection. What has been asked
    /// and not answered is not asked twice.
    pub(crate) fn list_tools(&mut self, cx: &mut Cx<'_, Self>) -> RequestId {
        *self.listing.open.get_or_insert_with(|| cx.list_tools())
    }

    /// True if the list was what could not be had.
    pub(crate) fn listing_failed(&mut self, request: RequestId) -> bool {
        self.listing.open.take_if(|open| *open == request).is_some()
    }

    /// The device's tools have come.
    pub(crate) fn take_tools(&mut self, cx: &mut Cx<'_, Self>, request: RequestId, listed: Vec<Tool>) {
        if self.listing.open.take_if(|open| *open == request).is_none() {
            return;
        }
        self.listing.late = false;
        if let Some(turn) = &mut self.turn
            && matches!(turn.stage, Stage::Gathering { tools: Some(wanted), .. } if wanted == request)
        {
            let bytes = |tool: &Tool| tool.name.len() + tool.description.len() + tool.parameters.len();
            let mut listed: Vec<Tool> =
                listed.into_iter().filter(|tool| ![SWITCH, END].contains(&&*tool.name)).collect();
            if listed.iter().map(bytes).sum::<usize>() > TOOL_BYTES {
                // Rather all of them with fewer words than some of them not at all.
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
        self.gathered(cx, request);
    }

    /// Adds the tools of our own to the device's.
    pub(crate) fn offer_own(&mut self, cx: &Cx<'_, Self>) {
        let modes = &cx.config().modes;
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
            let mut names: Vec<&str> = modes.keys().map(String::as_str).collect();
            names.push("chat");
            let examples: Vec<String> =
                modes.iter().map(|(mode, words)| format!("{mode}: {}", words.join(", "))).collect();
            let description = format!(
                "Begins another mode of the device; use it only when the user asks for it to begin now, not when they \
                 talk about it. `chat` leaves the mode that runs. What users say for them: {}",
                examples.join("; ")
            );
            let parameters = json!({
                "type": "object",
                "properties": { "mode": { "type": "string", "enum": names } },
                "required": ["mode"],
            });
            tools.push(Tool {
                name: SWITCH.to_owned(),
                description: cut(&description, 2000),
                parameters: parameters.to_string(),
            });
        }
    }

    /// Does what the model wants done; asks it again when all of it is done.
    pub(crate) fn call_tools(&mut self, cx: &mut Cx<'_, Self>, content: &str, mut calls: Vec<ToolCall>) {
        let Some(turn) = &mut self.turn else { return };
        calls.truncate(2 * CALLS);
        if let Some(mode) = calls.iter().find_map(|call| wanted_mode(call, &turn.tools)) {
            let (language, speaking) = (turn.language, turn.speaking);
            if speaking {
                cx.end_speech();
                turn.speaking = false;
            } else {
                cx.say(wording::switching(language));
            }
            match mode.as_str() {
                "chat" => cx.leave_mode(),
                mode => cx.switch_mode(mode),
            }
            return self.end_turn(cx, End::Complete);
        }
        if calls.iter().any(|call| call.name == END) && turn.tools.iter().any(|tool| tool.name == END) {
            let (language, speaking) = (turn.language, std::mem::take(&mut turn.speaking));
            match speaking {
                true => cx.end_speech(),
                false => cx.say(wording::goodbye(language)),
            }
            cx.hang_up();
            return self.end_turn(cx, End::Complete);
        }
        if turn.has_called_enough(cx.config()) {
            // It was offered none and calls some all the same: there is no answer to be had.
            if !turn.speaking {
                cx.say(wording::nothing_to_say(turn.language));
            }
            return self.end_turn(cx, End::Interrupted);
        }
        let (mut open, mut results) = (Vec::new(), Vec::new());
        for (place, call) in calls.iter_mut().enumerate() {
            results.push(match check(call, &turn.tools, place) {
                Ok(arguments) => {
                    open.push((cx.call_tool(call.name.as_str(), arguments), place));
                    None
                }
                Err(mistake) => {
                    // What is damaged or too long is not repeated to the model.
                    call.arguments = "{}".to_owned();
                    Some(format!("error: {mistake}"))
                }
            });
        }
        turn.rounds.push(Round { content: cut(content, CONTENT_CHARS), calls, results });
        if open.is_empty() {
            return self.ask(cx);
        }
        turn.stage = Stage::Calling { open };
        let filler = cx.config().filler_ms;
        if filler > 0 && !turn.speaking {
            cx.start_timer(FILLER, Duration::from_millis(filler));
        }
    }

    /// A tool has answered or failed. False if the request was no call of the turn.
    pub(crate) fn tool_answered(
        &mut self,
        cx: &mut Cx<'_, Self>,
        request: RequestId,
        text: &str,
        failed: bool,
    ) -> bool {
        let Some(turn) = &mut self.turn else { return false };
        let Stage::Calling { open } = &mut turn.stage else { return false };
        let Some(index) = open.iter().position(|(call, _)| *call == request) else { return false };
        let (_, place) = open.swap_remove(index);
        let is_last = open.is_empty();
        let mark = if failed { "the tool failed: " } else { "" };
        let room = ROUND_BYTES.saturating_sub(turn.rounds.iter().map(Round::bytes).sum());
        let text = cut(text, cx.config().tool_result_chars);
        let result = format!("{mark}{}", &text[..text.floor_char_boundary(room)]);
        if let Some(slot) = turn.rounds.last_mut().and_then(|round| round.results.get_mut(place)) {
            *slot = Some(result);
        }
        if is_last {
            cx.stop_timer(FILLER);
            self.ask(cx);
        }
        true
    }

    /// Tools take long: so that nobody thinks that nothing happens.
    pub(crate) fn fill(&mut self, cx: &mut Cx<'_, Self>) {
        if let Some(turn) = &mut self.turn
            && matches!(turn.stage, Stage::Calling { .. })
            && !turn.speaking
        {
            cx.say_more(wording::one_moment(turn.language));
            turn.speaking = true;
        }
    }
}

impl Turn {
    /// True if the model may have no more tools called in this turn.
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

/// The mode that a call of our own tool rightly asks for.
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

/// The arguments of a call that can be made.
///
/// # Errors
/// What is wrong with it, for the model.
fn check(call: &ToolCall, tools: &[Tool], place: usize) -> Result<String, String> {
    if place >= CALLS {
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
