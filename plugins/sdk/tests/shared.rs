//! Shared documents. Rule: a store that is asked by many sessions at once, and breaks off requests before and after it has
//! done them, ends with every change that was told to be done, once.

use std::collections::VecDeque;

use modehost_sdk::{
    Change, Context, Cx, Describe, Device, Document, Effect, Event, Failure, Message, Mode, Outcome, Reply,
    RequestFailed, Runner, Start, Update, Updated, WriteDone, shared_value,
};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Votes {
    by: Vec<String>,
}

/// Votes, but not more often than `most` in all.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Vote {
    name: String,
    most: usize,
}

impl Change for Vote {
    type Value = Votes;
    type Output = usize;
    type Refusal = String;

    fn apply(&self, votes: &mut Votes) -> Result<usize, String> {
        if votes.by.len() >= self.most {
            return Err(format!("{} are enough", self.most));
        }
        votes.by.push(self.name.clone());
        Ok(votes.by.len())
    }
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Voter {
    done: Vec<usize>,
    refused: Vec<String>,
    failed: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Next {
    Vote(Update<Vote>),
}

impl Mode for Voter {
    type Config = ();
    type Next = Next;

    fn describe() -> Describe {
        Describe::new()
    }

    fn on_message(&mut self, cx: &mut Cx<'_, Self>, message: Message) -> Outcome {
        let most = message.body.parse().expect("a number");
        cx.update("votes", Vote { name: cx.session_id().to_owned(), most }, Next::Vote);
        Ok(())
    }

    fn on_reply(&mut self, cx: &mut Cx<'_, Self>, Next::Vote(update): Next, reply: Reply) -> Outcome {
        match update.on_reply(cx, reply, Next::Vote) {
            Some(Updated::Done(_, count)) => self.done.push(count),
            Some(Updated::Refused(vote, why)) => self.refused.push(format!("{}: {why}", vote.name)),
            Some(Updated::Failed(_, reason)) => self.failed.push(format!("{reason:?}")),
            None => {}
        }
        Ok(())
    }
}

/// A store with one document, and what it has been asked.
#[derive(Default)]
struct Store {
    version: u64,
    value: Option<String>,
    queue: VecDeque<(usize, Effect)>,
}

impl Store {
    fn document(&self, request: u64) -> Document {
        Document { request: Some(request), key: "votes".into(), version: self.version, value: self.value.clone() }
    }

    /// Does the request at `index`. `broken`: its outcome is not known, whether it was done or (`lost`) not.
    fn answer(&mut self, index: usize, broken: bool, lost: bool) -> Option<(usize, Event)> {
        let (voter, effect) = self.queue.remove(index)?;
        let (request, event) = match effect {
            Effect::ReadDocument(read) => (read.request, Event::Document(self.document(read.request))),
            Effect::WriteDocument(write) if broken && lost => (write.request, Event::Detached),
            Effect::WriteDocument(write) if write.expected == self.version => {
                // By irregular steps: the contract promises no more than that versions grow.
                self.version += 1 + self.version % 3 * 4;
                self.value = write.value;
                let done = WriteDone { request: write.request, key: write.key, version: self.version };
                (write.request, Event::WriteDone(done))
            }
            Effect::WriteDocument(write) => (write.request, Event::WriteConflict(self.document(write.request))),
            other => panic!("{other:?}"),
        };
        let reason = Failure::Interrupted;
        let interrupted = Event::RequestFailed(RequestFailed { request, reason, message: String::new() });
        Some((voter, if broken { interrupted } else { event }))
    }
}

const CONTEXT: Context = Context { now: 1, seed: 1 };

fn voter(number: usize) -> Runner<Voter> {
    let device = Device { id: format!("d{number}"), alias: None, groups: vec!["default".into()] };
    let start = Start { mode: None, device, session_id: format!("s{number}"), language: "en".into() };
    let mut voter = Runner::configure("{}").expect("a mode");
    voter.handle(CONTEXT, Event::Started(start)).expect("a start");
    voter
}

fn vote(most: usize) -> Event {
    Event::Message(Message { kind: "vote".into(), body: most.to_string() })
}

/// Handles an event in an instance that was restored, as after the interruption of a process.
fn handle(voter: &mut Runner<Voter>, event: Event) -> Vec<Effect> {
    let mut fresh = Runner::configure("{}").expect("a mode");
    fresh.restore(&voter.snapshot()).expect("restores");
    *voter = fresh;
    voter.handle(CONTEXT, event).expect("handled")
}

proptest! {
    #[test]
    fn every_change_that_is_done_counts_once(
        steps in prop::collection::vec((any::<prop::sample::Index>(), 0..10_u8, any::<bool>()), 300),
    ) {
        let mut voters: Vec<_> = (0..5).map(voter).collect();
        let mut store = Store::default();
        for (number, voter) in voters.iter_mut().enumerate() {
            for _ in 0..6 {
                store.queue.extend(handle(voter, vote(25)).into_iter().map(|effect| (number, effect)));
            }
        }
        // A third of the outcomes is lost on the way; then everything is answered.
        let steps = steps.into_iter().map(Some).chain(std::iter::repeat(None));
        for step in steps {
            if store.queue.is_empty() {
                break;
            }
            let (index, broken, lost) = match step {
                Some((index, chance, lost)) => (index.index(store.queue.len()), chance < 3, lost),
                None => (0, false, false),
            };
            let Some((number, event)) = store.answer(index, broken, lost) else { break };
            store.queue.extend(handle(&mut voters[number], event).into_iter().map(|effect| (number, effect)));
        }
        let votes: Votes = shared_value(&store.document(0)).expect("a shared document");
        let done: usize = voters.iter().map(|voter| voter.mode().done.len()).sum();
        let refused: usize = voters.iter().map(|voter| voter.mode().refused.len()).sum();
        prop_assert!(voters.iter().all(|voter| voter.mode().failed.is_empty()));
        prop_assert_eq!((votes.by.len(), done, refused), (25, 25, 5));
        for (number, voter) in voters.iter().enumerate() {
            let own = votes.by.iter().filter(|name| **name == format!("s{number}")).count();
            prop_assert_eq!(own, voter.mode().done.len());
        }
    }
}

#[test]
fn a_document_of_another_kind_is_not_written_over() {
    let mut voter = voter(1);
    let mut store = Store { version: 4, value: Some(r#"{"rev":1,"tasks":[]}"#.into()), queue: VecDeque::new() };
    store.queue.extend(handle(&mut voter, vote(1)).into_iter().map(|effect| (1, effect)));
    let (_, event) = store.answer(0, false, false).expect("an outcome");
    assert_eq!(handle(&mut voter, event), []);
    assert_eq!(voter.mode().failed, ["Failure::Rejected"]);
    let error = shared_value::<Votes>(&store.document(0)).expect_err("another kind");
    assert!(error.starts_with("the document votes is not a shared one: missing field `value`"), "{error}");
}

#[test]
fn a_session_that_began_again_does_not_take_an_old_mark_for_its_own() {
    let mut store = Store::default();
    // The same session twice; the second time its state was discarded, so requests are counted from 1 again.
    for seed in [1, 2] {
        let mut voter = voter(1);
        let effects = voter.handle(Context { now: 1, seed }, vote(9)).expect("handled");
        store.queue.extend(effects.into_iter().map(|effect| (1, effect)));
        // Read, then a write that is lost on its way the second time, and whatever follows from that.
        for lost in [false, seed == 2, false, false] {
            let Some((_, event)) = store.queue.front().is_some().then(|| store.answer(0, lost, lost)).flatten() else {
                break;
            };
            store.queue.extend(handle(&mut voter, event).into_iter().map(|effect| (1, effect)));
        }
        assert_eq!(voter.mode().done.len(), 1, "{:?}", voter.mode());
    }
    let votes: Votes = shared_value(&store.document(0)).expect("a shared document");
    assert_eq!(votes.by.len(), 2);
}
