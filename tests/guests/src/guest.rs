//! The component: a counter with bad manners. Rule: what it does follows from its settings and
//! from the event alone; nothing happens that was not asked for.

#![allow(unsafe_code, reason = "the generated exports and the custom section need it")]
#![allow(clippy::print_stdout, reason = "to see that it goes to the log")]

mod answer;
mod misbehave;
mod settings;

wit_bindgen::generate!({
    path: "../../wit/0.1",
    world: "mode",
});

use std::cell::RefCell;

use exports::modehost::mode::{handler, lifecycle, manifest};
use modehost::mode::events::{Event, Start};

use settings::{failing, setting};

/// What a session's instance remembers.
#[derive(Clone, Default)]
pub(crate) struct State {
    /// Messages and transcripts that were counted.
    pub count: u64,
    /// Messages seen by this instance; not part of a snapshot.
    pub messages: u64,
    /// From the configuration.
    pub label: String,
    /// The setting `build`, once it has been read.
    pub build: Option<String>,
}

/// A message, of which only the wish is read.
#[derive(serde::Deserialize)]
struct Wish<'a> {
    #[serde(borrow, rename = "do")]
    wish: &'a str,
}

thread_local! {
    static STATE: RefCell<State> = RefCell::default();
}

struct Fixture;
export!(Fixture);

impl handler::Guest for Fixture {
    fn handle(context: handler::Context, event: Event) -> Result<Vec<handler::Effect>, handler::Fault> {
        STATE.with_borrow_mut(|state| match event {
            Event::Started(Start { mode, .. }) => {
                if failing("started") == Some(settings::Failing::Error) {
                    return Err(handler::Fault::Failed("does not start".to_owned()));
                }
                Ok(answer::spoken(&format!("started {}", mode.unwrap_or_default())))
            }
            Event::Message(message) => {
                state.messages += 1;
                if state.messages == 1 {
                    let first = setting("first");
                    if !first.is_empty() {
                        return misbehave::act(first, &serde_json::Value::Null, context, state);
                    }
                }
                // What load and benchmarks ask for is answered as a mode of care would: typed, and
                // without a tree.
                if let Ok(Wish { wish: "count" }) = serde_json::from_str(&message.body) {
                    return Ok(vec![answer::count(state)]);
                }
                let Ok(body) = serde_json::from_str::<serde_json::Value>(&message.body) else {
                    return Err(handler::Fault::Failed("the host passed on what is not JSON".to_owned()));
                };
                let wish = body["do"].as_str().unwrap_or_default().to_owned();
                misbehave::act(&wish, &body, context, state)
            }
            Event::Timer(_) if !setting("timer").is_empty() => {
                misbehave::act(setting("timer"), &serde_json::Value::Null, context, state)
            }
            other => answer::outcome(other, state),
        })
    }
}

impl lifecycle::Guest for Fixture {
    fn configure(config: String) -> Result<(), String> {
        if failing("configure") == Some(settings::Failing::Error) {
            return Err("does not like its configuration".to_owned());
        }
        STATE.with_borrow_mut(|state| state.label = settings::label(&config));
        Ok(())
    }

    fn snapshot() -> lifecycle::SavedState {
        let _ = failing("snapshot");
        let count = STATE.with_borrow(|state| state.count);
        let schema = setting("schema").parse().unwrap_or(1);
        lifecycle::SavedState { schema, state: count.to_le_bytes().to_vec() }
    }

    fn restore(snapshot: lifecycle::SavedState) -> Result<(), lifecycle::RestoreError> {
        if failing("restore") == Some(settings::Failing::Error) {
            return Err(lifecycle::RestoreError::Corrupt("does not restore".to_owned()));
        }
        if !settings::numbers("restores").contains(&snapshot.schema) {
            return Err(lifecycle::RestoreError::Unsupported(snapshot.schema));
        }
        let Ok(count) = snapshot.state.try_into() else {
            return Err(lifecycle::RestoreError::Corrupt("not 8 bytes".to_owned()));
        };
        STATE.with_borrow_mut(|state| state.count = u64::from_le_bytes(count));
        Ok(())
    }
}

impl manifest::Guest for Fixture {
    fn describe() -> manifest::Description {
        let _ = failing("describe");
        let texts = |text: &str| -> Vec<String> { text.split_terminator(',').map(str::to_owned).collect() };
        let modes = texts(setting("mode")).into_iter().map(|name| {
            let aliases = texts(setting("alias"));
            manifest::ModeOffer { name, aliases }
        });
        let mut subscriptions = manifest::Subscriptions::empty();
        subscriptions.set(manifest::Subscriptions::ATTACHMENT, setting("attach") == "1");
        subscriptions.set(manifest::Subscriptions::HELLO, setting("hello") == "1");
        subscriptions.set(manifest::Subscriptions::MODE_CHANGE, setting("modes") == "1");
        manifest::Description {
            id: setting("id").to_owned(),
            version: setting("version").to_owned(),
            modes: modes.collect(),
            message_types: texts(setting("type")),
            voice: match setting("voice") {
                "exclusive" => manifest::VoicePolicy::Exclusive,
                "first-refusal" => manifest::VoicePolicy::FirstRefusal,
                _ => manifest::VoicePolicy::None,
            },
            snapshot_schemas: settings::numbers("restores"),
            config_schema: r#"{"type":"object","properties":{"label":{"type":"string"}},"additionalProperties":false}"#
                .to_owned(),
            subscriptions,
        }
    }
}
