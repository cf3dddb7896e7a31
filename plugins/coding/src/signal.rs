//! Findings and signals. Rule: a finding is one occurrence, a signal groups all occurrences of one fault; both contain
//! text that is safe to show, and of the log only a bounded, redacted excerpt for the model.

use serde::{Deserialize, Serialize};

use crate::reason::Reason;
use crate::sanitize::{self, Location};

/// The kind of a fault, by decreasing severity.
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
    /// A test that failed and passed in a rerun.
    Flaky,
    Lint,
    Warning,
}

/// The tool that reported it.
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
    /// The same value for tools that report the same tests.
    pub fn family(self) -> Self {
        match self {
            Self::Nextest => Self::Cargo,
            Self::Prove => Self::Tap,
            tool => tool,
        }
    }

    /// Its common name; none if it is unknown.
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

    /// True if it compiles, so that an error means a failed build.
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

    /// True if it checks types and builds nothing.
    pub fn checks_types(self) -> bool {
        matches!(self, Self::Mypy | Self::Pyright)
    }

    /// True if it belongs to node and npm.
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

/// How an occurrence relates to others of the same fault in one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occurrence {
    /// Counts each time.
    Each,
    /// A first mention, such as a line of progress; the report that follows does not count again.
    Mention,
    /// The report; counts unless a mention has been counted.
    Report,
    /// A repetition; counts only if nothing has been counted.
    Repeat,
}

/// One occurrence of a fault.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    pub kind: Kind,
    pub tool: Tool,
    /// False for a warning.
    pub error: bool,
    pub place: Option<Location>,
    /// The test, module, symbol or host concerned.
    pub subject: Option<String>,
    /// The crate, module, package or file of a test; the same name elsewhere is another test.
    pub target: Option<String>,
    /// The name for a command of the tool, if it differs from `subject`; empty if it is not safe there.
    pub exact: Option<String>,
    /// The tool's own code or rule, such as `E0308`.
    pub code: Option<String>,
    /// Set if the rule knows it; otherwise it is derived from the message.
    pub reason: Option<Reason>,
    /// Words of the log; for the fingerprint and the excerpt, never shown.
    pub message: String,
    #[serde(skip, default = "each")]
    pub occurrence: Occurrence,
}

fn each() -> Occurrence {
    Occurrence::Each
}

impl Finding {
    /// An error; lint, plain warnings and flaky tests count as warnings by default.
    pub fn new(kind: Kind, tool: Tool, message: &str) -> Self {
        let error = !matches!(kind, Kind::Lint | Kind::Warning | Kind::Flaky);
        let message = message.trim().to_owned();
        let (location, subject, target, exact, code, reason) = (None, None, None, None, None, None);
        Self {
            kind,
            tool,
            error,
            place: location,
            subject,
            target,
            exact,
            code,
            reason,
            message,
            occurrence: Occurrence::Each,
        }
    }

    pub fn with_location(mut self, location: Option<Location>) -> Self {
        self.place = location.or(self.place);
        self
    }

    pub fn with_subject(mut self, subject: Option<String>) -> Self {
        // The name of a basic type does not identify anything.
        self.subject = subject.filter(|name| !BASIC_TYPES.contains(&name.as_str())).or(self.subject);
        self
    }

    /// Sets a test by its name as the tool writes it: sanitised for display, complete for commands.
    pub fn with_test(mut self, raw: &str) -> Self {
        let raw = raw.trim();
        self = self.with_subject(sanitize::name(raw));
        if self.subject.as_deref() != Some(raw) {
            self.exact = Some(sanitize::exact(raw));
        }
        self
    }

    /// Sets the crate, module, package or file.
    pub fn with_target(mut self, target: Option<&str>) -> Self {
        self.target = target.map(|target| sanitize::flatten(target, 80)).or(self.target);
        self
    }

    pub fn with_code(mut self, code: Option<String>) -> Self {
        self.code = code.or(self.code);
        self
    }

    pub fn with_reason(mut self, reason: Option<Reason>) -> Self {
        self.reason = reason.or(self.reason);
        self
    }

    pub fn with_occurrence(mut self, occurrence: Occurrence) -> Self {
        self.occurrence = occurrence;
        self
    }

    pub fn with_error(mut self, error: bool) -> Self {
        self.error = error;
        self
    }

    /// Equal for all occurrences of one fault, whatever numbers, paths, addresses and durations the message contains.
    pub fn fingerprint(&self) -> u64 {
        let mut hash = Fnv1a::new();
        hash.add(&[self.kind as u8, self.tool.family() as u8, u8::from(self.error)]);
        match self.kind {
            // A test is one fault however it fails; lint is one per rule.
            Kind::FailedTest | Kind::Flaky | Kind::ImportError if self.subject.is_some() => {}
            Kind::Lint if self.code.is_some() => {
                hash.add(self.code.as_deref().unwrap_or_default().as_bytes());
                return hash.0;
            }
            Kind::FailedStep | Kind::OutOfMemory => {
                hash.add(self.code.as_deref().unwrap_or_default().as_bytes());
                hash_normalised(&mut hash, &self.message);
            }
            _ => {
                if let Some(location) = &self.place {
                    hash.add(location.file.as_bytes());
                    hash.add(&location.line.unwrap_or(0).to_le_bytes());
                }
                hash.add(self.code.as_deref().unwrap_or_default().as_bytes());
                hash_normalised(&mut hash, &self.message);
            }
        }
        hash.add(self.subject.as_deref().unwrap_or_default().as_bytes());
        hash.0
    }
}

/// All occurrences of one fault.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Signal {
    pub fingerprint: u64,
    pub kind: Kind,
    pub tool: Tool,
    pub error: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Location>,
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
    /// Arguments by which the tool selects the target of this test.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    pub count: u32,
    /// The test also passed in the same run; it still counts as failed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub wavers: bool,
    /// The test has passed since, in the same run.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub passed: bool,
    /// A mention has been counted and its report has not arrived yet.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub mentioned: bool,
    /// The version at which the signal was added; an answer of the model does not cover newer ones.
    pub since: u64,
    /// For the model: redacted words of the log.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub excerpt: String,
}

/// FNV-1a hash, 64 bits: the same in every build.
#[derive(Clone, Copy, Debug)]
pub struct Fnv1a(pub u64);

impl Fnv1a {
    pub fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    pub fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.mix(u64::from(*byte));
        }
        // Separates `ab` + `c` from `a` + `bc`.
        self.mix(0xff);
    }

    /// Adds one number.
    pub fn mix(&mut self, number: u64) {
        self.0 = (self.0 ^ number).wrapping_mul(0x0100_0000_01b3);
    }
}

impl Default for Fnv1a {
    fn default() -> Self {
        Self::new()
    }
}

/// Hashes the words without the parts that vary between occurrences.
fn hash_normalised(hash: &mut Fnv1a, message: &str) {
    for word in message.split_whitespace() {
        let is_path = word.contains('/') || word.contains('\\');
        // Numbers, addresses and durations (`3`, `0x7f`, `1.25s`, `12ms`) begin with a digit.
        let is_number = word
            .trim_start_matches(['(', '[', '<', '+', '-', '#', '\'', '"'])
            .starts_with(|letter: char| letter.is_ascii_digit());
        if is_path {
            hash.add(b"/");
        } else if is_number {
            hash.add(b"0");
        } else {
            let letters = word.bytes().filter(|byte| !byte.is_ascii_digit());
            letters.for_each(|byte| hash.mix(u64::from(byte.to_ascii_lowercase())));
            hash.mix(0xff);
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
            let location = Location::new("src/a.rs", Some(line));
            Finding::new(Kind::BuildError, Tool::Cargo, "mismatched types").with_location(location).fingerprint()
        };
        assert_eq!(at(1), at(1));
        assert_ne!(at(1), at(2));
    }
}
