//! Sentences by which tools say that all went well, or that it did not. Rule: a table of our own, by
//! the words that the tools write; a sum of tests is none of these, and neither is a step that ended.
//!
//! The error formats of editors and the problem matchers of CI runners are of no use as data here. They
//! give the place of a fault and no outcome, know no test, no rerun and no nesting, and need regular
//! expressions over every line; so messages are read by the shapes in the other files, and what is a
//! matter of single words stands here.

use super::Scan;
use super::stems::stem;
use super::words::Line;
use crate::signal::Tool;

#[derive(Clone, Copy)]
enum At {
    Start,
    Whole,
    /// Anywhere, in a line that is hardly longer.
    Within,
}

use At::{Start, Whole, Within};

/// How much longer such a line may be.
const MARGIN: usize = 80;

/// What is said, and whether it went well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    /// Of a build.
    Built(bool),
    /// Of anything else.
    Ended(bool),
    /// Of a step that others follow: that it went well.
    Stepped,
}

/// Words, where they stand, and what they mean.
const SENTENCES: [(&str, At, Word); 92] = [
    // Builds.
    ("BUILD SUCCESSFUL", Start, Word::Built(true)),
    ("BUILD SUCCESS", Start, Word::Built(true)),
    ("BUILD SUCCEEDED", Within, Word::Built(true)),
    ("Build succeeded", Start, Word::Built(true)),
    ("Build complete!", Start, Word::Built(true)),
    ("Build completed successfully", Within, Word::Built(true)),
    ("Build did NOT complete successfully", Within, Word::Built(false)),
    ("Build FAILED", Start, Word::Built(false)),
    ("BUILD FAILED", Within, Word::Built(false)),
    ("ARCHIVE SUCCEEDED", Within, Word::Built(true)),
    ("ARCHIVE FAILED", Within, Word::Built(false)),
    ("TEST SUCCEEDED", Within, Word::Built(true)),
    ("TEST FAILED", Within, Word::Built(false)),
    ("ompiled successfully", Within, Word::Built(true)),
    ("ompiled with warnings", Within, Word::Built(true)),
    ("error during build:", Start, Word::Built(false)),
    ("x Build failed in ", Start, Word::Built(false)),
    ("✗ Build failed in ", Start, Word::Built(false)),
    ("error: Test failed", Whole, Word::Ended(false)),
    ("Failed to compile", Start, Word::Built(false)),
    ("✓ built in ", Start, Word::Built(true)),
    ("✨ Built in ", Start, Word::Built(true)),
    ("✨  Done in ", Start, Word::Built(true)),
    ("⚡ Done in ", Start, Word::Built(true)),
    ("-- Build files have been written to", Start, Word::Built(true)),
    ("-- Configuring incomplete, errors occurred", Start, Word::Built(false)),
    ("ninja: no work to do.", Whole, Word::Built(true)),
    ("ninja: build stopped", Start, Word::Built(false)),
    ("[success] Total time", Start, Word::Built(true)),
    ("Successfully built ", Start, Word::Built(true)),
    ("Successfully tagged ", Start, Word::Built(true)),
    ("naming to ", Start, Word::Built(true)),
    // Tests without a number.
    ("Result: PASS", Whole, Word::Ended(true)),
    ("Result: FAIL", Whole, Word::Ended(false)),
    ("All tests successful.", Start, Word::Ended(true)),
    ("All tests passed", Within, Word::Ended(true)),
    ("All specs passed!", Within, Word::Ended(true)),
    ("Some tests failed", Within, Word::Ended(false)),
    ("Test Run Successful.", Whole, Word::Ended(true)),
    ("Test Run Failed.", Start, Word::Ended(false)),
    ("FAILURES!", Whole, Word::Ended(false)),
    ("no tests ran in ", Start, Word::Ended(false)),
    ("NO TESTS RAN", Whole, Word::Ended(false)),
    ("OK (", Start, Word::Ended(true)),
    // Linters and type checkers.
    ("Found 0 errors", Start, Word::Ended(true)),
    ("0 errors, 0 warnings", Start, Word::Ended(true)),
    ("0 errors, ", Start, Word::Ended(true)),
    ("All checks passed!", Start, Word::Ended(true)),
    ("All done! ✨", Start, Word::Ended(true)),
    ("Success: no issues found", Start, Word::Ended(true)),
    ("All matched files use ", Start, Word::Ended(true)),
    ("0 issues.", Whole, Word::Ended(true)),
    ("No errors found", Within, Word::Ended(true)),
    ("[OK] No errors", Start, Word::Ended(true)),
    ("Your code has been rated at 10.00/10", Start, Word::Ended(true)),
    ("No lint errors found", Within, Word::Ended(true)),
    ("No problems found", Start, Word::Ended(true)),
    ("No issues found!", Start, Word::Ended(true)),
    // Packages.
    ("found 0 vulnerabilities", Start, Word::Stepped),
    ("up to date, audited ", Start, Word::Stepped),
    ("up to date in ", Start, Word::Stepped),
    ("Successfully installed ", Start, Word::Stepped),
    ("Successfully uninstalled ", Start, Word::Stepped),
    ("Requirement already satisfied", Start, Word::Stepped),
    ("success Saved lockfile.", Start, Word::Stepped),
    ("Lockfile is up to date", Start, Word::Stepped),
    ("Already up to date", Start, Word::Stepped),
    ("Already up-to-date", Start, Word::Stepped),
    ("No broken requirements found", Start, Word::Stepped),
    ("Bundle complete!", Start, Word::Stepped),
    ("Nothing to install, update or remove", Start, Word::Stepped),
    ("Uploaded to ", Start, Word::Stepped),
    // Version control.
    ("Everything up-to-date", Start, Word::Stepped),
    ("nothing to commit, working tree clean", Start, Word::Stepped),
    ("Automatic merge failed", Start, Word::Ended(false)),
    ("Aborting", Whole, Word::Ended(false)),
    // Infrastructure.
    ("Apply complete!", Start, Word::Ended(true)),
    ("Destroy complete!", Start, Word::Ended(true)),
    ("No changes. ", Start, Word::Ended(true)),
    ("Success! The configuration is valid", Start, Word::Ended(true)),
    ("STATUS: deployed", Whole, Word::Ended(true)),
    ("STATUS: failed", Whole, Word::Ended(false)),
    ("Error: INSTALLATION FAILED", Start, Word::Ended(false)),
    ("Error: UPGRADE FAILED", Start, Word::Ended(false)),
    ("exceeded its progress deadline", Within, Word::Ended(false)),
    // Runners of jobs.
    ("Finished: SUCCESS", Whole, Word::Ended(true)),
    ("Finished: FAILURE", Whole, Word::Ended(false)),
    ("Finished: UNSTABLE", Whole, Word::Ended(false)),
    ("Finished: ABORTED", Whole, Word::Ended(false)),
    ("Job succeeded", Whole, Word::Ended(true)),
    ("Process completed with exit code 0", Within, Word::Ended(true)),
    ("Process finished with exit code 0", Within, Word::Ended(true)),
];

/// The same at the end of a line that is hardly longer.
const ENDINGS: [(&str, Word); 7] = [
    ("is up to date.", Word::Built(true)),
    ("Status: SUCCESS!", Word::Ended(true)),
    ("Status: FAILURE!", Word::Ended(false)),
    ("no offenses detected", Word::Ended(true)),
    ("would be reformatted", Word::Ended(false)),
    ("successfully rolled out", Word::Ended(true)),
    ("exited with code 0", Word::Ended(true)),
];

/// The first letters of what a line may begin with.
const FIRST: [bool; 256] = {
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

/// What a line says of how it all went.
pub(super) fn read(line: &Line<'_>, scan: &Scan) -> Option<Word> {
    /// Each of what may stand anywhere has one of these.
    const SIGNS: u64 =
        stem(b"suc") | stem(b"fai") | stem(b"war") | stem(b"pas") | stem(b"err") | stem(b"exc") | stem(b"xit");
    let body = line.body;
    // `OK` alone means something behind unittest's own count only.
    if scan.tool == Tool::Python && body == "OK" {
        return Some(Word::Ended(true));
    }
    let first = body.bytes().next()?;
    let (begins, tells) = (FIRST[usize::from(first)], line.tells(SIGNS));
    let sentence = |(words, at, _): &&(&str, At, Word)| match at {
        Start => begins && words.as_bytes()[0] == first && body.starts_with(words),
        Whole => begins && body == *words,
        Within => tells && body.len() < words.len() + MARGIN && body.len() >= words.len() && body.contains(words),
    };
    if (begins || tells)
        && let Some((_, _, word)) = SENTENCES.iter().find(sentence)
    {
        return Some(*word);
    }
    let ending = |(words, _): &&(&str, Word)| body.len() < words.len() + MARGIN && body.ends_with(words);
    ENDINGS.iter().find(ending).map(|(_, word)| *word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_sentence_is_found_where_it_stands() {
        let scan = Scan::default();
        for (words, at, word) in SENTENCES {
            let line = match at {
                Start => format!("{words} x"),
                Whole => words.to_owned(),
                Within => format!("** {words} **"),
            };
            assert_eq!(read(&Line::of(&line), &scan), Some(word), "{line}");
        }
        for (words, word) in ENDINGS {
            assert_eq!(read(&Line::of(&format!("x {words}")), &scan), Some(word), "{words}");
        }
        for line in ["Building", "Result: PASSES", "the words Found 0 errors are quoted here", "OK"] {
            assert_eq!(read(&Line::of(line), &scan), None, "{line}");
        }
    }
}
