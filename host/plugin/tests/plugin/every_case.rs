//! Every event and every effect of the newest contract version, through a real component. Rule: the cases are read from
//! the WIT itself, so that one that is added there and not proven here is found out.

use std::collections::BTreeSet;
use std::sync::Arc;

use modehost_contract::effect::{ListenCommand, ListenMode, Local, Output, Query, Write};
use modehost_contract::event::{
    Device, Document, EndReason, Failure, JournalEntry, ModelDone, Start, Transcript, Undelivered,
};
use modehost_contract::mode_info::ModeInfo;
use modehost_contract::{Effect, Event, Fault, Generation};
use serde_json::{Value, json};

use crate::fixture::{CONTEXT, message, next_bytes, runtime, sent};

/// The cases of a variant in the WIT of 0.2.
fn cases(file: &str, variant: &str) -> BTreeSet<String> {
    let path = format!("{}/../../wit/0.2/{file}.wit", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).expect("the contract");
    let lines = text.lines().map(str::trim).skip_while(|line| *line != format!("variant {variant} {{"));
    let lines = lines.skip(1).take_while(|line| *line != "}").filter(|line| !line.starts_with("//"));
    let name = |line: &str| line.split(['(', ',']).next().unwrap_or_default().to_owned();
    lines.map(name).filter(|name| !name.is_empty()).collect()
}

fn names<'n>(names: impl IntoIterator<Item = &'n str>) -> BTreeSet<String> {
    names.into_iter().map(str::to_owned).collect()
}

/// Events, each with what the guest must have been told of it.
fn events() -> Vec<(Event, &'static [&'static str])> {
    let device =
        || Device { id: "dev-1".into(), alias: Some("Desk".into()), groups: ["home".into(), "lab".into()].into() };
    let document = |request| Document { request, key: "fixture/k".into(), version: 9, value: Some("[1]".into()) };
    let started =
        Start { mode: Some("fixture".into()), device: device(), session_id: "s-1".into(), language: "en".into() };
    let transcript = Transcript {
        text: "words".into(),
        is_final: true,
        start_ms: 11,
        end_ms: 12,
        segment: 13,
        source: "typed".into(),
    };
    let done = ModelDone { request: 4, text: "yes".into(), prompt_tokens: 5, completion_tokens: 6, tool_calls: vec![] };
    let entry = JournalEntry { sequence: 21, at: 22, value: "{}".into() };
    let undelivered = Undelivered { device: "dev-4".into(), reason: "full".into() };
    let mode = ModeInfo {
        name: "riddles".into(),
        aliases: vec!["puzzles".into()],
        description: "Asks.".into(),
        phrases: vec!["猜谜".into()],
    };
    vec![
        (Event::Started(started), &["fixture", "dev-1", "Desk", "home", "lab", "s-1", "en"]),
        (Event::Message { kind: "fixture".into(), body: r#"{"do":"send","body":"{\"type\":\"x\"}"}"#.into() }, &["x"]),
        (Event::Transcript(transcript), &["words", "true", "11", "12", "13", "typed"]),
        (Event::Timer(3), &["3"]),
        (Event::ModelChunk { request: 4, text: "piece".into() }, &["4", "piece"]),
        (Event::ModelDone(done), &["yes"]),
        (Event::RequestFailed { request: 4, reason: Failure::TooMany, message: "m".into() }, &["TooMany"]),
        (Event::Tools { request: 5, tools: Arc::from([]) }, &["tools", "5"]),
        (Event::ToolDone { request: 6, text: "on".into(), failed: true }, &["on", "true", "6"]),
        (Event::Aborted { reason: "button".into(), heard: Some("One".into()) }, &["button", "One"]),
        (Event::Document(document(None)), &["None", "fixture/k", "9", "[1]"]),
        (Event::WriteDone { request: 7, key: "fixture/k".into(), version: 10 }, &["7", "fixture/k", "10"]),
        (Event::WriteConflict(document(Some(8))), &["8", "fixture/k", "9", "[1]"]),
        (
            Event::JournalPage { request: 7, journal: "fixture/j".into(), entries: vec![entry], complete: true },
            &["7", "fixture/j", "21", "22", "{}", "true"],
        ),
        (Event::RequestDone { request: 7, value: 204 }, &["7", "204"]),
        (
            Event::Delivered {
                request: 7,
                sent: vec!["dev-2".into()],
                queued: vec!["dev-3".into()],
                failed: vec![undelivered],
            },
            &["7", "dev-2", "dev-3", "dev-4", "full"],
        ),
        (Event::Attached(device()), &["dev-1", "Desk", "home", "lab"]),
        (Event::Detached, &["Detached"]),
        (Event::Hello("{\"hello\":1}".into()), &["hello"]),
        (Event::ModeChanged("riddles".into()), &["riddles"]),
        (Event::Modes(Arc::from([mode])), &["riddles", "puzzles", "Asks.", "猜谜"]),
        (Event::ConfigChanged { config: "{\"a\":1}".into(), device: device() }, &["a", "dev-1", "Desk", "lab"]),
        (Event::Upgraded { old_version: "1.2.3".into() }, &["1.2.3"]),
        (Event::Ended(EndReason::Expired), &["Expired"]),
        (Event::Extension { name: "owner/thing".into(), payload: "[2]".into() }, &["owner/thing", "[2]"]),
    ]
}

#[test]
fn every_event_reaches_a_component_with_all_that_it_carries() {
    let events = events();
    assert_eq!(names(events.iter().map(|(event, _)| event.name())), cases("events", "event"));
    let generation = runtime().load(&next_bytes(), "next.wasm", None, &[]).expect("loads");
    let mut instance = generation.open().expect("opens");
    instance.handle(CONTEXT, &message(r#"{"do":"report"}"#)).expect("reports");
    for (event, parts) in events {
        let told = sent(&instance.handle(CONTEXT, &event).expect("told")).to_string();
        for part in parts {
            // Twice escaped: as a Rust literal, and as JSON.
            let plain = told.replace('\\', "");
            assert!(plain.contains(part), "{part} of {event:?}: {told}");
        }
    }
}

/// Effects that no other test of the runtime asks a component of the newest version for, by their names.
fn effects() -> Vec<(Value, Effect)> {
    let text = |text: &str| text.to_owned();
    let key = || text("fixture/k");
    let body = || text(r#"{"type":"fixture"}"#);
    let listen = |mode: &str, command| (json!({"do": "listen", "mode": mode}), Output::Listen(command).into());
    vec![
        (json!({"do": "send", "body": body()}), Output::Send(body()).into()),
        (
            json!({"do": "say", "text": "t", "interrupt": true, "more": true}),
            Output::Say { text: text("t"), interrupt: true, more: true }.into(),
        ),
        listen("automatic", ListenCommand::Start(ListenMode::Automatic)),
        listen("manual", ListenCommand::Start(ListenMode::Manual)),
        listen("realtime", ListenCommand::Start(ListenMode::Realtime)),
        listen("stop", ListenCommand::Stop),
        (json!({"do": "decline"}), Output::Decline.into()),
        (json!({"do": "start-timer", "id": 3, "delay": 4}), Local::StartTimer { id: 3, delay_ms: 4 }.into()),
        (json!({"do": "stop-timer", "id": 3}), Local::StopTimer(3).into()),
        (json!({"do": "cancel"}), Local::Cancel(7).into()),
        (json!({"do": "list-tools"}), Query::ListTools(7).into()),
        (json!({"do": "read-document", "key": key()}), Query::ReadDocument { request: 7, key: key() }.into()),
        (json!({"do": "watch-document", "key": key()}), Query::WatchDocument { request: 7, key: key() }.into()),
        (json!({"do": "unwatch-document", "key": key()}), Local::UnwatchDocument(key()).into()),
        (
            json!({"do": "write-document", "key": key(), "expected": 5, "value": "[]"}),
            Write::WriteDocument { request: 7, key: key(), expected: 5, value: Some(text("[]")) }.into(),
        ),
        (
            json!({"do": "append-journal", "key": key(), "entry": "{}", "notify": true}),
            Write::AppendJournal { request: 7, journal: key(), entry: text("{}"), notify: true }.into(),
        ),
        (
            json!({"do": "read-journal", "key": key(), "after": 2}),
            Query::ReadJournal { request: 7, journal: key(), after: 2, limit: 10 }.into(),
        ),
        (json!({"do": "remove-journal", "key": key()}), Write::RemoveJournal { request: 7, journal: key() }.into()),
        (
            json!({"do": "broadcast", "group": "home", "body": body(), "self": false, "supersedes": "board"}),
            Output::Broadcast {
                group: text("home"),
                body: body(),
                include_self: false,
                supersedes: Some(text("board")),
            }
            .into(),
        ),
        (json!({"do": "dispatch", "body": body()}), Output::Dispatch(body()).into()),
        (json!({"do": "switch-mode", "mode": "riddles"}), Output::SwitchMode(Some(text("riddles"))).into()),
        (json!({"do": "switch-mode"}), Output::SwitchMode(None).into()),
        (json!({"do": "hang-up"}), Output::HangUp.into()),
        (
            json!({"do": "extension", "name": "owner/thing", "payload": "[]"}),
            Query::Extension { request: 7, name: text("owner/thing"), payload: text("[]") }.into(),
        ),
    ]
}

#[test]
fn every_effect_of_a_component_arrives_as_it_is() {
    let effects = effects();
    // These have many members, and tests of their own in `contract_version`.
    let elsewhere = ["ask-model", "call-tool", "archive", "post-hook", "deliver"];
    let mut proven = names(effects.iter().filter_map(|(body, _)| body["do"].as_str()));
    proven.extend(names(elsewhere));
    assert_eq!(proven, cases("effects", "effect"));
    let granted = ["tools", "journals:fixture/", "documents:fixture/", "broadcast", "dispatch:fixture", "switch-mode"];
    let granted: Vec<String> = granted.map(str::to_owned).into();
    let runtime = runtime();
    let generation = runtime.load(&next_bytes(), "next.wasm", None, &granted).expect("loads");
    for (body, expected) in effects {
        let mut instance = generation.open().expect("opens");
        let found = instance.handle(CONTEXT, &message(&body.to_string()));
        assert_eq!(found, Ok(vec![expected]), "{body}");
    }
    // Without a request there is nothing that could fail, so the list is refused.
    let bare = runtime.load(&next_bytes(), "next.wasm", None, &[]).expect("loads");
    for wish in ["broadcast", "dispatch", "switch-mode", "hang-up"] {
        let body = json!({"do": wish, "body": r#"{"type":"fixture"}"#});
        let fault = bare.open().expect("opens").handle(CONTEXT, &message(&body.to_string()));
        assert!(matches!(&fault, Err(Fault::BadEffects(why)) if why.contains("needs the grant")), "{wish}: {fault:?}");
    }
}
