//! The part of the corpus that the rules were written with. Rule: every line is read as annotated.

#[path = "reading/corpus.rs"]
mod corpus;
#[path = "reading/modes.rs"]
mod modes;

use phrases::Verdict;

/// Reads a line: kind of verdict and command.
fn read(mode: &str, text: &str) -> (&'static str, String) {
    match modes::read(mode, text) {
        Verdict::Command(what) => ("command", what),
        Verdict::Doubt(what) => ("doubt", what),
        Verdict::Talk => ("talk", String::new()),
    }
}

#[test]
fn m18_the_training_half_is_read_as_it_says() {
    let lines = corpus::lines(|name| !name.starts_with("held_out") && name != "missed");
    let mut wrong = Vec::new();
    let mut talk = 0;
    for (file, line) in &lines {
        // Lines by other authors name their mode and their command.
        let mode = line["mode"].as_str().unwrap_or(file);
        let text = line["text"].as_str().expect("a text");
        let read = read(mode, text);
        let expected = (line["expect"].as_str().expect("expect"), line["what"].as_str().unwrap_or_default());
        // A doubt starts nothing, and is accepted for talk by other authors.
        let read = match (line["mode"].as_str(), read) {
            (Some(_), ("doubt", _)) if expected.0 == "talk" => ("talk", String::new()),
            (_, read) => read,
        };
        talk += usize::from(expected.0 == "talk");
        if (read.0, read.1.as_str()) != expected {
            wrong.push(format!("{mode}: {text}: {expected:?} is read as {read:?}"));
        }
    }
    assert!(lines.len() >= 300 && talk * 5 >= lines.len() * 2, "{} lines, {talk} of them talk", lines.len());
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), lines.len(), wrong.join("\n"));
}

/// A list to work on: a rule that takes one of these lines moves it to the other files.
#[test]
fn m18_commands_that_are_missed_still_are_and_start_nothing_else() {
    for (_, line) in corpus::lines(|name| name == "missed") {
        let member = |name: &str| line[name].as_str().expect(name);
        let (text, expected) = (member("text"), member("what"));
        let (kind, what) = read(member("mode"), text);
        assert!(kind != "command" || what != expected, "{text} is understood now; it belongs into the training files");
        assert!(kind != "command" || matches!(&*what, "cancel" | "farewell"), "{text} starts {what}");
    }
}
