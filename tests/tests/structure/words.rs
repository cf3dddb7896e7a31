//! Words of the trade. Rule: an identifier that had a name of our own has the field's now, and the name of our own does
//! not come back.

use super::{all_rust_files, code, names, none, read, shown};

/// What is not written any more, and what is written in its place.
const BANNED: [(&str, &str); 42] = [
    ("Afar", "RemotePolicy"),
    ("Ear", "AudioInput"),
    ("Elsewhere", "RemoteConfig"),
    ("Exporter", "ArchiveExporter"),
    ("Findings", "AsrResults"),
    ("FolderWatch", "DirectoryWatch"),
    ("Gist", "Intent"),
    ("HandOver", "BacklogDrain"),
    ("House", "TestHost, or the name of the scene"),
    ("Keeper", "Worker"),
    ("Kicked", "KickOutcome"),
    ("Letter", "OutgoingDelivery"),
    ("Meters", "ConnectionMetrics"),
    ("Missed", "DeliveryError"),
    ("Mouth", "Playback"),
    ("Puppet", "MockMode"),
    ("Roster", "DeviceDirectory"),
    ("Ruler", "EndpointSource"),
    ("Seats", "DeviceLimit"),
    ("SpareQueue", "FallbackQueue"),
    ("Sweeper", "JournalGc"),
    ("Tally", "CallStats"),
    ("Tape", "AudioBuffer"),
    ("Track", "ContractVersion"),
    ("WentBack", "RolledBack"),
    ("begin_figures", "begin_metrics"),
    ("came_from", "set_client_info"),
    ("deliver_letter", "deliver_with"),
    ("describe_figures", "describe_metrics"),
    ("end_roles", "end_all_roles"),
    ("enqueue_letter", "enqueue_delivery"),
    ("hears_all", "expect_through"),
    ("overhear", "observe"),
    ("part_with", "begin_forget"),
    ("place_of_mode", "index_of_mode"),
    ("put_in_order", "send_in_order"),
    ("run_apart", "run_on_own_thread"),
    ("spare_queue", "fallback_queue"),
    ("take_back", "cancel_output"),
    ("tell_senders", "send_receipts"),
    ("way_back", "rollback"),
    ("work_off", "process_work"),
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
