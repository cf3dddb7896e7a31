//! An author who has the server's binary and Rust, and no source of the server. Rule: everything happens in a directory
//! of its own, with the commands that the help names; crates come from the locked versions, without a network.

use std::path::Path;
use std::process::Stdio;

use modehost_tests::{Device, guest};
use serde_json::json;

use crate::author::{Dev, command, run, told};

fn edit(file: &Path, from: &str, to: &str) {
    let text = std::fs::read_to_string(file).expect("a file");
    assert!(text.contains(from), "{} has no {from:?}", file.display());
    std::fs::write(file, text.replace(from, to)).expect("written");
}

#[tokio::test]
async fn a_mode_is_begun_tested_served_and_swapped_without_the_servers_source() {
    let directory = tempfile::tempdir().expect("a directory");
    let (code, out, err) = run(directory.path(), &["plugin", "new", "pomodoro"]);
    assert!(code == 0 && out.contains("cd pomodoro"), "{out}{err}");
    let root = directory.path().join("pomodoro");
    let plugin = root.join("plugins/pomodoro");

    // Its own test passes as it is, and shows a difference as lines.
    let (code, out, err) = run(&root, &["plugin", "test"]);
    assert!(code == 0 && out.contains("ok    plugins/pomodoro/tests/hello.script   4 events"), "{out}{err}");
    assert!(!err.contains("warning"), "a new plugin compiles without warnings: {err}");
    std::fs::write(plugin.join("tests/wrong.script"), "> one\n< Hello. Say something.\n< I have heard: two\n")
        .expect("written");
    let (code, out, err) = run(&root, &["plugin", "test", "pomodoro"]);
    let difference = "- < I have heard: two\n          + < I have heard: one\n";
    assert!(code == 1 && out.contains("wrong.script:1: > one") && out.contains(difference), "{out}{err}");
    assert!(err.contains("1 of 2 scripts failed"), "{err}");
    std::fs::remove_file(plugin.join("tests/wrong.script")).expect("removed");

    // State that does not go along is found without a line about it.
    let source = plugin.join("src/lib.rs");
    edit(&source, "    heard: u32,", "    #[serde(skip)]\n    heard: u32,");
    edit(&plugin.join("tests/hello.script"), "= state {\"heard\": 2}\n", "");
    let (code, out, err) = run(&root, &["plugin", "test"]);
    assert!(code == 1 && out.contains("only if the plugin is swapped behind event 2 of 4"), "{out}{err}");
    assert!(out.contains("+ < Quiet now. Sentences so far: 1"), "{out}{err}");
    edit(&source, "    #[serde(skip)]\n", "");

    // A mode without an end does not keep the author waiting.
    let good = std::fs::read_to_string(&source).expect("the source");
    edit(&source, "        self.heard += 1;", "        cx.read_document(\"x\").then(());\n        self.heard += 1;");
    edit(
        &source,
        "    fn on_alarm",
        "    fn on_reply(&mut self, cx: &mut Cx<'_, Self>, _next: (), _reply: Reply) -> Outcome {\n        \
         cx.read_document(\"x\").then(());\n        Ok(())\n    }\n\n    fn on_alarm",
    );
    edit(&plugin.join("plugin.toml"), "\ngrants = []", "\ngrants = [\"documents:x\"]");
    let (code, out, err) = run(&root, &["plugin", "test"]);
    assert!(code == 1 && out.contains("after 10000 outcomes of one event more wait"), "{out}{err}");
    std::fs::write(&source, good).expect("written");
    edit(&plugin.join("plugin.toml"), "\ngrants = [\"documents:x\"]", "\ngrants = []");

    // A grant that it requests is given by `dev`, which says so; the device begins in the mode.
    edit(&plugin.join("plugin.toml"), "\ngrants = []", "\ngrants = [\"documents:pomodoro/\"]");
    let dev = Dev::start(&root);
    dev.wait_output("is ready after").await;
    let granted = "granted what it requests: documents:pomodoro/; a server wants that in plugins.grants.pomodoro";
    dev.wait_output(granted).await;
    let mut device = Device::join_at(dev.devices, "dev-1").await;
    device.types("good morning").await;
    assert_eq!(told(&mut device).await, "Hello. Say something.");
    assert_eq!(told(&mut device).await, "I have heard: good morning");

    // A save swaps it under the device, with its state; what does not compile changes nothing.
    edit(&source, "I have heard: {}", "broken {");
    dev.wait_output("what ran before keeps running; save a file to try again").await;
    device.types("still there").await;
    assert_eq!(told(&mut device).await, "I have heard: still there");
    edit(&source, "broken {", "Sentence {}: {}");
    edit(&source, "\", heard.text));\n        // Begins", "\", self.heard, heard.text));\n        // Begins");
    dev.wait_output("generation=2").await;
    let asks = async || {
        device.types("and now").await;
        told(&mut device).await
    };
    let mut asks = asks;
    let mut heard = String::new();
    for _ in 0..20 {
        heard = asks().await;
        if heard.starts_with("Sentence ") {
            break;
        }
    }
    assert!(heard.starts_with("Sentence ") && heard != "Sentence 1: and now", "the count went along: {heard}");

    // A second plugin is live without a restart.
    let (code, _, err) = run(&root, &["plugin", "new", "second"]);
    assert_eq!(code, 0, "{err}");
    dev.wait_output("in force plugin=second").await;
    assert_eq!(device.start_mode("second").await["status"], json!("ok"));
}

#[test]
fn every_refusal_of_a_new_plugin_says_what_would_be_right() {
    let directory = tempfile::tempdir().expect("a directory");
    for (name, sentence) in [
        (
            "Pomodoro",
            "`Pomodoro` cannot be the name of a plugin: 1 to 64 lower-case letters, digits and `-`, a letter first; such as \
             `pomodoro`",
        ),
        ("match", "a crate cannot have the name `match`; choose another name"),
        ("session", "`session` is a section of the server's own configuration; choose another name"),
    ] {
        let (code, _, err) = run(directory.path(), &["plugin", "new", name]);
        assert_eq!((code, err.trim()), (1, format!("modehost: {sentence}").as_str()));
    }
    assert_eq!(std::fs::read_dir(directory.path()).expect("a directory").count(), 0, "nothing was written");
    std::fs::create_dir(directory.path().join("taken")).expect("a directory");
    let (code, _, err) = run(directory.path(), &["plugin", "new", "taken"]);
    assert!(code == 1 && err.contains("taken exists already; choose another name, or remove it first"), "{err}");
    // A workspace of something else.
    std::fs::create_dir(directory.path().join("plugins")).expect("a directory");
    std::fs::write(directory.path().join("Cargo.toml"), "[workspace]\n").expect("written");
    let (code, _, err) = run(directory.path(), &["plugin", "new", "mine"]);
    assert!(code == 1 && err.contains("names no modehost-sdk and serde under [workspace.dependencies]"), "{err}");
    let (code, _, err) = run(directory.path(), &["plugin", "test"]);
    assert!(code == 1 && err.contains("`modehost plugin new NAME` writes one"), "{err}");
}

#[test]
fn a_component_in_any_directory_is_tested_and_tried_without_its_source() {
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::write(directory.path().join("mine.wasm"), guest::bundled("workflow")).expect("written");
    let script = "> {\"type\": \"workflow\", \"event\": \"update\", \"task\": {\"id\": \"a\", \"title\": \"tea\"}}\n\
                  < {\"type\": \"workflow\", \"status\": \"ok\"}\n< {\"tasks\": [{\"title\": \"tea\"}]}\n\
                  = document workflow/board/default {}\n";
    std::fs::write(directory.path().join("board.script"), script).expect("written");
    let (code, out, err) = run(directory.path(), &["plugin", "test", "mine.wasm", "board.script"]);
    assert!(code == 0 && out.contains("and again with a swap behind each"), "{out}{err}");
    let (code, _, err) = run(directory.path(), &["plugin", "test", "mine.wasm"]);
    assert_eq!(
        (code, err.trim()),
        (1, "modehost: which script? For example: modehost plugin test mine.wasm my.script")
    );
    std::fs::write(directory.path().join("noise.wasm"), b"noise").expect("written");
    let (code, _, err) = run(directory.path(), &["plugin", "test", "noise.wasm", "board.script"]);
    assert!(code == 1 && err.contains("noise.wasm is not WebAssembly; a plugin is a component"), "{err}");

    let mut child = command(directory.path(), &["plugin", "try", "mine.wasm"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let typed = "{\"type\": \"workflow\", \"event\": \"update\", \"task\": {\"id\": \"a\", \"title\": \"tea\"}}\n\
                 :bogus\n:state\n:undo\n:save again.script\n:quit\n";
    std::io::Write::write_all(&mut child.stdin.take().expect("piped"), typed.as_bytes()).expect("read");
    let output = child.wait_with_output().expect("it ends");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("\"tea\"") && text.contains("! unknown word `bogus`"), "{text}");
    assert!(text.contains("taken back: > {\"type\"") && text.contains("again.script is written"), "{text}");
    assert_eq!(std::fs::read_to_string(directory.path().join("again.script")).expect("a script"), "start\n");

    // A state that is not JSON is not shown, and everything else goes on.
    std::fs::write(directory.path().join("bytes.wasm"), guest::fixture(&[])).expect("written");
    let mut child = command(directory.path(), &["plugin", "try", "bytes.wasm"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let typed = "{\"type\": \"fixture\"}\n:state\n:undo\n";
    std::io::Write::write_all(&mut child.stdin.take().expect("piped"), typed.as_bytes()).expect("read");
    let output = child.wait_with_output().expect("it ends");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("< {\"code\":\"FIXTURE_UNKNOWN\""), "{text}");
    assert!(text.matches("the state is not JSON").count() == 1 && text.contains("taken back: > {"), "{text}");
}
