//! What rules see in a log. Rule: a finding is one sighting, a signal is everything that was seen
//! of one fault; both hold pieces that may be shown, and of the log's own words a bounded,
//! redacted excerpt for the model alone.

use serde::{Deserialize, Serialize};

use crate::piece::{self, Place};
use crate::reason::Reason;

/// What kind of fault it is, the gravest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    OutOfMemory,
    DiskFull,
    Crash,
    ImportError,
    MissingCommand,
    Dependency,
    BuildError,
    FailedTest,
    Network,
    Timeout,
    Permission,
    FailedStep,
    OtherError,
    /// A test that failed and passed when it was run again.
    Flaky,
    Lint,
    Warning,
}

/// The tool that has told of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tool {
    #[default]
    Unknown,
    Cargo,
    Python,
    Pytest,
    Pip,
    Node,
    Jest,
    Vitest,
    Mocha,
    Npm,
    Tsc,
    Eslint,
    Go,
    Maven,
    Gradle,
    Javac,
    Gcc,
    Make,
    Ruff,
    Mypy,
    Docker,
    Junit,
    Tap,
    Ci,
    Nextest,
    Prove,
    Playwright,
    Dotnet,
    Swift,
    Phpunit,
    Rspec,
    Minitest,
    Ctest,
    Gtest,
    Bazel,
    Terraform,
    Git,
    Kubectl,
    Esbuild,
    Ansible,
    Pyright,
}

impl Tool {
    /// The same for tools that tell of the same tests.
    pub fn family(self) -> Self {
        match self {
            Self::Nextest => Self::Cargo,
            Self::Prove => Self::Tap,
            tool => tool,
        }
    }

    /// As people call it; none where it is not known.
    pub fn name(self) -> Option<&'static str> {
        Some(match self {
            Self::Unknown => return None,
            Self::Cargo => "cargo",
            Self::Python => "python",
            Self::Pytest => "pytest",
            Self::Pip => "pip",
            Self::Node => "node",
            Self::Jest => "jest",
            Self::Vitest => "vitest",
            Self::Mocha => "mocha",
            Self::Npm => "npm",
            Self::Tsc => "tsc",
            Self::Eslint => "eslint",
            Self::Go => "go",
            Self::Maven => "maven",
            Self::Gradle => "gradle",
            Self::Javac => "javac",
            Self::Gcc => "C/C++",
            Self::Make => "make",
            Self::Ruff => "ruff",
            Self::Mypy => "mypy",
            Self::Docker => "docker",
            Self::Junit => "JUnit XML",
            Self::Tap => "TAP",
            Self::Ci => "CI",
            Self::Nextest => "nextest",
            Self::Prove => "prove",
            Self::Playwright => "playwright",
            Self::Dotnet => "dotnet",
            Self::Swift => "swift",
            Self::Phpunit => "phpunit",
            Self::Rspec => "rspec",
            Self::Minitest => "minitest",
            Self::Ctest => "ctest",
            Self::Gtest => "gtest",
            Self::Bazel => "bazel",
            Self::Terraform => "terraform",
            Self::Git => "git",
            Self::Kubectl => "kubectl",
            Self::Esbuild => "esbuild",
            Self::Ansible => "ansible",
            Self::Pyright => "pyright",
        })
    }

    /// Whether it compiles something, so that its errors mean that nothing was built.
    pub fn builds(self) -> bool {
        matches!(
            self,
            Self::Cargo
                | Self::Go
                | Self::Maven
                | Self::Gradle
                | Self::Javac
                | Self::Gcc
                | Self::Make
                | Self::Tsc
                | Self::Docker
                | Self::Nextest
                | Self::Dotnet
                | Self::Swift
                | Self::Bazel
                | Self::Esbuild
        )
    }

    /// Whether it checks types and builds nothing.
    pub fn checks_types(self) -> bool {
        matches!(self, Self::Mypy | Self::Pyright)
    }

    /// Whether it belongs to node and npm.
    pub fn is_javascript(self) -> bool {
        matches!(
            self,
            Self::Node
                | Self::Jest
                | Self::Vitest
                | Self::Mocha
                | Self::Npm
                | Self::Tsc
                | Self::Eslint
                | Self::Playwright
                | Self::Esbuild
        )
    }
}

const BASIC_TYPES: [&str; 18] = [
    "string",
    "number",
    "boolean",
    "object",
    "undefined",
    "null",
    "any",
    "unknown",
    "never",
    "void",
    "str",
    "int",
    "float",
    "bool",
    "None",
    "bytes",
    "double",
    "char",
];

/// Whether a tool tells of the same fault more than once in one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sighting {
    /// Counts each time.
    Whole,
    /// A first mention, such as a line of progress; the report that follows does not count again.
    Mention,
    /// The report; counts unless a mention has been counted for it.
    Report,
    /// One more word about it; counts only where nothing was counted.
    Again,
}

/// One sighting of a fault.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    pub kind: Kind,
    pub tool: Tool,
    /// False for what is only a warning.
    pub error: bool,
    pub place: Option<Place>,
    /// The test, module, symbol or host that it is about.
    pub subject: Option<String>,
    /// The crate, module, package or file in which a test is; the same name elsewhere is another test.
    pub target: Option<String>,
    /// The name as the tool takes it in a command, where that is not `subject`; empty where it cannot
    /// stand in one.
    pub exact: Option<String>,
    /// The tool's own code or rule, such as `E0308`.
    pub code: Option<String>,
    /// Where the rule knows it; otherwise the words tell.
    pub reason: Option<Reason>,
    /// The log's own words; for the fingerprint and the excerpt, never for a person.
    pub message: String,
    #[serde(skip, default = "whole")]
    pub sighting: Sighting,
}

fn whole() -> Sighting {
    Sighting::Whole
}

impl Finding {
    /// An error; lint and plain warnings count as warnings until told otherwise.
    pub fn new(kind: Kind, tool: Tool, message: &str) -> Self {
        let error = !matches!(kind, Kind::Lint | Kind::Warning | Kind::Flaky);
        let message = message.trim().to_owned();
        let (place, subject, target, exact, code, reason) = (None, None, None, None, None, None);
        Self { kind, tool, error, place, subject, target, exact, code, reason, message, sighting: Sighting::Whole }
    }

    pub fn at(mut self, place: Option<Place>) -> Self {
        self.place = place.or(self.place);
        self
    }

    pub fn about(mut self, subject: Option<String>) -> Self {
        // The name of a basic type says nothing of where it went wrong.
        self.subject = subject.filter(|name| !BASIC_TYPES.contains(&name.as_str())).or(self.subject);
        self
    }

    /// A test by its name as the tool writes it: shown as far as it may be, whole in commands.
    pub fn of_test(mut self, raw: &str) -> Self {
        let raw = raw.trim();
        self = self.about(piece::name(raw));
        if self.subject.as_deref() != Some(raw) {
            self.exact = Some(piece::exact(raw));
        }
        self
    }

    /// In this crate, module, package or file.
    pub fn within(mut self, target: Option<&str>) -> Self {
        self.target = target.map(|target| piece::flatten(target, 80)).or(self.target);
        self
    }

    pub fn coded(mut self, code: Option<String>) -> Self {
        self.code = code.or(self.code);
        self
    }

    pub fn because(mut self, reason: Option<Reason>) -> Self {
        self.reason = reason.or(self.reason);
        self
    }

    pub fn seen(mut self, sighting: Sighting) -> Self {
        self.sighting = sighting;
        self
    }

    pub fn grave(mut self, error: bool) -> Self {
        self.error = error;
        self
    }

    /// The same for every sighting of one fault, whatever numbers, paths, addresses and durations
    /// its words have.
    pub fn fingerprint(&self) -> u64 {
        let mut sum = Sum::new();
        sum.add(&[self.kind as u8, self.tool.family() as u8, u8::from(self.error)]);
        match self.kind {
            // A test is one fault however it fails; lint is one for each rule.
            Kind::FailedTest | Kind::Flaky | Kind::ImportError if self.subject.is_some() => {}
            Kind::Lint if self.code.is_some() => {
                sum.add(self.code.as_deref().unwrap_or_default().as_bytes());
                return sum.0;
            }
            Kind::FailedStep | Kind::OutOfMemory => {
                sum.add(self.code.as_deref().unwrap_or_default().as_bytes());
                add_normal(&mut sum, &self.message);
            }
            _ => {
                if let Some(place) = &self.place {
                    sum.add(place.file.as_bytes());
                    sum.add(&place.line.unwrap_or(0).to_le_bytes());
                }
                sum.add(self.code.as_deref().unwrap_or_default().as_bytes());
                add_normal(&mut sum, &self.message);
            }
        }
        sum.add(self.subject.as_deref().unwrap_or_default().as_bytes());
        sum.0
    }
}

/// Everything that was seen of one fault.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Signal {
    pub fingerprint: u64,
    pub kind: Kind,
    pub tool: Tool,
    pub error: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exact: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// Arguments by which the tool selects what it is in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    pub count: u32,
    /// The test has passed in the same run, which does not make good that it failed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub wavers: bool,
    /// The test has passed since, in the same run.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub passed: bool,
    /// A mention has been counted whose report has not come yet.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub mentioned: bool,
    /// Counts the signals of a run; tells what a model's answer could not know of.
    pub since: u64,
    /// For the model: redacted words of the log.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub excerpt: String,
}

/// A sum that is the same in every build (FNV-1a, 64 bits).
#[derive(Clone, Copy, Debug)]
pub struct Sum(pub u64);

impl Sum {
    pub fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    pub fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.mix(u64::from(*byte));
        }
        // Keeps `ab` + `c` apart from `a` + `bc`.
        self.mix(0xff);
    }

    /// Adds one number.
    pub fn mix(&mut self, number: u64) {
        self.0 = (self.0 ^ number).wrapping_mul(0x0100_0000_01b3);
    }
}

impl Default for Sum {
    fn default() -> Self {
        Self::new()
    }
}

/// Adds the words without what changes from sighting to sighting.
fn add_normal(sum: &mut Sum, message: &str) {
    for word in message.split_whitespace() {
        let is_path = word.contains('/') || word.contains('\\');
        // Numbers, addresses and durations (`3`, `0x7f`, `1.25s`, `12ms`) begin with a digit.
        let is_number = word
            .trim_start_matches(['(', '[', '<', '+', '-', '#', '\'', '"'])
            .starts_with(|letter: char| letter.is_ascii_digit());
        if is_path {
            sum.add(b"/");
        } else if is_number {
            sum.add(b"0");
        } else {
            let letters = word.bytes().filter(|byte| !byte.is_ascii_digit());
            letters.for_each(|byte| sum.mix(u64::from(byte.to_ascii_lowercase())));
            sum.mix(0xff);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fingerprint(message: &str) -> u64 {
        Finding::new(Kind::OtherError, Tool::Unknown, message).fingerprint()
    }

    #[test]
    fn what_changes_between_sightings_does_not_count() {
        let first = fingerprint("worker 3 gave up after 1.25s at 0x7ffe12 in /tmp/a1/x.sock");
        assert_eq!(first, fingerprint("worker 17 gave up after 980ms at 0x55aa00 in /var/run/y.sock"));
        assert_ne!(first, fingerprint("worker 3 gave in after 1.25s at 0x7ffe12 in /tmp/a1/x.sock"));
    }

    #[test]
    fn the_place_counts() {
        let at = |line| {
            let place = Place::new("src/a.rs", Some(line));
            Finding::new(Kind::BuildError, Tool::Cargo, "mismatched types").at(place).fingerprint()
        };
        assert_eq!(at(1), at(1));
        assert_ne!(at(1), at(2));
    }
}
