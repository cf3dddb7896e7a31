//! Tests of message conversions.

use modehost_contract::effect::ModelRequest;

use super::*;

fn message(role: Role, content: &str) -> ChatMessage {
    plain(role, content.to_owned())
}

fn calling(content: &str, id: &str) -> ChatMessage {
    let call = ToolCall { id: id.to_owned(), name: "self.light".to_owned(), arguments: "{\"on\":true}".to_owned() };
    ChatMessage { tool_calls: vec![call], ..message(Role::Assistant, content) }
}

fn result(id: &str, content: &str) -> ChatMessage {
    ChatMessage { tool_call_id: Some(id.to_owned()), ..message(Role::Tool, content) }
}

/// Instructions, three turns of which the second has called a tool, and a question.
fn dialogue() -> Vec<ChatMessage> {
    vec![
        message(Role::System, "Be brief."),
        message(Role::User, "one"),
        message(Role::Assistant, "1"),
        message(Role::User, "two"),
        calling("", "a"),
        result("a", "done"),
        message(Role::Assistant, "2"),
        message(Role::User, "three"),
        message(Role::Assistant, "3"),
        message(Role::User, "four"),
    ]
}

fn with(remedies: &[Remedy]) -> Plan {
    let mut plan = Plan::default();
    for remedy in remedies {
        plan.apply(remedy.clone());
    }
    plan
}

fn shaped(messages: &[ChatMessage], plan: &Plan) -> Vec<(String, String)> {
    let names = Names::default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let shaped = shape(messages, plan, &names);
    shaped.iter().map(|message| (text(&message["role"]), text(&message["content"]))).collect()
}

fn expected(messages: &[(&str, &str)]) -> Vec<(String, String)> {
    messages.iter().map(|(role, content)| ((*role).to_owned(), (*content).to_owned())).collect()
}

#[test]
fn a_dialogue_is_sent_as_it_is() {
    let shaped = shape(&dialogue(), &Plan::default(), &Names::default());
    assert_eq!(shaped.len(), 10);
    let call =
        json!({ "id": "a", "type": "function", "function": { "name": "self.light", "arguments": "{\"on\":true}" } });
    assert_eq!(shaped[4], json!({ "role": "assistant", "content": "", "tool_calls": [call] }));
    assert_eq!(shaped[5], json!({ "role": "tool", "content": "done", "tool_call_id": "a" }));
}

#[test]
fn l6_the_oldest_turns_go_and_calls_with_their_results() {
    let roles = |times: usize| -> String {
        let plan = with(&vec![Remedy::Shorten; times]);
        shaped(&dialogue(), &plan).iter().map(|(role, _)| &role[..1]).collect()
    };
    assert_eq!(roles(0), "suauatauau");
    // Half of three older turns, rounded up.
    assert_eq!(roles(1), "suau");
    assert_eq!(roles(2), "su");
    assert_eq!(roles(5), "su");
    let last = shaped(&dialogue(), &with(&[Remedy::Shorten, Remedy::Shorten]));
    assert_eq!(last, expected(&[("system", "Be brief."), ("user", "four")]));
    // A pending round of calls belongs to the last turn.
    let mut calling_now = dialogue();
    calling_now.extend([calling("", "b"), result("b", "on")]);
    let last = shaped(&calling_now, &with(&[Remedy::Shorten, Remedy::Shorten, Remedy::Shorten]));
    assert_eq!(last.iter().map(|(role, _)| role.as_str()).collect::<Vec<_>>(), ["system", "user", "assistant", "tool"]);
    // Without a user message nothing is dropped.
    let alone = [message(Role::System, "Summarise."), message(Role::Assistant, "x")];
    assert_eq!(shaped(&alone, &with(&[Remedy::Shorten])).len(), 2);
}

#[test]
fn l6_instructions_go_before_the_first_words_of_the_user() {
    let plan = with(&[Remedy::SystemIntoUser]);
    let messages = [message(Role::System, "Be brief."), message(Role::System, "Be kind."), message(Role::User, "one")];
    assert_eq!(shaped(&messages, &plan), expected(&[("user", "Be brief.\n\nBe kind.\n\none")]));
    assert_eq!(shaped(&messages[..1], &plan), expected(&[("user", "Be brief.")]));
    assert_eq!(shaped(&messages[2..], &plan), expected(&[("user", "one")]));
    let developer = shaped(&messages, &with(&[Remedy::DeveloperRole]));
    assert_eq!(developer[0], ("developer".to_owned(), "Be brief.".to_owned()));
}

#[test]
fn l6_roles_alternate_and_the_user_begins() {
    let plan = with(&[Remedy::MergeRoles]);
    let messages = [
        message(Role::Assistant, "Hello!"),
        message(Role::System, "Be brief."),
        message(Role::User, "one"),
        message(Role::User, "two"),
        message(Role::Assistant, "1"),
        message(Role::System, "It is Monday."),
        message(Role::Assistant, "2"),
        message(Role::User, "three"),
    ];
    let merged = [
        ("system", "Be brief.\n\nIt is Monday."),
        ("user", FILLER),
        ("assistant", "Hello!"),
        ("user", "one\n\ntwo"),
        ("assistant", "1\n\n2"),
        ("user", "three"),
    ];
    assert_eq!(shaped(&messages, &plan), expected(&merged));
    // Calls and their results are unchanged.
    let roles: Vec<String> = shaped(&dialogue(), &plan).into_iter().map(|(role, _)| role).collect();
    assert_eq!(roles.join(" "), "system user assistant user assistant tool assistant user assistant user");
}

#[test]
fn l6_calls_become_words_that_no_assistant_has_said() {
    for plan in [with(&[Remedy::CallsAsText]), with(&[Remedy::NoTools])] {
        let converted = shaped(&dialogue(), &plan);
        let whole = shape(&dialogue(), &plan, &Names::default());
        assert!(
            whole.iter().all(|message| message.get("tool_calls").is_none() && message.get("tool_call_id").is_none())
        );
        assert_eq!(converted[3], ("user".into(), "two\n\n[The tool self.light ({\"on\":true}) gave: done]".into()));
        assert!(converted.iter().all(|(role, content)| role != "tool" && !content.is_empty()));
        let by_assistant = converted.iter().filter(|(role, _)| role == "assistant");
        assert!(by_assistant.into_iter().all(|(_, content)| !content.contains("tool")));
    }
}

#[test]
fn messages_without_words_are_left_out_or_filled() {
    let messages = [
        message(Role::System, " "),
        message(Role::User, "one"),
        message(Role::Assistant, ""),
        calling("", "a"),
        result("a", ""),
    ];
    assert_eq!(shaped(&messages, &Plan::default()), expected(&[("user", "one"), ("assistant", ""), ("tool", "")]));
    let filled = shaped(&messages, &with(&[Remedy::FillContent]));
    assert_eq!(filled, expected(&[("user", "one"), ("assistant", FILLER), ("tool", FILLER)]));
    // At least one message must be sent.
    assert_eq!(shaped(&messages[..1], &Plan::default()).len(), 1);
}

#[test]
fn l6_names_and_ids_are_made_fit() {
    let request = ModelRequest {
        request: 1,
        purpose: String::new(),
        messages: dialogue(),
        max_tokens: 0,
        json: false,
        chunks: false,
        spoken: false,
        tools: Vec::new(),
    };
    let shaped = shape(&request.messages, &with(&[Remedy::CallIds]), &Names::plain(&request));
    assert_eq!(shaped[4]["tool_calls"][0]["function"]["name"], "self_light");
    let id = shaped[4]["tool_calls"][0]["id"].as_str().expect("an id");
    assert!(id.len() == 9 && id.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{id}");
    assert_eq!(shaped[5]["tool_call_id"], id);
}
