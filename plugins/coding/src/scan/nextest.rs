//! nextest. Rule: each line of it names the binary and the test; a try that failed is told at once and
//! taken back when a later one passes, and what is listed again behind the sum says nothing new.

use super::words::{Line, number_before};
use super::{Scan, Section, Seen};
use crate::reason::Reason;
use crate::signal::{Finding, Kind, Sighting, Tool};

pub(super) fn read(line: &Line<'_>, scan: &mut Scan) -> Option<Seen> {
    let body = line.body;
    if body.starts_with("Summary [") && body.contains(" run") {
        scan.section = Section::Repeats(Tool::Nextest);
        scan.tool = Tool::Nextest;
        scan.target = None;
        let failed = number_before(body, " failed").unwrap_or(0);
        let late = number_before(body, " timed out").unwrap_or(0);
        return Some(Seen::Sum(failed + late));
    }
    if body.starts_with("Starting ") && body.contains(" tests across ") || body.starts_with("Starting 1 test across ") {
        scan.section = Section::Nextest;
        return Some(Seen::Begins(Tool::Nextest, None));
    }
    let (state, rest) = body.split_once(" [")?;
    let (_, named) = rest.split_once("s] ").or_else(|| rest.split_once(" ] "))?;
    let words: Vec<&str> = state.split(' ').collect();
    let (state, attempt) = match words.as_slice() {
        ["TRY", attempt, state] => (*state, attempt.parse().unwrap_or(1)),
        // `FLAKY 2/3`: the try that passed.
        [state, tries] if tries.contains('/') => (*state, 1),
        [state] => (*state, 1),
        [first, "+", ..] => (*first, 1),
        _ => return None,
    };
    let mut parts = named.rsplitn(3, ' ');
    let (name, binary) = (parts.next()?, parts.next().unwrap_or_default());
    let within = Some(binary).filter(|binary| !binary.is_empty() && !binary.contains(')'));
    let finding = |kind| Finding::new(kind, Tool::Nextest, "").of_test(name).within(within);
    let repeats = scan.repeats(Tool::Nextest);
    let reason = match state {
        "FLAKY" => return Some(Seen::Flaky(finding(Kind::Flaky))),
        "PASS" | "LEAK" if !repeats => {
            begin(scan, within);
            return Some(Seen::Passed(name.to_owned()));
        }
        "PASS" | "LEAK" | "SLOW" | "SKIP" | "RETRY" | "START" | "DELAY" | "TERMINATING" | "SETUP" => {
            return Some(Seen::Noise);
        }
        "TIMEOUT" | "TMT" => Some(Reason::TimeLimit),
        "FAIL" | "LEAK-FAIL" | "SIGSEGV" | "SIGABRT" | "SIGKILL" | "SIGBUS" | "SIGILL" | "ABORT" | "EXECFAIL"
        | "SIG" => None,
        _ => return None,
    };
    if repeats {
        return Some(Seen::Noise);
    }
    begin(scan, within);
    let sighting = if attempt > 1 { Sighting::Again } else { Sighting::Mention };
    Some(Seen::Fault(finding(Kind::FailedTest).because(reason).seen(sighting)))
}

/// What follows was written by a test of this binary.
fn begin(scan: &mut Scan, binary: Option<&str>) {
    scan.section = Section::Nextest;
    scan.tool = Tool::Nextest;
    scan.target = binary.map(str::to_owned);
}
