//! The readiness probe of the storage. Rule: it succeeds only while a write of any allowed size would succeed.

use std::sync::Arc;

use futures_lite::future::block_on;
use modehost_ids::DeviceId;
use modehost_storage::traits::{DeviceFacts, Devices, Documents, OfflineDelivery, OfflineQueue};
use modehost_storage::{Config, SqliteStorage, StorageError};

fn open(dir: &std::path::Path) -> Arc<SqliteStorage> {
    SqliteStorage::open(&Config { dir: dir.to_owned(), max_mib: 1, ..Config::default() }).expect("open")
}

#[test]
fn a_full_database_is_told_and_room_makes_it_good_again() {
    let directory = tempfile::tempdir().expect("a folder");
    let storage = open(directory.path());
    assert_eq!(block_on(storage.probe()), Ok(()));
    assert_eq!(block_on(Documents::read(&*storage, "")).map(|document| document.value), Ok(None), "it left something");
    let value: Arc<str> = "x".repeat(8_000).into();
    let mut stored = Vec::new();
    for count in 0..1_000 {
        let key = format!("d/{count}");
        match block_on(storage.write(&key, 0, Some(value.clone()))) {
            Ok(_) => stored.push(key),
            Err(StorageError::Unavailable(_)) => break,
            Err(error) => panic!("{error}"),
        }
    }
    assert!((20..200).contains(&stored.len()), "{}", stored.len());
    assert!(storage.take_write_failure().is_some(), "the writer has met the limit");
    assert_eq!(storage.take_write_failure(), None, "told once");
    let full = block_on(storage.probe()).expect_err("there is no room");
    assert!(full.to_string().contains("storage.max_mib"), "{full}");
    for key in stored.drain(..20) {
        block_on(storage.write(&key, 1, None)).expect("a removal needs no room");
    }
    assert_eq!(block_on(storage.probe()), Ok(()));
}

#[test]
fn what_is_probed_a_thousand_times_does_not_grow() {
    let directory = tempfile::tempdir().expect("a folder");
    let storage = open(directory.path());
    let size = || std::fs::metadata(directory.path().join("modehost.db")).expect("a file").len();
    block_on(storage.probe()).expect("room");
    for _ in 0..1_000 {
        block_on(storage.probe()).expect("room");
    }
    storage.shutdown();
    assert!(size() < 400 * 1024, "{}", size());
}

#[test]
fn what_has_expired_goes_where_there_is_no_room_though_nobody_comes() {
    let directory = tempfile::tempdir().expect("a folder");
    let storage = open(directory.path());
    let text: Arc<str> = "x".repeat(20_000).into();
    // Queued in 1970 for a millisecond: they have expired, and nothing has removed them.
    let mut taken = 0;
    for number in 0..1_000_u64 {
        let device = DeviceId::new(format!("d-{number}"));
        match block_on(storage.enqueue(&device, text.clone(), 1, 1)) {
            Ok(_) => taken += 1,
            Err(error) => {
                assert!(error.to_string().contains("storage.max_mib"), "{error}");
                break;
            }
        }
    }
    assert!((20..60).contains(&taken), "{taken}");
    let end = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while block_on(storage.probe()).is_err() {
        assert!(std::time::Instant::now() < end, "never ready again");
    }
    block_on(storage.enqueue(&DeviceId::new("new"), text, 1, 1)).expect("room");
}

#[test]
fn more_room_needs_no_restart() {
    let directory = tempfile::tempdir().expect("a folder");
    let storage = open(directory.path());
    let value: Arc<str> = "x".repeat(200_000).into();
    let refused =
        (0..100).find(|count| block_on(storage.write(&format!("d/{count}"), 0, Some(value.clone()))).is_err());
    assert!(refused.is_some(), "1 MiB never fills");
    storage.apply(&Config { max_mib: 8, ..Config::default() });
    block_on(storage.write("more", 0, Some(value))).expect("there is room");
}

#[test]
fn ten_thousand_devices_of_one_day_do_not_put_out_those_of_which_something_is_known() {
    let directory = tempfile::tempdir().expect("a folder");
    let storage = SqliteStorage::open(&Config { dir: directory.path().to_owned(), ..Config::default() }).expect("open");
    let known = DeviceId::new("known");
    let facts = DeviceFacts { knows_extensions: true, ..DeviceFacts::default() };
    block_on(storage.add_facts(&known, facts, 1)).expect("kept");
    let max = usize::try_from(modehost_storage::limits::DEVICE_FACTS).expect("a number");
    let mut seen = Vec::new();
    for number in 0..max + 2_000 {
        seen.push(storage.record_seen(&DeviceId::new(format!("d-{number}")), 2 + number as u64));
        if seen.len() == 2_000 {
            seen.drain(..).for_each(|reply| block_on(reply).expect("kept"));
        }
    }
    assert_eq!(block_on(storage.facts(&known)), Ok(facts));
    let delivery = |to: &str| OfflineDelivery {
        sender: known.clone(),
        receipt: None,
        receiver: DeviceId::new(to),
        payload: "x".into(),
        now: 1,
        ttl_ms: 1_000,
        allow_unknown_receiver: false,
    };
    assert!(
        matches!(block_on(storage.enqueue_delivery(delivery("d-0"))), Err(StorageError::QuotaExceeded(_))),
        "the oldest went"
    );
    block_on(storage.enqueue_delivery(delivery(&format!("d-{max}")))).expect("kept");
}
