//! The commit that a program was made of. Rule: builds for development carry none, so that a commit rebuilds nothing
//! there; others carry that of the checkout, or what `MODEHOST_COMMIT` says where there is none (containers,
//! packages). No time is built in: the same source gives the same program whenever it is built.

use std::io::Write;
use std::path::Path;
use std::process::Command;

/// What the program is made of, from here.
const INPUTS: [&str; 4] = [".", "../wit", "../config", "../Cargo.lock"];

fn main() {
    let mut lines = vec!["rerun-if-changed=build.rs".to_owned(), "rerun-if-env-changed=MODEHOST_COMMIT".to_owned()];
    let here = Path::new(".");
    let commit = match said(std::env::var("MODEHOST_COMMIT").ok().as_deref()) {
        Some(commit) => Some(commit),
        None if std::env::var("PROFILE").is_ok_and(|profile| profile == "debug") => None,
        None => {
            // Changes of these make the program anew anyway. The log of HEAD has a line more with each commit.
            let files =
                ["HEAD", "logs/HEAD"].into_iter().filter_map(|file| git(here, &["rev-parse", "--git-path", file]));
            let watched = INPUTS.map(str::to_owned).into_iter().chain(files).filter(|path| Path::new(path).exists());
            lines.extend(watched.map(|path| format!("rerun-if-changed={path}")));
            found(here)
        }
    };
    lines.push(format!("rustc-env=MODEHOST_BUILT_FROM={}", commit.unwrap_or_default()));
    lines.push(format!("rustc-env=MODEHOST_BUILT_FOR={}", std::env::var("TARGET").unwrap_or_default()));
    let mut out = std::io::stdout().lock();
    for line in lines {
        writeln!(out, "cargo:{line}").expect("cargo listens");
    }
}

/// A commit by environment: one word, since it stands in the first line of `--version`.
pub fn said(word: Option<&str>) -> Option<String> {
    let word = word.map(str::trim).filter(|word| !word.is_empty())?;
    let is_word = word.len() <= 64 && word.bytes().all(|byte| byte.is_ascii_graphic());
    assert!(
        is_word,
        "MODEHOST_COMMIT must be one word of up to 64 characters, such as the output of `git rev-parse HEAD`"
    );
    Some(word.to_owned())
}

/// The commit of the checkout, marked where what stands there is another; none outside a checkout.
pub fn found(here: &Path) -> Option<String> {
    let commit = git(here, &["rev-parse", "--short=12", "HEAD"])?;
    let changes = git(here, &[["status", "--porcelain", "--"].as_slice(), &INPUTS].concat());
    Some(if changes.is_some() { format!("{commit}-changed") } else { commit })
}

/// What git says; none where it says nothing, or there is no git.
fn git(here: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).current_dir(here).output().ok()?;
    let said = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (output.status.success() && !said.is_empty()).then_some(said)
}
