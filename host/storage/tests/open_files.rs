//! C.20: the database is a path. Rule: what was acknowledged is found again at the next start, whatever was done to the
//! files while they were open; what cannot be found again is not acknowledged.

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

fn enqueue(storage: &SqliteStorage, text: &str) -> Result<u32, StorageError> {
    outcome(storage.enqueue(&DeviceId::new("dev"), text.into(), 1, LONG))
}

fn queued_payloads(storage: &SqliteStorage) -> Vec<String> {
    let waiting = outcome(storage.next_page(&DeviceId::new("dev"), 2)).expect("a read");
    waiting.iter().map(|message| message.payload.to_string()).collect()
}

fn rejection(storage: &SqliteStorage) -> String {
    match enqueue(storage, "lost") {
        Err(StorageError::Unavailable(why)) => why,
        other => panic!("it was taken: {other:?}"),
    }
}

fn rescue_copies(dir: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(dir).expect("a folder").flatten().map(|file| file.path());
    files.filter(|path| path.to_string_lossy().contains(".saved-")).collect()
}

#[test]
fn c20_a_database_that_is_removed_takes_nothing_more_and_what_it_held_is_saved() {
    let home = tempfile::tempdir().expect("a folder");
    let storage = open(home.path());
    enqueue(&storage, "one").expect("kept");
    fs::remove_file(home.path().join("modehost.db")).expect("removed");
    for _ in 0..3 {
        let why = rejection(&storage);
        assert!(why.contains("modehost.db was moved, removed or replaced"), "{why}");
    }
    assert!(outcome(storage.probe()).is_err(), "and it is not ready");
    assert!(storage.take_write_failure().is_some());
    // Running sessions go on with the open file.
    assert_eq!(queued_payloads(&storage), ["one"]);
    let copies = rescue_copies(home.path());
    assert_eq!(copies.len(), 1, "{copies:?}");
    storage.shutdown();

    // Follow the logged advice: put the copy in place and start.
    let other = tempfile::tempdir().expect("a folder");
    fs::copy(&copies[0], other.path().join("modehost.db")).expect("copied");
    assert_eq!(queued_payloads(&open(other.path())), ["one"]);
}

#[test]
fn c20_a_database_that_is_moved_away_and_back_goes_on() {
    let home = tempfile::tempdir().expect("a folder");
    let storage = open(home.path());
    enqueue(&storage, "one").expect("kept");
    let (here, away) = (home.path().join("modehost.db"), home.path().join("away.db"));
    fs::rename(&here, &away).expect("moved");
    rejection(&storage);
    fs::rename(&away, &here).expect("moved back");
    enqueue(&storage, "two").expect("kept");
    drop(storage);
    assert_eq!(queued_payloads(&open(home.path())), ["one", "two"]);
}

#[test]
fn c20_a_backup_that_is_put_in_its_place_is_left_alone_until_a_restart() {
    let home = tempfile::tempdir().expect("a folder");
    let other = tempfile::tempdir().expect("a folder");
    let backup = open(other.path());
    enqueue(&backup, "of the backup").expect("kept");
    drop(backup);
    let bytes = fs::read(other.path().join("modehost.db")).expect("a file");

    let storage = open(home.path());
    enqueue(&storage, "one").expect("kept");
    let here = home.path().join("modehost.db");
    fs::write(home.path().join("new"), &bytes).expect("written");
    fs::rename(home.path().join("new"), &here).expect("replaced");
    let why = rejection(&storage);
    assert!(why.contains("restart"), "{why}");
    // Even if the process is killed now.
    let wal = fs::metadata(home.path().join("modehost.db-wal")).map_or(0, |file| file.len());
    assert_eq!(wal, 0, "the old write-ahead file is empty");
    assert_eq!(fs::read(&here).expect("a file"), bytes, "nobody touches it");
    storage.shutdown();
    assert_eq!(fs::read(&here).expect("a file"), bytes, "nor at the end");
    // The content of the write-ahead log is not applied to the backup.
    assert_eq!(queued_payloads(&open(home.path())), ["of the backup"]);
    assert_eq!(rescue_copies(home.path()).len(), 1, "and what was there before is saved");
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
    enqueue(&storage, "one").expect("kept");
    std::os::unix::fs::symlink("two", at("new")).expect("a link");
    fs::rename(at("new"), at("data")).expect("turned");
    rejection(&storage);
    drop(storage);
    assert_eq!(queued_payloads(&open(&at("one"))), ["one"]);
    assert!(queued_payloads(&open(&at("data"))).is_empty());
}

#[test]
fn c20_a_write_ahead_file_that_is_removed_loses_nothing_acknowledged() {
    for end in ["-wal", "-shm"] {
        let home = tempfile::tempdir().expect("a folder");
        let storage = open(home.path());
        enqueue(&storage, "one").expect("kept");
        fs::remove_file(home.path().join(format!("modehost.db{end}"))).expect("removed");
        let why = rejection(&storage);
        assert!(why.contains(end), "{why}");
        // Simulates a kill: nothing is closed.
        let copy = tempfile::tempdir().expect("a folder");
        for file in fs::read_dir(home.path()).expect("a folder").flatten() {
            fs::copy(file.path(), copy.path().join(file.file_name())).expect("copied");
        }
        assert_eq!(queued_payloads(&open(copy.path())), ["one"], "{end}");
    }
}

#[test]
fn c20_a_lock_file_that_is_removed_is_made_anew() {
    let home = tempfile::tempdir().expect("a folder");
    let storage = open(home.path());
    fs::remove_file(home.path().join("modehost.lock")).expect("removed");
    enqueue(&storage, "one").expect("kept");
    let second = SqliteStorage::open(&Config { dir: home.path().into(), ..Config::default() });
    assert!(second.is_err(), "the folder is in use");
}

fn damage(outcome: Result<u32, StorageError>) -> String {
    match outcome {
        Err(error @ StorageError::Corrupt(_)) => error.to_string(),
        other => panic!("not called damaged: {other:?}"),
    }
}

/// As `cp` does: the same inode with other content.
fn overwrite(file: &Path, bytes: &[u8]) {
    use std::io::Write;
    let mut open = fs::File::options().write(true).truncate(true).open(file).expect("opens");
    open.write_all(bytes).and_then(|()| open.sync_all()).expect("written");
}

#[test]
fn c20_a_backup_that_is_copied_over_the_open_file_is_left_alone_until_a_restart() {
    let (home, other) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let backup = open(other.path());
    enqueue(&backup, "of the backup").expect("kept");
    drop(backup);
    let bytes = fs::read(other.path().join("modehost.db")).expect("a file");
    let storage = open(home.path());
    enqueue(&storage, "one").expect("kept");
    let here = home.path().join("modehost.db");
    overwrite(&here, &bytes);
    for _ in 0..3 {
        let why = match enqueue(&storage, "lost") {
            Err(StorageError::Unavailable(why)) => why,
            other => panic!("it was taken: {other:?}"),
        };
        assert!(why.contains("overwritten") && why.contains("restart"), "{why}");
    }
    assert!(outcome(storage.probe()).is_err(), "and it is not ready");
    storage.shutdown();
    assert_eq!(fs::read(&here).expect("a file"), bytes, "nobody writes to it, nor at the end");
    assert_eq!(queued_payloads(&open(home.path())), ["of the backup"]);
}

#[test]
fn a_file_that_is_damaged_under_the_running_server_is_called_so_and_takes_nothing_more() {
    let rubbish = b"this is no database, and never was one. ".repeat(2000);
    for bytes in [&b""[..], b"0123456789", &rubbish] {
        let home = tempfile::tempdir().expect("a folder");
        let storage = open(home.path());
        enqueue(&storage, "one").expect("kept");
        let here = home.path().join("modehost.db");
        overwrite(&here, bytes);
        let why = damage(enqueue(&storage, "lost"));
        assert!(why.contains("modehost.db is damaged") && why.contains("backup"), "{why}");
        damage(enqueue(&storage, "lost"));
        storage.shutdown();
        assert_eq!(fs::read(&here).expect("a file"), bytes, "left as it was");
    }
}

/// A closed storage of about two MiB; returns its file.
fn create_filled(dir: &Path) -> PathBuf {
    let storage = open(dir);
    for _ in 0..80 {
        enqueue(&storage, &"x".repeat(25_000)).expect("kept");
    }
    storage.shutdown();
    dir.join("modehost.db")
}

#[test]
fn a_page_that_is_overwritten_under_the_running_server_is_found_with_the_next_write() {
    use std::os::unix::fs::FileExt;
    let home = tempfile::tempdir().expect("a folder");
    let file = create_filled(home.path());
    let storage = open(home.path());
    enqueue(&storage, "good").expect("kept");
    let disk = fs::File::options().write(true).open(&file).expect("opens");
    let pages = disk.metadata().expect("a file").len() / 4096;
    // Every page, those of B-trees included.
    for page in 1..pages {
        disk.write_all_at(&[0x5A; 4096], page * 4096).expect("the damage");
    }
    let why = damage(enqueue(&storage, "lost"));
    assert!(why.contains("modehost.db is damaged"), "{why}");
}

#[test]
fn another_program_that_writes_by_way_of_the_engine_disturbs_nobody() {
    let home = tempfile::tempdir().expect("a folder");
    let storage = open(home.path());
    enqueue(&storage, "one").expect("kept");
    let other = rusqlite::Connection::open(home.path().join("modehost.db")).expect("the database");
    other.execute("UPDATE offline_queue SET ttl_ms = ttl_ms + 1", ()).expect("written");
    other.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |_| Ok(())).expect("checkpoint");
    enqueue(&storage, "two").expect("kept");
    // The same for a checkpoint without a change.
    other.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |_| Ok(())).expect("checkpoint");
    enqueue(&storage, "three").expect("kept");
    drop(other);
    enqueue(&storage, "four").expect("kept");
    assert_eq!(queued_payloads(&storage), ["one", "two", "three", "four"]);
}

#[test]
fn a_file_that_is_no_whole_database_is_called_damaged_at_the_start_at_any_size() {
    let whole = tempfile::tempdir().expect("a folder");
    let bytes = fs::read(create_filled(whole.path())).expect("a file");
    assert!(bytes.len() > 2_000_000, "{}", bytes.len());
    let middle = {
        let mut bytes = bytes.clone();
        let middle = bytes.len() / 2 / 4096 * 4096;
        bytes[middle..middle + 4096].fill(0x5A);
        bytes
    };
    let cases: [(&str, &[u8]); 6] = [
        ("one byte", b"x"),
        ("rubbish of ten bytes", b"0123456789"),
        ("a header that is cut", &bytes[..60]),
        ("a page that is cut", &bytes[..3000]),
        ("cut to a MB", &bytes[..1_000_000]),
        ("a page in the middle", &middle),
    ];
    for (case, bytes) in cases {
        let home = tempfile::tempdir().expect("a folder");
        let file = home.path().join("modehost.db");
        fs::write(&file, bytes).expect("written");
        let error_text = SqliteStorage::open(&Config { dir: home.path().into(), ..Config::default() }).map(drop);
        let error_text = error_text.expect_err(case).to_string();
        for word in ["modehost.db", "damaged", "backup"] {
            assert!(error_text.contains(word), "{case}: no {word:?} in {error_text}");
        }
        assert_eq!(fs::read(&file).expect("a file"), bytes, "{case}: left as it was");
    }
    let empty = tempfile::tempdir().expect("a folder");
    fs::write(empty.path().join("modehost.db"), "").expect("written");
    enqueue(&open(empty.path()), "one").expect("an empty file is a new database");
}

#[test]
fn a_large_file_is_looked_through_beside_the_first_work() {
    let home = tempfile::tempdir().expect("a folder");
    let storage = open(home.path());
    for number in 0..40 {
        let device = DeviceId::new(format!("dev-{number}"));
        outcome(storage.enqueue(&device, "x".repeat(500_000).into(), 1, LONG)).expect("kept");
    }
    // A B-tree that no write and no other read will touch.
    outcome(modehost_storage::traits::Journals::append(&*storage, "j", 1, "1".into())).expect("kept");
    storage.shutdown();
    let file = home.path().join("modehost.db");
    let page = {
        let database = rusqlite::Connection::open(&file).expect("the database");
        database
            .query_row("SELECT rootpage FROM sqlite_schema WHERE name = 'journal_entries'", (), |row| {
                row.get::<_, i64>(0)
            })
            .expect("a page")
    };
    use std::os::unix::fs::FileExt;
    let disk = fs::File::options().write(true).open(&file).expect("opens");
    assert!(disk.metadata().expect("a file").len() > 16 << 20);
    disk.write_all_at(&[0x5A; 4096], (page as u64 - 1) * 4096).expect("the damage");
    let storage = open(home.path());
    let end = std::time::Instant::now() + std::time::Duration::from_secs(60);
    let why = loop {
        match enqueue(&storage, "more") {
            Err(StorageError::Corrupt(why)) => break why,
            other => assert!(std::time::Instant::now() < end, "never found: {other:?}"),
        }
        std::thread::yield_now();
    };
    assert!(why.contains("modehost.db is damaged"), "{why}");
}
