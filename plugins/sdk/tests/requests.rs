//! Requests with tags, and alarms with names. Rule: what waits for an outcome survives a swap at any moment, and
//! nothing that nobody waits for any more reaches a handler.

use std::time::Duration;

use modehost_sdk::{
    Aborted, ChatMessage, Context, Cx, Describe, Device, Effect, Event, Failure, Fault, Message, Migrated, Mode,
    ModelChunk, ModelDone, ModelForm, ModelQuestion, Outcome, Reply, RequestFailed, Role, Runner, Snapshot, Start,
    ToolList, reject,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

const CONTEXT: Context = Context { now: 1_000, seed: 1 };

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Waiter {
    seen: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Next {
    Answer { attempt: u32 },
    Entry(u32),
    Tools,
}

impl Mode for Waiter {
    type Config = ();
    type Next = Next;

    const SCHEMA: u32 = 2;
    const OLD_SCHEMAS: &'static [u32] = &[1];

    fn describe() -> Describe {
        Describe::new()
    }

    fn migrate(_schema: u32, state: &str) -> Result<Migrated<Self>, String> {
        #[derive(Deserialize)]
        struct Before {
            question: u64,
        }
        let before: Before = serde_json::from_str(state).map_err(|error| error.to_string())?;
        let migrated = Migrated::from(Self::default()).waiting(before.question, Next::Answer { attempt: 7 });
        Ok(migrated.alarm(1, "tea"))
    }

    fn on_message(&mut self, cx: &mut Cx<'_, Self>, message: Message) -> Outcome {
        match message.kind.as_str() {
            "ask" => ask(cx, 1),
            "tools" => cx.list_tools().then(Next::Tools),
            "quiet tools" => cx.list_tools().if_it_fails(Next::Tools),
            "entries" => {
                (1..=300).for_each(|entry| cx.append_journal("j", &json!(entry)).if_it_fails(Next::Entry(entry)))
            }
            "entry" => cx.append_journal("j", &json!(0)).then(Next::Entry(0)),
            "tea" => cx.start_alarm("tea", Duration::from_secs(180)),
            "no tea" => cx.stop_alarm("tea"),
            "coffee" => cx.start_alarm("coffee", Duration::from_secs(60)),
            "forget" => cx.forget(|next| *next == Next::Tools),
            "cancel" => cx.cancel(|next| matches!(next, Next::Answer { .. })),
            _ => {
                ask(cx, 1);
                cx.start_alarm("tea", Duration::from_secs(1));
                return Err(reject("NO", "not this"));
            }
        }
        Ok(())
    }

    fn on_reply(&mut self, cx: &mut Cx<'_, Self>, next: Next, reply: Reply) -> Outcome {
        if let (Next::Answer { attempt }, Reply::Failed(failed)) = (&next, &reply)
            && failed.reason == Failure::Interrupted
        {
            ask(cx, attempt + 1);
            return Ok(());
        }
        let what = match reply {
            Reply::Chunk(text) => format!("chunk {text}"),
            Reply::Model(done) => format!("model {}", done.text),
            Reply::Failed(failed) => format!("{:?}", failed.reason),
            other => format!("{other:?}").split('(').next().unwrap_or_default().to_owned(),
        };
        self.seen.push(format!("{next:?}: {what}"));
        Ok(())
    }

    fn on_alarm(&mut self, _cx: &mut Cx<'_, Self>, name: &str) -> Outcome {
        self.seen.push(name.to_owned());
        Ok(())
    }
}

fn ask(cx: &mut Cx<'_, Waiter>, attempt: u32) {
    cx.ask(ModelQuestion {
        purpose: "p",
        messages: vec![ChatMessage::of(Role::User, "hello")],
        max_tokens: 5,
        form: ModelForm::Chunks,
        spoken: true,
        tools: Vec::new(),
    })
    .then(Next::Answer { attempt });
}

fn message(kind: &str) -> Event {
    Event::Message(Message { kind: kind.to_owned(), body: "{}".to_owned() })
}

fn done(request: u64) -> Event {
    let tool_calls = Vec::new();
    Event::ModelDone(ModelDone { request, text: "42".to_owned(), prompt_tokens: 0, completion_tokens: 0, tool_calls })
}

fn failed(request: u64, reason: Failure) -> Event {
    Event::RequestFailed(RequestFailed { request, reason, message: String::new() })
}

fn runner() -> Runner<Waiter> {
    let mut runner = Runner::configure("{}").expect("a mode");
    let device = Device { id: "d".to_owned(), alias: None, groups: vec!["default".to_owned()] };
    let start = Start { mode: None, device, session_id: "s".to_owned(), language: "en".to_owned() };
    runner.handle(CONTEXT, Event::Started(start)).expect("a start");
    runner
}

/// The event is handled by an instance that was restored from the snapshot of the one before, as after a swap.
fn handle(runner: &mut Runner<Waiter>, event: Event) -> Vec<Effect> {
    let snapshot = runner.snapshot();
    let mut fresh = Runner::configure("{}").expect("a mode");
    fresh.restore(&snapshot).expect("restores");
    *runner = fresh;
    runner.handle(CONTEXT, event).expect("handled")
}

#[test]
fn a_tag_waits_through_chunks_and_swaps_and_is_gone_after_the_end() {
    let mut runner = runner();
    let effects = handle(&mut runner, message("ask"));
    let [Effect::AskModel(question)] = effects.as_slice() else { panic!("{effects:?}") };
    let request = question.request;
    for text in ["a", "b"] {
        handle(&mut runner, Event::ModelChunk(ModelChunk { request, text: text.to_owned() }));
    }
    handle(&mut runner, done(request));
    handle(&mut runner, done(request));
    let seen = ["chunk a", "chunk b", "model 42"].map(|what| format!("Answer {{ attempt: 1 }}: {what}"));
    assert_eq!(runner.mode().seen, seen);
}

#[test]
fn a_request_that_was_interrupted_is_made_again_with_what_its_tag_knows() {
    let mut runner = runner();
    handle(&mut runner, message("ask"));
    let effects = handle(&mut runner, failed(1, Failure::Interrupted));
    assert!(matches!(effects.as_slice(), [Effect::AskModel(question)] if question.request == 2), "{effects:?}");
    handle(&mut runner, failed(2, Failure::TimedOut));
    assert_eq!(runner.mode().seen, ["Answer { attempt: 2 }: Failure::TimedOut"]);
}

#[test]
fn what_was_cancelled_or_forgotten_does_not_come() {
    let mut runner = runner();
    handle(&mut runner, message("ask"));
    handle(&mut runner, message("ask"));
    handle(&mut runner, message("tools"));
    assert_eq!(handle(&mut runner, message("cancel")), [Effect::Cancel(1), Effect::Cancel(2)]);
    assert_eq!(handle(&mut runner, message("forget")), []);
    handle(&mut runner, done(1));
    handle(&mut runner, Event::Tools(ToolList { request: 3, tools: Vec::new() }));
    assert_eq!(runner.mode().seen, [""; 0]);
}

#[test]
fn an_abort_drops_the_tags_of_spoken_questions_and_no_others() {
    let mut runner = runner();
    handle(&mut runner, message("ask"));
    handle(&mut runner, message("tools"));
    handle(&mut runner, Event::Aborted(Aborted { reason: "barge_in".to_owned(), heard: None }));
    handle(&mut runner, done(1));
    handle(&mut runner, Event::Tools(ToolList { request: 2, tools: Vec::new() }));
    assert_eq!(runner.mode().seen, ["Tools: Tools"]);
}

#[test]
fn a_quiet_append_comes_back_only_if_it_fails_and_the_latest_are_kept() {
    let mut runner = runner();
    let effects = handle(&mut runner, message("entries"));
    assert!(effects.iter().all(|effect| matches!(effect, Effect::AppendJournal(append) if !append.notify)));
    assert_eq!(effects.len(), 300);
    for request in [1, 44, 45, 300] {
        handle(&mut runner, failed(request, Failure::Unavailable));
    }
    assert_eq!(runner.mode().seen, ["Entry(45): Failure::Unavailable", "Entry(300): Failure::Unavailable"]);
    let effects = handle(&mut runner, message("entry"));
    assert!(matches!(effects.as_slice(), [Effect::AppendJournal(append)] if append.notify), "{effects:?}");
}

#[test]
fn of_any_request_only_the_failure_may_be_asked_for() {
    let mut runner = runner();
    handle(&mut runner, message("quiet tools"));
    handle(&mut runner, message("quiet tools"));
    handle(&mut runner, Event::Tools(ToolList { request: 1, tools: Vec::new() }));
    handle(&mut runner, failed(2, Failure::Unavailable));
    assert_eq!(runner.mode().seen, ["Tools: Failure::Unavailable"]);
}

#[test]
fn an_alarm_rings_by_its_name_and_a_stopped_one_never() {
    let mut runner = runner();
    let timer = |effects: Vec<Effect>| match effects.as_slice() {
        [Effect::StartTimer(timer)] => timer.id,
        other => panic!("{other:?}"),
    };
    let tea = timer(handle(&mut runner, message("tea")));
    assert_eq!(timer(handle(&mut runner, message("tea"))), tea, "it is set anew");
    assert_eq!(handle(&mut runner, message("no tea")), [Effect::StopTimer(tea)]);
    assert_eq!(handle(&mut runner, message("no tea")), []);
    let coffee = timer(handle(&mut runner, message("coffee")));
    assert_ne!(coffee, tea, "an expiry that is on its way must not ring another alarm");
    handle(&mut runner, Event::Timer(tea));
    handle(&mut runner, Event::Timer(coffee));
    handle(&mut runner, Event::Timer(coffee));
    assert_eq!(runner.mode().seen, ["coffee"]);
}

#[test]
fn an_error_leaves_tags_and_alarms_as_they_were() {
    let mut runner = runner();
    handle(&mut runner, message("tools"));
    let before = runner.snapshot();
    let fault = runner.handle(CONTEXT, message("refused")).expect_err("refused");
    assert!(matches!(fault, Fault::Rejected(_)), "{fault:?}");
    assert_eq!(runner.snapshot(), before);
}

#[test]
fn what_an_older_version_waited_for_finds_its_tag() {
    let state = json!({
        "device": { "id": "d", "alias": null, "groups": ["default"] },
        "session": "s",
        "next": 6,
        "state": { "question": 5 },
    });
    let mut runner: Runner<Waiter> = Runner::configure("{}").expect("a mode");
    runner.restore(&Snapshot { schema: 1, state: state.to_string().into_bytes() }).expect("restores");
    handle(&mut runner, done(5));
    handle(&mut runner, Event::Timer(1));
    assert_eq!(runner.mode().seen, ["Answer { attempt: 7 }: model 42", "tea"]);
    let effects = handle(&mut runner, message("ask"));
    assert!(matches!(effects.as_slice(), [Effect::AskModel(question)] if question.request == 6), "{effects:?}");
}
