//! States that the modes of version 0.2.0-draft have stored with something under way, each with the outcome that came
//! next and what that version did with it. Rule: the versions of today take these states over and do the same.
//!
//! The records were written by the modes before their requests carried tags (schema 1), each in a random scene of its
//! inputs, of outcomes of every kind, and of timers; `state` is what a session had stored. Where that version did wrong
//! (an empty memory written after a "forget", a retry counted at every outcome, summaries told apart by their number
//! only), `effects` says what is right.

mod scene;

use conversation::Conversation;
use modehost_sdk::{Event, Mode, Runner, Snapshot};
use serde_json::Value;

/// Reads a mode's records, and handles in each the outcome on the state as it was taken over.
fn are_taken_over<M: Mode>(config: &str, records: &str, least: usize) {
    let records: Vec<Value> = records.lines().map(|line| serde_json::from_str(line).expect("a record")).collect();
    assert!(records.len() >= least, "only {} records", records.len());
    let described = [coding::Coding::describe(), meeting::Meeting::describe(), working::Working::describe()];
    let modes: Vec<_> = described.iter().flat_map(|described| described.modes().to_vec()).collect();
    for (number, record) in (1..).zip(&records) {
        let mut runner = Runner::<M>::configure(config).expect("a configuration");
        let state = record["state"].to_string().into_bytes();
        if let Err(error) = runner.restore(&Snapshot { schema: 1, state }) {
            panic!("record {number} is not taken over: {error:?}\n{record}");
        }
        // As the server does before the first event after a restart.
        let told = runner.handle(scene::CONTEXT, Event::Modes(modes.clone())).expect("the modes are no fault");
        assert!(told.is_empty(), "record {number}: {told:?}");
        let effects = runner.handle(scene::CONTEXT, scene::event(&record["event"])).expect("effects");
        let effects: Vec<Value> = effects.iter().filter_map(scene::line).collect();
        assert_eq!(
            Value::Array(effects),
            record["effects"],
            "record {number}: {}\n{}",
            record["event"],
            record["state"]
        );
    }
}

#[test]
fn h2_coding_takes_over_what_was_under_way() {
    are_taken_over::<coding::Coding>("{}", include_str!("coding.jsonl"), 16);
}

#[test]
fn h2_conversation_takes_over_what_was_under_way() {
    are_taken_over::<Conversation>(r#"{"memory_turns":1}"#, include_str!("conversation.jsonl"), 40);
}

#[test]
fn h2_meeting_takes_over_what_was_under_way() {
    let config = r#"{"summary_transcript_max_chars":500,"checkpoint_chars":500,"webhook":"crm"}"#;
    are_taken_over::<meeting::Meeting>(config, include_str!("meeting.jsonl"), 60);
}

#[test]
fn h2_peers_takes_over_what_was_under_way() {
    are_taken_over::<peers::Peers>("{}", include_str!("peers.jsonl"), 20);
}

#[test]
fn h2_workflow_takes_over_what_was_under_way() {
    are_taken_over::<workflow::Workflow>("{}", include_str!("workflow.jsonl"), 36);
}

#[test]
fn h2_working_takes_over_what_was_under_way() {
    are_taken_over::<working::Working>("{}", include_str!("working.jsonl"), 10);
}
