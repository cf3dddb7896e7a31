//! Whether the storage says of itself that it can keep what it is given. Rule: yes only while a
//! write of any size that is allowed would go through.

use std::sync::Arc;

use futures_lite::future::block_on;
use modehost_storage::traits::Documents;
use modehost_storage::{Config, SqliteStorage, StorageError};

fn open(dir: &std::path::Path) -> Arc<SqliteStorage> {
    SqliteStorage::open(&Config { dir: dir.to_owned(), max_mib: Some(1), ..Config::default() }).expect("open")
}

#[test]
fn a_full_database_is_told_and_room_makes_it_good_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let storage = open(folder.path());
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
    assert!(storage.take_trouble().is_some(), "the writer has met the limit");
    assert_eq!(storage.take_trouble(), None, "told once");
    let full = block_on(storage.probe()).expect_err("there is no room");
    assert!(full.to_string().contains("storage.max_mib"), "{full}");
    for key in stored.drain(..20) {
        block_on(storage.write(&key, 1, None)).expect("a removal needs no room");
    }
    assert_eq!(block_on(storage.probe()), Ok(()));
}

#[test]
fn what_is_probed_a_thousand_times_does_not_grow() {
    let folder = tempfile::tempdir().expect("a folder");
    let storage = open(folder.path());
    let size = || std::fs::metadata(folder.path().join("modehost.db")).expect("a file").len();
    block_on(storage.probe()).expect("room");
    for _ in 0..1_000 {
        block_on(storage.probe()).expect("room");
    }
    storage.shutdown();
    assert!(size() < 400 * 1024, "{}", size());
}
