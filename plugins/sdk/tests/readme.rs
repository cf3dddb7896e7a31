//! The mode `riddles` of `plugins/COOKBOOK.md`, driven natively. Rule: what stands there is what runs here, but for the
//! exports and the imports.

use modehost_sdk::{
    ChatMessage, Cx, Describe, Failure, Mode, ModelForm, ModelQuestion, Outcome, Reply, Role, Transcript, VoicePolicy,
};
use modehost_sdk::{Context, Device, Effect, Event, ModelChunk, RequestFailed, Runner, Start};
use serde::{Deserialize, Serialize};

/// Asks riddles. What a session has heard is its state.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Riddles {
    asked: u32,
}

/// What an outcome is for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Next {
    Riddle,
}

impl Mode for Riddles {
    type Config = ();
    type Next = Next;

    fn describe() -> Describe {
        Describe::new().mode("riddles", &[]).voice(VoicePolicy::FirstRefusal)
    }

    fn on_transcript(&mut self, cx: &mut Cx<'_, Self>, heard: Transcript) -> Outcome {
        if !heard.is_final {
            return Ok(());
        }
        if heard.text.trim_end_matches(['.', '!']) != "Next riddle" {
            // Not for this mode: the default mode answers.
            cx.decline();
            return Ok(());
        }
        // The one before is not wanted any more: neither its words nor its end will come.
        if cx.is_waiting(|next| *next == Next::Riddle) {
            cx.cancel(|next| *next == Next::Riddle);
            cx.silence();
        }
        self.asked += 1;
        cx.ask(ModelQuestion {
            spoken: true,
            purpose: "riddle",
            messages: vec![ChatMessage::of(Role::User, format!("Riddle number {}, please.", self.asked))],
            max_tokens: 200,
            form: ModelForm::Chunks,
            tools: Vec::new(),
        })
        .then(Next::Riddle);
        Ok(())
    }

    fn on_reply(&mut self, cx: &mut Cx<'_, Self>, next: Next, reply: Reply) -> Outcome {
        match (next, reply) {
            (Next::Riddle, Reply::Chunk(words)) => cx.say_more(words),
            (Next::Riddle, Reply::Failed(failed)) => cx.say(match failed.reason {
                Failure::Unavailable | Failure::Denied => "What has keys and opens no door? A piano.",
                _ => "I have lost my thread; ask me again.",
            }),
            (Next::Riddle, _) => cx.end_speech(),
        }
        Ok(())
    }
}
// To here.

fn device() -> Device {
    Device { id: "dev-1".into(), alias: None, groups: vec!["default".into()] }
}

fn context() -> Context {
    Context { now: 1, seed: 1 }
}

fn heard(text: &str) -> Event {
    let (text, source) = (text.to_owned(), "typed".to_owned());
    Event::Transcript(Transcript { text, is_final: true, start_ms: 1, end_ms: 1, segment: 1, source })
}

fn said(effects: &[Effect]) -> Vec<(&str, bool)> {
    let speech = effects.iter().filter_map(|effect| match effect {
        Effect::Say(speech) => Some((speech.text.as_str(), speech.more)),
        _ => None,
    });
    speech.collect()
}

#[test]
fn the_mode_of_the_document_asks_riddles() {
    let mut runner: Runner<Riddles> = Runner::configure("{}").expect("no settings");
    let start =
        Start { mode: Some("riddles".into()), device: device(), session_id: "s-1".into(), language: "en".into() };
    runner.handle(context(), Event::Started(start)).expect("a start");
    let effects = runner.handle(context(), heard("Who are you?")).expect("effects");
    assert!(matches!(effects.as_slice(), [Effect::Decline]), "{effects:?}");
    let effects = runner.handle(context(), heard("Next riddle!")).expect("effects");
    let [Effect::AskModel(question)] = effects.as_slice() else { panic!("{effects:?}") };
    assert_eq!((question.purpose.as_str(), question.chunks), ("riddle", true));
    let request = question.request;
    let chunk = Event::ModelChunk(ModelChunk { request, text: "What has hands?".into() });
    assert_eq!(said(&runner.handle(context(), chunk).expect("effects")), [("What has hands?", true)]);
    let effects = runner.handle(context(), heard("Next riddle")).expect("effects");
    assert!(
        matches!(effects.as_slice(), [Effect::Cancel(open), Effect::Say(_), Effect::AskModel(_)] if *open == request)
    );
    let [.., Effect::AskModel(question)] = effects.as_slice() else { panic!("{effects:?}") };
    let (request, reason) = (question.request, Failure::Denied);
    let failed = Event::RequestFailed(RequestFailed { request, reason, message: String::new() });
    let effects = runner.handle(context(), failed).expect("effects");
    assert_eq!(said(&effects), [("What has keys and opens no door? A piano.", false)]);
}

#[test]
fn the_document_shows_this_mode() {
    // The recipe imports the prelude and exports the mode; what follows is the same.
    let start = "/// Asks riddles.";
    let document = include_str!("../../COOKBOOK.md");
    let shown = document.split("```rust plugins/riddles/src/lib.rs\n").nth(1).and_then(|rest| rest.split("```").next());
    let shown = shown.and_then(|code| Some(code.get(code.find(start)?..)?.trim_end())).expect("the recipe");
    let own = include_str!("readme.rs").split("// To here.").next().expect("a mark");
    let own = own.get(own.find(start).expect("the mode")..).expect("a boundary").trim_end();
    assert_eq!(shown, own);
}
