//! What the host would leave out without a word. Rule: a mode cannot get there unseen; the event fails instead.

use std::time::Duration;

use modehost_sdk::{Context, Cx, Describe, Effect, Event, Fault, Message, Mode, Outcome, Runner};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Collector {
    handled: u32,
}

impl Mode for Collector {
    type Config = ();
    type Next = ();

    fn describe() -> Describe {
        Describe::new()
    }

    fn on_message(&mut self, cx: &mut Cx<'_, Self>, message: Message) -> Outcome {
        self.handled += 1;
        let name = message.body;
        match message.kind.as_str() {
            "start" => cx.start_alarm(name, Duration::from_secs(1)),
            "stop" => cx.stop_alarm(&name),
            "watch" => cx.watch_document(name).unanswered(),
            _ => cx.unwatch_document(name),
        }
        Ok(())
    }
}

/// Counts to the limit with `begin`, and frees a place with `end`.
fn fill(begin: &str, end: &str, limit: u32) {
    let mut runner: Runner<Collector> = Runner::configure("{}").expect("a mode");
    let handle = |runner: &mut Runner<Collector>, kind: &str, number: u32| -> Result<Vec<Effect>, Fault> {
        let message = Message { kind: kind.to_owned(), body: format!("n{number}") };
        runner.handle(Context { now: 1_000, seed: 1 }, Event::Message(message))
    };
    for number in 0..limit {
        assert_eq!(handle(&mut runner, begin, number).expect("in the limit").len(), 1, "{begin} {number}");
    }
    // Also once the instance has been replaced.
    for _ in 0..2 {
        let before = runner.snapshot();
        let Err(Fault::Failed(why)) = handle(&mut runner, begin, limit) else { panic!("{begin}: one too many") };
        assert!(why.contains(&format!("more than {limit}")) && why.contains(&format!("n{limit}")), "{why}");
        assert_eq!(runner.snapshot(), before, "the event leaves nothing behind");
        runner = Runner::configure("{}").expect("a mode");
        runner.restore(&before).expect("restored");
    }
    handle(&mut runner, begin, 0).expect("what is there already takes no place");
    handle(&mut runner, end, 1).expect("ended");
    handle(&mut runner, begin, limit).expect("a place is free");
    handle(&mut runner, begin, 1).expect_err("and taken");
}

#[test]
fn an_alarm_beyond_the_limit_fails_the_event() {
    fill("start", "stop", 64);
}

#[test]
fn a_watch_beyond_the_limit_fails_the_event() {
    fill("watch", "unwatch", 32);
}
