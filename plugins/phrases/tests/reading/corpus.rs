//! The lines of the corpora. Rule: every file is read completely, and an invalid line fails the test.

use std::path::PathBuf;

use serde_json::Value;

/// All lines of the corpora whose file name is accepted, with the name of the file.
pub fn lines(accepts: impl Fn(&str) -> bool) -> Vec<(String, Value)> {
    let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let mut files: Vec<_> =
        std::fs::read_dir(&directory).expect("the corpora").flatten().map(|entry| entry.path()).collect();
    files.sort();
    let mut lines = Vec::new();
    for file in files {
        let name = file.file_stem().expect("a name").to_string_lossy().into_owned();
        if file.extension().is_none_or(|extension| extension != "jsonl") || !accepts(&name) {
            continue;
        }
        let text = std::fs::read_to_string(&file).expect("a corpus");
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            let line = serde_json::from_str(line).unwrap_or_else(|error| panic!("{}: {error}: {line}", file.display()));
            lines.push((name.clone(), line));
        }
    }
    lines
}
