//! Scripts with a real component. Rule: what is not as written fails with the line and both sides; what cannot be read
//! says what could be.

use std::path::Path;

use modehost_testkit::Kit;
use modehost_testkit::script::{Script, WORDS, read_line};

const UPDATE: &str = r#"> {"type": "workflow", "event": "update", "task": {"id": "a", "title": "tea"}}"#;
const BOARD: &str = "< {\"type\": \"workflow\", \"status\": \"ok\"}\n< {\"tasks\": [{\"id\": \"a\"}]}";

fn play(kit: &Kit, text: &str) -> Result<usize, String> {
    let script = Script::read("x.script", text, Path::new(".")).map_err(|error| error.to_string())?;
    script.play_with_swaps(kit).map(|played| played.events).map_err(|mismatch| mismatch.to_string())
}

#[test]
fn what_is_written_happens_and_nothing_else() {
    let kit = Kit::build("workflow");
    let events = play(&kit, &format!("{UPDATE}\n{BOARD}\n"));
    assert!(events.as_ref().is_ok_and(|events| *events > 2), "{events:?}");
    for (text, message) in [
        (
            UPDATE.to_owned(),
            "x.script:1: > {\"type\": \"workflow\", \"event\": \"update\", \"task\": {\"id\": \"a\", \"title\": \"tea\"}}\n  + < {",
        ),
        (
            format!("{UPDATE}\n{BOARD}\n< More\n"),
            "\n  - < More\n(-: written, did not happen; +: happened, is not written)",
        ),
        (
            format!("\n# x\n{UPDATE}\n{BOARD}\n= state {{\"never\": 1}}\n"),
            "x.script:6: = state {\"never\": 1}\nthe state is\n{",
        ),
        (format!("{UPDATE}\n{BOARD}\n= document nowhere {{}}\n"), "there is no such document"),
        (
            "> {\"type\": \"other\"}\n".to_owned(),
            "the plugin handles no messages of the type `other`; it handles: workflow",
        ),
        ("start nowhere\n".to_owned(), "the plugin has no mode `nowhere`; it has: "),
        ("swap nowhere.wasm\n".to_owned(), "x.script:1: swap nowhere.wasm\ncannot read ./nowhere.wasm: No such file"),
        (
            "hold\nconfig {\"bogus\": 1}\n! another reason\n> {\"type\": \"workflow\"}\n".to_owned(),
            "x.script:3: ! another reason\nit is refused otherwise: config {\"bogus\": 1}\nthe section",
        ),
        (format!("{UPDATE}\n{BOARD}\n! something\n"), "x.script:4: ! something\nthe step before is not refused"),
        (
            "config {\"bogus\": 1}\n".to_owned(),
            "the section `workflow` of the configuration does not fit what workflow accepts",
        ),
    ] {
        let found = play(&kit, &text).expect_err(&text);
        assert!(found.contains(message), "{text}\n{found}");
    }
}

#[test]
fn devices_share_a_world_and_a_failure_is_the_next_only() {
    let kit = Kit::build("workflow");
    let script = format!(
        "device dev-1 group=kitchen\ndevice dev-2 group=kitchen\ndevice dev-1\nfail documents\n{UPDATE}\n\
         < {{\"type\": \"error\", \"code\": \"STORAGE_UNAVAILABLE\"}}\n{UPDATE}\n...\n"
    );
    // The board goes to both devices; which line comes first is the order of the effects.
    let shown = play(&kit, &script.replace("...\n", "")).expect_err("the boards are not written");
    assert!(shown.contains("  + < {") && shown.contains("  + dev-2< {"), "{shown}");
}

#[test]
fn a_line_that_is_none_says_what_would_be_one() {
    for (line, message) in [
        ("strat", "unknown word `strat`; is `start` meant? What a person says stands behind `>`"),
        (
            "hello there",
            "unknown word `hello`; what a person says stands behind `>`, and words are: start, device, config, answer, \
             wish, tool, document, fail, abort, leave, return, end, hold, release, kill, swap, plugin, language",
        ),
        (">", "behind `>` nothing is written"),
        ("> {\"a\": 1}", "a message has a member \"type\", which is a text"),
        ("> {\"type\": }", "not JSON: expected value at line 1 column 10"),
        ("+soon", "`soon` is no time (expected number at 0); write +500ms, +30s, +25m or +1h"),
        ("kill everybody", "`kill` stands alone on its line"),
        ("fail luck", "`luck` cannot fail; documents, journals, archive, hook, model and tool can"),
        ("fail model", "`fail model` needs a name behind it"),
        (
            "fail hook slowly",
            "`slowly` is no reason; unavailable, interrupted, timed-out, rejected, denied, too-many and not-json are",
        ),
        ("answer chat", "behind `answer` stand a name and a text"),
        ("device dev-1 colour=red", "`colour=red` says nothing of a device; group=…, alias=… and language=… do"),
        ("dev-2= state {\"a\": 1}", "`=` is about the last device that something happened to; leave `dev-2` out"),
        ("= journal x", "`journal` cannot be looked at; `= state {…}` and `= document KEY {…}` can"),
    ] {
        assert_eq!(read_line(line).expect_err(line), message, "{line}");
    }
    let nothing = Script::read("x.script", "< hello\n", Path::new(".")).expect_err("no input");
    assert_eq!(nothing.to_string(), "x.script:1: nothing happens in this script; `> hello` is what a person says");
    let second = Script::read("x.script", "> a\nbogus\n", Path::new(".")).expect_err("no word");
    assert!(second.to_string().starts_with("x.script:2: unknown word `bogus`"), "{second}");
}

#[test]
fn the_list_of_words_is_what_is_read() {
    for (form, meaning) in WORDS {
        let line = form.split(" [").next().unwrap_or(form).replace("{JSON}", "{\"type\": \"x\"}");
        let line = line.replace("fail PART", "fail hook");
        assert!(read_line(&line).is_ok(), "{form}: {meaning}");
    }
}

#[test]
fn a_refusal_is_written_and_what_was_before_goes_on() {
    let kit = Kit::build("workflow");
    let script = format!(
        "config {{\"bogus\": 1}}\n! does not fit what workflow accepts\n{UPDATE}\n{BOARD}\nswap nowhere.wasm\n! cannot \
         read ...\n{UPDATE}\n{BOARD}\n"
    );
    assert_eq!(play(&kit, &script).map(|events| events > 2), Ok(true));
}

#[test]
fn what_waits_is_interrupted_by_a_kill_and_may_have_happened() {
    let kit = Kit::build("workflow");
    // The write has happened, its outcome has not come.
    let second = UPDATE.replace("\"a\"", "\"b\"");
    let script = format!(
        "{UPDATE}\n{BOARD}\nhold\n{second}\n= document workflow/board/default {{\"tasks\": \"...\"}}\nrelease\n"
    );
    let told = script.clone() + &BOARD.replace("\"a\"", "\"a\"}, {\"id\": \"b\"");
    let released = play(&kit, &told).expect("what waited came");
    let killed = play(&kit, &told.replace("release", "kill")).expect("the mode finds out what has happened");
    assert!(killed > released, "it had to ask: {killed} and {released} events");
    let early = play(&kit, &told.replace("release\n", "")).expect_err("nothing comes while it is held");
    assert!(early.contains("- < {"), "{early}");
}
