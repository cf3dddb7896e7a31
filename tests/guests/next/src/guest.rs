//! The component: counts, does what a message asks for, and tells its device what it was told.
//! Rule: members of the message become members of the effect as they are, so that a test can make
//! them as wrong as it likes.

#![allow(unsafe_code, reason = "the generated exports and the custom section need it")]

mod wish;

wit_bindgen::generate!({
    path: "../../../wit/0.2",
    world: "mode",
});

use std::cell::RefCell;

use exports::modehost::mode::{handler, lifecycle, manifest};
use modehost::mode::effects::Effect;
use modehost::mode::events::Event;
use modehost::mode::types::Rejection;
use serde_json::{Value, json};

/// What stands in the file to be read without running it.
const PACKAGE: &str = "id = \"fixture\"\nversion = \"2.0.0\"\noptional_grants = [\"model\", \"tools\", \"deliver\", \
\"archive:*\", \"hook:*\", \"journals:fixture/\", \"documents:fixture/\", \"broadcast\", \"dispatch:fixture\", \
\"switch-mode\"]\n";

#[unsafe(link_section = "modehost:plugin")]
#[used]
static SECTION: [u8; PACKAGE.len()] = {
    let mut bytes = [0; PACKAGE.len()];
    bytes.copy_from_slice(PACKAGE.as_bytes());
    bytes
};

/// The layout that the old fixture reads as well: the count, 8 bytes.
const OLD_LAYOUT: u32 = 1;
/// The same with a byte behind it, which the old one cannot hold.
const NEW_LAYOUT: u32 = 2;

#[derive(Default)]
struct State {
    count: u64,
    /// Something that the old fixture has no place for.
    grown: bool,
    /// Whatever happens is reported. Not part of a snapshot.
    reports: bool,
}

thread_local! {
    static STATE: RefCell<State> = RefCell::default();
}

struct Next;
export!(Next);

impl handler::Guest for Next {
    fn handle(_: handler::Context, event: Event) -> Result<Vec<Effect>, handler::Fault> {
        let report = match event {
            Event::Message(message) => {
                let Ok(body) = serde_json::from_str::<Value>(&message.body) else {
                    return Err(handler::Fault::Failed("the host passed on what is not JSON".to_owned()));
                };
                return STATE.with_borrow_mut(|state| act(&body, state)).map(|effect| vec![effect]);
            }
            Event::Tools(list) => {
                let tools: Vec<_> = list.tools.iter().map(|tool| json!([tool.name, tool.parameters])).collect();
                json!({ "tools": tools, "request": list.request })
            }
            Event::ToolDone(done) => json!({ "tool": done.text, "failed": done.failed, "request": done.request }),
            Event::Aborted(aborted) => json!({ "aborted": aborted.reason, "heard": aborted.heard }),
            Event::ModelDone(done) => {
                let calls: Vec<_> =
                    done.tool_calls.iter().map(|call| json!([call.id, call.name, call.arguments])).collect();
                json!({ "answer": done.text, "calls": calls })
            }
            Event::RequestFailed(failed) => json!({ "reason": format!("{:?}", failed.reason) }),
            other if STATE.with_borrow(|state| state.reports) => json!({ "event": format!("{other:?}") }),
            _ => return Ok(Vec::new()),
        };
        Ok(vec![send(report)])
    }
}

fn act(body: &Value, state: &mut State) -> Result<Effect, handler::Fault> {
    match body["do"].as_str().unwrap_or_default() {
        "count" => {
            state.count += 1;
            Ok(send(json!({ "count": state.count })))
        }
        "report" => {
            state.reports = true;
            Ok(send(json!({ "reports": true })))
        }
        "reject" => {
            let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
            let retry_after_ms = body["retry"].as_u64().and_then(|ms| u32::try_from(ms).ok());
            Err(handler::Fault::Rejected(Rejection { code: text("code"), message: text("message"), retry_after_ms }))
        }
        "grow" => {
            state.grown = true;
            Ok(send(json!({ "grown": true })))
        }
        wish => {
            wish::effect(wish, body).ok_or_else(|| handler::Fault::Failed(format!("the fixture cannot do `{wish}`")))
        }
    }
}

fn send(mut body: Value) -> Effect {
    body["type"] = json!("fixture");
    Effect::Send(body.to_string())
}

impl lifecycle::Guest for Next {
    fn configure(_: String) -> Result<(), String> {
        Ok(())
    }

    fn snapshot() -> lifecycle::SavedState {
        STATE.with_borrow(|state| {
            let mut bytes = state.count.to_le_bytes().to_vec();
            if state.grown {
                bytes.push(1);
            }
            lifecycle::SavedState { schema: if state.grown { NEW_LAYOUT } else { OLD_LAYOUT }, state: bytes }
        })
    }

    fn restore(snapshot: lifecycle::SavedState) -> Result<(), lifecycle::RestoreError> {
        let grown = match (snapshot.schema, snapshot.state.len()) {
            (OLD_LAYOUT, 8) => false,
            (NEW_LAYOUT, 9) => true,
            (OLD_LAYOUT | NEW_LAYOUT, _) => return Err(lifecycle::RestoreError::Corrupt("its length".to_owned())),
            (other, _) => return Err(lifecycle::RestoreError::Unsupported(other)),
        };
        let mut count = [0; 8];
        count.copy_from_slice(&snapshot.state[..8]);
        STATE.with_borrow_mut(|state| *state = State { count: u64::from_le_bytes(count), grown, reports: false });
        Ok(())
    }
}

impl manifest::Guest for Next {
    fn describe() -> manifest::Description {
        manifest::Description {
            id: "fixture".to_owned(),
            version: "2.0.0".to_owned(),
            modes: vec![manifest::ModeOffer {
                name: "fixture".to_owned(),
                aliases: Vec::new(),
                description: "Does what a message asks for.".to_owned(),
                phrases: vec!["fixture mode".to_owned(), "测试模式".to_owned()],
            }],
            message_types: vec!["fixture".to_owned()],
            voice: manifest::VoicePolicy::FirstRefusal,
            snapshot_schemas: vec![OLD_LAYOUT, NEW_LAYOUT],
            config_schema: r#"{"type":"object"}"#.to_owned(),
            subscriptions: manifest::Subscriptions::ATTACHMENT | manifest::Subscriptions::MODE_CHANGE,
        }
    }
}
