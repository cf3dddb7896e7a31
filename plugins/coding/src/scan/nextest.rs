//! nextest. Rule: each line names the binary and the test; a failed attempt is reported at once and withdrawn when a
//! later one passes, and the list after the summary repeats known results.

use super::line::{Line, number_before};
use super::{LineEvent, Scanner, Section};
use crate::reason::Reason;
use crate::signal::{Finding, Kind, Occurrence, Tool};

pub(super) fn read(line: &Line<'_>, scanner: &mut Scanner) -> Option<LineEvent> {
    let body = line.body;
    if body.starts_with("Summary [") && body.contains(" run") {
        scanner.section = Section::Repeats(Tool::Nextest);
        scanner.tool = Tool::Nextest;
        scanner.target = None;
        let failed = number_before(body, " failed").unwrap_or(0);
        let late = number_before(body, " timed out").unwrap_or(0);
        return Some(LineEvent::FailedTests(failed + late));
    }
    if body.starts_with("Starting ") && body.contains(" tests across ") || body.starts_with("Starting 1 test across ") {
        scanner.section = Section::Nextest;
        return Some(LineEvent::TestRunStarted(Tool::Nextest, None));
    }
    let (state, rest) = body.split_once(" [")?;
    let (_, named) = rest.split_once("s] ").or_else(|| rest.split_once(" ] "))?;
    let words: Vec<&str> = state.split(' ').collect();
    let (state, attempt) = match words.as_slice() {
        ["TRY", attempt, state] => (*state, attempt.parse().unwrap_or(1)),
        // `FLAKY 2/3`: the attempt that passed.
        [state, tries] if tries.contains('/') => (*state, 1),
        [state] => (*state, 1),
        [first, "+", ..] => (*first, 1),
        _ => return None,
    };
    let mut parts = named.rsplitn(3, ' ');
    let (name, binary) = (parts.next()?, parts.next().unwrap_or_default());
    let within = Some(binary).filter(|binary| !binary.is_empty() && !binary.contains(')'));
    let finding = |kind| Finding::new(kind, Tool::Nextest, "").with_test(name).with_target(within);
    let repeats = scanner.repeats(Tool::Nextest);
    let reason = match state {
        "FLAKY" => return Some(LineEvent::Flaky(finding(Kind::Flaky))),
        "PASS" | "LEAK" if !repeats => {
            begin(scanner, within);
            return Some(LineEvent::Passed(name.to_owned()));
        }
        "PASS" | "LEAK" | "SLOW" | "SKIP" | "RETRY" | "START" | "DELAY" | "TERMINATING" | "SETUP" => {
            return Some(LineEvent::Ignored);
        }
        "TIMEOUT" | "TMT" => Some(Reason::TimeLimit),
        "FAIL" | "LEAK-FAIL" | "SIGSEGV" | "SIGABRT" | "SIGKILL" | "SIGBUS" | "SIGILL" | "ABORT" | "EXECFAIL"
        | "SIG" => None,
        _ => return None,
    };
    if repeats {
        return Some(LineEvent::Ignored);
    }
    begin(scanner, within);
    let occurrence = if attempt > 1 { Occurrence::Repeat } else { Occurrence::Mention };
    Some(LineEvent::Finding(finding(Kind::FailedTest).with_reason(reason).with_occurrence(occurrence)))
}

/// The following lines are output of a test of this binary.
fn begin(scanner: &mut Scanner, binary: Option<&str>) {
    scanner.section = Section::Nextest;
    scanner.tool = Tool::Nextest;
    scanner.target = binary.map(str::to_owned);
}
