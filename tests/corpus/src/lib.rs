//! Inputs for the readers of hostile bytes: those that are kept in `<crate>/tests/corpus/<reader>/`, each named after
//! what is nasty in it, and what chance makes of them. Rule: a reader's promise is one function that panics when it is
//! broken; it is asked of every kept input and of every mutation alike.
//!
//! An input that once broke a reader is put into its folder.

use std::path::Path;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestRunner};

/// A folder with fewer is one whose files have gone astray.
const FEWEST: usize = 10;
/// Kept inputs are small, since all mutations begin with them.
const LARGEST: usize = 64 * 1024;

/// The kept inputs of one reader.
#[derive(Clone, Debug)]
pub struct Corpus {
    /// Names and contents, in order of names.
    inputs: Vec<(String, Vec<u8>)>,
}

/// One change.
#[derive(Clone, Debug)]
enum Change {
    Flip(Index, u8),
    Put(Index, u8),
    Cut(Index, Index),
    /// A part of it twice.
    Double(Index, Index),
    /// A part of another input put in.
    Splice(Index, Index, Index, Index),
}

fn change() -> impl Strategy<Value = Change> {
    let at = any::<Index>;
    prop_oneof![
        (at(), 0..8_u8).prop_map(|(at, bit)| Change::Flip(at, bit)),
        (at(), any::<u8>()).prop_map(|(at, byte)| Change::Put(at, byte)),
        (at(), at()).prop_map(|(from, to)| Change::Cut(from, to)),
        (at(), at()).prop_map(|(from, to)| Change::Double(from, to)),
        (at(), at(), at(), at()).prop_map(|(other, from, to, at)| Change::Splice(other, from, to, at)),
    ]
}

fn range(bytes: &[u8], one: Index, two: Index) -> std::ops::Range<usize> {
    let (one, two) = (one.index(bytes.len() + 1), two.index(bytes.len() + 1));
    one.min(two)..one.max(two)
}

impl Corpus {
    /// Reads the folder whole; `crate_folder` is `env!("CARGO_MANIFEST_DIR")`.
    ///
    /// # Panics
    /// If it cannot be read, or has too few inputs or one that is too large.
    pub fn open(crate_folder: &str, reader: &str) -> Self {
        let folder = Path::new(crate_folder).join("tests/corpus").join(reader);
        let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let mut inputs: Vec<(String, Vec<u8>)> = entries
            .map(|entry| {
                let path = entry.expect("an entry").path();
                let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
                assert!(bytes.len() <= LARGEST, "{} has more than {LARGEST} bytes", path.display());
                (path.file_name().unwrap_or_default().to_string_lossy().into_owned(), bytes)
            })
            .collect();
        inputs.sort();
        assert!(inputs.len() >= FEWEST, "{} has {} inputs, fewer than {FEWEST}", folder.display(), inputs.len());
        Self { inputs }
    }

    /// The inputs by name.
    pub fn inputs(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.inputs.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice()))
    }

    /// Asks the promise of every kept input, and then of as many mutations as proptest has cases.
    ///
    /// # Panics
    /// If it is broken, with the name of the input, or the smallest mutation that was found.
    pub fn keeps(&self, promise: impl Fn(&[u8])) {
        for (name, bytes) in self.inputs() {
            let _named = Named(name);
            promise(bytes);
        }
        // Kept inputs take the place of proptest's own files of failures.
        let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::default() });
        let outcome = runner.run(&self.mutated(), |bytes| {
            promise(&bytes);
            Ok(())
        });
        outcome.unwrap_or_else(|error| panic!("{error}"));
    }

    /// Kept inputs with a few changes.
    pub fn mutated(&self) -> impl Strategy<Value = Vec<u8>> + use<> {
        let inputs = self.inputs.clone();
        (any::<Index>(), vec(change(), 1..6)).prop_map(move |(start, changes)| {
            let mut bytes = start.get(&inputs).1.clone();
            for change in changes {
                apply(&mut bytes, &change, &inputs);
            }
            bytes.truncate(2 * LARGEST);
            bytes
        })
    }
}

fn apply(bytes: &mut Vec<u8>, change: &Change, inputs: &[(String, Vec<u8>)]) {
    match change {
        Change::Flip(at, bit) if !bytes.is_empty() => *at.get_mut(bytes) ^= 1 << bit,
        Change::Put(at, byte) => bytes.insert(at.index(bytes.len() + 1), *byte),
        Change::Cut(from, to) => drop(bytes.drain(range(bytes, *from, *to))),
        Change::Double(from, to) => {
            let range = range(bytes, *from, *to);
            let part = bytes[range.clone()].to_vec();
            bytes.splice(range.end..range.end, part);
        }
        Change::Splice(other, from, to, at) => {
            let other = &other.get(inputs).1;
            let part = other[range(other, *from, *to)].to_vec();
            let at = at.index(bytes.len() + 1);
            bytes.splice(at..at, part);
        }
        Change::Flip(..) => {}
    }
}

/// Names the input when its promise is broken.
struct Named<'n>(&'n str);

impl Drop for Named<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the input is {}", self.0);
        }
    }
}
