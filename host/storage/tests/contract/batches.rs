//! Batches: the writes of a session and its record, in one step. Rule: each case uses keys of its own, since the store
//! may be shared.

use modehost_ids::{DeviceId, SessionId};
use modehost_storage::StorageError;
use modehost_storage::traits::{
    ArchiveEntry, Archives, Author, Batch, Document, Documents, Journals, Sessions, StoredSession, Write, WriteOutcome,
    WriteResult,
};

use crate::{get, outcome};

/// All traits that a batch writes to.
pub trait All: Sessions + Documents + Journals + Archives {}

impl<S: Sessions + Documents + Journals + Archives> All for S {}

fn author(device: &str) -> Author {
    Author { session: SessionId::new(format!("session of {device}")), device: DeviceId::new(device) }
}

fn record(device: &str, segments: u64) -> StoredSession {
    let Author { session, device } = author(device);
    let (mode, handlers) = (None, Vec::new());
    StoredSession { device, session, mode, saved_at: 1, unfinished: false, segments, turns: 0, handlers }
}

fn batch(device: &str, writes: Vec<Write>, segments: u64) -> Batch {
    Batch { author: author(device), writes, record: Some(record(device, segments)), epoch: None }
}

fn write(key: &str, expected: u64, value: &str) -> Write {
    Write::Document { key: key.into(), expected, value: Some(value.into()) }
}

fn append(journal: &str, entry: &str) -> Write {
    Write::Append { journal: journal.into(), at: 1, entry: entry.into() }
}

fn archive(kind: &str, id: &str) -> Write {
    let (title, content, text) = ("t".into(), "{}".into(), "".into());
    let entry =
        ArchiveEntry { kind: kind.into(), id: id.into(), title, at: 1, content, text, journal: None, device: None };
    Write::Archive { entry, keep: 0 }
}

fn entries(storage: &impl All, journal: &str) -> Vec<String> {
    let entries = get(Journals::read(storage, journal, 0, 100));
    entries.iter().map(|entry| entry.value.to_string()).collect()
}

fn segments(storage: &impl All, device: &str) -> Option<u64> {
    get(storage.load(&DeviceId::new(device))).map(|record| record.segments)
}

pub fn each_write_has_its_outcome_in_the_order_of_the_batch(storage: &impl All) {
    let writes = vec![
        append("batch/order", "1"),
        write("batch-order", 0, "1"),
        append("batch/order", "2"),
        // A write sees the earlier writes of its batch.
        write("batch-order", 1, "2"),
        archive("batch-order", "a"),
        append("batch/gone", "1"),
        Write::RemoveJournal { journal: "batch/gone".into() },
    ];
    let outcomes = get(storage.commit(batch("order", writes, 7)));
    let expected = [
        WriteResult::Appended(1),
        WriteResult::Document(WriteOutcome::Done(1)),
        WriteResult::Appended(2),
        WriteResult::Document(WriteOutcome::Done(2)),
        WriteResult::Done,
        WriteResult::Appended(1),
        WriteResult::Done,
    ];
    assert_eq!(outcomes, expected);
    assert_eq!(entries(storage, "batch/order"), ["1", "2"]);
    assert!(entries(storage, "batch/gone").is_empty());
    assert_eq!(get(Documents::read(storage, "batch-order")).value.as_deref(), Some("2"));
    assert_eq!(get(storage.list("batch-order", 9)).len(), 1);
    assert_eq!(segments(storage, "order"), Some(7));
}

pub fn a_conflict_is_an_outcome_and_the_rest_is_stored(storage: &impl All) {
    get(Documents::write(storage, "batch-conflict", 0, Some("1".into())));
    let writes = vec![append("batch/conflict", "1"), write("batch-conflict", 0, "2"), archive("batch-conflict", "a")];
    let outcomes = get(storage.commit(batch("conflict", writes, 1)));
    let stands = Document { key: "batch-conflict".into(), version: 1, value: Some("1".into()) };
    assert_eq!(outcomes[1], WriteResult::Document(WriteOutcome::Conflict(stands)));
    assert_eq!(entries(storage, "batch/conflict"), ["1"]);
    assert_eq!(get(storage.list("batch-conflict", 9)).len(), 1);
    assert_eq!(segments(storage, "conflict"), Some(1));
}

pub fn what_cannot_be_stored_leaves_nothing_of_its_batch(storage: &impl All) {
    get(storage.commit(batch("whole", vec![append("batch/whole", "1")], 1)));
    let long = "k".repeat(10_000);
    for bad in [archive("batch-whole", "../a"), write(&long, 0, "1"), append(&long, "1")] {
        let writes = vec![append("batch/whole", "2"), write("batch-whole", 0, "1"), bad.clone()];
        let refused = outcome(storage.commit(batch("whole", writes, 2)));
        assert!(matches!(refused, Err(StorageError::Invalid(_))), "{bad:?}: {refused:?}");
        assert_eq!(entries(storage, "batch/whole"), ["1"], "{bad:?}");
        assert_eq!(get(Documents::read(storage, "batch-whole")).version, 0, "{bad:?}");
        assert_eq!(segments(storage, "whole"), Some(1), "{bad:?}");
    }
}

pub fn a_batch_may_be_a_record_alone_or_leave_it_as_it_is(storage: &impl All) {
    assert_eq!(get(storage.commit(Batch::of(record("alone", 1)))), []);
    assert_eq!(segments(storage, "alone"), Some(1));
    let writes = vec![append("batch/alone", "1")];
    let outcomes = get(storage.commit(Batch { author: author("alone"), writes, record: None, epoch: None }));
    assert_eq!(outcomes, [WriteResult::Appended(1)]);
    assert_eq!(segments(storage, "alone"), Some(1));
}

pub fn a_journal_of_a_batch_is_needed_as_long_as_its_session_is_stored(storage: &impl All) {
    get(storage.commit(batch("needs", vec![append("batch/needed", "1")], 1)));
    let sweep = || {
        let mut from = Some(0);
        while let Some(place) = from {
            from = get(storage.sweep(place, 2)).next;
        }
    };
    sweep();
    assert_eq!(entries(storage, "batch/needed"), ["1"]);
    get(Sessions::remove(storage, &DeviceId::new("needs"), None));
    sweep();
    assert!(entries(storage, "batch/needed").is_empty());
}

pub fn batches_of_many_sessions_do_not_mix(storage: &(impl All + Sync)) {
    const ROUNDS: u64 = 20;
    std::thread::scope(|scope| {
        for number in 0..8 {
            scope.spawn(move || {
                let device = format!("many-{number}");
                let journal = format!("batch/many-{number}");
                for round in 1..=ROUNDS {
                    let read = get(Documents::read(storage, "batch-many"));
                    let writes = vec![append(&journal, "1"), write("batch-many", read.version, "1")];
                    let outcomes = get(storage.commit(batch(&device, writes, round)));
                    assert_eq!(outcomes[0], WriteResult::Appended(round));
                }
                assert_eq!(segments(storage, &device), Some(ROUNDS));
                assert_eq!(entries(storage, &journal).len() as u64, ROUNDS);
            });
        }
    });
}
