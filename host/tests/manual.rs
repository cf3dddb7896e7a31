//! Version, manual pages and completions of the binary. Rule: the programs that read them check them, where they are
//! installed.

use std::path::Path;
use std::process::{Command, Output, Stdio};

#[path = "../build.rs"]
#[allow(dead_code)]
mod build;

fn modehost(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_modehost")).args(arguments).stdin(Stdio::null()).output();
    stdout_of(output.expect("the binary runs"))
}

fn stdout_of(output: Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

/// Runs a program on a file with this text; `None` if it is not installed.
fn read_by(program: &str, arguments: &[&str], text: &str) -> Option<Output> {
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), text).expect("written");
    let output = Command::new(program).args(arguments).arg(file.path()).output();
    if output.is_err() {
        eprintln!("skipped: no {program} here");
    }
    output.ok()
}

#[test]
fn the_version_tells_builds_apart_and_its_first_line_is_for_programs() {
    let long = modehost(&["--version"]);
    let lines: Vec<_> = long.lines().collect();
    let (name, version) = lines[0].split_once(' ').expect("two words");
    assert_eq!((name, version.split(' ').next()), ("modehost", Some(env!("CARGO_PKG_VERSION"))), "{long}");
    for (line, key) in lines[1..].iter().zip(["commit: ", "features: ", "modehost:mode: 0.1.0, 0.2.0", "target: "]) {
        assert!(line.starts_with(key) && line.len() > key.len() - 1, "{key}: {long}");
    }
    assert_eq!(lines.len(), 5, "{long}");
    assert!(lines[2].contains("otel"), "{long}");
    assert_eq!(modehost(&["-V"]), format!("modehost {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn the_commit_is_that_of_the_checkout_and_says_where_that_was_changed() {
    let directory = tempfile::tempdir().expect("a folder");
    let host = directory.path().join("host");
    std::fs::create_dir(&host).expect("a folder");
    assert_eq!(build::checkout_commit(&host), None, "no checkout");
    let git = |arguments: &[&str]| {
        let identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"];
        stdout_of(
            Command::new("git").args(identity).args(arguments).current_dir(directory.path()).output().expect("git"),
        )
    };
    git(&["init", "-q"]);
    for inner in ["wit", "config"] {
        std::fs::create_dir(directory.path().join(inner)).expect("a folder");
    }
    let write = |file: &str, text: &str| std::fs::write(directory.path().join(file), text).expect("written");
    write("host/a.rs", "a");
    write("README.md", "a");
    git(&["add", "."]);
    git(&["commit", "-qm", "a"]);
    let commit = git(&["rev-parse", "--short=12", "HEAD"]).trim().to_owned();
    assert_eq!(build::checkout_commit(&host), Some(commit.clone()));
    write("README.md", "b");
    assert_eq!(build::checkout_commit(&host), Some(commit.clone()), "the program is not made of it");
    write("host/a.rs", "b");
    assert_eq!(build::checkout_commit(&host), Some(format!("{commit}-changed")));
    assert_eq!(build::parse_commit(Some(" 0123abc\n")).as_deref(), Some("0123abc"));
    assert_eq!(build::parse_commit(Some(" ")), None);
    assert!(std::panic::catch_unwind(|| build::parse_commit(Some("two words"))).is_err());
}

#[test]
fn the_manual_has_a_page_for_each_command_and_roff_reads_them() {
    let directory = tempfile::tempdir().expect("a folder");
    let pages = directory.path().join("man1");
    modehost(&["manual", pages.to_str().expect("a path")]);
    let names: Vec<_> = std::fs::read_dir(&pages)
        .expect("pages")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("a name"))
        .collect();
    for name in ["modehost.1", "modehost-serve.1", "modehost-backup.1", "modehost-plugin-list.1"] {
        assert!(names.contains(&name.to_owned()), "{name} of {names:?}");
    }
    assert!(!names.iter().any(|name| name.contains("compile-plugin")), "hidden: {names:?}");
    let first = modehost(&["manual"]);
    assert_eq!(first.trim_end(), read(&pages.join("modehost.1")).trim_end());
    assert!(first.contains(".TH modehost 1") && first.contains("Exit codes"), "{first}");
    for name in &names {
        let Some(output) = read_by("groff", &["-man", "-ww", "-Tutf8", "-P-cbou"], &read(&pages.join(name))) else {
            break;
        };
        let warnings = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && warnings.is_empty(), "{name}: {warnings}");
    }
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).expect("a page")
}

#[test]
fn completions_are_read_by_their_shells() {
    for shell in ["bash", "zsh", "fish"] {
        let script = modehost(&["completions", shell]);
        assert!(script.contains("rollback") && script.contains("backup"), "{shell}");
        if let Some(output) = read_by(shell, &["-n"], &script) {
            assert!(output.status.success(), "{shell}: {}", String::from_utf8_lossy(&output.stderr));
        }
    }
    // Bash's completion of the first letters.
    let script = modehost(&["completions", "bash"])
        + "\nCOMP_WORDS=(modehost back); COMP_CWORD=1; _modehost modehost back modehost; echo \"${COMPREPLY[@]}\"";
    if let Some(output) = read_by("bash", &[], &script) {
        assert_eq!(stdout_of(output), "backup\n");
    }
}

/// Commands of the server in backticks and in code blocks, up to the first option or placeholder.
fn commands(page: &str) -> std::collections::BTreeSet<Vec<String>> {
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(page)).expect("a page");
    let spans = page.lines().flat_map(|line| line.split('`').skip(1).step_by(2));
    let lines = page.lines().map(|line| line.trim().trim_start_matches("target/dist/"));
    let texts =
        spans.chain(lines).filter_map(|text| text.trim_start_matches("target/release/").strip_prefix("modehost "));
    let is_word = |word: &&str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
    let words = |text: &str| {
        text.split(' ').take_while(|word| is_word(word) && !word.starts_with('-')).map(str::to_owned).collect()
    };
    texts.map(words).filter(|words: &Vec<String>| !words.is_empty()).collect()
}

#[test]
fn every_command_that_a_page_names_is_one() {
    let mut checked = 0;
    for page in ["README.md", "README.zh.md", "config/OPERATING.md"] {
        for words in commands(page) {
            let mut arguments: Vec<&str> = words.iter().map(String::as_str).collect();
            arguments.push("--help");
            modehost(&arguments);
            checked += 1;
        }
    }
    assert!(checked > 20, "{checked}");
}
