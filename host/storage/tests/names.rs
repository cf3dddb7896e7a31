//! C.20: the database is a name. Rule: what was acknowledged is found again at the next start, whatever was
//! done to the files while they were open; what cannot be found again is not acknowledged.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use modehost_ids::DeviceId;
use modehost_storage::traits::OfflineQueue;
use modehost_storage::{Config, Reply, SqliteStorage, StorageError};

const LONG: u64 = 1_000_000_000;

fn outcome<T: Unpin>(reply: Reply<T>) -> Result<T, StorageError> {
    futures_lite::future::block_on(reply)
}

fn open(dir: &Path) -> Arc<SqliteStorage> {
    SqliteStorage::open(&Config { dir: dir.into(), ..Config::default() }).expect("a storage")
}

fn put(storage: &SqliteStorage, text: &str) -> Result<u32, StorageError> {
    outcome(storage.enqueue(&DeviceId::new("dev"), text.into(), 1, LONG))
}

fn kept(storage: &SqliteStorage) -> Vec<String> {
    let waiting = outcome(storage.waiting(&DeviceId::new("dev"), 2)).expect("a read");
    waiting.iter().map(|message| message.payload.to_string()).collect()
}

fn refusal(storage: &SqliteStorage) -> String {
    match put(storage, "lost") {
        Err(StorageError::Unavailable(why)) => why,
        other => panic!("it was taken: {other:?}"),
    }
}

fn copies(dir: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(dir).expect("a folder").flatten().map(|file| file.path());
    files.filter(|path| path.to_string_lossy().contains(".saved-")).collect()
}

#[test]
fn c20_a_database_that_is_removed_takes_nothing_more_and_what_it_held_is_saved() {
    let home = tempfile::tempdir().expect("a folder");
    let storage = open(home.path());
    put(&storage, "one").expect("kept");
    fs::remove_file(home.path().join("modehost.db")).expect("removed");
    for _ in 0..3 {
        let why = refusal(&storage);
        assert!(why.contains("modehost.db was moved, removed or replaced"), "{why}");
    }
    assert!(outcome(storage.probe()).is_err(), "and it is not ready");
    assert!(storage.take_trouble().is_some());
    // Sessions that live go on with what is open.
    assert_eq!(kept(&storage), ["one"]);
    let copies = copies(home.path());
    assert_eq!(copies.len(), 1, "{copies:?}");
    storage.shutdown();

    // As the line says: the copy in its place, and a start.
    let other = tempfile::tempdir().expect("a folder");
    fs::copy(&copies[0], other.path().join("modehost.db")).expect("copied");
    assert_eq!(kept(&open(other.path())), ["one"]);
}

#[test]
fn c20_a_database_that_is_moved_away_and_back_goes_on() {
    let home = tempfile::tempdir().expect("a folder");
    let storage = open(home.path());
    put(&storage, "one").expect("kept");
    let (here, away) = (home.path().join("modehost.db"), home.path().join("away.db"));
    fs::rename(&here, &away).expect("moved");
    refusal(&storage);
    fs::rename(&away, &here).expect("moved back");
    put(&storage, "two").expect("kept");
    drop(storage);
    assert_eq!(kept(&open(home.path())), ["one", "two"]);
}

#[test]
fn c20_a_backup_that_is_put_in_its_place_is_left_alone_until_a_restart() {
    let home = tempfile::tempdir().expect("a folder");
    let other = tempfile::tempdir().expect("a folder");
    let backup = open(other.path());
    put(&backup, "of the backup").expect("kept");
    drop(backup);
    let bytes = fs::read(other.path().join("modehost.db")).expect("a file");

    let storage = open(home.path());
    put(&storage, "one").expect("kept");
    let here = home.path().join("modehost.db");
    fs::write(home.path().join("new"), &bytes).expect("written");
    fs::rename(home.path().join("new"), &here).expect("replaced");
    let why = refusal(&storage);
    assert!(why.contains("restart"), "{why}");
    // Even if the process is killed now.
    let wal = fs::metadata(home.path().join("modehost.db-wal")).map_or(0, |file| file.len());
    assert_eq!(wal, 0, "the old write-ahead file is empty");
    assert_eq!(fs::read(&here).expect("a file"), bytes, "nobody touches it");
    storage.shutdown();
    assert_eq!(fs::read(&here).expect("a file"), bytes, "nor at the end");
    // What waited in the write-ahead file is not taken for a part of the backup.
    assert_eq!(kept(&open(home.path())), ["of the backup"]);
    assert_eq!(copies(home.path()).len(), 1, "and what was there before is saved");
}

#[test]
fn c20_a_data_folder_behind_a_link_that_is_turned_is_another() {
    let home = tempfile::tempdir().expect("a folder");
    let at = |name: &str| home.path().join(name);
    for name in ["one", "two"] {
        fs::create_dir(at(name)).expect("a folder");
    }
    std::os::unix::fs::symlink("one", at("data")).expect("a link");
    let storage = open(&at("data"));
    put(&storage, "one").expect("kept");
    std::os::unix::fs::symlink("two", at("new")).expect("a link");
    fs::rename(at("new"), at("data")).expect("turned");
    refusal(&storage);
    drop(storage);
    assert_eq!(kept(&open(&at("one"))), ["one"]);
    assert!(kept(&open(&at("data"))).is_empty());
}

#[test]
fn c20_a_write_ahead_file_that_is_removed_loses_nothing_acknowledged() {
    for end in ["-wal", "-shm"] {
        let home = tempfile::tempdir().expect("a folder");
        let storage = open(home.path());
        put(&storage, "one").expect("kept");
        fs::remove_file(home.path().join(format!("modehost.db{end}"))).expect("removed");
        let why = refusal(&storage);
        assert!(why.contains(end), "{why}");
        // The process is killed: nobody closes anything.
        let copy = tempfile::tempdir().expect("a folder");
        for file in fs::read_dir(home.path()).expect("a folder").flatten() {
            fs::copy(file.path(), copy.path().join(file.file_name())).expect("copied");
        }
        assert_eq!(kept(&open(copy.path())), ["one"], "{end}");
    }
}

#[test]
fn c20_a_lock_file_that_is_removed_is_made_anew() {
    let home = tempfile::tempdir().expect("a folder");
    let storage = open(home.path());
    fs::remove_file(home.path().join("modehost.lock")).expect("removed");
    put(&storage, "one").expect("kept");
    let second = SqliteStorage::open(&Config { dir: home.path().into(), ..Config::default() });
    assert!(second.is_err(), "the folder is in use");
}
