//! Embeds the git commit into the binary. Rule: debug builds embed none, so that a new commit does not rebuild them;
//! others embed that of the checkout, or `MODEHOST_COMMIT` where there is no checkout (containers, packages). No build
//! time is embedded: builds of the same source are reproducible.

use std::io::Write;
use std::path::Path;
use std::process::Command;

/// Sources of the binary, relative to this directory.
const INPUTS: [&str; 4] = [".", "../wit", "../config", "../Cargo.lock"];

fn main() {
    let mut lines = vec!["rerun-if-changed=build.rs".to_owned(), "rerun-if-env-changed=MODEHOST_COMMIT".to_owned()];
    let directory = Path::new(".");
    let commit = match parse_commit(std::env::var("MODEHOST_COMMIT").ok().as_deref()) {
        Some(commit) => Some(commit),
        None if std::env::var("PROFILE").is_ok_and(|profile| profile == "debug") => None,
        None => {
            // Changes of the sources rebuild the binary anyway. The reflog of HEAD grows with each commit.
            let files =
                ["HEAD", "logs/HEAD"].into_iter().filter_map(|file| git(directory, &["rev-parse", "--git-path", file]));
            let watched = INPUTS.map(str::to_owned).into_iter().chain(files).filter(|path| Path::new(path).exists());
            lines.extend(watched.map(|path| format!("rerun-if-changed={path}")));
            checkout_commit(directory)
        }
    };
    lines.push(format!("rustc-env=MODEHOST_BUILT_FROM={}", commit.unwrap_or_default()));
    lines.push(format!("rustc-env=MODEHOST_BUILT_FOR={}", std::env::var("TARGET").unwrap_or_default()));
    let mut out = std::io::stdout().lock();
    for line in lines {
        writeln!(out, "cargo:{line}").expect("cargo listens");
    }
}

/// Validates a commit from the environment: one word, since it is part of the first line of `--version`.
pub fn parse_commit(word: Option<&str>) -> Option<String> {
    let word = word.map(str::trim).filter(|word| !word.is_empty())?;
    let is_word = word.len() <= 64 && word.bytes().all(|byte| byte.is_ascii_graphic());
    assert!(
        is_word,
        "MODEHOST_COMMIT must be one word of up to 64 characters, such as the output of `git rev-parse HEAD`"
    );
    Some(word.to_owned())
}

/// The commit of the checkout, with a suffix if the sources are modified; `None` outside a checkout.
pub fn checkout_commit(directory: &Path) -> Option<String> {
    let commit = git(directory, &["rev-parse", "--short=12", "HEAD"])?;
    let changes = git(directory, &[["status", "--porcelain", "--"].as_slice(), &INPUTS].concat());
    Some(if changes.is_some() { format!("{commit}-changed") } else { commit })
}

/// Output of git; `None` if it is empty or git fails.
fn git(directory: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).current_dir(directory).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (output.status.success() && !text.is_empty()).then_some(text)
}
