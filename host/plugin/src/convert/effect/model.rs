//! Questions to models, and the tools offered with them. Rule: what a model provider would refuse
//! for its form is refused here, where the mode's author sees why.

use std::collections::HashSet;

use crate::limits;

use crate::bindings::v0_2::modehost::mode::{effects as wit, types};
use crate::convert::json;

/// Bytes of a question. Messages have a price beside their text, so that empty ones cannot be had
/// for nothing.
pub(super) fn weigh(ask: &wit::ModelRequest) -> usize {
    const MESSAGE: usize = "assistant".len();
    let mut bytes = ask.purpose.len();
    for message in &ask.messages {
        bytes += MESSAGE + message.content.len() + message.tool_call_id.as_ref().map_or(0, String::len);
        bytes += message.tool_calls.iter().map(weigh_call).sum::<usize>();
    }
    let tools = ask.tools.iter().map(|tool| tool.name.len() + tool.description.len() + tool.parameters.len());
    bytes + tools.sum::<usize>()
}

fn weigh_call(call: &types::ToolCallResult) -> usize {
    const CALL: usize = "function".len();
    CALL + call.id.len() + call.name.len() + call.arguments.len()
}

/// Says what is wrong with a question.
pub(super) fn check(effect: &str, ask: &wit::ModelRequest) -> Result<(), String> {
    if ask.tools.len() > limits::MODEL_TOOLS {
        return Err(format!("`{effect}` with {} tools; at most {}", ask.tools.len(), limits::MODEL_TOOLS));
    }
    let mut names = HashSet::with_capacity(ask.tools.len());
    for tool in &ask.tools {
        if !is_tool_name(&tool.name) {
            let most = limits::TOOL_NAME_BYTES;
            return Err(format!(
                "`{effect}` with the tool `{}`; its name has 1 to {most} bytes and no control characters",
                tool.name
            ));
        }
        if !names.insert(tool.name.as_str()) {
            return Err(format!("`{effect}` has the tool `{}` twice", tool.name));
        }
        json::check_object(&tool.parameters)
            .map_err(|why| format!("`{effect}`: parameters of `{}` {why}", tool.name))?;
    }
    for (position, message) in ask.messages.iter().enumerate() {
        let answers = message.tool_call_id.as_ref().is_some_and(|id| !id.is_empty());
        if matches!(message.role, wit::Role::Tool) && !answers {
            return Err(format!("`{effect}` message {}: with the role `tool` comes a tool-call-id", position + 1));
        }
    }
    Ok(())
}

fn is_tool_name(name: &str) -> bool {
    (1..=limits::TOOL_NAME_BYTES).contains(&name.len()) && !name.chars().any(char::is_control)
}
