//! Sentences by which tools report overall success or failure. Rule: a table of our own with the exact words of the
//! tools; test counts and finished steps are not listed here.
//!
//! The error formats of editors and the problem matchers of CI runners are not usable as data here. They contain the
//! location of a fault and no outcome, know no tests, reruns or nesting, and need regular expressions for every line;
//! so messages are parsed by their form in the other files, and only fixed phrases are listed here.

use super::Scanner;
use super::line::Line;
use super::trigrams::trigram;
use crate::signal::Tool;

#[derive(Clone, Copy)]
enum Position {
    Start,
    Whole,
    /// Anywhere, in a line that is hardly longer.
    Within,
}

use Position::{Start, Whole, Within};

/// Upper bound of the additional length of such a line, in bytes.
const MAX_EXTRA_BYTES: usize = 80;

/// What a sentence says; true for success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// About a build.
    Build(bool),
    /// About anything else.
    Result(bool),
    /// A step that others follow has succeeded.
    Step,
}

/// A phrase, its position, and its meaning.
const SENTENCES: [(&str, Position, Verdict); 92] = [
    // Builds.
    ("BUILD SUCCESSFUL", Start, Verdict::Build(true)),
    ("BUILD SUCCESS", Start, Verdict::Build(true)),
    ("BUILD SUCCEEDED", Within, Verdict::Build(true)),
    ("Build succeeded", Start, Verdict::Build(true)),
    ("Build complete!", Start, Verdict::Build(true)),
    ("Build completed successfully", Within, Verdict::Build(true)),
    ("Build did NOT complete successfully", Within, Verdict::Build(false)),
    ("Build FAILED", Start, Verdict::Build(false)),
    ("BUILD FAILED", Within, Verdict::Build(false)),
    ("ARCHIVE SUCCEEDED", Within, Verdict::Build(true)),
    ("ARCHIVE FAILED", Within, Verdict::Build(false)),
    ("TEST SUCCEEDED", Within, Verdict::Build(true)),
    ("TEST FAILED", Within, Verdict::Build(false)),
    ("ompiled successfully", Within, Verdict::Build(true)),
    ("ompiled with warnings", Within, Verdict::Build(true)),
    ("error during build:", Start, Verdict::Build(false)),
    ("x Build failed in ", Start, Verdict::Build(false)),
    ("✗ Build failed in ", Start, Verdict::Build(false)),
    ("error: Test failed", Whole, Verdict::Result(false)),
    ("Failed to compile", Start, Verdict::Build(false)),
    ("✓ built in ", Start, Verdict::Build(true)),
    ("✨ Built in ", Start, Verdict::Build(true)),
    ("✨  Done in ", Start, Verdict::Build(true)),
    ("⚡ Done in ", Start, Verdict::Build(true)),
    ("-- Build files have been written to", Start, Verdict::Build(true)),
    ("-- Configuring incomplete, errors occurred", Start, Verdict::Build(false)),
    ("ninja: no work to do.", Whole, Verdict::Build(true)),
    ("ninja: build stopped", Start, Verdict::Build(false)),
    ("[success] Total time", Start, Verdict::Build(true)),
    ("Successfully built ", Start, Verdict::Build(true)),
    ("Successfully tagged ", Start, Verdict::Build(true)),
    ("naming to ", Start, Verdict::Build(true)),
    // Tests without a number.
    ("Result: PASS", Whole, Verdict::Result(true)),
    ("Result: FAIL", Whole, Verdict::Result(false)),
    ("All tests successful.", Start, Verdict::Result(true)),
    ("All tests passed", Within, Verdict::Result(true)),
    ("All specs passed!", Within, Verdict::Result(true)),
    ("Some tests failed", Within, Verdict::Result(false)),
    ("Test Run Successful.", Whole, Verdict::Result(true)),
    ("Test Run Failed.", Start, Verdict::Result(false)),
    ("FAILURES!", Whole, Verdict::Result(false)),
    ("no tests ran in ", Start, Verdict::Result(false)),
    ("NO TESTS RAN", Whole, Verdict::Result(false)),
    ("OK (", Start, Verdict::Result(true)),
    // Linters and type checkers.
    ("Found 0 errors", Start, Verdict::Result(true)),
    ("0 errors, 0 warnings", Start, Verdict::Result(true)),
    ("0 errors, ", Start, Verdict::Result(true)),
    ("All checks passed!", Start, Verdict::Result(true)),
    ("All done! ✨", Start, Verdict::Result(true)),
    ("Success: no issues found", Start, Verdict::Result(true)),
    ("All matched files use ", Start, Verdict::Result(true)),
    ("0 issues.", Whole, Verdict::Result(true)),
    ("No errors found", Within, Verdict::Result(true)),
    ("[OK] No errors", Start, Verdict::Result(true)),
    ("Your code has been rated at 10.00/10", Start, Verdict::Result(true)),
    ("No lint errors found", Within, Verdict::Result(true)),
    ("No problems found", Start, Verdict::Result(true)),
    ("No issues found!", Start, Verdict::Result(true)),
    // Packages.
    ("found 0 vulnerabilities", Start, Verdict::Step),
    ("up to date, audited ", Start, Verdict::Step),
    ("up to date in ", Start, Verdict::Step),
    ("Successfully installed ", Start, Verdict::Step),
    ("Successfully uninstalled ", Start, Verdict::Step),
    ("Requirement already satisfied", Start, Verdict::Step),
    ("success Saved lockfile.", Start, Verdict::Step),
    ("Lockfile is up to date", Start, Verdict::Step),
    ("Already up to date", Start, Verdict::Step),
    ("Already up-to-date", Start, Verdict::Step),
    ("No broken requirements found", Start, Verdict::Step),
    ("Bundle complete!", Start, Verdict::Step),
    ("Nothing to install, update or remove", Start, Verdict::Step),
    ("Uploaded to ", Start, Verdict::Step),
    // Version control.
    ("Everything up-to-date", Start, Verdict::Step),
    ("nothing to commit, working tree clean", Start, Verdict::Step),
    ("Automatic merge failed", Start, Verdict::Result(false)),
    ("Aborting", Whole, Verdict::Result(false)),
    // Infrastructure.
    ("Apply complete!", Start, Verdict::Result(true)),
    ("Destroy complete!", Start, Verdict::Result(true)),
    ("No changes. ", Start, Verdict::Result(true)),
    ("Success! The configuration is valid", Start, Verdict::Result(true)),
    ("STATUS: deployed", Whole, Verdict::Result(true)),
    ("STATUS: failed", Whole, Verdict::Result(false)),
    ("Error: INSTALLATION FAILED", Start, Verdict::Result(false)),
    ("Error: UPGRADE FAILED", Start, Verdict::Result(false)),
    ("exceeded its progress deadline", Within, Verdict::Result(false)),
    // Job runners.
    ("Finished: SUCCESS", Whole, Verdict::Result(true)),
    ("Finished: FAILURE", Whole, Verdict::Result(false)),
    ("Finished: UNSTABLE", Whole, Verdict::Result(false)),
    ("Finished: ABORTED", Whole, Verdict::Result(false)),
    ("Job succeeded", Whole, Verdict::Result(true)),
    ("Process completed with exit code 0", Within, Verdict::Result(true)),
    ("Process finished with exit code 0", Within, Verdict::Result(true)),
];

/// The same at the end of a line that is hardly longer.
const ENDINGS: [(&str, Verdict); 7] = [
    ("is up to date.", Verdict::Build(true)),
    ("Status: SUCCESS!", Verdict::Result(true)),
    ("Status: FAILURE!", Verdict::Result(false)),
    ("no offenses detected", Verdict::Result(true)),
    ("would be reformatted", Verdict::Result(false)),
    ("successfully rolled out", Verdict::Result(true)),
    ("exited with code 0", Verdict::Result(true)),
];

/// The first bytes of the phrases that begin a line.
const FIRST_BYTES: [bool; 256] = {
    let mut first = [false; 256];
    let mut at = 0;
    while at < SENTENCES.len() {
        if matches!(SENTENCES[at].1, Start | Whole) {
            first[SENTENCES[at].0.as_bytes()[0] as usize] = true;
        }
        at += 1;
    }
    first
};

/// What a line says about the outcome.
pub(super) fn read(line: &Line<'_>, scanner: &Scanner) -> Option<Verdict> {
    /// Each phrase that may stand anywhere contains one of these trigrams.
    const TRIGRAMS: u64 = trigram(b"suc")
        | trigram(b"fai")
        | trigram(b"war")
        | trigram(b"pas")
        | trigram(b"err")
        | trigram(b"exc")
        | trigram(b"xit");
    let body = line.body;
    // `OK` alone has this meaning only after unittest's own count.
    if scanner.tool == Tool::Python && body == "OK" {
        return Some(Verdict::Result(true));
    }
    let first = body.bytes().next()?;
    let (begins, has_trigram) = (FIRST_BYTES[usize::from(first)], line.has_any(TRIGRAMS));
    let sentence = |(words, at, _): &&(&str, Position, Verdict)| match at {
        Start => begins && words.as_bytes()[0] == first && body.starts_with(words),
        Whole => begins && body == *words,
        Within => {
            has_trigram
                && body.len() < words.len() + MAX_EXTRA_BYTES
                && body.len() >= words.len()
                && body.contains(words)
        }
    };
    if (begins || has_trigram)
        && let Some((_, _, verdict)) = SENTENCES.iter().find(sentence)
    {
        return Some(*verdict);
    }
    let ending = |(words, _): &&(&str, Verdict)| body.len() < words.len() + MAX_EXTRA_BYTES && body.ends_with(words);
    ENDINGS.iter().find(ending).map(|(_, verdict)| *verdict)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_sentence_is_found_where_it_stands() {
        let scanner = Scanner::default();
        for (words, at, verdict) in SENTENCES {
            let line = match at {
                Start => format!("{words} x"),
                Whole => words.to_owned(),
                Within => format!("** {words} **"),
            };
            assert_eq!(read(&Line::new(&line), &scanner), Some(verdict), "{line}");
        }
        for (words, verdict) in ENDINGS {
            assert_eq!(read(&Line::new(&format!("x {words}")), &scanner), Some(verdict), "{words}");
        }
        for line in ["Building", "Result: PASSES", "the words Found 0 errors are quoted here", "OK"] {
            assert_eq!(read(&Line::new(line), &scanner), None, "{line}");
        }
    }
}
