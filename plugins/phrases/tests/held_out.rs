//! The part of the corpus that somebody else has written, who has not seen the rules. Rule: no talk is taken for a
//! command; of the commands no more are missed than when it was first measured. A doubt counts as missed, and is
//! shown apart. Nobody tunes the rules to these lines: whoever does moves them to the training part first.

#[path = "reading/corpus.rs"]
mod corpus;
#[path = "reading/modes.rs"]
mod modes;

use phrases::Verdict;

/// One word for one thing; none for a word of the writer's own.
fn even(word: &str) -> Option<&str> {
    match word {
        "conversation" | "chat" | "exit" | "end" => Some("leave"),
        "complete" | "completed" | "finish" => Some("done"),
        "take" | "claim" => Some("assign"),
        "choice" | "select" | "pick" | "option" | "first" | "second" | "third" | "last" => Some("choose"),
        "yes" | "no" => Some("cancel"),
        "bye" | "goodbye" | "hang_up" => Some("farewell"),
        "meeting" | "working" | "coding" | "workflow" | "peers" | "farewell" | "leave" | "done" | "assign"
        | "refresh" | "next" | "cancel" | "choose" | "stop" | "forget" => Some(word),
        _ => None,
    }
}

/// What was missed, doubted or read as another command when these lines were measured first: 3, 1 and 0 of 120 (3.3 %).
/// The row M.18 wants 2; in the default mode a model with tools gets what is missed. Files by the same brief before it
/// were missed by 14 % (without the gist of an order) and, measured once between two rounds, by 5 %.
const MISSED_PERCENT: usize = 4;

fn same(expected: &str, read: &str) -> bool {
    even(expected).is_none_or(|expected| even(read) == Some(expected))
}

#[test]
fn m18_held_out_utterances_start_nothing_falsely_and_few_are_missed() {
    let lines = corpus::lines(|name| name.starts_with("held_out"));
    assert!(!lines.is_empty(), "there is no tests/corpus/held_out*.jsonl");
    let (mut started, mut missed, mut doubted, mut other, mut commands) = (vec![], vec![], vec![], vec![], 0_usize);
    for (_, line) in &lines {
        let member = |name: &str| line[name].as_str().unwrap_or_default();
        let (text, mode) = (member("text"), member("mode"));
        let shown = |what: &str| format!("  {mode}: {text} ({}{what})", member("command"));
        let read = modes::read(mode, text);
        match (member("expect"), read) {
            ("talk", Verdict::Command(what)) => started.push(shown(&what)),
            ("talk", _) => {}
            ("command", read) => {
                commands += 1;
                match read {
                    Verdict::Command(what) if same(member("command"), &what) => {}
                    Verdict::Command(what) => other.push(shown(&format!(" is read as {what}"))),
                    Verdict::Doubt(what) => doubted.push(shown(&format!(" is doubted as {what}"))),
                    Verdict::Talk => missed.push(shown("")),
                }
            }
            (expect, _) => panic!("{expect:?} is neither talk nor command: {text}"),
        }
    }
    let failed = missed.len() + doubted.len() + other.len();
    let part = |name: &str, lines: &[String]| format!("{} {name}\n{}", lines.len(), lines.join("\n"));
    let told = [
        format!("{} lines, {commands} of them commands", lines.len()),
        part("false starts", &started),
        part("missed", &missed),
        part("doubted", &doubted),
        part("read as another command", &other),
    ]
    .join("\n");
    println!("{told}");
    assert!(started.is_empty() && failed * 100 <= commands * MISSED_PERCENT, "{told}");
}
