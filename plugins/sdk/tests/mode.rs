//! A mode as an author writes one, run natively. Rule: what the SDK makes of it is looked at from
//! outside, in the words of the contract.

use std::time::Duration;

use modehost_sdk::{
    Aborted, ArchiveEntry, Audience, ChatMessage, Context, Cx, Describe, Device, Effect, Event, Fault, JournalPart,
    Message, Mode, ModelDone, ModelForm, ModelQuestion, Outcome, OutgoingDelivery, RequestFailed, Role, Runner, Start,
    Tool, ToolCall, ToolDone, ToolList, Transcript, reject, round_trip,
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
                cx.list_tools();
                return Err(reject("NO", "not this"));
            }
            _ => {
                cx.list_tools();
            }
        }
        Ok(())
    }

    fn on_tools(&mut self, _: &mut Cx<'_, Self>, list: ToolList) -> Outcome {
        self.note(format!("tools {}", list.tools.len()))
    }

    fn on_tool_done(&mut self, _: &mut Cx<'_, Self>, done: ToolDone) -> Outcome {
        self.note(format!("tool {} {}", done.text, done.failed))
    }

    fn on_aborted(&mut self, _: &mut Cx<'_, Self>, aborted: Aborted) -> Outcome {
        self.note(format!("aborted {}", aborted.reason))
    }

    fn on_model_done(&mut self, _: &mut Cx<'_, Self>, done: ModelDone) -> Outcome {
        self.note(format!("wants {}", done.tool_calls[0].name))
    }

    fn on_request_failed(&mut self, _: &mut Cx<'_, Self>, failed: RequestFailed) -> Outcome {
        self.note(format!("{:?}", failed.reason))
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
    let asked = cx.ask(question);
    cx.list_tools();
    cx.call_tool("t", "{}");
    cx.remove_journal("j/1");
    cx.archive(ArchiveEntry {
        request: 0,
        kind: "k".to_owned(),
        id: "1".to_owned(),
        title: String::new(),
        content: "{}".to_owned(),
        text: String::new(),
        journal: Some(part()),
        keep: 1,
    });
    cx.post_hook("h", "Sender", &json!({}), Some(part()));
    cx.deliver(Audience::Everyone, &json!({"type": "x"}), Duration::from_secs(1));
    cx.deliver_with(&OutgoingDelivery {
        to: Audience::Group("g".to_owned()),
        except: vec!["a".to_owned()],
        message: &json!({"type": "x"}),
        offline: Some(&json!({"type": "late"})),
        receipt: Some(&json!({"type": "notice"})),
        ttl: Duration::ZERO,
    });
    cx.cancel(asked);
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
fn events_reach_their_handlers() {
    let mut runner = runner();
    let call = ToolCall { id: "1".to_owned(), name: "lamp".to_owned(), arguments: "{".to_owned() };
    let done =
        ModelDone { request: 1, text: String::new(), prompt_tokens: 0, completion_tokens: 0, tool_calls: vec![call] };
    for event in [
        Event::Tools(ToolList { request: 1, tools: vec![tool()] }),
        Event::ToolDone(ToolDone { request: 1, text: "ok".to_owned(), failed: true }),
        Event::Aborted(Aborted { reason: "button".to_owned(), heard: None }),
        Event::ModelDone(done),
        Event::RequestFailed(RequestFailed {
            request: 1,
            reason: modehost_sdk::Failure::NotJson,
            message: String::new(),
        }),
    ] {
        assert_eq!(runner.handle(CONTEXT, event).expect("handled"), Vec::new());
    }
    let told = &runner.mode().told;
    assert!(told[4].ends_with("NotJson"), "{told:?}");
    assert_eq!(told[..4], ["tools 1", "tool ok true", "aborted button", "wants lamp"]);
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
    assert!(matches!(&fault, Fault::Rejected(why) if why.code == "NO"), "{fault:?}");
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
