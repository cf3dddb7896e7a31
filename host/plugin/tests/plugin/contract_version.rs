//! Components of both contract versions in one server. Rule: a component of a released version loads forever, and the
//! same rules hold for all.

use std::sync::Arc;

use crate::fixture::{CONTEXT, bytes, load, message, next_bytes, run_command, runtime, sent};
use modehost_contract::effect::{
    Audience, Call, Delivery, HookRequest, JournalPart, Output, Query, Role, Tool, ToolCall, Write,
};
use modehost_contract::event::{Failure, ModelDone};
use modehost_contract::{Effect, Event, Fault, Generation, Instance};
use modehost_plugin::{ContractVersion, LoadError, Runtime, WasmGeneration};
use serde_json::{Value, json};

/// Every grant that the newer fixture asks for.
const ALL_GRANTS: [&str; 6] = ["model", "tools", "deliver", "archive:things", "hook:crm", "journals:fixture/"];

fn load_next(runtime: &Runtime, granted: &[&str]) -> Arc<WasmGeneration> {
    let granted: Vec<String> = granted.iter().map(|&grant| grant.to_owned()).collect();
    runtime.load(&next_bytes(), "next.wasm", None, &granted).expect("loads")
}

/// Sends the newer fixture a command and returns its one effect.
fn run_effect(generation: &WasmGeneration, body: &Value) -> Result<Effect, Fault> {
    let mut instance = generation.open().expect("opens");
    let mut effects = instance.handle(CONTEXT, &message(&body.to_string()))?;
    assert_eq!(effects.len(), 1, "{body}");
    Ok(effects.remove(0))
}

fn with(mut body: Value, name: &str, value: Value) -> Value {
    body[name] = value;
    body
}

fn ask() -> Value {
    let tool = json!({"name": "set_volume", "description": "d", "parameters": "{}"});
    let call = json!({"id": "c1", "name": "set_volume", "arguments": "{\"broken"});
    let messages = json!([
        {"role": "user", "content": "louder"},
        {"role": "assistant", "calls": [call]},
        {"role": "tool", "content": "done", "call": "c1"},
    ]);
    json!({"do": "ask", "messages": messages, "tools": [tool]})
}

fn archive() -> Value {
    let part = json!({"journal": "fixture/1", "member": "entries", "line": "- {text}"});
    json!({"do": "archive", "kind": "things", "id": "a-1_b.c", "content": " {\"a\":1}\n", "text": "#", "journal": part})
}

fn hook() -> Value {
    json!({"do": "hook", "hook": "crm", "sender": "Sender-1", "body": "[1]"})
}

fn deliver() -> Value {
    json!({"do": "deliver", "group": "home", "body": "{\"type\":\"x\"}", "except": ["a"]})
}

#[test]
fn the_track_of_a_file_is_seen_before_and_after_it_is_loaded() {
    let runtime = runtime();
    let version_of = |bytes: &[u8]| modehost_plugin::inspect(bytes, "f.wasm", None).expect("readable").track;
    assert_eq!(
        (version_of(&bytes(&[])), version_of(&next_bytes())),
        (Some(ContractVersion::V0_1), Some(ContractVersion::V0_2))
    );
    assert_eq!(load(&runtime, &[]).expect("loads").contract_version(), ContractVersion::V0_1);
    let next = load_next(&runtime, &[]);
    assert_eq!(next.contract_version(), ContractVersion::V0_2);
    assert_eq!(serde_json::to_value(next.contract_version()).expect("JSON"), "0.2.0");
    let manifest = next.manifest();
    assert!(manifest.subscriptions.attachment && manifest.subscriptions.mode_change && !manifest.subscriptions.hello);
}

#[test]
fn h3_a_track_that_is_not_known_is_refused_by_name() {
    use wasm_encoder::{
        Component, ComponentExportKind, ComponentExportSection, ComponentInstanceSection, CustomSection,
    };
    let mut component = Component::new();
    let mut instances = ComponentInstanceSection::new();
    instances.export_items(Vec::<(&str, ComponentExportKind, u32)>::new());
    component.section(&instances);
    let mut exports = ComponentExportSection::new();
    exports.export("modehost:mode/handler@0.9.0", ComponentExportKind::Instance, 0, None);
    component.section(&exports);
    let toml = b"id = \"fixture\"\nversion = \"1.0.0\"\n";
    component.section(&CustomSection { name: "modehost:plugin".into(), data: toml.as_slice().into() });
    let error = runtime().load(&component.finish(), "new.wasm", None, &[]).err().expect("refused");
    assert!(matches!(error, LoadError::Contract { .. }), "{error:?}");
    let why = error.to_string();
    for word in ["modehost:mode@0.9.0", "modehost:mode@0.2.0", "0.1.0", "new.wasm"] {
        assert!(why.contains(word), "{word}: {why}");
    }
}

/// A component that was built while 0.2 was still open: it knows fewer events, and says `confirmed` for `is-final`.
#[test]
fn h3_a_component_of_a_draft_is_refused_with_the_advice_to_rebuild_it() {
    let draft = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/components/draft-0.2.wasm"));
    let error = runtime().load(&draft.expect("the component"), "draft.wasm", None, &[]).err().expect("refused");
    assert_eq!(
        error.to_string(),
        "draft.wasm fails its trial at opening: could not be opened: its types are not those of modehost:mode@0.2.0 \
         (failed to convert function to given type: type mismatch with parameters: expected variant of 25 cases, found \
         24 cases); if it was built against a draft of that version, \
         rebuild it with the SDK of this server"
    );
}

#[test]
fn h2_a_session_moves_between_the_tracks_where_its_state_allows() {
    let runtime = runtime();
    let old = load(&runtime, &[]).expect("loads");
    let next = load_next(&runtime, &[]);
    let count = |instance: &mut dyn Instance| sent(&run_command(instance, "count").expect("counts"))["count"].clone();
    let mut instance = old.open().expect("opens");
    assert_eq!(count(&mut *instance), 1);
    let mut instance = next.restore(&instance.snapshot().expect("a snapshot")).expect("old to new");
    assert_eq!(count(&mut *instance), 2);
    let mut instance = old.restore(&instance.snapshot().expect("a snapshot")).expect("new to old");
    assert_eq!(count(&mut *instance), 3);

    let mut instance = next.restore(&instance.snapshot().expect("a snapshot")).expect("and again");
    run_command(&mut *instance, "grow").expect("grows");
    let grown = instance.snapshot().expect("a snapshot");
    assert_eq!(grown.schema, 2);
    let refused = old.restore(&grown).err();
    assert!(matches!(&refused, Some(Fault::Restore(why)) if why.contains("schema 2")), "{refused:?}");
    assert_eq!(count(&mut *next.restore(&grown).expect("its own")), 4);
}

#[test]
fn a_rejection_names_the_time_to_retry_where_the_contract_version_has_it() {
    let runtime = runtime();
    let rejection = |generation: &WasmGeneration, body: &Value| match generation
        .open()
        .expect("opens")
        .handle(CONTEXT, &message(&body.to_string()))
    {
        Err(Fault::Rejected(rejection)) => (rejection.code, rejection.message, rejection.retry_after_ms),
        other => panic!("not rejected but {other:?}"),
    };
    let next = load_next(&runtime, &[]);
    for retry in [None, Some(0), Some(1_500), Some(u32::MAX)] {
        let body = json!({"do": "reject", "code": "BUSY", "message": "later", "retry": retry});
        assert_eq!(rejection(&next, &body), ("BUSY".to_owned(), "later".to_owned(), retry));
    }
    let old = load(&runtime, &[]).expect("loads");
    let (code, _, retry) = rejection(&old, &json!({"do": "reject"}));
    assert_eq!((code.as_str(), retry), ("FIXTURE_REJECTED", None));
}

#[test]
fn an_old_component_is_told_only_what_it_has_words_for() {
    let generation = load(&runtime(), &[]).expect("loads");
    let mut instance = generation.open().expect("opens");
    let tool = Tool { name: "t".to_owned(), description: String::new(), parameters: "{}".to_owned() };
    let unknown = [
        Event::Tools { request: 1, tools: Arc::from([tool]) },
        Event::ToolDone { request: 1, text: "t".into(), failed: false },
        Event::Aborted { reason: "wake_word_detected".into(), heard: None },
    ];
    for event in unknown {
        assert_eq!(instance.handle(CONTEXT, &event), Ok(Vec::new()), "{event:?}");
    }
    let failed = Event::RequestFailed { request: 1, reason: Failure::NotJson, message: "m".into() };
    let reason = sent(&instance.handle(CONTEXT, &failed).expect("told"))["reason"].clone();
    assert!(reason.as_str().is_some_and(|reason| reason.ends_with("Refused")), "{reason}");
    let done = Event::ModelDone(answer());
    assert_eq!(sent(&instance.handle(CONTEXT, &done).expect("told"))["answer"], "yes");
    assert_eq!(sent(&run_command(&mut *instance, "count").expect("lives"))["count"], 1);
}

fn answer() -> ModelDone {
    let call = ToolCall { id: "c1".to_owned(), name: "n".to_owned(), arguments: "{".to_owned() };
    ModelDone { request: 1, text: "yes".into(), prompt_tokens: 1, completion_tokens: 2, tool_calls: vec![call] }
}

#[test]
fn a_new_component_is_told_everything() {
    let generation = load_next(&runtime(), &[]);
    let mut instance = generation.open().expect("opens");
    let mut send = |event: Event| sent(&instance.handle(CONTEXT, &event).expect("told"));
    let tool = Tool { name: "t".to_owned(), description: String::new(), parameters: r#"{"a":1}"#.to_owned() };
    let tools = send(Event::Tools { request: 5, tools: Arc::from([tool]) });
    assert_eq!((&tools["tools"], &tools["request"]), (&json!([["t", r#"{"a":1}"#]]), &json!(5)));
    assert_eq!(send(Event::Tools { request: 5, tools: Arc::from([]) })["tools"], json!([]));
    let done = send(Event::ToolDone { request: 6, text: "no".into(), failed: true });
    assert_eq!((&done["tool"], &done["failed"]), (&json!("no"), &json!(true)));
    let aborted = send(Event::Aborted { reason: "button".into(), heard: Some("One".into()) });
    assert_eq!((&aborted["aborted"], &aborted["heard"]), (&json!("button"), &json!("One")));
    let done = send(Event::ModelDone(answer()));
    assert_eq!((&done["answer"], &done["calls"]), (&json!("yes"), &json!([["c1", "n", "{"]])));
    let failed = send(Event::RequestFailed { request: 1, reason: Failure::NotJson, message: "m".into() });
    assert!(failed["reason"].as_str().is_some_and(|reason| reason.ends_with("NotJson")), "{failed}");
}

#[test]
fn h1_what_is_new_needs_its_grant_like_everything_else() {
    let runtime = runtime();
    let part = json!({"journal": "fixture/1", "member": "m", "line": ""});
    let cases = [
        (json!({"do": "list-tools"}), "tools", "`tools`"),
        (json!({"do": "call-tool", "name": "t", "arguments": "{}"}), "tools", "`tools`"),
        (ask(), "model", "`model`"),
        (json!({"do": "remove-journal", "key": "fixture/1"}), "journals:fixture/", "`journals`"),
        (archive(), "archive:things", "`archive`"),
        (archive(), "journals:fixture/", "`journals`"),
        (hook(), "hook:crm", "`hook`"),
        (with(with(hook(), "body", json!("{}")), "journal", part), "journals:fixture/", "`journals`"),
        (deliver(), "deliver", "`deliver`"),
    ];
    let everything = load_next(&runtime, &ALL_GRANTS);
    for (body, grant, named) in cases {
        let others: Vec<&str> = ALL_GRANTS.into_iter().filter(|&other| other != grant).collect();
        let without = load_next(&runtime, &others);
        // All grants of the fixture are optional, so that it is told of the denial.
        let denied = run_effect(&without, &body).unwrap_or_else(|fault| panic!("{body}: {fault}"));
        assert!(
            matches!(&denied, Effect::Query(Query::Denied { message, .. }) if message.contains(named)),
            "{body}: {denied:?}"
        );
        run_effect(&everything, &body).unwrap_or_else(|fault| panic!("{body}: {fault}"));
    }
}

#[test]
fn what_is_granted_and_well_formed_gets_through_as_it_is() {
    let generation = load_next(&runtime(), &ALL_GRANTS);
    let run = |body: &Value| run_effect(&generation, body).unwrap_or_else(|fault| panic!("{body}: {fault}"));
    let spoken = run(&json!({"do": "say-more", "text": ""}));
    assert_eq!(spoken, Effect::Output(Output::Say { text: String::new(), interrupt: false, more: true }));
    let call = run(&json!({"do": "call-tool", "name": "self.light", "arguments": " {\"on\":true} "}));
    let arguments = r#"{"on":true}"#.to_owned();
    assert_eq!(call, Effect::Call(Call::CallTool { request: 7, name: "self.light".to_owned(), arguments }));
    let Effect::Call(Call::AskModel(asked)) = run(&ask()) else { panic!("no question") };
    assert_eq!((asked.tools[0].name.as_str(), asked.messages[1].tool_calls[0].id.as_str()), ("set_volume", "c1"));
    assert_eq!((asked.messages[2].role, asked.messages[2].tool_call_id.as_deref()), (Role::Tool, Some("c1")));
    let Effect::Write(Write::Archive(entry)) = run(&archive()) else { panic!("no entry") };
    let part = JournalPart { journal: "fixture/1".into(), member: "entries".into(), line: "- {text}".into() };
    assert_eq!((entry.content.as_str(), &entry.journal), (r#"{"a":1}"#, &Some(part)), "without space around it");
    let Effect::Call(Call::PostHook(HookRequest { sender, body, .. })) = run(&hook()) else { panic!("no hook") };
    assert_eq!((sender.as_str(), body.as_str()), ("Sender-1", "[1]"));
    let everyone = json!({"do": "deliver", "body": "{\"type\":\"x\"}"});
    for (body, expected) in [
        (deliver(), Audience::Group("home".to_owned())),
        (with(everyone.clone(), "devices", json!(["b"])), Audience::Devices(vec!["b".to_owned()])),
        (everyone, Audience::Everyone),
    ] {
        assert!(matches!(run(&body), Effect::Call(Call::Deliver(Delivery { to, .. })) if to == expected), "{body}");
    }
}

#[test]
fn what_is_malformed_is_refused_with_what_is_wrong() {
    let generation = load_next(&runtime(), &ALL_GRANTS);
    let tool = |name: &str, parameters: &str| json!({"name": name, "parameters": parameters});
    let tools = |tools: Vec<Value>| with(ask(), "tools", json!(tools));
    let part = |member: &str| json!({"journal": "fixture/1", "member": member, "line": ""});
    let cases = [
        (json!({"do": "call-tool", "name": "t", "arguments": "[]"}), "not a JSON object"),
        (json!({"do": "call-tool", "name": "t", "arguments": "{\"a\":"}), "not a JSON object"),
        (json!({"do": "call-tool", "name": "", "arguments": "{}"}), "name of 0 bytes"),
        (tools((0..129).map(|n| tool(&format!("t{n}"), "{}")).collect()), "129 tools"),
        (tools(vec![tool("self\nlight", "{}")]), "no control characters"),
        (tools(vec![tool("", "{}")]), "1 to 128"),
        (tools(vec![tool(&"t".repeat(129), "{}")]), "1 to 128"),
        (tools(vec![tool("t", "{}"), tool("t", "{}")]), "twice"),
        (tools(vec![tool("t", "1")]), "parameters of `t`"),
        (with(ask(), "messages", json!([{"role": "tool", "content": "x"}])), "tool-call-id"),
        (with(archive(), "id", json!("")), "letters"),
        (with(archive(), "id", json!("a/b")), "letters"),
        (with(archive(), "id", json!("..")), "letters"),
        (with(archive(), "id", json!("a".repeat(129))), "letters"),
        (with(archive(), "id", json!("index")), "index"),
        (with(archive(), "id", json!("Index")), "index"),
        (with(archive(), "content", json!("[1]")), "content is not a JSON object"),
        (with(archive(), "content", json!("{\"entries\":[]}")), "room for the member `entries`"),
        (with(archive(), "journal", part("")), "unnamed"),
        (with(hook(), "sender", json!("")), "sender"),
        (with(hook(), "sender", json!("A B")), "sender"),
        (with(hook(), "sender", json!("a".repeat(33))), "sender"),
        (with(hook(), "body", json!("{")), "not JSON"),
        (with(hook(), "journal", part("m")), "body is not a JSON object"),
        (with(deliver(), "body", json!("{}")), "missing field `type`"),
        (with(deliver(), "late", json!("[]")), "`deliver`"),
        (with(deliver(), "notice", json!("{}")), "`deliver`"),
    ];
    for (body, word) in cases {
        let fault = run_effect(&generation, &body).expect_err(&body.to_string());
        assert!(matches!(&fault, Fault::BadEffects(why) if why.contains(word)), "{body}: {fault}");
    }
}

#[test]
fn every_text_of_an_effect_counts_towards_its_weight() {
    let generation = load_next(&runtime(), &ALL_GRANTS);
    // A little more than half of the limit per event, twice.
    let half = "x".repeat(270_000);
    let description = json!({"name": "t", "description": half, "parameters": "{}"});
    let arguments = json!({"role": "assistant", "calls": [{"id": "1", "name": "n", "arguments": half}]});
    let object = format!(r#"{{"type":"{half}"}}"#);
    let heavy = [
        with(with(ask(), "tools", json!([description])), "messages", json!([arguments])),
        with(
            with(archive(), "text", json!(half)),
            "journal",
            json!({"journal": "fixture/1", "member": "m", "line": half}),
        ),
        with(with(deliver(), "late", json!(object)), "notice", json!(object)),
    ];
    for body in heavy {
        let fault = run_effect(&generation, &body).expect_err("too heavy");
        assert!(matches!(&fault, Fault::BadEffects(why) if why.contains("effects of more than")), "{fault}");
    }
}

#[test]
fn kinds_of_finished_work_are_names_of_folders() {
    let generation = load_next(&runtime(), &["archive:*", "journals:fixture/"]);
    run_effect(&generation, &archive()).expect("a good kind");
    for kind in ["Things", "", "a/../b", ".", "a b"] {
        let fault = run_effect(&generation, &with(archive(), "kind", json!(kind))).expect_err(kind);
        assert!(matches!(&fault, Fault::BadEffects(why) if why.contains("lower-case")), "{kind}: {fault}");
    }
}
