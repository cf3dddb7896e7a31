//! The offline queue while its database cannot be used (P.3). Rule: the database is the real one, and it fails because
//! another connection really holds its lock.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use modehost_ids::DeviceId;
use modehost_storage::traits::{OfflineQueue, ReceiptTarget};
use modehost_storage::{Config, FallbackQueue, Reply, SqliteStorage};
use rusqlite::Connection;

const LONG: u64 = 1_000_000;

fn get<T: Unpin>(reply: Reply<T>) -> T {
    futures_lite::future::block_on(reply).expect("an answer")
}

fn open(dir: &Path) -> (Arc<SqliteStorage>, Arc<FallbackQueue>) {
    let storage = SqliteStorage::open(&Config { dir: dir.into(), ..Config::default() }).expect("a storage");
    let queue = FallbackQueue::open(storage.clone(), dir).expect("a fallback queue");
    (storage, queue)
}

/// Locks the database against every other writer until it is dropped.
fn lock_database(dir: &Path) -> Connection {
    let connection = Connection::open(dir.join("modehost.db")).expect("the database");
    connection.execute_batch("BEGIN IMMEDIATE").expect("the lock");
    connection
}

fn payloads(queue: &dyn OfflineQueue, device: &DeviceId) -> Vec<String> {
    get(queue.next_page(device, 10)).iter().map(|message| message.payload.to_string()).collect()
}

fn wait_until(what: &str, done: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !done() {
        assert!(Instant::now() < deadline, "still waiting: {what}");
        std::thread::yield_now();
    }
}

#[test]
fn p3_a_file_takes_over_and_is_taken_back_in_order() {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("offline_queue.json");
    let (storage, queue) = open(dir.path());
    let device = DeviceId::new("d");
    let origin = Some(ReceiptTarget { sender: DeviceId::new("ann"), receipt: "{\"type\":\"x\"}".into() });
    get(queue.enqueue(&device, "before".into(), 1, LONG));
    let lock = lock_database(dir.path());
    assert_eq!(get(queue.enqueue_with_receipt(origin.clone(), &device, "one".into(), 2, LONG)), 0);
    assert_eq!(get(queue.enqueue(&device, "two".into(), 3, LONG)), 0);
    assert!(file.exists());
    let waiting = get(queue.next_page(&device, 10));
    let found: Vec<_> = waiting.iter().map(|message| &*message.payload).collect();
    assert_eq!(found, ["before", "one", "two"]);
    assert_eq!((waiting[1].origin.clone(), waiting[1].queued_at), (origin.clone(), 2));
    // Nothing has been acknowledged: all messages stay.
    get(queue.remove(&device, Vec::new()));
    drop(lock);
    wait_until("the database has them", || payloads(&*storage, &device) == ["before", "one", "two"]);
    wait_until("the file is gone", || !file.exists());
    assert_eq!(get(storage.next_page(&device, 10))[1].origin, origin);
    get(queue.enqueue(&device, "after".into(), 4, LONG));
    assert_eq!(payloads(&*queue, &device), ["before", "one", "two", "after"]);
}

#[test]
fn p3_what_was_handed_over_from_the_file_does_not_come_again() {
    let dir = tempfile::tempdir().expect("a folder");
    let (storage, queue) = open(dir.path());
    let device = DeviceId::new("d");
    let lock = lock_database(dir.path());
    for payload in ["one", "two", "three"] {
        get(queue.enqueue(&device, payload.into(), 1, LONG));
    }
    let waiting = get(queue.next_page(&device, 10));
    drop(lock);
    // The database works again between delivery and removal.
    let arrived = waiting.iter().take(2).map(|message| message.id).collect();
    get(queue.remove(&device, arrived));
    wait_until("the rest is in the database", || payloads(&*storage, &device) == ["three"]);
    assert_eq!(payloads(&*queue, &device), ["three"]);
}

#[test]
fn p3_the_file_outlives_the_process() {
    let dir = tempfile::tempdir().expect("a folder");
    let device = DeviceId::new("d");
    {
        let (_storage, queue) = open(dir.path());
        let _lock = lock_database(dir.path());
        get(queue.enqueue(&device, "kept".into(), 1, LONG));
    }
    assert!(dir.path().join("offline_queue.json").exists());
    let (storage, _queue) = open(dir.path());
    wait_until("the database has it", || payloads(&*storage, &device) == ["kept"]);
}

#[test]
fn p3_fifty_senders_lose_nothing_while_the_database_comes_and_goes() {
    let dir = tempfile::tempdir().expect("a folder");
    let (storage, queue) = open(dir.path());
    let lock = lock_database(dir.path());
    std::thread::scope(|scope| {
        let releaser = scope.spawn(move || {
            // Longer than the database waits for a lock, so that the file is certainly used.
            std::thread::sleep(modehost_storage::limits::STORAGE_BUSY_TIMEOUT * 2);
            drop(lock);
        });
        for sender in 0..50 {
            let queue = &queue;
            scope.spawn(move || {
                for number in 0..20 {
                    let device = DeviceId::new(format!("target-{number}"));
                    assert_eq!(get(queue.enqueue(&device, format!("{sender:02}").into(), 1, LONG)), 0);
                }
            });
        }
        releaser.join().expect("released");
    });
    for number in 0..20 {
        let device = DeviceId::new(format!("target-{number}"));
        wait_until("all are in the database", || payloads(&*storage, &device).len() == 50);
        let mut found = payloads(&*queue, &device);
        found.sort();
        assert_eq!(found, (0..50).map(|sender| format!("{sender:02}")).collect::<Vec<_>>());
    }
}
