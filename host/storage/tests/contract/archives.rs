//! Archives: retention, replacement, journals owned by entries, and files that are due. Rule: each case uses keys of
//! its own, since the store may be shared.

use modehost_storage::traits::{ArchiveEntry, Archives, DueExport, Exports, JournalPart, Journals};
use modehost_storage::{Config, StorageError};

use crate::{get, outcome};

fn entry(kind: &str, id: &str, at: u64) -> ArchiveEntry {
    let text = format!("# {id}").into();
    ArchiveEntry {
        kind: kind.into(),
        id: id.into(),
        title: "a title".into(),
        at,
        content: "{}".into(),
        text,
        journal: None,
        device: None,
    }
}

fn ids(archives: &dyn Archives, kind: &str, limit: u32) -> Vec<String> {
    get(archives.list(kind, limit)).iter().map(|entry| entry.id.to_string()).collect()
}

pub fn the_newest_are_kept_and_listed_first(archives: &dyn Archives) {
    get(archives.archive(entry("other-kind", "stays", 1), 1));
    for (id, at) in [("b", 20), ("d", 40), ("a", 10), ("c", 30)] {
        get(archives.archive(entry("kept", id, at), 3));
    }
    assert_eq!(ids(archives, "kept", 9), ["d", "c", "b"]);
    assert_eq!(ids(archives, "kept", 1), ["d"]);
    for (id, at) in [("e", 50), ("f", 60)] {
        get(archives.archive(entry("kept", id, at), 0));
    }
    assert_eq!(ids(archives, "kept", 9).len(), 5, "0 keeps all");
    assert_eq!(ids(archives, "other-kind", 9), ["stays"]);
}

pub fn each_device_has_its_own(archives: &dyn Archives) {
    let of = |device: &str, id: &str, at: u64| ArchiveEntry {
        device: modehost_ids::DeviceId::parse(device),
        ..entry("shared-kind", id, at)
    };
    for at in 1..=4 {
        for device in ["one", "two"] {
            get(archives.archive(of(device, &format!("{device}-{at}"), at), 2));
        }
    }
    get(archives.archive(of("three", "three-1", 1), 2));
    assert_eq!(ids(archives, "shared-kind", 9), ["two-4", "one-4", "two-3", "one-3", "three-1"]);
}

pub fn what_is_old_expires_with_its_journal(storage: &(impl Archives + Journals)) {
    get(storage.append("aged/a", 1, "{}".into()));
    get(storage.archive(with_journal("aged", "a", 10, "aged/a"), 0));
    get(storage.archive(entry("aged", "b", 1 << 60), 0));
    // The store may hold entries of other tests.
    while get(storage.expire(1 << 59)) > 0 {}
    assert_eq!(ids(storage, "aged", 9), ["b"]);
    assert_eq!(length(storage, "aged/a"), 0);
}

pub fn the_same_id_replaces(archives: &dyn Archives) {
    get(archives.archive(entry("replaced", "x", 1), 0));
    let newer = ArchiveEntry { title: "第二".into(), content: "{\"v\":2}".into(), ..entry("replaced", "x", 2) };
    get(archives.archive(newer.clone(), 0));
    assert_eq!(get(archives.list("replaced", 9)), [newer]);
}

fn with_journal(kind: &str, id: &str, at: u64, journal: &str) -> ArchiveEntry {
    let part = JournalPart { journal: journal.into(), member: "lines".into(), line: "- {text}".into() };
    ArchiveEntry { journal: Some(part), ..entry(kind, id, at) }
}

fn length(journals: &dyn Journals, journal: &str) -> usize {
    get(journals.read(journal, 0, u32::MAX)).len()
}

pub fn m7_a_journal_goes_with_its_entry(storage: &(impl Archives + Journals)) {
    for id in ["a", "b", "c"] {
        get(storage.append(&format!("goes/{id}"), 1, "{}".into()));
    }
    get(storage.archive(with_journal("goes", "a", 10, "goes/a"), 2));
    get(storage.archive(with_journal("goes", "b", 20, "goes/b"), 2));
    assert_eq!(get(storage.list("goes", 1)), [with_journal("goes", "b", 20, "goes/b")]);
    get(storage.archive(with_journal("goes", "c", 30, "goes/c"), 2));
    assert_eq!(ids(storage, "goes", 9), ["c", "b"]);
    assert_eq!(["goes/a", "goes/b", "goes/c"].map(|journal| length(storage, journal)), [0, 1, 1]);
    // A journal of that name starts over.
    assert_eq!(get(storage.append("goes/a", 2, "{}".into())), 1);
}

pub fn m7_an_entry_that_was_stored_is_there_whatever_its_clock_said(storage: &(impl Archives + Journals)) {
    for (id, at) in [("a", 100), ("b", 200)] {
        get(storage.archive(entry("back", id, at), 2));
    }
    // The clock has been set back since.
    get(storage.append("back/c", 1, "{}".into()));
    get(storage.archive(with_journal("back", "c", 10, "back/c"), 2));
    assert_eq!(ids(storage, "back", 9), ["b", "c"]);
    assert_eq!(length(storage, "back/c"), 1, "and so is its journal");
    // The same holds for one that is stored again.
    get(storage.archive(entry("back", "b", 5), 1));
    assert_eq!(ids(storage, "back", 9), ["b"]);
}

pub fn a_replaced_entry_gives_up_the_journal_that_nobody_has_any_more(storage: &(impl Archives + Journals)) {
    for journal in ["had/1", "had/2", "had/shared"] {
        get(storage.append(journal, 1, "{}".into()));
    }
    let lengths = || ["had/1", "had/2", "had/shared"].map(|journal| length(storage, journal));
    get(storage.archive(with_journal("had", "x", 1, "had/1"), 0));
    get(storage.archive(with_journal("had", "x", 2, "had/1"), 0));
    assert_eq!(lengths(), [1, 1, 1], "the same journal stays");
    get(storage.archive(with_journal("had", "x", 3, "had/2"), 0));
    assert_eq!(lengths(), [0, 1, 1]);
    get(storage.archive(entry("had", "x", 4), 0));
    assert_eq!(lengths(), [0, 0, 1]);
    get(storage.archive(with_journal("had", "y", 5, "had/shared"), 0));
    get(storage.archive(with_journal("had", "z", 6, "had/shared"), 0));
    get(storage.archive(entry("had", "y", 7), 0));
    assert_eq!(lengths(), [0, 0, 1], "another entry has it too");
    get(storage.archive(entry("had", "z", 8), 1));
    assert_eq!(lengths(), [0, 0, 0]);
}

pub fn names_that_cannot_name_files_are_refused(archives: &dyn Archives) {
    for (kind, id) in [("..", "x"), ("", "x"), ("A", "x"), ("log", "x"), ("k", ""), ("k", "../x"), ("k", "index")] {
        let error_text = outcome(archives.archive(entry(kind, id, 1), 0));
        assert!(matches!(error_text, Err(StorageError::Invalid(_))), "{kind}/{id}: {error_text:?}");
    }
}

fn due(exports: &dyn Exports, kind: &str) -> Vec<DueExport> {
    // The store may hold entries of other tests.
    let all = get(exports.due(None, u32::MAX));
    all.into_iter().filter(|due| &*due.kind == kind).collect()
}

pub fn files_are_due_until_they_have_followed(storage: &(impl Archives + Exports)) {
    let named = |kind: &str| due(storage, kind).iter().map(|due| due.id.to_string()).collect::<Vec<_>>();
    get(storage.archive(entry("files", "b", 1), 2));
    get(storage.archive(entry("files", "a", 2), 2));
    assert_eq!(named("files"), ["a", "b"]);
    let first = due(storage, "files");
    let behind = get(storage.due(Some(&first[0]), 1));
    assert_eq!(behind, [first[1].clone()], "pages follow each other");
    // An entry that changes again before its files are exported stays due.
    assert!(get(storage.is_current(&first[1])));
    get(storage.archive(entry("files", "b", 3), 2));
    assert!(!get(storage.is_current(&first[1])));
    get(storage.done(first));
    assert_eq!(named("files"), ["b"]);
    get(storage.done(due(storage, "files")));
    assert!(named("files").is_empty());
    // A removed entry is due, and can no longer be read.
    get(storage.archive(entry("files", "c", 4), 2));
    assert_eq!(named("files"), ["a", "c"]);
    assert_eq!(get(storage.entry("files", "a")), None);
    assert_eq!(get(storage.entry("files", "c")), Some((entry("files", "c", 4), Config::default().archive_keep)));
    get(storage.done(due(storage, "files")));
    assert_eq!(get(storage.mark_all_due("files")), 2);
    assert_eq!(named("files"), ["b", "c"]);
    assert!(get(storage.kinds()).iter().any(|kind| &**kind == "files"));
    assert_eq!(get(storage.ids("files")).len(), 2);
}
