//! Test counts of any tool: `2 failed, 5 passed`, `Tests run: 7, Failures: 2`, `3 examples, 0 failures`, `FAIL 1 | PASS
//! 3`. Rule: one grammar instead of a list of tools; a line counts only if it contains hardly anything else.

use super::line::Line;
use super::trigrams::trigram;

/// Upper bound of a line, in bytes.
const MAX_LINE_BYTES: usize = 200;
/// Upper bound of unknown words in a count.
const MAX_UNKNOWN_WORDS: usize = 2;

/// The counts in a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub failed: u32,
    /// True if failures are counted, even if there are none.
    pub has_failures: bool,
    /// Tests that passed, or that were run at all.
    pub ran: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word {
    Failed,
    Errors,
    Passed,
    /// The unit that is counted.
    Test,
    /// Another unit that is counted and is no test.
    OtherUnit,
    /// A word without a meaning for the count.
    Filler,
    Unknown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token {
    Number(u32),
    Word(Word),
    /// A colon, comma or the like.
    Break,
}

/// The counts in a line, if it contains any.
pub(super) fn read(line: &Line<'_>) -> Option<Counts> {
    const TRIGRAMS: u64 = trigram(b"fai") | trigram(b"pas") | trigram(b"suc");
    let body = line.body;
    if body.len() > MAX_LINE_BYTES || !line.has_any(TRIGRAMS) || !body.bytes().any(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let tokens = tokens(body)?;
    let mut counts = Counts::default();
    let (mut most, mut errors, mut has_counts, mut of_tests, mut passed) = (0, 0, false, false, false);
    for (at, token) in tokens.iter().enumerate() {
        let Token::Number(number) = token else { continue };
        most = most.max(*number);
        // `1 of 3 failed`
        of_tests |= matches!(
            tokens[at + 1..],
            [Token::Word(Word::Filler), Token::Number(_), Token::Word(Word::Failed | Word::Passed), ..]
        );
        let of = at >= 2 && matches!(tokens[at - 2..at], [Token::Number(_), Token::Word(Word::Filler)]);
        match counted(&tokens, at).filter(|word| !of || *word == Word::Test) {
            Some(Word::Failed) => {
                counts.failed += number;
                (has_counts, counts.has_failures) = (true, true);
            }
            Some(Word::Errors) => errors += number,
            Some(Word::Passed) => {
                counts.ran += number;
                (has_counts, passed) = (true, true);
            }
            Some(Word::Test) => {
                counts.ran = counts.ran.max(*number);
                of_tests = true;
            }
            _ => {}
        }
    }
    let unknown_words = tokens.iter().filter(|token| **token == Token::Word(Word::Unknown)).count();
    let is_about_tests = of_tests || passed || tokens.contains(&Token::Word(Word::Test));
    counts.ran = counts.ran.max(most);
    counts.failed += errors;
    counts.has_failures |= errors > 0;
    (has_counts && is_about_tests && unknown_words <= MAX_UNKNOWN_WORDS && (counts.failed > 0 || counts.ran > 0))
        .then_some(counts)
}

fn tokens(body: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut rest = body;
    while let Some(first) = rest.chars().next() {
        let number = rest.bytes().take_while(u8::is_ascii_digit).count();
        let letters = rest.find(|letter: char| !letter.is_alphabetic() && letter != '\'').unwrap_or(rest.len());
        let end = if number > 0 {
            let rest_after = &rest[number..];
            // Percentages and durations are no counts.
            let fraction = rest_after.strip_prefix('.').map_or(0, |decimals| {
                let digits = decimals.bytes().take_while(u8::is_ascii_digit).count();
                if digits > 0 { digits + 1 } else { 0 }
            });
            let rest_after = &rest_after[fraction..];
            let unit = rest_after
                .find(|letter: char| !letter.is_ascii_alphabetic() && letter != 'µ')
                .unwrap_or(rest_after.len());
            let percent = usize::from(rest_after.starts_with('%'));
            if fraction + unit + percent == 0 {
                tokens.push(Token::Number(rest[..number].parse().ok()?));
            }
            number + fraction + unit + percent
        } else if letters > 0 {
            tokens.push(Token::Word(word(&rest[..letters])));
            letters
        } else {
            if !first.is_whitespace() && first != '-' {
                tokens.push(Token::Break);
            }
            first.len_utf8()
        };
        rest = &rest[end..];
    }
    Some(tokens)
}

/// What the number at this index counts: the words after it, otherwise those before it.
fn counted(tokens: &[Token], at: usize) -> Option<Word> {
    let mut found = None;
    let mut rest_after = tokens[at + 1..].iter();
    // `1 of 3 failed`
    if let [Token::Word(Word::Filler), Token::Number(_), ..] = tokens[at + 1..] {
        rest_after.next();
        rest_after.next();
    }
    for token in rest_after {
        match token {
            Token::Word(Word::Test) => found = Some(Word::Test),
            Token::Word(Word::Filler) if found.is_none() => return before(tokens, at).or(Some(Word::Filler)),
            Token::Word(word) if *word != Word::Filler && *word != Word::Unknown => return Some(*word),
            _ => break,
        }
    }
    match (found, before(tokens, at)) {
        (Some(Word::Test), Some(Word::Failed)) => Some(Word::Failed),
        (Some(found), _) => Some(found),
        (None, before) => before,
    }
}

fn before(tokens: &[Token], at: usize) -> Option<Word> {
    let mut words = tokens[..at].iter().rev();
    let first = match words.next()? {
        Token::Break => words.next()?,
        token => token,
    };
    match first {
        Token::Word(word) => Some(*word),
        _ => None,
    }
}

fn word(word: &str) -> Word {
    match word.to_ascii_lowercase().as_str() {
        "fail" | "failed" | "failure" | "failures" | "failing" | "fails" => Word::Failed,
        "error" | "errors" | "errored" | "broken" => Word::Errors,
        "pass" | "passed" | "passing" | "passes" | "succeeded" | "success" | "successes" | "ok" => Word::Passed,
        "test" | "tests" | "spec" | "specs" | "example" | "examples" | "run" | "runs" | "total" | "scenario"
        | "scenarios" | "case" | "cases" | "subtest" | "subtests" | "completed" => Word::Test,
        "assertion" | "assertions" | "skip" | "skips" | "skipped" | "ignored" | "pending" | "todo" | "flaky"
        | "flakes" | "cancelled" | "canceled" | "warn" | "warning" | "warnings" | "xfailed" | "xpassed"
        | "deselected" | "rerun" | "reruns" | "unexpected" | "expected" | "measured" | "filtered" | "inconclusive"
        | "retried" | "retries" | "slow" | "aborted" | "expectations" | "undefined" | "disabled" | "omissions" => {
            Word::OtherUnit
        }
        "of" | "out" | "in" | "with" | "and" | "s" | "ms" | "sec" | "secs" | "seconds" | "second" | "time"
        | "elapsed" | "duration" | "result" | "results" | "executed" | "ran" | "done" | "finished" | "did" | "not"
        | "looks" | "like" | "you" | "all" | "from" | "after" | "took" | "across" | "suite" | "suites" | "file"
        | "files" | "binary" | "binaries" | "m" | "min" | "info" | "summary" | "were" | "was" | "a" | "to" => {
            Word::Filler
        }
        _ => Word::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_read_in_every_notation() {
        for (line, failed) in [
            ("Tests:       2 failed, 5 passed, 7 total", 2),
            ("      Tests  2 failed | 5 passed (7)", 2),
            ("Tests run: 7, Failures: 2, Errors: 1, Skipped: 0", 3),
            ("3 examples, 0 failures", 0),
            ("3 runs, 3 assertions, 1 failures, 0 errors, 0 skips", 1),
            ("100% tests passed, 0 tests failed out of 5", 0),
            ("80% tests passed, 1 tests failed out of 5", 1),
            ("[ FAIL 1 | WARN 0 | SKIP 0 | PASS 3 ]", 1),
            ("Executed 3 tests, with 1 failure (0 unexpected) in 0.123 (0.125) seconds", 1),
            ("test cases: 3 | 2 passed | 1 failed", 1),
            (
                "Passed!  - Failed:     0, Passed:     3, Skipped:     0, Total:     3, Duration: 4 ms - Shop.Tests.dll",
                0,
            ),
            ("3 Tests 1 Failures 0 Ignored", 1),
            ("3 scenarios (1 failed, 2 passed)", 1),
            ("DONE 5 tests, 1 failure in 0.532s", 1),
            ("5 failed, 1 passed, 1 xfailed, 1 error in 0.04s", 6),
            ("2 passed (3.1s)", 0),
            ("test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s", 0),
            ("# Looks like you failed 1 test of 4.", 1),
            ("Failed 1/4 subtests", 1),
            ("1 of 3 failed (33%)", 1),
            ("ok | 3 passed | 0 failed (5ms)", 0),
            ("All 3 tests passed.", 0),
            ("3 tests completed, 1 failed", 1),
            ("3 successes / 1 failure / 0 errors / 0 pending : 0.01 seconds", 1),
            ("Executed 2 out of 2 tests: 2 tests pass.", 0),
            ("Executed 1 out of 2 tests: 1 fails locally.", 1),
            ("FAIL! -- 2 Passed | 1 Failed | 0 Pending | 0 Skipped", 1),
        ] {
            assert_eq!(read(&Line::new(line)).map(|counts| counts.failed), Some(failed), "{line}");
        }
    }

    #[test]
    fn prose_is_no_sum() {
        for line in [
            "the request to api failed after 3 attempts, the next one passed",
            "retry 2 of 5 failed for host db-1, waiting until the pool has recovered",
            "Compiling 12 files",
            "removed 3 files, 0 errors",
            "HTTP 500 failed",
            "12:30:45 connection to 10.0.0.1 failed",
        ] {
            assert_eq!(read(&Line::new(line)), None, "{line}");
        }
    }
}
