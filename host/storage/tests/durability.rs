//! Durability: a kill at any moment, a full disk, a locked, newer or damaged file.
//!
//! Rule: an acknowledged write survives a kill; every write that failed is reported.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::{Duration, Instant};

use modehost_ids::{DeviceId, SessionId};
use modehost_storage::limits;
use modehost_storage::traits::{
    Batch, Document, Documents, Journals, OfflineQueue, Sessions, StoredSession, Write, WriteOutcome, WriteResult,
};
use modehost_storage::{Config, OpenError, Reply, SqliteStorage, StorageError};

const CHILD_DIR: &str = "MODEHOST_TEST_CHILD_DIR";
const CHILD_WRITERS: u64 = 8;

fn outcome<T: Unpin>(reply: Reply<T>) -> Result<T, StorageError> {
    futures_lite::future::block_on(reply)
}

fn get<T: Unpin>(reply: Reply<T>) -> T {
    outcome(reply).expect("an answer")
}

fn open(dir: &Path) -> Result<Arc<SqliteStorage>, OpenError> {
    SqliteStorage::open(&Config { dir: dir.into(), ..Config::default() })
}

/// The error message of an open that must fail.
fn open_error(dir: &Path) -> String {
    match open(dir) {
        Ok(_) => panic!("the storage opened"),
        Err(error) => error.to_string(),
    }
}

/// Not a test: the child process of [`kill_nine_loses_nothing_acknowledged`].
#[test]
#[ignore = "started by another test as a process of its own"]
fn child_that_appends() {
    let Ok(dir) = std::env::var(CHILD_DIR) else { return };
    let storage = open(Path::new(&dir)).expect("a storage");
    println!();
    std::thread::scope(|scope| {
        for writer in 0..CHILD_WRITERS {
            let storage = storage.clone();
            scope.spawn(move || {
                let (journal, key) = (format!("journal-{writer}"), format!("document-{writer}"));
                let mut version = get(Documents::read(&*storage, &key)).version;
                loop {
                    let sequence = get(storage.append(&journal, version, format!("{{\"n\":{version}}}").into()));
                    let WriteOutcome::Done(next) = get(Documents::write(&*storage, &key, version, Some("1".into())))
                    else {
                        panic!("nobody else writes this document");
                    };
                    version = next;
                    println!("ack {writer} {sequence} {version}");
                }
            });
        }
    });
}

/// Kills the child when the test ends early.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs a test of this file as a child process, kills it after `kill_after` acknowledgements, and calls `seen` with the
/// numbers of each acknowledgement.
fn run_and_kill(child: &str, dir: &Path, kill_after: usize, mut seen: impl FnMut(&[u64])) {
    let child = Command::new(std::env::current_exe().expect("this test"))
        .args([child, "--exact", "--ignored", "--nocapture"])
        .env(CHILD_DIR, dir)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("a child");
    let mut child = Killed(child);
    let mut lines = BufReader::new(child.0.stdout.take().expect("its output")).lines();
    let (mut acknowledged, mut killed) = (0, false);
    // After the kill, what the child had printed before is read to the end: it counts too.
    while let Some(Ok(line)) = lines.next() {
        let mut words = line.split(' ');
        // The very last line may be cut off by the kill.
        let numbers: Result<Vec<u64>, _> = words.by_ref().skip(1).map(str::parse).collect();
        let Ok(numbers) = numbers else { continue };
        if !line.starts_with("ack ") || numbers.len() != 3 {
            continue;
        }
        seen(&numbers);
        acknowledged += 1;
        if acknowledged >= kill_after && !killed {
            child.0.kill().expect("SIGKILL");
            killed = true;
        }
    }
    assert!(killed, "the child ended by itself after {acknowledged} acknowledgements");
    child.0.wait().expect("its end");
}

#[test]
fn kill_nine_loses_nothing_acknowledged() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut acknowledged = vec![(0, 0); CHILD_WRITERS as usize];
    for round in 0..4 {
        run_and_kill("child_that_appends", dir.path(), 300 + round * 57, |numbers| {
            let last: &mut (u64, u64) = &mut acknowledged[numbers[0] as usize];
            *last = (last.0.max(numbers[1]), last.1.max(numbers[2]));
        });
        let storage = open(dir.path()).expect("a storage after the kill");
        for (writer, (sequence, version)) in acknowledged.iter().enumerate() {
            let entries = get(Journals::read(&*storage, &format!("journal-{writer}"), 0, u32::MAX));
            assert!(entries.len() as u64 >= *sequence, "round {round}: {} entries of {sequence}", entries.len());
            assert!((1..).zip(&entries).all(|(number, entry)| entry.sequence == number), "round {round}: a gap");
            let document = get(Documents::read(&*storage, &format!("document-{writer}")));
            assert!(document.version >= *version, "round {round}: version {} of {version}", document.version);
        }
    }
}

/// A session record of the writer.
fn record(writer: u64, segments: u64) -> StoredSession {
    let (device, session) = (DeviceId::new(format!("device-{writer}")), SessionId::new(format!("session-{writer}")));
    let (mode, handlers) = (None, Vec::new());
    StoredSession { device, session, mode, saved_at: 1, unfinished: false, segments, turns: 0, handlers }
}

/// A batch whose parts all contain the same number.
fn batch(writer: u64, number: u64) -> Batch {
    let journal = format!("journal-{writer}").into();
    let key = format!("document-{writer}").into();
    let writes = vec![
        Write::Append { journal, at: number, entry: number.to_string().into() },
        Write::Document { key, expected: number - 1, value: Some(number.to_string().into()) },
    ];
    Batch { writes, ..Batch::of(record(writer, number)) }
}

/// Not a test: the child process of [`kill_nine_leaves_no_batch_in_parts`].
#[test]
#[ignore = "started by another test as a process of its own"]
fn child_that_commits() {
    let Ok(dir) = std::env::var(CHILD_DIR) else { return };
    let storage = open(Path::new(&dir)).expect("a storage");
    println!();
    std::thread::scope(|scope| {
        for writer in 0..CHILD_WRITERS {
            let storage = storage.clone();
            scope.spawn(move || {
                let stored = get(storage.load(&record(writer, 0).device));
                for number in stored.map_or(0, |record| record.segments) + 1.. {
                    let outcomes = get(storage.commit(batch(writer, number)));
                    assert_eq!(
                        outcomes,
                        [WriteResult::Appended(number), WriteResult::Document(WriteOutcome::Done(number))]
                    );
                    println!("ack {writer} {number} {number}");
                }
            });
        }
    });
}

#[test]
fn kill_nine_leaves_no_batch_in_parts() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut acknowledged = vec![0; CHILD_WRITERS as usize];
    for round in 0..4 {
        run_and_kill("child_that_commits", dir.path(), 200 + round * 41, |numbers| {
            let last: &mut u64 = &mut acknowledged[numbers[0] as usize];
            *last = numbers[1].max(*last);
        });
        let storage = open(dir.path()).expect("a storage after the kill");
        for (writer, acknowledged) in (0..).zip(&acknowledged) {
            let entries = get(Journals::read(&*storage, &format!("journal-{writer}"), 0, u32::MAX));
            let document = get(Documents::read(&*storage, &format!("document-{writer}")));
            let stored = get(storage.load(&record(writer, 0).device)).map_or(0, |record| record.segments);
            assert_eq!((entries.len() as u64, document.version), (stored, stored), "round {round}, writer {writer}");
            assert!(stored >= *acknowledged, "round {round}, writer {writer}: {stored} of {acknowledged}");
        }
    }
}

#[test]
fn a_batch_that_fails_is_undone_alone_and_whole() {
    let dir = tempfile::tempdir().expect("a folder");
    let storage = open(dir.path()).expect("a storage");
    let other = rusqlite::Connection::open(dir.path().join("modehost.db")).expect("the file");
    other
        .execute_batch(
            "CREATE TRIGGER refuse BEFORE INSERT ON sessions WHEN new.device = 'device-2'
             BEGIN SELECT RAISE(ABORT, 'on purpose'); END",
        )
        .expect("a trigger");
    let notified = Arc::new(parking_lot::Mutex::new(Vec::new()));
    let watches: Vec<_> = (1..=3)
        .map(|writer| {
            let notified = notified.clone();
            let watcher = move |changed: &Document| {
                notified.lock().push(changed.key.to_string());
                true
            };
            storage.watch(&format!("document-{writer}"), Box::new(watcher))
        })
        .collect();
    // All three in one transaction; the record of the second fails after its writes.
    let block = block_writer(&storage);
    let replies = [1, 2, 3].map(|writer| storage.commit(batch(writer, 1)));
    drop(block);
    let outcomes = replies.map(outcome);
    assert!(outcomes[0].is_ok() && outcomes[2].is_ok(), "{outcomes:?}");
    assert!(matches!(&outcomes[1], Err(StorageError::Unavailable(text)) if text.contains("on purpose")));
    assert!(get(Journals::read(&*storage, "journal-2", 0, 9)).is_empty());
    assert_eq!(get(Documents::read(&*storage, "document-2")).version, 0);
    // Replied after the watchers of the transaction have run.
    get(storage.append("later", 1, "1".into()));
    assert_eq!(*notified.lock(), ["document-1", "document-3"]);
    drop(watches);
}

#[test]
fn a_full_disk_is_told_and_writing_goes_on_when_there_is_room() {
    let dir = tempfile::tempdir().expect("a folder");
    let storage =
        SqliteStorage::open(&Config { dir: dir.path().into(), max_mib: 1, ..Config::default() }).expect("a storage");
    get(storage.append("kept", 1, "\"before\"".into()));
    let entry: Arc<str> = "x".repeat(32 * 1024).into();
    let mut stored = 0;
    let error_text = loop {
        match outcome(storage.append("big", 1, entry.clone())) {
            Ok(sequence) => stored = sequence,
            Err(error) => break error,
        }
        assert!(stored < 1000, "1 MiB never fills");
    };
    assert!(
        matches!(&error_text, StorageError::Unavailable(text) if text.contains("full") && text.contains("modehost.db")),
        "{error_text}"
    );
    // Acknowledged entries are still there, and reading goes on.
    assert_eq!(get(Journals::read(&*storage, "big", 0, u32::MAX)).len() as u64, stored);
    get(Journals::remove(&*storage, "big"));
    assert_eq!(get(storage.append("kept", 2, "\"after\"".into())), 2);
    assert_eq!(get(storage.append("big", 1, entry)), 1);
}

#[test]
fn one_bad_write_does_not_sink_its_batch() {
    let dir = tempfile::tempdir().expect("a folder");
    let storage = open(dir.path()).expect("a storage");
    // A trigger makes one key fail in the middle of a batch.
    let other = rusqlite::Connection::open(dir.path().join("modehost.db")).expect("the file");
    other
        .execute_batch(
            "CREATE TRIGGER refuse BEFORE INSERT ON documents WHEN new.key = 'bad'
             BEGIN SELECT RAISE(ABORT, 'on purpose'); END",
        )
        .expect("a trigger");
    let block = block_writer(&storage);
    let replies: Vec<_> = ["a", "bad", "b"].map(|key| Documents::write(&*storage, key, 0, Some("1".into()))).into();
    drop(block);
    let outcomes: Vec<_> = replies.into_iter().map(outcome).collect();
    assert_eq!(outcomes[0], Ok(WriteOutcome::Done(1)));
    assert!(matches!(&outcomes[1], Err(StorageError::Unavailable(text)) if text.contains("on purpose")));
    assert_eq!(outcomes[2], Ok(WriteOutcome::Done(1)));
    assert_eq!(get(Documents::read(&*storage, "b")).version, 1);
}

/// Blocks the writer thread, in a watcher, until the returned sender is dropped.
fn block_writer(storage: &SqliteStorage) -> SyncSender<()> {
    let (release, blocked) = sync_channel::<()>(0);
    let (entered, enters) = sync_channel::<()>(1);
    let blocked = parking_lot::Mutex::new(blocked);
    let watch = storage.watch(
        "hold",
        Box::new(move |_| {
            let _ = entered.try_send(());
            let _ = blocked.lock().recv();
            false
        }),
    );
    get(Documents::write(storage, "hold", 0, Some("1".into())));
    enters.recv_timeout(Duration::from_secs(10)).expect("the watcher runs");
    drop(watch);
    release
}

#[test]
fn a_full_queue_refuses_at_once_and_shutdown_carries_out_what_waits() {
    let dir = tempfile::tempdir().expect("a folder");
    let storage = open(dir.path()).expect("a storage");
    let block = block_writer(&storage);
    let waiting: Vec<_> =
        (0..limits::WRITER_QUEUE).map(|number| storage.append("queue", number as u64, "1".into())).collect();
    let began = Instant::now();
    assert_eq!(outcome(storage.append("queue", 0, "1".into())), Err(StorageError::Overloaded));
    assert!(began.elapsed() < Duration::from_secs(1), "a refusal does not wait");
    drop(block);
    storage.shutdown();
    assert_eq!(outcome(storage.append("queue", 0, "1".into())), Err(StorageError::Closed));
    assert_eq!(outcome(Documents::read(&*storage, "hold")), Err(StorageError::Closed));
    for (number, reply) in (1..).zip(waiting) {
        assert_eq!(get(reply), number);
    }
    // The directory is free again although the old handle still exists.
    let again = open(dir.path()).expect("a storage");
    assert_eq!(get(again.append("queue", 0, "1".into())), limits::WRITER_QUEUE as u64 + 1);
}

#[test]
fn a_clean_stop_leaves_one_whole_file() {
    let dir = tempfile::tempdir().expect("a folder");
    for round in 0..5 {
        let storage = open(dir.path()).expect("a storage");
        get(storage.append("whole", round, "\"x\"".into()));
        get(Journals::read(&*storage, "whole", 0, 9));
        drop(storage);
        assert!(
            !dir.path().join("modehost.db-wal").exists(),
            "round {round}: a backup of the file alone would miss it"
        );
    }
}

#[test]
fn a_lock_of_another_program_is_told_and_survived() {
    let dir = tempfile::tempdir().expect("a folder");
    let storage = open(dir.path()).expect("a storage");
    let other = rusqlite::Connection::open(dir.path().join("modehost.db")).expect("the file");
    other.execute_batch("BEGIN IMMEDIATE").expect("the lock");
    let error_text = outcome(storage.append("locked", 1, "1".into()));
    assert!(matches!(&error_text, Err(StorageError::Unavailable(text)) if text.contains("locked")), "{error_text:?}");
    assert!(get(Journals::read(&*storage, "locked", 0, 9)).is_empty(), "reading goes on");
    other.execute_batch("ROLLBACK").expect("the lock given back");
    assert_eq!(get(storage.append("locked", 1, "1".into())), 1);
}

#[test]
fn two_servers_never_share_a_folder() {
    let dir = tempfile::tempdir().expect("a folder");
    let storage = open(dir.path()).expect("a storage");
    let error_text = open_error(dir.path());
    assert!(
        error_text.contains("in use") && error_text.contains(&format!("process {}", std::process::id())),
        "{error_text}"
    );
    drop(storage);
    open(dir.path()).expect("the folder is free again");
}

#[test]
fn a_newer_file_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().expect("a folder");
    drop(open(dir.path()).expect("a storage"));
    let file = dir.path().join("modehost.db");
    let other = || rusqlite::Connection::open(&file).expect("the file");
    let version = |value: i64| other().pragma_update(None, "user_version", value).expect("a version");
    let ours: i64 = other().pragma_query_value(None, "user_version", |row| row.get(0)).expect("a version");
    version(9999);
    let error_text = open_error(dir.path());
    assert!(
        error_text.contains("modehost.db")
            && error_text.contains("9999")
            && error_text.contains(&format!("up to {ours}")),
        "{error_text}"
    );
    version(ours);
    open(dir.path()).expect("a storage");
}

#[test]
fn a_damaged_file_is_refused_by_name() {
    for damage in ["not a database at all, ".repeat(400).into_bytes(), b"short".to_vec()] {
        let dir = tempfile::tempdir().expect("a folder");
        std::fs::write(dir.path().join("modehost.db"), &damage).expect("a damaged file");
        let error_text = open_error(dir.path());
        assert!(
            error_text.contains("modehost.db") && error_text.contains("damaged") && error_text.contains("backup"),
            "{error_text}"
        );
        assert_eq!(std::fs::read(dir.path().join("modehost.db")).expect("the file"), damage, "left untouched");
    }
    // A valid header, with pages overwritten further in.
    let dir = tempfile::tempdir().expect("a folder");
    let storage = open(dir.path()).expect("a storage");
    for number in 0..200 {
        let device = DeviceId::new(format!("device-{number}"));
        get(storage.enqueue(&device, "x".repeat(500).into(), 1, 1000));
    }
    drop(storage);
    let file = dir.path().join("modehost.db");
    let mut bytes = std::fs::read(&file).expect("the file");
    let half = bytes.len() / 2;
    bytes[half..half + 20_000].fill(0xA5);
    std::fs::write(&file, bytes).expect("a damaged file");
    let error_text = open_error(dir.path());
    assert!(error_text.contains("modehost.db") && error_text.contains("damaged"), "{error_text}");
}

#[test]
fn a_folder_that_cannot_be_is_refused_by_name() {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("a-file");
    std::fs::write(&file, "1").expect("a file");
    let error_text = open_error(&file);
    assert!(error_text.contains("a-file") && error_text.contains("storage.dir"), "{error_text}");
    // A directory where the database should be.
    std::fs::create_dir(dir.path().join("modehost.db")).expect("a folder");
    let error_text = open_error(dir.path());
    assert!(error_text.contains("modehost.db"), "{error_text}");
}

#[test]
fn a_session_that_makes_no_sense_is_told_as_damaged() {
    let dir = tempfile::tempdir().expect("a folder");
    drop(open(dir.path()).expect("a storage"));
    let other = rusqlite::Connection::open(dir.path().join("modehost.db")).expect("the file");
    let row = "INSERT INTO sessions (device, saved_at, unfinished, format, state) VALUES (?1, 1, 0, ?2, x'ff')";
    other.execute(row, ("bad-state", 1)).expect("a row");
    other.execute(row, ("bad-format", 77)).expect("a row");
    drop(other);
    let storage = open(dir.path()).expect("a storage");
    for device in ["bad-state", "bad-format"] {
        let error_text = outcome(storage.load(&DeviceId::new(device)));
        assert!(matches!(&error_text, Err(StorageError::Corrupt(text)) if text.contains(device)), "{error_text:?}");
    }
}
