//! Tests of other languages: googletest, ctest, Catch2, XCTest, .NET, PHPUnit, RSpec, minitest, bazel,
//! cypress, deno, bun and ExUnit. Rule: a name is taken whole, by the form in which its tool writes it;
//! their sums are read by the grammar of [`super::sums`].

use super::words::{Line, between};
use super::{Scan, Section, Seen};
use crate::piece::Place;
use crate::reason::Reason;
use crate::signal::{Finding, Kind, Sighting, Tool};

pub(super) fn read(line: &Line<'_>, scan: &mut Scan) -> Option<Seen> {
    let body = line.body;
    match body.as_bytes()[0] {
        b'[' => google(body, scan).or_else(|| xunit(body)),
        b'T' => xctest(body),
        b'F' if body.starts_with("Failed ") => dotnet(&body[7..]),
        b'/' if body.starts_with("//") => bazel(body),
        b'F' if body.starts_with("FAIL: //") => {
            let name = body[6..].split(' ').next()?;
            Some(Seen::Fault(Finding::new(Kind::FailedTest, Tool::Bazel, "").of_test(name).seen(Sighting::Again)))
        }
        _ if body.ends_with("....Failed") => {
            let hook = crate::piece::name(body.trim_end_matches("Failed").trim_end_matches('.'))?;
            Some(Seen::Fault(Finding::new(Kind::FailedStep, Tool::Unknown, "hook").about(Some(hook))))
        }
        _ if body.ends_with(" FAILED") && ["(Linux", "(Windows", "(Mac"].iter().any(|os| body.contains(os)) => {
            let name = body.strip_suffix(" FAILED")?.split_once(") ")?.1;
            Some(Seen::Head(Finding::new(Kind::FailedTest, Tool::Unknown, "").of_test(name).seen(Sighting::Again)))
        }
        _ if body.ends_with(": FAILED:") => {
            let place = Place::read(body.strip_suffix(" FAILED:")?);
            let finding = Finding::new(Kind::FailedTest, Tool::Unknown, "").at(Some(place?));
            Some(Seen::Fault(finding.because(Some(Reason::Assertion)).seen(Sighting::Again)))
        }
        _ if body.ends_with(" | FAIL |") && !body.contains(" :: ") => {
            let name = body.strip_suffix(" | FAIL |")?;
            Some(Seen::Head(Finding::new(Kind::FailedTest, Tool::Unknown, "").of_test(name).seen(Sighting::Again)))
        }
        b'(' if body.starts_with("(fail) ") => bun(&body[7..], scan),
        _ if body.starts_with("✗ ") && body.ends_with("ms]") => bun(&body["✗ ".len()..], scan),
        _ if body.ends_with("ms)") && body.contains(" ... FAILED (") => {
            let name = body.split(" ... FAILED (").next()?;
            Some(Seen::Fault(Finding::new(Kind::FailedTest, Tool::Unknown, "").of_test(name).seen(Sighting::Again)))
        }
        _ if body.ends_with(|last: char| last.is_ascii_digit())
            && (body.contains(" => ./") || body.contains(" => file:")) =>
        {
            let (name, at) = body.split_once(" => ")?;
            let name = crate::piece::name(name)?;
            Some(Seen::Detail(name, Place::read(&format!("{}:", at.trim_start_matches("./")))))
        }
        b'r' if body.starts_with("rspec ") => rspec(&body[6..]),
        first if first.is_ascii_digit() => numbered(line, scan),
        _ if scan.section == Section::Numbered => below_number(body, scan),
        _ => place_of_test(line, scan),
    }
}

/// `[  FAILED  ] Cart.adds (0 ms)`; the list behind the sum says the same again.
fn google(body: &str, scan: &mut Scan) -> Option<Seen> {
    let (state, rest) = body.strip_prefix('[')?.split_once("] ")?;
    let name = || rest.split([' ', ',']).next().unwrap_or_default().trim_end_matches('.');
    match state.trim() {
        "RUN" => {
            scan.tool = Tool::Gtest;
            Some(Seen::Tool(Tool::Gtest))
        }
        "OK" => {
            scan.tool = Tool::Gtest;
            Some(Seen::Passed(name().to_owned()))
        }
        "FAILED" if rest.contains(" test") && rest.contains("listed below") => Some(Seen::Sum(name().parse().ok()?)),
        "FAILED" if name().contains('.') => {
            scan.tool = Tool::Gtest;
            let finding = Finding::new(Kind::FailedTest, Tool::Gtest, "").of_test(name()).seen(Sighting::Again);
            let note = scan.last_place.take().filter(|_| rest.contains(" ms)"));
            Some(Seen::Fault(finding.at(note).because(Some(Reason::Assertion))))
        }
        "PASSED" => Some(Seen::Ran),
        "----------" | "==========" => Some(Seen::Tool(Tool::Gtest)),
        _ => None,
    }
}

/// `[xUnit.net 00:00:00.51]     Shop.CartTests.Adds [FAIL]`
fn xunit(body: &str) -> Option<Seen> {
    let rest = body.strip_prefix("[xUnit.net ")?.split_once(']')?.1.trim();
    let name = rest.strip_suffix(" [FAIL]")?;
    Some(Seen::Head(Finding::new(Kind::FailedTest, Tool::Dotnet, "").of_test(name).seen(Sighting::Mention)))
}

/// `Failed Shop.CartTests.Adds(n: 1) [12 ms]`
fn dotnet(rest: &str) -> Option<Seen> {
    let name = rest.strip_suffix(']')?.rsplit_once(" [").filter(|(_, time)| time.ends_with('s'))?.0;
    (name.contains('.') && !name.contains(" :"))
        .then(|| Seen::Head(Finding::new(Kind::FailedTest, Tool::Dotnet, "").of_test(name).seen(Sighting::Report)))
}

/// `cart > adds tax [0.52ms]`; what went wrong stands above it.
fn bun(rest: &str, scan: &mut Scan) -> Option<Seen> {
    let name = rest.rsplit_once(" [").map_or(rest, |(name, _)| name);
    let above = scan.waiting.take_if(|finding| finding.kind != Kind::FailedTest);
    let place = above.as_ref().and_then(|finding| finding.place.clone()).or_else(|| scan.last_place.take());
    let finding = Finding::new(Kind::FailedTest, Tool::Unknown, "").of_test(name).at(place);
    Some(Seen::Fault(
        finding.because(above.and_then(|finding| Reason::of_test(&finding.message))).seen(Sighting::Again),
    ))
}

/// `Test Case '-[ShopTests.CartTests testAdds]' failed (0.1 seconds).`
fn xctest(body: &str) -> Option<Seen> {
    let rest = body.strip_prefix("Test Case '")?;
    let (name, state) = rest.split_once("' ")?;
    let name = name.trim_start_matches("-[").trim_end_matches(']');
    if state.starts_with("failed") {
        let finding = Finding::new(Kind::FailedTest, Tool::Swift, "").of_test(name).seen(Sighting::Again);
        return Some(Seen::Fault(finding.because(Some(Reason::Assertion))));
    }
    Some(if state.starts_with("passed") { Seen::Passed(name.to_owned()) } else { Seen::Tool(Tool::Swift) })
}

/// `//shop:cart_test   FAILED in 0.3s`, `//shop:cart_test FLAKY, failed in 1 out of 2 in 0.3s`
fn bazel(body: &str) -> Option<Seen> {
    let (name, state) = body.split_once(' ')?;
    let state = state.trim_start();
    let finding = |kind| Finding::new(kind, Tool::Bazel, "").of_test(name);
    if !name.contains(':') {
        return None;
    }
    Some(match state.split([' ', ',']).next()? {
        "FAILED" => Seen::Fault(finding(Kind::FailedTest).seen(Sighting::Again)),
        "TIMEOUT" => Seen::Fault(finding(Kind::FailedTest).because(Some(Reason::TimeLimit)).seen(Sighting::Again)),
        "FLAKY" => Seen::Flaky(finding(Kind::Flaky)),
        "PASSED" | "(cached)" => Seen::Passed(name.to_owned()),
        _ => return None,
    })
}

/// `rspec ./spec/cart_spec.rb:12 # Cart adds tax`, which is how it is run again.
fn rspec(rest: &str) -> Option<Seen> {
    let (at, name) = rest.split_once(" # ")?;
    let example = at.trim_matches('\'');
    let place = Place::read(example).or_else(|| Place::new(example.split('[').next()?, None))?;
    let finding = Finding::new(Kind::FailedTest, Tool::Rspec, "").of_test(name).at(Some(place));
    let id = example.trim_start_matches("./");
    Some(Seen::Fault(finding.coded(Some(id.to_owned())).because(Some(Reason::Assertion)).seen(Sighting::Again)))
}

/// `1) App\Tests\CartTest::testAdds`, `  1) Failure:`, `  1) test adds (CartTest)`, `2/3 Test #2: adds ....***Failed`
fn numbered(line: &Line<'_>, scan: &mut Scan) -> Option<Seen> {
    let body = line.body;
    // `00:01 +3 -1: Cart adds tax [E]`
    if let Some(name) = body.strip_suffix(" [E]").and_then(|rest| rest.split_once(": ")).map(|(_, name)| name) {
        return Some(Seen::Head(Finding::new(Kind::FailedTest, Tool::Unknown, "").of_test(name).seen(Sighting::Again)));
    }
    if let Some((_, rest)) = body.split_once(" Test ").filter(|(number, _)| number.trim().contains('/')) {
        let (name, state) = rest.split_once(": ")?.1.split_once(' ')?;
        let failed = state.contains("***") && !state.contains("***Not Run");
        let late = state.contains("***Timeout").then_some(Reason::TimeLimit);
        let finding = Finding::new(Kind::FailedTest, Tool::Ctest, "").of_test(name).because(late);
        scan.tool = Tool::Ctest;
        return Some(if failed { Seen::Fault(finding.seen(Sighting::Again)) } else { Seen::Passed(name.to_owned()) });
    }
    if let Some((name, state)) = body.split_once(" - ").and_then(|(_, rest)| rest.rsplit_once(" (")) {
        // The list behind `The following tests FAILED:`.
        let number = body.split(' ').next()?;
        let known = matches!(state, "Failed)" | "Timeout)" | "SEGFAULT)" | "Child aborted)" | "Subprocess aborted)");
        if known && number.bytes().all(|byte| byte.is_ascii_digit()) {
            return Some(Seen::Fault(
                Finding::new(Kind::FailedTest, Tool::Ctest, "").of_test(name).seen(Sighting::Again),
            ));
        }
    }
    let (number, rest) = body.split_once(") ")?;
    if !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    if rest == "Failure:" || rest == "Error:" {
        scan.section = Section::Numbered;
        return Some(Seen::Noise);
    }
    if let Some((class, method)) = rest.split_once("::").filter(|(class, _)| !class.contains(' ')) {
        let finding = Finding::new(Kind::FailedTest, Tool::Phpunit, "").of_test(&format!("{class}::{method}"));
        return Some(Seen::Head(finding.seen(Sighting::Again)));
    }
    // ExUnit: the place stands in the next line.
    let (name, module) = rest.strip_suffix(')')?.rsplit_once(" (")?;
    let known = (name.starts_with("test ") || name.starts_with("doctest ")) && !module.contains(' ');
    known.then(|| Seen::Head(Finding::new(Kind::FailedTest, Tool::Unknown, "").of_test(&format!("{module} {name}"))))
}

/// `CartTest#test_adds [test/cart_test.rb:12]:`, behind the number of a failure.
fn below_number(body: &str, scan: &mut Scan) -> Option<Seen> {
    scan.section = Section::None;
    let name = body.trim_end_matches(':');
    let (name, place) = match name.split_once(" [") {
        Some((name, at)) => (name, Place::read(&at.replace(']', ":"))),
        None => (name, None),
    };
    let known = name.contains('#') && !name.contains(' ');
    let finding = || Finding::new(Kind::FailedTest, Tool::Minitest, "").of_test(name).at(place);
    known.then(|| Seen::Head(finding().because(Some(Reason::Assertion))))
}

/// The place of a failed test that waits for it, as these tools write it.
fn place_of_test(line: &Line<'_>, scan: &mut Scan) -> Option<Seen> {
    let body = line.body;
    // googletest writes it before the name: `test/cart.cc:12: Failure`.
    if let Some(at) = body.strip_suffix(": Failure").or_else(|| body.strip_suffix(": error: Failure")) {
        scan.last_place = Place::read(&format!("{at}:"));
        return Some(Seen::Noise);
    }
    let finding = scan.waiting.as_ref().filter(|finding| finding.kind == Kind::FailedTest)?;
    let place = match finding.tool {
        // `at Shop.CartTests.Adds() in /src/CartTests.cs:line 12`
        Tool::Dotnet => {
            let (file, line) = body.rsplit_once(" in ")?.1.rsplit_once(":line ")?;
            Place::new(file, line.trim().parse().ok())
        }
        Tool::Phpunit => {
            Place::read(body).filter(|place| place.file.ends_with(".php") && !place.file.contains("vendor/"))
        }
        Tool::Minitest => between(body, "[", "]").and_then(|at| Place::read(&format!("{at}:"))),
        Tool::Unknown if body.contains(".exs:") => Place::read(&format!("{body}:")),
        // `test/cart_test.dart 12:5  main.<fn>`
        Tool::Unknown if body.contains(".dart ") => {
            let (file, at) = body.split_once(' ')?;
            Place::new(file, at.split(':').next()?.parse().ok())
        }
        _ => None,
    }?;
    Some(Seen::Place(place))
}
