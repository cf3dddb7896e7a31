//! The part of the corpus by an author who has not seen the rules. Rule: no talk is read as a command, and no more
//! commands are missed than at the first measurement. A doubt counts as missed and is listed separately. The rules must
//! not be tuned to these lines: a line used for tuning is moved to the training part first.

#[path = "reading/corpus.rs"]
mod corpus;
#[path = "reading/modes.rs"]
mod modes;

use phrases::Verdict;

/// The canonical name of a command; none for the author's own names.
fn canonical(word: &str) -> Option<&str> {
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

/// Commands that were missed, doubted or read as another command when these lines were measured first: by the author of
/// `k` 4 of 120, by the author of `p` 9 of 120 (5.4 % together). Requirement M.18 asks for 2 %; in the default mode a model
/// with tools receives what is missed. By four others, whose lines are in the training part now, 60 of 480 were missed
/// at first, and one of 480 lines of talk was taken for a command.
const MISSED_PERCENT: usize = 6;

fn same(expected: &str, read: &str) -> bool {
    canonical(expected).is_none_or(|expected| canonical(read) == Some(expected))
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
    let report = [
        format!("{} lines, {commands} of them commands", lines.len()),
        part("false starts", &started),
        part("missed", &missed),
        part("doubted", &doubted),
        part("read as another command", &other),
    ]
    .join("\n");
    println!("{report}");
    assert!(started.is_empty() && failed * 100 <= commands * MISSED_PERCENT, "{report}");
}
