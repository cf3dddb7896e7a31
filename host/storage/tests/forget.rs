//! Erasure of a device in the database: what is removed, what stays, and what is left in the bytes of the file. Rule:
//! nothing of the device remains in the files, and nothing of another device is lost.

use std::path::Path;

use futures_lite::future::block_on;
use modehost_ids::{DeviceId, SessionId};
use modehost_storage::traits::{
    ArchiveEntry, Archives, Author, DeviceFacts, Devices, Documents, Exports, JournalPart, Journals, OfflineQueue,
    ReceiptTarget, Sessions, StoredSession,
};
use modehost_storage::{Config, ErasureReport, FallbackQueue, Reply, SqliteStorage};

fn get<T: Unpin>(reply: Reply<T>) -> T {
    block_on(reply).expect("an answer")
}

fn open(dir: &Path) -> std::sync::Arc<SqliteStorage> {
    SqliteStorage::open(&Config { dir: dir.into(), ..Config::default() }).expect("open")
}

fn session(device: &DeviceId) -> StoredSession {
    StoredSession {
        device: device.clone(),
        session: SessionId::new(format!("session of {device}")),
        mode: None,
        saved_at: 1,
        unfinished: false,
        segments: 0,
        turns: 0,
        handlers: Vec::new(),
    }
}

/// Some data of every kind, for one device.
fn fill(storage: &SqliteStorage, device: &DeviceId, other: &DeviceId) {
    get(storage.add_facts(device, DeviceFacts { sends_stop: true, ..DeviceFacts::default() }, 1));
    get(storage.save(session(device)));
    for key in [format!("notes/{device}"), format!("notes/more/{device}")] {
        get(storage.write(&key, 0, Some(format!("\"written by {device}\"").into())));
    }
    let author = Author { session: SessionId::new(format!("session of {device}")), device: device.clone() };
    for n in 0..20 {
        let entry_text = format!("{{\"n\":{n},\"by\":\"{device}\"}}");
        get(storage.append_for(
            Some(&author),
            &format!("open/{}", device.as_str().len()),
            1,
            entry_text.clone().into(),
        ));
        get(storage.append_for(Some(&author), &format!("done/{}", device.as_str().len()), 1, entry_text.into()));
    }
    let journal = format!("done/{}", device.as_str().len());
    let part = JournalPart { journal: journal.into(), member: "said".into(), line: "".into() };
    let entry = ArchiveEntry {
        kind: "work".into(),
        id: format!("work-{}", device.as_str().len()).into(),
        title: "work".into(),
        at: 1,
        content: format!("{{\"of\":\"{device}\"}}").into(),
        text: "".into(),
        journal: Some(part),
        device: Some(device.clone()),
    };
    get(storage.archive(entry, 0));
    get(storage.enqueue(device, format!("\"for {device}\"").into(), 1, u64::MAX / 4));
    let origin = ReceiptTarget { sender: device.clone(), receipt: "{}".into() };
    get(storage.enqueue_with_receipt(Some(origin), other, format!("\"from {device}\"").into(), 1, u64::MAX / 4));
}

fn files_containing(dir: &Path, text: &str) -> Vec<String> {
    let files = std::fs::read_dir(dir).expect("a folder").flatten().filter(|entry| entry.path().is_file());
    let has = |entry: &std::fs::DirEntry| {
        let bytes = std::fs::read(entry.path()).expect("a file");
        bytes.windows(text.len()).any(|window| window == text.as_bytes())
    };
    files.filter(has).map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

#[test]
fn everything_of_a_device_goes_and_nothing_of_another() {
    let dir = tempfile::tempdir().expect("a folder");
    let storage = open(dir.path());
    // Ids with a common ending, or with pattern characters that could match each other.
    let (device, others) = (DeviceId::new("b_1"), ["a/b_1", "bx1x", "b_1/c"].map(DeviceId::new));
    for other in &others {
        fill(&storage, other, &others[0]);
    }
    let before = others.each_ref().map(|other| get(storage.export_device(other)));
    fill(&storage, &device, &others[1]);
    get(storage.write("shared/board", 0, Some("\"b_1 has a part in it\"".into())));
    let export = get(storage.export_device(&device));
    assert_eq!(export["documents"].as_array().map(Vec::len), Some(2), "{export}");
    assert_eq!(export["journal_entries"].as_array().map(Vec::len), Some(40), "{export}");
    assert!(export["sessions"][0]["state"]["base64"].is_string(), "{export}");
    assert_eq!(export["archives"][0]["content"]["of"], "b_1");

    let report = get(storage.erase_device(&device));
    let expected = ErasureReport {
        sessions: 1,
        documents: 2,
        journals: 2,
        journal_entries: 40,
        archives: 1,
        waiting: 1,
        sent: 1,
        facts: 1,
    };
    assert_eq!(report, expected);
    assert_eq!(get(storage.pending_erasures()), std::slice::from_ref(&device));
    get(storage.complete_erasure(&device));
    assert!(get(storage.pending_erasures()).is_empty());
    assert!(get(storage.erase_device(&device)).is_nothing(), "twice is once");
    get(storage.complete_erasure(&device));
    assert!(get(storage.shared_documents(&device)).iter().any(|key| &**key == "shared/board"));
    let due = get(storage.due(None, 100));
    assert!(due.iter().any(|due| &*due.id == "work-3"), "its files have to go: {due:?}");
    for (other, before) in others.iter().zip(before) {
        let mut now = get(storage.export_device(other));
        // The one message from the erased device is gone from the queue of this one.
        now["waiting"].as_array_mut().expect("rows").retain(|row| row["payload"] != "from b_1");
        assert_eq!(now, before, "{other}");
    }
}

#[test]
fn nothing_of_it_is_left_in_the_bytes_of_the_files() {
    let dir = tempfile::tempdir().expect("a folder");
    let storage = open(dir.path());
    let (device, other) = (DeviceId::new("aa:bb:cc:dd:ee:01"), DeviceId::new("other"));
    get(storage.record_seen(&other, 1));
    // Rewritten many times, and among other data, so that pages split and old ones are freed.
    for round in 0..40_u64 {
        for n in 0..20 {
            get(storage.write(&format!("others/{round}-{n}"), 0, Some(format!("\"{}\"", "y".repeat(900)).into())));
        }
        let value = format!("\"{} of {device}\"", "x".repeat(200 * round as usize));
        get(storage.write(&format!("notes/{device}"), round, Some(value.into())));
        get(storage.save(session(&device)));
    }
    fill(&storage, &device, &other);
    assert!(!files_containing(dir.path(), device.as_str()).is_empty(), "it is there before");
    get(storage.erase_device(&device));
    get(storage.complete_erasure(&device));
    let compacted = get(storage.compact(u64::MAX));
    assert_eq!(compacted.left, None);
    assert_eq!(files_containing(dir.path(), device.as_str()), Vec::<String>::new());
    // The database is still usable.
    get(storage.write("after", 0, Some("1".into())));
    storage.shutdown();
    drop(storage);
    let storage = open(dir.path());
    assert_eq!(get(Documents::read(&*storage, "after")).version, 1);
}

#[test]
fn the_file_in_reserve_is_forgotten_too() {
    let dir = tempfile::tempdir().expect("a folder");
    let storage = open(dir.path());
    let queue = FallbackQueue::open(storage.clone(), dir.path()).expect("a queue");
    let other = rusqlite::Connection::open(dir.path().join("modehost.db")).expect("the database");
    other.execute_batch("BEGIN IMMEDIATE").expect("the lock");
    let (device, receiver) = (DeviceId::new("one"), DeviceId::new("two"));
    get(queue.enqueue(&device, "\"to it\"".into(), 1, u64::MAX / 4));
    let origin = ReceiptTarget { sender: device.clone(), receipt: "{}".into() };
    get(queue.enqueue_with_receipt(Some(origin), &receiver, "\"from it\"".into(), 1, u64::MAX / 4));
    get(queue.enqueue(&receiver, "\"of nobody\"".into(), 1, u64::MAX / 4));
    assert_eq!(get(queue.export_device(&device)).len(), 2);
    assert_eq!(get(queue.erase_device(&device)), 2);
    assert_eq!(get(queue.erase_device(&device)), 0);
    let file = std::fs::read_to_string(dir.path().join("offline_queue.json")).expect("the file");
    assert!(file.contains("of nobody") && !file.contains("it\\\""), "{file}");
    drop(other);
}

#[test]
fn what_takes_the_room_is_told_and_given_back() {
    let dir = tempfile::tempdir().expect("a folder");
    let storage = open(dir.path());
    let device = DeviceId::new("one");
    get(storage.record_seen(&device, 1));
    for n in 0..200 {
        get(storage.write(&format!("large/{n}"), 0, Some(format!("\"{}\"", "z".repeat(20_000)).into())));
    }
    get(storage.write("notes/one", 0, Some("\"12345678\"".into())));
    get(storage.enqueue(&device, "\"gone\"".into(), 1, 1));
    let usage = get(storage.usage());
    assert_eq!((usage.documents.rows, usage.documents.bytes), (201, 200 * 20_002 + 10), "{usage:?}");
    assert_eq!(usage.largest, [("one".to_owned(), 16)], "{usage:?}");
    for n in 0..200 {
        get(storage.write(&format!("large/{n}"), 1, None));
    }
    // Too little disk space: nothing is rewritten, and the reason is returned.
    let refused = get(storage.compact(1000));
    assert!(refused.left.as_deref().is_some_and(|why| why.contains("free disk")), "{refused:?}");
    assert_eq!(refused.expired, 1);
    let made = get(storage.compact(u64::MAX));
    assert!(made.bytes_after < 500_000 && made.bytes_before > 4_000_000, "{made:?}");
    assert_eq!((made.left, get(storage.usage()).free_bytes), (None, 0));
}
