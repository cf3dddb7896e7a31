//! A mode as an author writes one, run natively. Rule: what the SDK makes of it is looked at from
//! outside, in the words of the contract.

use std::time::Duration;

use modehost_sdk::{
    Aborted, ArchiveEntry, Audience, ChatMessage, Context, Cx, Describe, Device, Effect, Event, Failure, Fault,
    JournalPart, Message, Mode, ModelDone, ModelForm, ModelQuestion, Outcome, OutgoingDelivery, Reply, RequestDone,
    RequestFailed, Role, Runner, Start, Tool, ToolCall, ToolDone, ToolList, Transcript, reject, round_trip,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Sample {
    told: Vec<String>,
    /// Lost in a snapshot, as an author might do by mistake.
    #[serde(skip)]
    lost: u32,
}

impl Sample {
    fn note(&mut self, what: impl Into<String>) -> Outcome {
        self.told.push(what.into());
        Ok(())
    }
}

impl Mode for Sample {
    type Config = ();
    type Next = String;

    fn describe() -> Describe {
        Describe::new()
    }

    fn on_message(&mut self, cx: &mut Cx<'_, Self>, message: Message) -> Outcome {
        match message.kind.as_str() {
            "everything" => ask_for_everything(cx),
            "lose" => {
                self.lost += 1;
                cx.send(&json!({"type": "lost", "times": self.lost}));
            }
            "refused" => {
                self.told.push("half done".to_owned());
                cx.list_tools().then("tools".to_owned());
                return Err(reject("NO", "not this").retry_after(Duration::from_micros(1_500_001)));
            }
            _ => {
                cx.list_tools().then("tools".to_owned());
            }
        }
        Ok(())
    }

    fn on_aborted(&mut self, _: &mut Cx<'_, Self>, aborted: Aborted) -> Outcome {
        self.note(format!("aborted {}", aborted.reason))
    }

    fn on_reply(&mut self, _: &mut Cx<'_, Self>, next: String, reply: Reply) -> Outcome {
        let outcome = match reply {
            Reply::Chunk(text) => text,
            Reply::Model(done) => done.tool_calls[0].name.clone(),
            Reply::Tools(list) => list.tools.len().to_string(),
            Reply::Tool(done) => format!("{} {}", done.text, done.failed),
            Reply::Failed(failed) => format!("{:?}", failed.reason),
            other => format!("{other:?}"),
        };
        self.note(format!("{next}: {outcome}"))
    }

    fn on_alarm(&mut self, _: &mut Cx<'_, Self>, name: &str) -> Outcome {
        self.note(format!("alarm {name}"))
    }
}

fn part() -> JournalPart {
    JournalPart { journal: "j/1".to_owned(), member: "all".to_owned(), line: "- {text}".to_owned() }
}

fn tool() -> Tool {
    Tool { name: "t".to_owned(), description: "d".to_owned(), parameters: "{}".to_owned() }
}

fn ask_for_everything(cx: &mut Cx<'_, Sample>) {
    cx.say_more("one");
    cx.say("two");
    cx.end_speech();
    cx.silence();
    let question = ModelQuestion {
        purpose: "p",
        messages: vec![ChatMessage::of(Role::User, "hello")],
        max_tokens: 5,
        form: ModelForm::Chunks,
        spoken: true,
        tools: vec![tool()],
    };
    cx.ask(question).then("answer".to_owned());
    cx.list_tools().then("tools".to_owned());
    cx.call_tool("t", "{}").then("tool".to_owned());
    cx.remove_journal("j/1").unanswered();
    cx.archive(ArchiveEntry {
        request: 0,
        kind: "k".to_owned(),
        id: "1".to_owned(),
        title: String::new(),
        content: "{}".to_owned(),
        text: String::new(),
        journal: Some(part()),
        keep: 1,
    })
    .unanswered();
    cx.post_hook("h", "Sender", &json!({}), Some(part())).unanswered();
    cx.deliver(Audience::Everyone, &json!({"type": "x"}), Duration::from_secs(1)).unanswered();
    cx.deliver_with(&OutgoingDelivery {
        to: Audience::Group("g".to_owned()),
        except: vec!["a".to_owned()],
        message: &json!({"type": "x"}),
        offline: Some(&json!({"type": "late"})),
        receipt: Some(&json!({"type": "notice"})),
        ttl: Duration::ZERO,
    })
    .unanswered();
    cx.cancel(|next| next == "answer");
}

const CONTEXT: Context = Context { now: 1_000, seed: 1 };

fn message(kind: &str) -> Event {
    Event::Message(Message { kind: kind.to_owned(), body: "{}".to_owned() })
}

fn runner() -> Runner<Sample> {
    Runner::configure("{}").expect("a mode")
}

#[test]
fn every_wish_becomes_its_effect_with_a_request_id_of_its_own() {
    let effects = runner().handle(CONTEXT, message("everything")).expect("effects");
    let spoken: Vec<_> = effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Say(speech) => Some((speech.text.as_str(), speech.interrupt, speech.more)),
            _ => None,
        })
        .collect();
    assert_eq!(spoken, [("one", false, true), ("two", false, false), ("", false, false), ("", true, false)]);
    let Effect::AskModel(ask) = &effects[4] else { panic!("{:?}", effects[4]) };
    assert!(ask.chunks && !ask.json && ask.tools == [tool()], "{ask:?}");
    assert_eq!(effects[5], Effect::ListTools(2));
    let Effect::CallTool(call) = &effects[6] else { panic!("{:?}", effects[6]) };
    assert_eq!((call.request, call.name.as_str(), call.arguments.as_str()), (3, "t", "{}"));
    assert!(matches!(&effects[7], Effect::RemoveJournal(removal) if removal.request == 4 && removal.journal == "j/1"));
    assert!(matches!(&effects[8], Effect::Archive(entry) if entry.request == 5 && entry.journal == Some(part())));
    let Effect::PostHook(post) = &effects[9] else { panic!("{:?}", effects[9]) };
    assert_eq!((post.request, post.sender.as_str(), &post.journal), (6, "Sender", &Some(part())));
    let Effect::Deliver(plain) = &effects[10] else { panic!("{:?}", effects[10]) };
    assert_eq!((plain.request, plain.ttl_ms, &plain.to), (7, 1_000, &Audience::Everyone));
    assert!(plain.except.is_empty() && plain.offline_body.is_none() && plain.receipt.is_none());
    let Effect::Deliver(delivery) = &effects[11] else { panic!("{:?}", effects[11]) };
    assert_eq!((&delivery.to, &delivery.except), (&Audience::Group("g".to_owned()), &vec!["a".to_owned()]));
    assert_eq!(delivery.offline_body.as_deref(), Some(r#"{"type":"late"}"#));
    assert_eq!(delivery.receipt.as_deref(), Some(r#"{"type":"notice"}"#));
    assert_eq!(effects[12], Effect::Cancel(1));
    assert_eq!(effects.len(), 13);
}

#[test]
fn outcomes_come_with_the_tags_of_their_requests_and_once() {
    let mut runner = runner();
    runner.handle(CONTEXT, message("everything")).expect("effects");
    for event in [
        Event::Tools(ToolList { request: 2, tools: vec![tool()] }),
        Event::Aborted(Aborted { reason: "button".to_owned(), heard: None }),
        Event::ToolDone(ToolDone { request: 3, text: "ok".to_owned(), failed: true }),
        // Again, of a request that nobody waits for, of one that was cancelled, and of none.
        Event::Tools(ToolList { request: 2, tools: Vec::new() }),
        Event::RequestDone(RequestDone { request: 4, value: 0 }),
        Event::ModelDone(model_done(1)),
        Event::RequestFailed(RequestFailed { request: 99, reason: Failure::NotJson, message: String::new() }),
    ] {
        assert_eq!(runner.handle(CONTEXT, event).expect("handled"), Vec::new());
    }
    assert_eq!(runner.mode().told, ["tools: 1", "aborted button", "tool: ok true"]);
}

fn model_done(request: u64) -> ModelDone {
    let call = ToolCall { id: "1".to_owned(), name: "lamp".to_owned(), arguments: "{".to_owned() };
    ModelDone { request, text: String::new(), prompt_tokens: 0, completion_tokens: 0, tool_calls: vec![call] }
}

#[test]
fn what_is_not_for_the_mode_is_declined_by_default() {
    let transcript = Transcript {
        text: "hello".to_owned(),
        is_final: true,
        start_ms: 0,
        end_ms: 1,
        segment: 1,
        source: "typed".to_owned(),
    };
    let effects = runner().handle(CONTEXT, Event::Transcript(transcript)).expect("handled");
    assert_eq!(effects, [Effect::Decline]);
}

#[test]
fn an_error_leaves_state_and_request_ids_as_they_were() {
    let mut runner = runner();
    let before = runner.snapshot();
    let fault = runner.handle(CONTEXT, message("refused")).expect_err("refused");
    assert!(
        matches!(&fault, Fault::Rejected(why) if why.code == "NO" && why.retry_after_ms == Some(1_501)),
        "rounded up: a device that comes at that time is not early: {fault:?}"
    );
    let own = Fault::Failed("broken".to_owned());
    assert_eq!(own.clone().retry_after(Duration::from_secs(1)), own);
    let long = reject("NO", "ever").retry_after(Duration::MAX);
    assert!(matches!(&long, Fault::Rejected(why) if why.retry_after_ms == Some(u32::MAX)), "{long:?}");
    assert_eq!(runner.snapshot(), before);
    assert_eq!(runner.handle(CONTEXT, message("plain")).expect("handled"), [Effect::ListTools(1)]);
}

#[test]
fn a_state_that_does_not_survive_a_swap_is_found() {
    let device = Device { id: "d".to_owned(), alias: None, groups: vec!["default".to_owned()] };
    let start = Event::Started(Start { mode: None, device, session_id: "s".to_owned(), language: "en".to_owned() });
    let script = |kinds: &[&str]| -> Vec<_> {
        let messages = kinds.iter().map(|kind| message(kind));
        std::iter::once(start.clone()).chain(messages).map(|event| (CONTEXT, event)).collect()
    };
    assert_eq!(round_trip::<Sample>("{}", &script(&["plain", "everything", "plain"])), Ok(()));
    // Counted once it is the same with and without a swap; the second time it is not.
    assert_eq!(round_trip::<Sample>("{}", &script(&["lose"])), Ok(()));
    let why = round_trip::<Sample>("{}", &script(&["lose", "plain", "lose"])).expect_err("found");
    assert!(why.starts_with("at event 3"), "{why}");
}

#[test]
fn the_schema_of_the_configuration_comes_from_its_type() {
    /// Settings of tea.
    #[derive(Deserialize, modehost_sdk::schemars::JsonSchema)]
    #[schemars(crate = "modehost_sdk::schemars")]
    #[serde(default, deny_unknown_fields)]
    struct Tea {
        /// Minutes that it draws.
        #[schemars(range(min = 1, max = 15))]
        minutes: u32,
    }
    impl Default for Tea {
        fn default() -> Self {
            Self { minutes: 3 }
        }
    }
    let schema = Describe::new().config::<Tea>().finish::<Sample>("tea", "1.0.0").config_schema;
    let schema: serde_json::Value = serde_json::from_str(&schema).expect("JSON");
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    assert_eq!((&schema["type"], &schema["additionalProperties"]), (&json!("object"), &json!(false)));
    let minutes = &schema["properties"]["minutes"];
    assert_eq!((&minutes["description"], &minutes["maximum"]), (&json!("Minutes that it draws."), &json!(15)));
    assert_eq!(Tea::default().minutes, 3);
}
