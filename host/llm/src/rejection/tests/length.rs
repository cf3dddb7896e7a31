//! Tests of token limits, of the prompt and of the answer.

use serde_json::json;

use super::*;

#[test]
fn l6_a_question_that_is_too_long_is_shortened() {
    for (status, body) in [
        // OpenAI, Azure, DeepSeek, and compatible services.
        (
            400,
            json!({ "error": { "message": "This model's maximum context length is 4097 tokens. However, your messages resulted in 6988 tokens. Please reduce the length of the messages.", "type": "invalid_request_error", "param": "messages", "code": "context_length_exceeded" } }),
        ),
        (
            400,
            openai(
                "This model's maximum context length is 65536 tokens. However, you requested 69648 tokens (69648 in the messages, 0 in the completion). Please reduce the length of the messages or completion.",
            ),
        ),
        // vLLM.
        (
            400,
            json!({ "object": "error", "message": "This model's maximum context length is 16384 tokens. However, your request has 18225 input tokens. Please reduce the length of the input messages. None", "type": "BadRequestError", "param": null, "code": 400 }),
        ),
        // Groq, by length and by rate.
        (
            400,
            json!({ "error": { "message": "Please reduce the length of the messages or completion.", "type": "invalid_request_error", "param": "messages", "code": "context_length_exceeded" } }),
        ),
        (
            413,
            json!({ "error": { "message": "Request too large for model `llama-3.3-70b-versatile` in organization `org_x` service tier `on_demand` on tokens per minute (TPM): Limit 12000, Requested 14137, please reduce your message size and try again.", "type": "tokens", "code": "rate_limit_exceeded" } }),
        ),
        (
            429,
            openai(
                "Request too large for gpt-4o in organization org-x on tokens per min (TPM): Limit 30000, Requested 40000. The input or output tokens must be reduced in order to run successfully.",
            ),
        ),
        // llama.cpp, old and new, and llama-cpp-python.
        (
            400,
            json!({ "error": { "code": 400, "message": "request (4390 tokens) exceeds the available context size (4096 tokens), try increasing it", "type": "exceed_context_size_error", "n_prompt_tokens": 4390, "n_ctx": 4096 } }),
        ),
        (
            500,
            json!({ "error": { "code": 500, "message": "Context size has been exceeded.", "type": "server_error" } }),
        ),
        (
            500,
            json!({ "error": { "code": 500, "message": "the request exceeds the available context size. try increasing the context size or enable context shift", "type": "exceed_context_size_error" } }),
        ),
        (400, openai("Requested tokens (2285) exceed context window of 2048")),
        // DashScope.
        (
            400,
            json!({ "error": { "code": "invalid_parameter_error", "param": null, "message": "<400> InternalError.Algo.InvalidParameter: Range of input length should be [1, 30720]", "type": "invalid_request_error" } }),
        ),
        // Zhipu.
        (400, json!({ "error": { "code": "1261", "message": "Prompt exceeds max length" } })),
        (400, json!({ "error": { "code": "1261", "message": "Prompt 超长" } })),
        // Ark.
        (
            400,
            json!({ "error": { "code": "InvalidParameter", "message": "Total tokens of image and text exceed max message tokens. Request id: 02177", "param": "", "type": "BadRequest" } }),
        ),
        // Moonshot.
        (400, openai("Invalid request: Your request exceeded model token limit: 8192")),
        // Gemini.
        (
            400,
            json!([{ "error": { "code": 400, "message": "The input token count (2845475) exceeds the maximum number of tokens allowed (1048576).", "status": "INVALID_ARGUMENT" } }]),
        ),
        // Anthropic.
        (
            400,
            json!({ "type": "error", "error": { "type": "invalid_request_error", "message": "prompt is too long: 219242 tokens > 200000 maximum" } }),
        ),
        (
            400,
            json!({ "type": "error", "error": { "type": "invalid_request_error", "message": "input length and `max_tokens` exceed context limit: 199759 + 8192 > 200000, decrease input length or `max_tokens` and try again" } }),
        ),
        // SGLang.
        (
            400,
            json!({ "object": "error", "message": "Input length (160062 tokens) exceeds the maximum allowed length (59862 tokens). Use a shorter input or enable --allow-auto-truncate.", "code": 400 }),
        ),
        // LM Studio.
        (
            400,
            json!({ "error": "Trying to keep the first 4233 tokens when context the overflows. However, the model is loaded with context length of only 4096 tokens, which is not enough." }),
        ),
        (
            400,
            json!({ "error": "The number of tokens to keep from the initial prompt is greater than the context length." }),
        ),
        // Text Generation Inference.
        (
            422,
            json!({ "error": "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000 `inputs` tokens and 100 `max_new_tokens`", "error_type": "validation" }),
        ),
        // OpenRouter, with the upstream error.
        (
            400,
            json!({ "error": { "message": "Provider returned error", "code": 400, "metadata": { "raw": "{\"error\":{\"message\":\"This endpoint's maximum context length is 32768 tokens. However, you requested about 40000 tokens (39000 of text input, 1000 in the output). Please reduce the length of either one\"}}", "provider_name": "x" } } }),
        ),
        (413, json!("<html><h1>413 Request Entity Too Large</h1></html>")),
        (413, json!("")),
    ] {
        let remedy = remedy_for(status, &body, true, &[]);
        let by_tokens = matches!(remedy, Some(Remedy::TokenCap { .. })) && body.to_string().contains("max_new_tokens");
        assert!(remedy == Some(Shorten) || by_tokens, "{body}: {remedy:?}");
    }
}

#[test]
fn l6_nothing_that_can_go_is_left_then_the_answer_is_shorter() {
    let body = openai(
        "This model's maximum context length is 4096 tokens. However, you requested 20545 tokens (545 in the messages, \
         20000 in the completion). Please reduce the length of the messages or completion.",
    );
    let remedy = remedy_for(400, &body, true, &[Shorten, Shorten, Shorten]);
    assert_eq!(remedy, Some(Remedy::TokenCap { tokens: 4096 - 545 - 8, is_permanent: false }));
}

#[test]
fn l6_the_limit_of_tokens_is_what_the_model_can() {
    for (body, tokens) in [
        (
            openai(
                "max_tokens is too large: 20000. This model supports at most 16384 completion tokens, whereas you provided 20000.",
            ),
            16_384,
        ),
        (
            json!({ "error": { "code": "InvalidParameter", "message": "The parameter `max_tokens` specified in the request are not valid: integer above maximum value, expected a value <= 4096, but got 20000 instead.", "param": "max_tokens", "type": "BadRequest" } }),
            4096,
        ),
        (
            json!({ "error": { "code": "invalid_parameter_error", "message": "Range of max_tokens should be [1, 8192]" } }),
            8192,
        ),
        (openai("Invalid max_tokens value, the valid range of max_tokens is [1, 8192]"), 8192),
        (
            openai(
                "`max_tokens` must be less than or equal to `8192`, the maximum value for `max_tokens` is less than the `context_window` for this model",
            ),
            8192,
        ),
        (
            json!({ "type": "error", "error": { "type": "invalid_request_error", "message": "max_tokens: 20000 > 8192, which is the maximum allowed number of output tokens for claude-x" } }),
            8192,
        ),
        (openai("max_tokens is too large: 20,000. At most 1,024."), 1024),
    ] {
        assert_eq!(remedy_for(400, &body, true, &[]), Some(cap(tokens)), "{body}");
    }
    // What is left of the context depends on this question.
    let body = json!({ "object": "error", "message": "'max_tokens' or 'max_completion_tokens' is too large: 20000. This model's maximum context length is 4096 tokens and your request has 300 input tokens (20000 > 4096 - 300).", "code": 400 });
    assert_eq!(
        remedy_for(400, &body, true, &[]),
        Some(Remedy::TokenCap { tokens: 4096 - 300 - 8, is_permanent: false })
    );
}

#[test]
fn l6_the_limit_has_one_name_or_the_other() {
    let instead = json!({ "error": { "message": "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.", "type": "invalid_request_error", "param": "max_tokens", "code": "unsupported_parameter" } });
    assert_eq!(remedy_for(400, &instead, true, &[]), Some(MaxCompletionTokens));
    let unknown = [
        (
            422,
            json!({ "object": "error", "message": { "detail": [{ "type": "extra_forbidden", "loc": ["body", "max_completion_tokens"], "msg": "Extra inputs are not permitted", "input": 32000 }] }, "type": "invalid_request_error", "param": null, "code": null }),
        ),
        (
            400,
            json!({ "object": "error", "message": "[{'type': 'extra_forbidden', 'loc': ('body', 'max_completion_tokens'), 'msg': 'Extra inputs are not permitted', 'input': 8192}]", "type": "BadRequestError", "param": null, "code": 400 }),
        ),
    ];
    for (status, body) in unknown {
        // Remembered from an earlier question, and wrong now.
        let question = Question::new(&request(true)).expect("a question");
        let plan = Plan::new(vec![MaxCompletionTokens], false);
        assert_eq!(of(status, &body).remedy(&question, &settings(), &plan), Some(MaxTokens), "{body}");
        // Found in this question: neither name is accepted.
        assert_eq!(remedy_for(status, &body, true, &[MaxCompletionTokens]), Some(NoTokenLimit), "{body}");
    }
    assert_eq!(
        remedy_for(400, &openai("max_tokens参数非法。请检查文档。"), true, &[MaxCompletionTokens]),
        Some(NoTokenLimit)
    );
}
