//! Counts what it hears: a component of contract 0.1, made without the SDK. Rule: `tests/components/README.md` says
//! what it does; it does the same in every language and contract version.

use std::cell::Cell;

use serde::Deserialize;
use serde_json::Value;

wit_bindgen::generate!({
    path: "../../../../wit/0.1",
    world: "mode",
});

use exports::modehost::mode::{handler, lifecycle, manifest};
use modehost::mode::effects::{Effect, Speech, Timer};
use modehost::mode::events::Event;
use modehost::mode::types::{Context, Fault, Rejection};

const ID: &str = "count-rust-01";
const VERSION: &str = "1.0.0";
const SCHEMA: u32 = 1;
const TIMER: u64 = 7;
/// The largest count that every language can hold.
const MAX_HEARD: u64 = (1 << 53) - 1;
const PLUGIN_TOML: &str = include_str!("../plugin.toml");

#[used]
#[unsafe(link_section = "modehost:plugin")]
static MANIFEST: [u8; PLUGIN_TOML.len()] = *include_bytes!("../plugin.toml");

thread_local! {
    static HEARD: Cell<u64> = const { Cell::new(0) };
}

/// The state as a snapshot holds it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct State {
    heard: u64,
}

struct Count;
export!(Count);

impl handler::Guest for Count {
    fn handle(_context: Context, event: Event) -> Result<Vec<Effect>, Fault> {
        match event {
            Event::Transcript(transcript) if transcript.confirmed => {
                let heard = HEARD.get() + 1;
                HEARD.set(heard);
                Ok(vec![say(format!("{heard}: {}", transcript.text))])
            }
            Event::Message(message) if message.kind == "count" => answer(&message.body),
            Event::Timer(TIMER) => Ok(vec![say("timer".to_owned())]),
            _ => Ok(Vec::new()),
        }
    }
}

fn say(text: String) -> Effect {
    Effect::Say(Speech { text, interrupt: false })
}

fn answer(body: &str) -> Result<Vec<Effect>, Fault> {
    let wish: Value = serde_json::from_str(body).map_err(|error| Fault::Failed(error.to_string()))?;
    if wish["panic"] == true {
        panic!("asked to panic");
    }
    if wish["fault"] == true {
        return Err(Fault::Rejected(Rejection { code: "ASKED".to_owned(), message: "as asked".to_owned() }));
    }
    Ok(vec![match wish["timer"].as_u64() {
        Some(delay_ms) => Effect::StartTimer(Timer { id: TIMER, delay_ms }),
        None => Effect::Send(format!(r#"{{"type":"count","heard":{}}}"#, HEARD.get())),
    }])
}

impl lifecycle::Guest for Count {
    fn configure(_config: String) -> Result<(), String> {
        Ok(())
    }

    fn snapshot() -> lifecycle::SavedState {
        lifecycle::SavedState { schema: SCHEMA, state: format!(r#"{{"heard":{}}}"#, HEARD.get()).into_bytes() }
    }

    fn restore(snapshot: lifecycle::SavedState) -> Result<(), lifecycle::RestoreError> {
        if snapshot.schema != SCHEMA {
            return Err(lifecycle::RestoreError::Unsupported(snapshot.schema));
        }
        // serde would take a list for the members of a struct as well.
        let is_object = snapshot.state.trim_ascii_start().starts_with(b"{");
        match serde_json::from_slice(&snapshot.state) {
            Ok(State { heard }) if is_object && heard <= MAX_HEARD => {
                HEARD.set(heard);
                Ok(())
            }
            _ => Err(lifecycle::RestoreError::Corrupt("the state is not {\"heard\":N}".to_owned())),
        }
    }
}

impl manifest::Guest for Count {
    fn describe() -> manifest::Description {
        manifest::Description {
            id: ID.to_owned(),
            version: VERSION.to_owned(),
            modes: vec![manifest::ModeOffer { name: ID.to_owned(), aliases: Vec::new() }],
            message_types: vec!["count".to_owned()],
            voice: manifest::VoicePolicy::Exclusive,
            snapshot_schemas: vec![SCHEMA],
            config_schema: r#"{"type":"object","additionalProperties":false}"#.to_owned(),
            subscriptions: manifest::Subscriptions::empty(),
        }
    }
}
