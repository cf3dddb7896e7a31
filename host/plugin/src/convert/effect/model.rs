//! Model requests, and the tools offered with them. Rule: what a model provider would reject for its form is rejected
//! here, where the mode's author sees why.

use std::collections::HashSet;

use crate::limits;

use crate::bindings::v0_2::modehost::mode::{effects as wit, types};
use crate::convert::json;

/// Bytes of a model request. Each message has a base cost, so that empty ones are not free.
pub(super) fn weigh(request: &wit::ModelRequest) -> usize {
    const MESSAGE: usize = "assistant".len();
    let mut bytes = request.purpose.len();
    for message in &request.messages {
        bytes += MESSAGE + message.content.len() + message.tool_call_id.as_ref().map_or(0, String::len);
        bytes += message.tool_calls.iter().map(weigh_call).sum::<usize>();
    }
    let tools = request.tools.iter().map(|tool| tool.name.len() + tool.description.len() + tool.parameters.len());
    bytes + tools.sum::<usize>()
}

fn weigh_call(call: &types::ToolCallResult) -> usize {
    const CALL: usize = "function".len();
    CALL + call.id.len() + call.name.len() + call.arguments.len()
}

/// Checks a model request.
pub(super) fn check(effect: &str, request: &wit::ModelRequest) -> Result<(), String> {
    if request.tools.len() > limits::MODEL_TOOLS {
        return Err(format!("`{effect}` with {} tools; at most {}", request.tools.len(), limits::MODEL_TOOLS));
    }
    let mut names = HashSet::with_capacity(request.tools.len());
    for tool in &request.tools {
        if !is_tool_name(&tool.name) {
            let max = limits::TOOL_NAME_BYTES;
            return Err(format!(
                "`{effect}` with the tool `{}`; its name has 1 to {max} bytes and no control characters",
                tool.name
            ));
        }
        if !names.insert(tool.name.as_str()) {
            return Err(format!("`{effect}` has the tool `{}` twice", tool.name));
        }
        json::check_object(&tool.parameters)
            .map_err(|why| format!("`{effect}`: parameters of `{}` {why}", tool.name))?;
    }
    for (position, message) in request.messages.iter().enumerate() {
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
