//! Words of the trade. Rule: an identifier that had a name of our own has the field's now, and the name of our own does
//! not come back.

use super::{all_rust_files, code, names, none, read, shown};

/// What is not written any more, and what is written in its place.
const BANNED: [(&str, &str); 19] = [
    ("Desk", "AdminState"),
    ("Ear", "AudioInput"),
    ("Exporter", "ArchiveExporter"),
    ("Findings", "AsrResults"),
    ("House", "TestHost, or the name of the scene"),
    ("Keeper", "Worker"),
    ("Meters", "ConnectionMetrics"),
    ("Mouth", "Playback"),
    ("Puppet", "MockMode"),
    ("Roster", "DeviceDirectory"),
    ("Ruler", "EndpointSource"),
    ("SpareQueue", "FallbackQueue"),
    ("Sweeper", "JournalGc"),
    ("Tally", "CallStats"),
    ("Tape", "AudioBuffer"),
    ("begin_figures", "begin_metrics"),
    ("describe_figures", "describe_metrics"),
    ("enqueue_letter", "enqueue_delivery"),
    ("spare_queue", "fallback_queue"),
];

#[test]
fn identifiers_are_words_of_the_trade() {
    let mut faults = Vec::new();
    for file in all_rust_files() {
        if file.ends_with("structure/words.rs") {
            continue;
        }
        let text = without_strings(&code(&read(&file)));
        for (banned, wanted) in BANNED {
            if names(&text, banned) {
                faults.push(format!("{}: {banned}; write {wanted}", shown(&file)));
            }
        }
    }
    none(faults, "an identifier is a word that the field uses");
}

/// The text of a file without what stands between quotes: what a test says to a device is no identifier.
fn without_strings(text: &str) -> String {
    text.split('"').step_by(2).collect::<Vec<_>>().join("\"\"")
}
