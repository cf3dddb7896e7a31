//! Test frameworks of other languages: googletest, ctest, Catch2, XCTest, .NET, PHPUnit, RSpec, minitest, bazel,
//! cypress, deno, bun and ExUnit. Rule: a name is taken whole, by the form in which its tool writes it; their counts
//! are read by [`super::test_counts`].

use super::line::{Line, between};
use super::{LineEvent, Scanner, Section};
use crate::reason::Reason;
use crate::sanitize::Location;
use crate::signal::{Finding, Kind, Occurrence, Tool};

pub(super) fn read(line: &Line<'_>, scanner: &mut Scanner) -> Option<LineEvent> {
    let body = line.body;
    match body.as_bytes()[0] {
        b'[' => google(body, scanner).or_else(|| xunit(body)),
        b'T' => xctest(body),
        b'F' if body.starts_with("Failed ") => dotnet(&body[7..]),
        b'/' if body.starts_with("//") => bazel(body),
        b'F' if body.starts_with("FAIL: //") => {
            let name = body[6..].split(' ').next()?;
            Some(LineEvent::Finding(
                Finding::new(Kind::FailedTest, Tool::Bazel, "").with_test(name).with_occurrence(Occurrence::Repeat),
            ))
        }
        _ if body.ends_with("....Failed") => {
            let hook = crate::sanitize::name(body.trim_end_matches("Failed").trim_end_matches('.'))?;
            Some(LineEvent::Finding(Finding::new(Kind::FailedStep, Tool::Unknown, "hook").with_subject(Some(hook))))
        }
        _ if body.ends_with(" FAILED") && ["(Linux", "(Windows", "(Mac"].iter().any(|os| body.contains(os)) => {
            let name = body.strip_suffix(" FAILED")?.split_once(") ")?.1;
            Some(LineEvent::OpenFinding(
                Finding::new(Kind::FailedTest, Tool::Unknown, "").with_test(name).with_occurrence(Occurrence::Repeat),
            ))
        }
        _ if body.ends_with(": FAILED:") => {
            let location = Location::read(body.strip_suffix(" FAILED:")?);
            let finding = Finding::new(Kind::FailedTest, Tool::Unknown, "").with_location(Some(location?));
            Some(LineEvent::Finding(finding.with_reason(Some(Reason::Assertion)).with_occurrence(Occurrence::Repeat)))
        }
        _ if body.ends_with(" | FAIL |") && !body.contains(" :: ") => {
            let name = body.strip_suffix(" | FAIL |")?;
            Some(LineEvent::OpenFinding(
                Finding::new(Kind::FailedTest, Tool::Unknown, "").with_test(name).with_occurrence(Occurrence::Repeat),
            ))
        }
        b'(' if body.starts_with("(fail) ") => bun(&body[7..], scanner),
        _ if body.starts_with("✗ ") && body.ends_with("ms]") => bun(&body["✗ ".len()..], scanner),
        _ if body.ends_with("ms)") && body.contains(" ... FAILED (") => {
            let name = body.split(" ... FAILED (").next()?;
            Some(LineEvent::Finding(
                Finding::new(Kind::FailedTest, Tool::Unknown, "").with_test(name).with_occurrence(Occurrence::Repeat),
            ))
        }
        _ if body.ends_with(|last: char| last.is_ascii_digit())
            && (body.contains(" => ./") || body.contains(" => file:")) =>
        {
            let (name, at) = body.split_once(" => ")?;
            let name = crate::sanitize::name(name)?;
            Some(LineEvent::Detail(name, Location::read(&format!("{}:", at.trim_start_matches("./")))))
        }
        b'r' if body.starts_with("rspec ") => rspec(&body[6..]),
        first if first.is_ascii_digit() => numbered(line, scanner),
        _ if scanner.section == Section::Numbered => after_number(body, scanner),
        _ => location_of_test(line, scanner),
    }
}

/// `[  FAILED  ] Cart.adds (0 ms)`; the list after the summary repeats it.
fn google(body: &str, scanner: &mut Scanner) -> Option<LineEvent> {
    let (state, rest) = body.strip_prefix('[')?.split_once("] ")?;
    let name = || rest.split([' ', ',']).next().unwrap_or_default().trim_end_matches('.');
    match state.trim() {
        "RUN" => {
            scanner.tool = Tool::Gtest;
            Some(LineEvent::Tool(Tool::Gtest))
        }
        "OK" => {
            scanner.tool = Tool::Gtest;
            Some(LineEvent::Passed(name().to_owned()))
        }
        "FAILED" if rest.contains(" test") && rest.contains("listed below") => {
            Some(LineEvent::FailedTests(name().parse().ok()?))
        }
        "FAILED" if name().contains('.') => {
            scanner.tool = Tool::Gtest;
            let finding =
                Finding::new(Kind::FailedTest, Tool::Gtest, "").with_test(name()).with_occurrence(Occurrence::Repeat);
            let note = scanner.last_place.take().filter(|_| rest.contains(" ms)"));
            Some(LineEvent::Finding(finding.with_location(note).with_reason(Some(Reason::Assertion))))
        }
        "PASSED" => Some(LineEvent::TestsSucceeded),
        "----------" | "==========" => Some(LineEvent::Tool(Tool::Gtest)),
        _ => None,
    }
}

/// `[xUnit.net 00:00:00.51]     Shop.CartTests.Adds [FAIL]`
fn xunit(body: &str) -> Option<LineEvent> {
    let rest = body.strip_prefix("[xUnit.net ")?.split_once(']')?.1.trim();
    let name = rest.strip_suffix(" [FAIL]")?;
    Some(LineEvent::OpenFinding(
        Finding::new(Kind::FailedTest, Tool::Dotnet, "").with_test(name).with_occurrence(Occurrence::Mention),
    ))
}

/// `Failed Shop.CartTests.Adds(n: 1) [12 ms]`
fn dotnet(rest: &str) -> Option<LineEvent> {
    let name = rest.strip_suffix(']')?.rsplit_once(" [").filter(|(_, time)| time.ends_with('s'))?.0;
    (name.contains('.') && !name.contains(" :")).then(|| {
        LineEvent::OpenFinding(
            Finding::new(Kind::FailedTest, Tool::Dotnet, "").with_test(name).with_occurrence(Occurrence::Report),
        )
    })
}

/// `cart > adds tax [0.52ms]`; the error is above it.
fn bun(rest: &str, scanner: &mut Scanner) -> Option<LineEvent> {
    let name = rest.rsplit_once(" [").map_or(rest, |(name, _)| name);
    let above = scanner.waiting.take_if(|finding| finding.kind != Kind::FailedTest);
    let location = above.as_ref().and_then(|finding| finding.place.clone()).or_else(|| scanner.last_place.take());
    let finding = Finding::new(Kind::FailedTest, Tool::Unknown, "").with_test(name).with_location(location);
    Some(LineEvent::Finding(
        finding
            .with_reason(above.and_then(|finding| Reason::of_test(&finding.message)))
            .with_occurrence(Occurrence::Repeat),
    ))
}

/// `Test Case '-[ShopTests.CartTests testAdds]' failed (0.1 seconds).`
fn xctest(body: &str) -> Option<LineEvent> {
    let rest = body.strip_prefix("Test Case '")?;
    let (name, state) = rest.split_once("' ")?;
    let name = name.trim_start_matches("-[").trim_end_matches(']');
    if state.starts_with("failed") {
        let finding =
            Finding::new(Kind::FailedTest, Tool::Swift, "").with_test(name).with_occurrence(Occurrence::Repeat);
        return Some(LineEvent::Finding(finding.with_reason(Some(Reason::Assertion))));
    }
    Some(if state.starts_with("passed") { LineEvent::Passed(name.to_owned()) } else { LineEvent::Tool(Tool::Swift) })
}

/// `//shop:cart_test   FAILED in 0.3s`, `//shop:cart_test FLAKY, failed in 1 out of 2 in 0.3s`
fn bazel(body: &str) -> Option<LineEvent> {
    let (name, state) = body.split_once(' ')?;
    let state = state.trim_start();
    let finding = |kind| Finding::new(kind, Tool::Bazel, "").with_test(name);
    if !name.contains(':') {
        return None;
    }
    Some(match state.split([' ', ',']).next()? {
        "FAILED" => LineEvent::Finding(finding(Kind::FailedTest).with_occurrence(Occurrence::Repeat)),
        "TIMEOUT" => LineEvent::Finding(
            finding(Kind::FailedTest).with_reason(Some(Reason::TimeLimit)).with_occurrence(Occurrence::Repeat),
        ),
        "FLAKY" => LineEvent::Flaky(finding(Kind::Flaky)),
        "PASSED" | "(cached)" => LineEvent::Passed(name.to_owned()),
        _ => return None,
    })
}

/// `rspec ./spec/cart_spec.rb:12 # Cart adds tax`, the command to run it again.
fn rspec(rest: &str) -> Option<LineEvent> {
    let (at, name) = rest.split_once(" # ")?;
    let example = at.trim_matches('\'');
    let location = Location::read(example).or_else(|| Location::new(example.split('[').next()?, None))?;
    let finding = Finding::new(Kind::FailedTest, Tool::Rspec, "").with_test(name).with_location(Some(location));
    let id = example.trim_start_matches("./");
    Some(LineEvent::Finding(
        finding.with_code(Some(id.to_owned())).with_reason(Some(Reason::Assertion)).with_occurrence(Occurrence::Repeat),
    ))
}

/// `1) App\Tests\CartTest::testAdds`, `  1) Failure:`, `  1) test adds (CartTest)`, `2/3 Test #2: adds ....***Failed`
fn numbered(line: &Line<'_>, scanner: &mut Scanner) -> Option<LineEvent> {
    let body = line.body;
    // `00:01 +3 -1: Cart adds tax [E]`
    if let Some(name) = body.strip_suffix(" [E]").and_then(|rest| rest.split_once(": ")).map(|(_, name)| name) {
        return Some(LineEvent::OpenFinding(
            Finding::new(Kind::FailedTest, Tool::Unknown, "").with_test(name).with_occurrence(Occurrence::Repeat),
        ));
    }
    if let Some((_, rest)) = body.split_once(" Test ").filter(|(number, _)| number.trim().contains('/')) {
        let (name, state) = rest.split_once(": ")?.1.split_once(' ')?;
        let failed = state.contains("***") && !state.contains("***Not Run");
        let late = state.contains("***Timeout").then_some(Reason::TimeLimit);
        let finding = Finding::new(Kind::FailedTest, Tool::Ctest, "").with_test(name).with_reason(late);
        scanner.tool = Tool::Ctest;
        return Some(if failed {
            LineEvent::Finding(finding.with_occurrence(Occurrence::Repeat))
        } else {
            LineEvent::Passed(name.to_owned())
        });
    }
    if let Some((name, state)) = body.split_once(" - ").and_then(|(_, rest)| rest.rsplit_once(" (")) {
        // The list after `The following tests FAILED:`.
        let number = body.split(' ').next()?;
        let known = matches!(state, "Failed)" | "Timeout)" | "SEGFAULT)" | "Child aborted)" | "Subprocess aborted)");
        if known && number.bytes().all(|byte| byte.is_ascii_digit()) {
            return Some(LineEvent::Finding(
                Finding::new(Kind::FailedTest, Tool::Ctest, "").with_test(name).with_occurrence(Occurrence::Repeat),
            ));
        }
    }
    let (number, rest) = body.split_once(") ")?;
    if !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    if rest == "Failure:" || rest == "Error:" {
        scanner.section = Section::Numbered;
        return Some(LineEvent::Ignored);
    }
    if let Some((class, method)) = rest.split_once("::").filter(|(class, _)| !class.contains(' ')) {
        let finding = Finding::new(Kind::FailedTest, Tool::Phpunit, "").with_test(&format!("{class}::{method}"));
        return Some(LineEvent::OpenFinding(finding.with_occurrence(Occurrence::Repeat)));
    }
    // ExUnit: the location is in the next line.
    let (name, module) = rest.strip_suffix(')')?.rsplit_once(" (")?;
    let known = (name.starts_with("test ") || name.starts_with("doctest ")) && !module.contains(' ');
    known.then(|| {
        LineEvent::OpenFinding(Finding::new(Kind::FailedTest, Tool::Unknown, "").with_test(&format!("{module} {name}")))
    })
}

/// `CartTest#test_adds [test/cart_test.rb:12]:`, after the number of a failure.
fn after_number(body: &str, scanner: &mut Scanner) -> Option<LineEvent> {
    scanner.section = Section::None;
    let name = body.trim_end_matches(':');
    let (name, location) = match name.split_once(" [") {
        Some((name, at)) => (name, Location::read(&at.replace(']', ":"))),
        None => (name, None),
    };
    let known = name.contains('#') && !name.contains(' ');
    let finding = || Finding::new(Kind::FailedTest, Tool::Minitest, "").with_test(name).with_location(location);
    known.then(|| LineEvent::OpenFinding(finding().with_reason(Some(Reason::Assertion))))
}

/// The location of the waiting failed test, as written by these tools.
fn location_of_test(line: &Line<'_>, scanner: &mut Scanner) -> Option<LineEvent> {
    let body = line.body;
    // googletest writes it before the name: `test/cart.cc:12: Failure`.
    if let Some(at) = body.strip_suffix(": Failure").or_else(|| body.strip_suffix(": error: Failure")) {
        scanner.last_place = Location::read(&format!("{at}:"));
        return Some(LineEvent::Ignored);
    }
    let finding = scanner.waiting.as_ref().filter(|finding| finding.kind == Kind::FailedTest)?;
    let location = match finding.tool {
        // `at Shop.CartTests.Adds() in /src/CartTests.cs:line 12`
        Tool::Dotnet => {
            let (file, line) = body.rsplit_once(" in ")?.1.rsplit_once(":line ")?;
            Location::new(file, line.trim().parse().ok())
        }
        Tool::Phpunit => Location::read(body)
            .filter(|location| location.file.ends_with(".php") && !location.file.contains("vendor/")),
        Tool::Minitest => between(body, "[", "]").and_then(|at| Location::read(&format!("{at}:"))),
        Tool::Unknown if body.contains(".exs:") => Location::read(&format!("{body}:")),
        // `test/cart_test.dart 12:5  main.<fn>`
        Tool::Unknown if body.contains(".dart ") => {
            let (file, at) = body.split_once(' ')?;
            Location::new(file, at.split(':').next()?.parse().ok())
        }
        _ => None,
    }?;
    Some(LineEvent::Location(location))
}
