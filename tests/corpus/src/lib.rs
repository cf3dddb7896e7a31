//! Regression inputs for the parsers of hostile bytes, kept in `<crate>/tests/corpus/<reader>/`, each named after what
//! is nasty in it, and random mutations of them. Rule: the property of a parser is one function that panics if it is
//! violated; it is checked for every kept input and every mutation alike.
//!
//! An input that once broke a parser is added to its directory.

use std::path::Path;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestRunner};

/// Minimum number of inputs; fewer mean that files have been lost.
const MIN_INPUTS: usize = 10;
/// Maximum size of an input; small, since all mutations start from them.
const MAX_INPUT_BYTES: usize = 64 * 1024;

/// The kept inputs of one parser.
#[derive(Clone, Debug)]
pub struct Corpus {
    /// Names and contents, in order of names.
    inputs: Vec<(String, Vec<u8>)>,
}

/// One mutation step.
#[derive(Clone, Debug)]
enum Mutation {
    Flip(Index, u8),
    Insert(Index, u8),
    Cut(Index, Index),
    /// Duplicates a range.
    Duplicate(Index, Index),
    /// Inserts a range of another input.
    Splice(Index, Index, Index, Index),
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let at = any::<Index>;
    prop_oneof![
        (at(), 0..8_u8).prop_map(|(at, bit)| Mutation::Flip(at, bit)),
        (at(), any::<u8>()).prop_map(|(at, byte)| Mutation::Insert(at, byte)),
        (at(), at()).prop_map(|(from, to)| Mutation::Cut(from, to)),
        (at(), at()).prop_map(|(from, to)| Mutation::Duplicate(from, to)),
        (at(), at(), at(), at()).prop_map(|(other, from, to, at)| Mutation::Splice(other, from, to, at)),
    ]
}

fn range(bytes: &[u8], one: Index, two: Index) -> std::ops::Range<usize> {
    let (one, two) = (one.index(bytes.len() + 1), two.index(bytes.len() + 1));
    one.min(two)..one.max(two)
}

impl Corpus {
    /// Reads all inputs; `crate_directory` is `env!("CARGO_MANIFEST_DIR")`.
    ///
    /// # Panics
    /// If the directory cannot be read, has too few inputs, or one that is too large.
    pub fn open(crate_directory: &str, reader: &str) -> Self {
        let directory = Path::new(crate_directory).join("tests/corpus").join(reader);
        let entries = std::fs::read_dir(&directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
        let mut inputs: Vec<(String, Vec<u8>)> = entries
            .map(|entry| {
                let path = entry.expect("an entry").path();
                let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
                assert!(bytes.len() <= MAX_INPUT_BYTES, "{} has more than {MAX_INPUT_BYTES} bytes", path.display());
                (path.file_name().unwrap_or_default().to_string_lossy().into_owned(), bytes)
            })
            .collect();
        inputs.sort();
        assert!(
            inputs.len() >= MIN_INPUTS,
            "{} has {} inputs, fewer than {MIN_INPUTS}",
            directory.display(),
            inputs.len()
        );
        Self { inputs }
    }

    /// The inputs by name.
    pub fn inputs(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.inputs.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice()))
    }

    /// Checks the property for every kept input, and then for as many mutations as proptest has cases.
    ///
    /// # Panics
    /// If it is violated, with the name of the input, or the minimal mutation.
    pub fn keeps(&self, property: impl Fn(&[u8])) {
        for (name, bytes) in self.inputs() {
            let _print_on_panic = PrintOnPanic(name);
            property(bytes);
        }
        // Kept inputs replace proptest's own files of failures.
        let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::default() });
        let outcome = runner.run(&self.mutated(), |bytes| {
            property(&bytes);
            Ok(())
        });
        outcome.unwrap_or_else(|error| panic!("{error}"));
    }

    /// Kept inputs after a few mutation steps.
    pub fn mutated(&self) -> impl Strategy<Value = Vec<u8>> + use<> {
        let inputs = self.inputs.clone();
        (any::<Index>(), vec(mutation(), 1..6)).prop_map(move |(start, mutations)| {
            let mut bytes = start.get(&inputs).1.clone();
            for mutation in mutations {
                apply(&mut bytes, &mutation, &inputs);
            }
            bytes.truncate(2 * MAX_INPUT_BYTES);
            bytes
        })
    }
}

fn apply(bytes: &mut Vec<u8>, mutation: &Mutation, inputs: &[(String, Vec<u8>)]) {
    match mutation {
        Mutation::Flip(at, bit) if !bytes.is_empty() => *at.get_mut(bytes) ^= 1 << bit,
        Mutation::Insert(at, byte) => bytes.insert(at.index(bytes.len() + 1), *byte),
        Mutation::Cut(from, to) => drop(bytes.drain(range(bytes, *from, *to))),
        Mutation::Duplicate(from, to) => {
            let range = range(bytes, *from, *to);
            let part = bytes[range.clone()].to_vec();
            bytes.splice(range.end..range.end, part);
        }
        Mutation::Splice(other, from, to, at) => {
            let other = &other.get(inputs).1;
            let part = other[range(other, *from, *to)].to_vec();
            let at = at.index(bytes.len() + 1);
            bytes.splice(at..at, part);
        }
        Mutation::Flip(..) => {}
    }
}

/// Prints the name of the input if its check panics.
struct PrintOnPanic<'n>(&'n str);

impl Drop for PrintOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the input is {}", self.0);
        }
    }
}
