//! A native session of the mode. Rule: the clock only advances when the test advances it, and there is no model.

use coding::Coding;
use modehost_sdk::{Context, Device, Effect, Event, Message, Runner, Start};
use serde_json::{Value, json};

/// A session and its clock.
pub struct Session {
    runner: Runner<Coding>,
    pub now: u64,
}

impl Session {
    /// A session whose final insight does not wait for a model.
    pub fn start() -> Self {
        let runner = Runner::configure(r#"{"final_wait_ms":0}"#).expect("a configuration");
        let mut session = Self { runner, now: 1_760_000_000_000 };
        let device = Device { id: "dev-1".into(), alias: None, groups: vec!["default".into()] };
        session.handle(Event::Started(Start {
            mode: Some("coding".into()),
            device,
            session_id: "s".into(),
            language: "zh".into(),
        }));
        session
    }

    pub fn send(&mut self, message: &Value) -> Vec<Value> {
        self.handle(Event::Message(Message { kind: "coding".into(), body: message.to_string() }))
    }

    pub fn text(&mut self, text: &str) -> Vec<Value> {
        self.send(&json!({"type": "coding", "event": "log", "text": text}))
    }

    /// Ends the run and returns its final insight.
    pub fn stop(&mut self) -> Value {
        let sent = self.send(&json!({"type": "coding", "event": "stop"}));
        let last = sent.into_iter().next_back().expect("a final insight");
        assert_eq!(last["final"], true, "{last}");
        last
    }

    fn handle(&mut self, event: Event) -> Vec<Value> {
        let effects = self.runner.handle(Context { now: self.now, seed: 1 }, event).expect("ok");
        let sent = effects.into_iter().filter_map(|effect| match effect {
            Effect::Send(body) => Some(serde_json::from_str(&body).expect("JSON")),
            _ => None,
        });
        sent.collect()
    }
}

/// The final insight on a whole log.
pub fn insight_on(log: &str) -> Value {
    let mut session = Session::start();
    session.text(log);
    session.stop()
}
