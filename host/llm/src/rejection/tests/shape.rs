//! Tests of rejected members, streams, tools and messages.

use serde_json::json;

use super::*;

#[test]
fn l6_members_that_are_not_taken_are_left_out() {
    for (body, member) in [
        (
            json!({ "error": { "message": "Unsupported value: 'temperature' does not support 0.5 with this model. Only the default (1) value is supported.", "type": "invalid_request_error", "param": "temperature", "code": "unsupported_value" } }),
            "temperature",
        ),
        (openai("invalid temperature: only 1 is allowed for this model"), "temperature"),
        (json!({ "error": { "code": "1214", "message": "temperature参数非法。请检查文档。" } }), "temperature"),
        (
            openai("`temperature` and `top_p` cannot both be specified for this model. Please use only one."),
            "temperature",
        ),
        (
            json!({ "error": { "message": "Unsupported parameter: 'top_p' is not supported with this model.", "param": "top_p", "code": "unsupported_parameter" } }),
            "top_p",
        ),
        (
            openai("Unsupported parameter: 'parallel_tool_calls' is not supported with this model."),
            "parallel_tool_calls",
        ),
        (openai("property 'seed' is unsupported"), "seed"),
        (openai("Unrecognized request argument supplied: seed"), "seed"),
        (
            json!({ "detail": [{ "type": "extra_forbidden", "loc": ["body", "stop"], "msg": "Extra inputs are not permitted", "input": ["x"] }] }),
            "stop",
        ),
        (openai("frequency_penalty is not supported for this model"), "frequency_penalty"),
        (
            json!({ "error": { "code": 400, "message": "Invalid JSON payload received. Unknown name \"enable_thinking\": Cannot find field.", "status": "INVALID_ARGUMENT" } }),
            "enable_thinking",
        ),
        (openai("`reasoning_effort` is not supported with this model"), "reasoning_effort"),
        (openai("Unknown parameter: 'stream_options'."), "stream_options"),
        (openai("stream_options.include_usage is not allowed"), "stream_options"),
        (openai("'response_format' is not supported"), "response_format"),
        (openai("This model does not support JSON mode"), "response_format"),
        (
            openai(
                "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'.",
            ),
            "response_format",
        ),
        (
            json!({ "error": { "message": "Invalid parameter: 'response_format' of type 'json_object' is not supported with this model.", "param": "response_format" } }),
            "response_format",
        ),
    ] {
        assert_eq!(remedy_for(400, &body, true, &[]), Some(without(member)), "{body}");
        assert_eq!(remedy_for(422, &body, true, &[]), Some(without(member)), "{body}");
    }
}

#[test]
fn l6_streams_are_asked_for_or_not() {
    for body in [
        json!({ "error": { "code": "invalid_parameter_error", "param": null, "message": "This model only support stream mode, please enable the stream parameter to access the model. ", "type": "invalid_request_error" } }),
        json!({ "error": { "code": "invalid_parameter_error", "message": "parameter.enable_thinking must be set to false for non-streaming calls" } }),
        json!({ "error": { "code": "invalid_parameter_error", "message": "parameter.enable_thinking必须设置为false才能进行非流式调用" } }),
        json!({ "error": { "code": "invalid_parameter_error", "message": "enable thinking can not be support when `stream=False`." } }),
        openai("Stream must be set to true"),
        openai("该模型仅支持流式调用"),
    ] {
        assert_eq!(remedy_for(400, &body, false, &[]), Some(Stream), "{body}");
    }
    for body in [
        openai("Streaming is not supported for this model"),
        json!({ "error": { "message": "Unsupported value: 'stream' does not support true with this model. Only the default (false) value is supported.", "param": "stream", "code": "unsupported_value" } }),
        json!({ "error": { "message": "Your organization must be verified to stream this model. Please go to: https://platform.openai.com/settings", "param": "stream", "code": "unsupported_value" } }),
        openai("stream mode is not supported"),
    ] {
        assert_eq!(remedy_for(400, &body, true, &[]), Some(Whole), "{body}");
    }
}

#[test]
fn l6_tools_are_left_out_told_in_words_or_made_fit() {
    for (status, body, remedy) in [
        // Ollama, llama.cpp, vLLM, OpenRouter, SiliconFlow.
        (
            400,
            json!({ "error": { "message": "registry.ollama.ai/library/gemma3:4b does not support tools", "type": "api_error", "param": null, "code": null } }),
            NoTools,
        ),
        (400, json!({ "error": "registry.ollama.ai/library/deepseek-r1:8b does not support tools" }), NoTools),
        (
            500,
            json!({ "error": { "code": 500, "message": "tools param requires --jinja flag", "type": "server_error" } }),
            NoTools,
        ),
        (
            400,
            json!({ "object": "error", "message": "\"auto\" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set", "type": "BadRequestError", "code": 400 }),
            NoTools,
        ),
        (
            404,
            json!({ "error": { "message": "No endpoints found that support tool use. To learn more about provider routing, visit: https://openrouter.ai/docs/provider-routing", "code": 404 } }),
            NoTools,
        ),
        (
            400,
            json!({ "code": 20_037, "message": "Function call is not supported for this model.", "data": null }),
            NoTools,
        ),
        (
            422,
            json!({ "detail": [{ "type": "extra_forbidden", "loc": ["body", "tools"], "msg": "Extra inputs are not permitted", "input": [] }] }),
            NoTools,
        ),
        // Calls without tools: Anthropic, Bedrock, LiteLLM.
        (
            400,
            json!({ "type": "error", "error": { "type": "invalid_request_error", "message": "Requests which include `tool_use` or `tool_result` blocks must define tools." } }),
            CallsAsText,
        ),
        (
            400,
            openai(
                "ValidationException: The toolConfig field must be defined when using toolUse and toolResult content blocks.",
            ),
            CallsAsText,
        ),
        (
            400,
            openai(
                "litellm.UnsupportedParamsError: Anthropic expects the `tools=` param to be passed in. Bedrock doesn't support tool calling without `tools=` param specified",
            ),
            CallsAsText,
        ),
        // Roles and order of results.
        (
            400,
            openai("'tool' is not one of ['system', 'assistant', 'user', 'function'] - 'messages.3.role'"),
            CallsAsText,
        ),
        (
            422,
            json!({ "error": "messages[4].role: unknown variant `tool`, expected one of `system`, `user`, `assistant`" }),
            CallsAsText,
        ),
        (400, openai("Only user, assistant and system roles are supported!"), CallsAsText),
        (
            400,
            json!({ "object": "error", "message": "Unexpected role 'user' after role 'tool'", "type": "invalid_request_error" }),
            CallsAsText,
        ),
        (
            400,
            json!({ "object": "error", "message": "Not the same number of function calls and responses", "type": "invalid_request_error" }),
            CallsAsText,
        ),
        (
            400,
            openai(
                "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'.",
            ),
            CallsAsText,
        ),
        (400, openai("Missing `reasoning_content` field in the assistant message at message index 3."), CallsAsText),
        // Names and ids.
        (
            400,
            json!({ "error": { "message": "Invalid 'tools[0].function.name': string does not match pattern. Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'.", "type": "invalid_request_error", "param": "tools[0].function.name", "code": "invalid_value" } }),
            NoTools,
        ),
        (
            400,
            json!({ "type": "error", "error": { "type": "invalid_request_error", "message": "tools.0.custom.name: String should match pattern '^[a-zA-Z0-9_-]{1,64}$'" } }),
            NoTools,
        ),
        (
            400,
            json!({ "error": { "code": 400, "message": "* GenerateContentRequest.tools[0].function_declarations[0].name: Invalid function name. Must start with a letter or an underscore.", "status": "INVALID_ARGUMENT" } }),
            NoTools,
        ),
        (
            400,
            json!({ "object": "error", "message": "Tool call id was call_0 but must be a-z, A-Z, 0-9, with a length of 9.", "type": "invalid_request_error", "code": 3280 }),
            CallIds,
        ),
        // Schemas.
        (
            400,
            json!({ "error": { "code": 400, "message": "Invalid JSON payload received. Unknown name \"additionalProperties\" at 'tools[0].function_declarations[0].parameters': Cannot find field.", "status": "INVALID_ARGUMENT" } }),
            PlainSchemas,
        ),
        (400, openai("Invalid schema for function 'self.light': additionalProperties is not permitted."), PlainSchemas),
    ] {
        assert_eq!(remedy_for(status, &body, true, &[]), Some(remedy), "{body}");
    }
}

#[test]
fn l6_messages_are_put_into_the_order_that_is_wanted() {
    for (status, body, remedy) in [
        (400, openai("System role not supported"), SystemIntoUser),
        (
            500,
            json!({ "error": { "code": 500, "message": "System role not supported", "type": "server_error" } }),
            SystemIntoUser,
        ),
        (
            400,
            json!([{ "error": { "code": 400, "message": "Developer instruction is not enabled for models/gemma-3-27b-it", "status": "INVALID_ARGUMENT" } }]),
            SystemIntoUser,
        ),
        (
            400,
            json!({ "error": { "message": "Unsupported value: 'messages[0].role' does not support 'system' with this model.", "param": "messages[0].role", "code": "unsupported_value" } }),
            SystemIntoUser,
        ),
        (400, openai("Only user, assistant and tool roles are supported, got system."), SystemIntoUser),
        (400, openai("Only user and assistant roles are supported!"), SystemIntoUser),
        (
            400,
            openai("This model requires instructions by another role. Use 'developer' instead of 'system'."),
            DeveloperRole,
        ),
        (
            400,
            json!({ "object": "error", "message": "Conversation roles must alternate user/assistant/user/assistant/...", "type": "BadRequestError", "param": null, "code": 400 }),
            MergeRoles,
        ),
        (
            400,
            json!({ "object": "error", "message": "After the optional system message, conversation roles must alternate user/assistant/user/assistant/...", "code": 400 }),
            MergeRoles,
        ),
        (
            400,
            json!({ "error": { "message": "After the (optional) system message(s), user and assistant roles should be alternating.", "type": "invalid_message", "code": 400 } }),
            MergeRoles,
        ),
        (
            400,
            json!({ "error": { "message": "deepseek-reasoner does not support successive user or assistant messages (messages[1] and messages[2] in your input). You should interleave the user/assistant messages in the message sequence.", "type": "invalid_request_error", "param": null, "code": "invalid_request_error" } }),
            MergeRoles,
        ),
        (
            400,
            json!({ "object": "error", "message": "System message must be at the beginning.", "code": 400 }),
            MergeRoles,
        ),
        (400, json!({ "error": { "code": "1214", "message": "messages 参数非法。请检查文档。" } }), MergeRoles),
        (
            400,
            json!({ "error": { "code": "1214", "message": "The messages parameter is illegal. Please check the documentation." } }),
            MergeRoles,
        ),
        (400, openai("Invalid request: message at position 3 with role 'assistant' must not be empty"), FillContent),
        (
            400,
            json!({ "type": "error", "error": { "type": "invalid_request_error", "message": "messages: text content blocks must be non-empty" } }),
            FillContent,
        ),
        (400, openai("Invalid value for 'content': expected a string, got null."), FillContent),
        (
            422,
            json!({ "detail": [{ "loc": ["body", "messages", 3, "content"], "msg": "none is not an allowed value", "type": "type_error.none.not_allowed" }] }),
            FillContent,
        ),
    ] {
        assert_eq!(remedy_for(status, &body, true, &[]), Some(remedy), "{body}");
    }
    // If the first remedy did not help, the next one is used.
    let alternate = openai("Conversation roles must alternate user/assistant/user/assistant/...");
    assert_eq!(remedy_for(400, &alternate, true, &[MergeRoles]), Some(SystemIntoUser));
    assert_eq!(remedy_for(400, &alternate, true, &[MergeRoles, SystemIntoUser]), Some(CallsAsText));
}
