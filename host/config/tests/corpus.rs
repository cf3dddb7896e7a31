//! Corpus texts of a configuration and their mutations. Rule: a text results in a document within all bounds, or in
//! readable diagnostics; never in a panic or an unbounded output.

use garde::Validate;
use modehost_config::{Diagnostics, Source};
use modehost_corpus::Corpus;
use schemars::JsonSchema;
use serde::Deserialize;

#[derive(Debug, Default, Deserialize, Validate, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Sample {
    #[garde(dive)]
    server: Server,
    #[garde(skip)]
    groups: std::collections::BTreeMap<String, Vec<String>>,
}

#[derive(Debug, Deserialize, Validate, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Server {
    #[garde(range(min = 1))]
    port: u16,
    #[garde(length(min = 1, max = 255))]
    host: String,
    #[garde(skip)]
    secret: Option<String>,
    #[garde(dive)]
    users: Vec<User>,
    #[garde(range(min = 1, max = 100))]
    share: u8,
}

impl Default for Server {
    fn default() -> Self {
        Self { port: 8004, host: "::".into(), secret: None, users: Vec::new(), share: 1 }
    }
}

#[derive(Debug, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
struct User {
    #[garde(length(min = 2))]
    name: String,
    #[garde(skip)]
    #[serde(default)]
    #[expect(dead_code, reason = "only its type matters")]
    age: u8,
}

/// The stack size of the main thread of a program.
const STACK: usize = 8 << 20;

fn with_stack(size: usize, work: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(size).spawn(work).expect("a thread");
    if let Err(panic) = thread.join() {
        std::panic::resume_unwind(panic);
    }
}

fn load(bytes: &[u8]) -> Result<Sample, Diagnostics> {
    let source = Source { embedded: ("built-in", "server: { port: 8004 }\n"), file: None, overrides: Vec::new() };
    let text = String::from_utf8_lossy(bytes);
    source.load_text::<Sample>("kept.yaml", &text).map(|loaded| loaded.document)
}

fn corpus() -> Corpus {
    Corpus::open(env!("CARGO_MANIFEST_DIR"), "text")
}

#[test]
fn a_text_is_a_sound_document_or_problems_that_can_be_read() {
    with_stack(STACK, || {
        corpus().keeps(|bytes| match load(bytes) {
            Ok(document) => {
                assert!(document.server.port >= 1 && (1..=100).contains(&document.server.share));
                assert!((1..=255).contains(&document.server.host.len()));
                assert!(document.server.users.iter().all(|user| user.name.chars().count() >= 2));
                assert!(document.groups.len() <= bytes.len());
            }
            Err(diagnostics) => {
                let shown = diagnostics.to_string();
                assert!(!shown.trim().is_empty());
                // Each key can be a diagnostic, and each is shown with its whole line.
                let max = 4096 + 16 * bytes.len() * (1 + bytes.iter().filter(|byte| **byte == b':').count());
                assert!(shown.len() <= max, "{} bytes of diagnostics", shown.len());
            }
        });
    });
}

#[test]
fn the_deepest_text_is_refused_on_the_stack_that_its_readers_are_given() {
    let deep = corpus().inputs().find(|(name, _)| *name == "abyss_of_maps").expect("kept").1.to_vec();
    with_stack(modehost_limits::WORKER_STACK_BYTES, move || assert!(load(&deep).is_err()));
}

/// The value of a secret does not appear in diagnostics about its surroundings.
#[test]
fn no_problem_of_a_kept_text_shows_a_secret() {
    with_stack(STACK, || {
        for (name, bytes) in corpus().inputs() {
            if let Err(diagnostics) = load(bytes) {
                assert!(!diagnostics.to_string().contains("hush-hush"), "{name}: {diagnostics}");
            }
        }
    });
}
