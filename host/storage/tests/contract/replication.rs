//! Several storages on one log: the same state everywhere, one owner for a device, and nothing skipped or applied twice.
//! Rule: each node is a real storage on a file of its own; only the log between them is the test's.

use std::path::Path;
use std::sync::Arc;

use modehost_ids::{DeviceId, SessionId};
use modehost_storage::traits::{
    ArchiveEntry, Archives, Author, Batch, Claim, ComponentRecord, Components, DeviceFacts, Devices, Documents,
    JournalPart, Journals, NodeId, OfflineDelivery, OfflineQueue, Ownership, Sessions, StoredSession, Write,
    WriteOutcome,
};
use modehost_storage::{ApplyError, SqliteStorage, StorageError};
use rusqlite::types::Value;

use crate::shared_log::{Node, SharedLog};
use crate::{get, outcome, wait_until};

fn device(name: &str) -> DeviceId {
    DeviceId::new(name)
}

fn record(name: &str, segments: u64) -> StoredSession {
    let (mode, handlers) = (None, Vec::new());
    let (device, session) = (device(name), SessionId::new(format!("session of {name}")));
    StoredSession { device, session, mode, saved_at: 1, unfinished: true, segments, turns: 0, handlers }
}

/// A batch that appends one entry to the journal of the device.
fn append(name: &str, segments: u64) -> Batch {
    let writes = vec![Write::Append { journal: format!("of/{name}").into(), at: 1, entry: "{}".into() }];
    Batch { writes, ..Batch::of(record(name, segments)) }
}

fn entries(node: &Node, journal: &str) -> usize {
    get(Journals::read(&*node.storage, journal, 0, 10_000)).len()
}

fn applied(node: &Node) -> u64 {
    get(node.storage.log_position()).applied
}

fn caught_up(log: &SharedLog, node: &Node) {
    wait_until("a node has everything", || applied(node) == log.entries().len() as u64);
}

/// Everything in the file that the log decides, row by row.
fn contents(dir: &Path) -> Vec<String> {
    let database = rusqlite::Connection::open(dir.join("modehost.db")).expect("the database");
    let tables = "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name";
    let mut tables = database.prepare(tables).expect("a statement");
    let tables = tables.query_map((), |row| row.get::<_, String>(0)).expect("tables");
    let mut rows = Vec::new();
    for table in tables {
        let table = table.expect("a name");
        let mut all = database.prepare(&format!("SELECT * FROM {table}")).expect("a statement");
        let columns = all.column_count();
        let mut found = all.query(()).expect("rows");
        while let Some(row) = found.next().expect("a row") {
            let values: Vec<Value> = (0..columns).map(|column| row.get(column).expect("a value")).collect();
            rows.push(format!("{table} {values:?}"));
        }
    }
    rows.sort();
    rows
}

#[test]
fn nodes_that_write_at_the_same_time_arrive_at_the_same_state() {
    let (log, dirs) = (Arc::new(SharedLog::default()), [(); 3].map(|()| tempfile::tempdir().expect("a folder")));
    let nodes: Vec<Node> = dirs.iter().zip(["a@1", "b@1", "c@1"]).map(|(dir, id)| log.join(dir.path(), id)).collect();
    get(nodes[0].storage.record_seen(&device("device-0"), 0));
    std::thread::scope(|scope| {
        for (number, node) in nodes.iter().enumerate() {
            for thread in 0..2 {
                scope.spawn(move || write_everything(&node.storage, &node.id, number * 2 + thread));
            }
        }
    });
    nodes.iter().for_each(|node| caught_up(&log, node));
    // No increment was lost, whoever made it.
    let counter = get(Documents::read(&*nodes[0].storage, "counter"));
    assert_eq!((counter.version, counter.value.as_deref()), (6 * 50, Some("300")));
    drop(nodes);
    let all = dirs.each_ref().map(|dir| contents(dir.path()));
    assert!(all[0].len() > 300, "{}", all[0].len());
    assert_eq!(all[0], all[1]);
    assert_eq!(all[0], all[2]);
}

/// Uses every kind of write, among them such that fail.
fn write_everything(storage: &SqliteStorage, node: &NodeId, writer: usize) {
    let own = format!("device-{writer}");
    assert!(matches!(get(storage.claim(&device(&own), node, None)), Claim::Owned(_)));
    storage.set_limit_per_device(20);
    for round in 0..50_u64 {
        loop {
            let found = get(Documents::read(storage, "counter"));
            let value: u64 = found.value.as_deref().map_or(0, |value| value.parse().expect("a number"));
            let written = Documents::write(storage, "counter", found.version, Some((value + 1).to_string().into()));
            if matches!(get(written), WriteOutcome::Done(_)) {
                break;
            }
        }
        get(storage.commit(append(&own, round)));
        let part =
            JournalPart { journal: format!("work/{writer}/{round}").into(), member: "m".into(), line: "".into() };
        get(storage.append(&part.journal, round, "{}".into()));
        let entry = ArchiveEntry {
            kind: "work".into(),
            id: format!("{writer}-{round}").into(),
            title: "t".into(),
            at: round,
            content: "{}".into(),
            text: "".into(),
            journal: Some(part),
            device: Some(device(&own)),
        };
        get(storage.archive(entry, 10));
        get(storage.record_seen(&device(&own), round));
        let delivery = |receiver: &str| OfflineDelivery {
            sender: device(&own),
            receipt: Some("{}".into()),
            receiver: device(receiver),
            payload: format!("{writer} {round}").into(),
            now: round,
            ttl_ms: 1_000,
            allow_unknown_receiver: false,
        };
        assert!(outcome(storage.enqueue_delivery(delivery("nobody"))).is_err());
        get(storage.enqueue_delivery(delivery("device-0")));
        if let Some(first) = get(storage.next_page(&device("device-0"), round)).first() {
            get(OfflineQueue::remove(storage, &device("device-0"), vec![first.id]));
        }
    }
    get(storage.sweep(0, 1_000_000));
    get(Archives::expire(storage, 3));
}

#[test]
fn what_an_earlier_owner_sends_is_refused_and_nothing_of_it_is_stored() {
    let (log, home, away) =
        (Arc::new(SharedLog::default()), tempfile::tempdir().expect("a"), tempfile::tempdir().expect("b"));
    let (old, new) = (log.join(home.path(), "a@1"), log.join(away.path(), "b@1"));
    let Claim::Owned(first) = get(old.storage.claim(&device("d"), &old.id, None)) else { panic!("not claimed") };
    get(old.storage.commit(append("d", 1)));
    // The old owner hears nothing: it is paused, or cut off.
    log.hold(&old);
    let Claim::Owned(second) = get(new.storage.claim(&device("d"), &new.id, None)) else { panic!("not claimed") };
    assert!(second > first);
    // Everything that was acknowledged is there when the claim is answered.
    assert_eq!((entries(&new, "of/d"), get(new.storage.load(&device("d"))).expect("a record").segments), (1, 1));
    let stale = old.storage.commit(append("d", 2));
    let author = Author { session: SessionId::new("s"), device: device("d") };
    let appended = old.storage.append_for(Some(&author), "of/d", 2, "{}".into());
    let removed = Sessions::remove(&*old.storage, &device("d"), None);
    let delivery = OfflineDelivery {
        sender: device("d"),
        receipt: None,
        receiver: device("e"),
        payload: "late".into(),
        now: 1,
        ttl_ms: 1_000,
        allow_unknown_receiver: true,
    };
    let delivered = old.storage.enqueue_delivery(delivery);
    assert!(old.storage.owned_epoch(&device("d")).is_some(), "it cannot know yet");
    log.release(&old);
    assert_eq!(outcome(stale), Err(StorageError::Moved));
    assert_eq!(outcome(appended), Err(StorageError::Moved));
    assert_eq!(outcome(removed), Err(StorageError::Moved));
    assert_eq!(outcome(delivered), Err(StorageError::Moved));
    assert!(old.storage.owned_epoch(&device("d")).is_none());
    assert_eq!(*old.events.moved.lock(), [device("d")]);
    // From now on it is refused before it is in the log.
    let before = log.entries().len();
    assert_eq!(outcome(old.storage.commit(append("d", 3))), Err(StorageError::Moved));
    assert_eq!(log.entries().len(), before);
    for node in [&old, &new] {
        caught_up(&log, node);
        assert_eq!(entries(node, "of/d"), 1);
        assert_eq!(get(node.storage.load(&device("d"))).expect("a record").segments, 1);
        assert!(get(node.storage.next_page(&device("e"), 1)).is_empty());
    }
    get(new.storage.commit(append("d", 2)));
}

#[test]
fn a_session_of_an_earlier_epoch_stores_nothing_though_its_node_owns_the_device_again() {
    let (log, home, away) =
        (Arc::new(SharedLog::default()), tempfile::tempdir().expect("a"), tempfile::tempdir().expect("b"));
    let (node, other) = (log.join(home.path(), "a@1"), log.join(away.path(), "b@1"));
    let claim = |node: &Node| match get(node.storage.claim(&device("d"), &node.id, None)) {
        Claim::Owned(epoch) => epoch,
        Claim::OwnedBy(owner) => panic!("{owner:?} has it"),
    };
    let of = |epoch: u64, segments: u64| Batch { epoch: Some(epoch), ..append("d", segments) };
    let first = claim(&node);
    get(node.storage.commit(of(first, 1)));
    let between = claim(&other);
    get(other.storage.commit(of(between, 2)));
    let second = claim(&node);
    let before = log.entries().len();
    assert_eq!(outcome(node.storage.commit(of(first, 3))), Err(StorageError::Moved));
    assert_eq!(outcome(Sessions::remove(&*node.storage, &device("d"), Some(first))), Err(StorageError::Moved));
    assert_eq!(log.entries().len(), before);
    assert_eq!(get(node.storage.load(&device("d"))).expect("a record").segments, 2);
    get(node.storage.commit(of(second, 3)));
    assert_eq!((entries(&node, "of/d"), get(node.storage.load(&device("d"))).expect("a record").segments), (3, 3));
}

#[test]
fn a_claim_keeps_its_epoch_and_may_depend_on_the_owner_before() {
    let (log, home, away) =
        (Arc::new(SharedLog::default()), tempfile::tempdir().expect("a"), tempfile::tempdir().expect("b"));
    let (first, second) = (log.join(home.path(), "a@1"), log.join(away.path(), "b@1"));
    let claim = |node: &Node, from: Option<&NodeId>| get(node.storage.claim(&device("d"), &node.id, from));
    // Nobody owns it: then it may be taken from anybody.
    let Claim::Owned(epoch) = claim(&first, Some(&NodeId::new("gone@1"))) else { panic!("not claimed") };
    assert_eq!(claim(&first, None), Claim::Owned(epoch));
    let Claim::OwnedBy(owner) = claim(&second, Some(&NodeId::new("gone@1"))) else { panic!("taken") };
    assert_eq!((owner.node, owner.epoch), (first.id.clone(), epoch));
    assert!(first.storage.owned_epoch(&device("d")).is_some() && second.storage.owned_epoch(&device("d")).is_none());
    get(first.storage.commit(append("d", 1)));
    caught_up(&log, &second);
    let unserved = |living: &[&Node]| get(second.storage.unserved(living.iter().map(|node| node.id.clone()).collect()));
    assert_eq!(unserved(&[&first, &second]), []);
    assert_eq!(unserved(&[&second]), [(device("d"), Some(first.id.clone()))]);
    let Claim::Owned(next) = claim(&second, Some(&first.id)) else { panic!("not claimed") };
    assert!(next > epoch);
    // What was removed of a device has no owner, and its next epoch is a new one all the same.
    get(second.storage.erase_device(&device("d")));
    assert!(second.storage.owned_epoch(&device("d")).is_none());
    assert_eq!(get(second.storage.owner(&device("d"))), None);
    let Claim::Owned(last) = claim(&first, None) else { panic!("not claimed") };
    assert!(last > next);
}

#[test]
fn a_node_that_was_away_goes_on_where_it_was() {
    let (log, home, away) =
        (Arc::new(SharedLog::default()), tempfile::tempdir().expect("a"), tempfile::tempdir().expect("b"));
    let first = log.join(home.path(), "a@1");
    for _ in 0..100 {
        get(first.storage.append("j", 1, "{}".into()));
    }
    let at = applied(&first);
    drop(first);
    let second = log.join(away.path(), "b@1");
    for _ in 0..100 {
        get(second.storage.append("j", 1, "{}".into()));
    }
    // It would apply its own commands of before a second time, and its numbers begin anew.
    let first = log.join(home.path(), "a@2");
    assert!(applied(&first) >= at);
    get(first.storage.append("j", 1, "{}".into()));
    for node in [&first, &second] {
        caught_up(&log, node);
        assert_eq!(entries(node, "j"), 201);
    }
}

#[test]
fn a_refused_command_counts_as_applied() {
    let (log, home) = (Arc::new(SharedLog::default()), tempfile::tempdir().expect("a"));
    let node = log.join(home.path(), "a@1");
    let stranger = OfflineDelivery {
        sender: device("a"),
        receipt: None,
        receiver: device("nobody"),
        payload: "x".into(),
        now: 1,
        ttl_ms: 1,
        allow_unknown_receiver: false,
    };
    assert!(matches!(outcome(node.storage.enqueue_delivery(stranger)), Err(StorageError::QuotaExceeded(_))));
    assert_eq!(applied(&node), 1);
}

#[test]
fn a_node_whose_disk_fails_skips_nothing() {
    let (log, home) = (Arc::new(SharedLog::default()), tempfile::tempdir().expect("a"));
    let node = log.join(home.path(), "a@1");
    get(node.storage.append("j", 1, "{}".into()));
    let other = rusqlite::Connection::open(home.path().join("modehost.db")).expect("the database");
    other.execute_batch("BEGIN IMMEDIATE").expect("locked");
    let replies: Vec<_> = (0..10).map(|_| node.storage.append("j", 1, "{}".into())).collect();
    wait_until("the node reports it", || node.storage.take_write_failure().is_some());
    assert_eq!(entries(&node, "j"), 1);
    other.execute_batch("ROLLBACK").expect("unlocked");
    let numbers: Vec<u64> = replies.into_iter().map(get).collect();
    assert_eq!(numbers, (2..=11).collect::<Vec<_>>());
    assert_eq!(applied(&node), 11);
}

#[test]
fn an_entry_of_a_newer_server_stops_the_node_in_front_of_it() {
    let (log, home) = (Arc::new(SharedLog::default()), tempfile::tempdir().expect("a"));
    let mut node = log.join(home.path(), "a@1");
    get(node.storage.append("j", 1, "{}".into()));
    let mut newer = log.entries()[0].clone();
    newer[0] = 2;
    log.push(newer);
    let why = node.why_stopped();
    assert!(matches!(why, ApplyError::Newer { sequence: 2, .. }), "{why}");
    assert!(why.to_string().contains("upgrade this node"), "{why}");
    assert_eq!(applied(&node), 1);
}

#[test]
fn a_full_node_sends_nothing_that_grows_and_applies_what_others_send() {
    let (log, home, away) =
        (Arc::new(SharedLog::default()), tempfile::tempdir().expect("a"), tempfile::tempdir().expect("b"));
    let (small, large) = (log.join(home.path(), "a@1"), log.join(away.path(), "b@1"));
    small.storage.apply(&modehost_storage::Config { max_mib: 1, ..Default::default() });
    let entry: Arc<str> = format!("\"{}\"", "x".repeat(30_000)).into();
    for _ in 0..60 {
        get(large.storage.append("j", 1, entry.clone()));
    }
    caught_up(&log, &small);
    assert_eq!(entries(&small, "j"), 60);
    let refused = outcome(small.storage.append("j", 1, entry));
    assert!(
        matches!(&refused, Err(StorageError::Unavailable(text)) if text.contains("storage.max_mib")),
        "{refused:?}"
    );
    get(Journals::remove(&*small.storage, "j"));
}

fn component(plugin: &str, sha256: Option<&str>, revision: u64) -> ComponentRecord {
    let (file, sha256) = (format!("{plugin}.wasm"), sha256.map(str::to_owned));
    ComponentRecord { plugin: plugin.to_owned(), file, sha256, instead: None, revision }
}

#[test]
fn of_two_changes_of_a_plugin_at_the_same_time_one_is_refused() {
    let (log, homes) = (Arc::new(SharedLog::default()), [(); 2].map(|()| tempfile::tempdir().expect("a folder")));
    let [one, other] = [("a@1", 0), ("b@1", 1)].map(|(id, home)| log.join(homes[home].path(), id));
    let set = |node: &Node, record: ComponentRecord| get(node.storage.set_component(record));
    assert_eq!(set(&one, component("p", Some("v1"), 0)), Some(1));
    assert_eq!(set(&other, component("p", Some("v2"), 0)), None);
    assert_eq!(set(&other, component("p", Some("v2"), 1)), Some(2));
    assert_eq!(set(&one, component("q", Some("w1"), 0)), Some(3));
    assert_eq!(set(&one, component("p", None, 1)), None);
    assert_eq!(set(&one, component("p", None, 2)), Some(4));
    caught_up(&log, &other);
    let expected = [component("p", None, 4), component("q", Some("w1"), 3)];
    for node in [&one, &other] {
        assert_eq!(get(node.storage.components()), expected);
        wait_until("the node hears of each", || *node.events.components.lock() == 4);
    }
}

/// The bytes that other versions read. A line that changes is a break; what is new gets a line of its own.
#[test]
fn commands_are_written_as_ever() {
    let (log, home) = (Arc::new(SharedLog::default()), tempfile::tempdir().expect("a"));
    let node = log.join(home.path(), "a@1");
    let storage = &*node.storage;
    get(storage.claim(&device("d"), &node.id, Some(&NodeId::new("b@1"))));
    get(storage.commit(append("d", 1)));
    let (device, author) = (device("d"), Author { session: SessionId::new("s"), device: device("d") });
    get(storage.append_for(Some(&author), "j", 5, "{}".into()));
    get(Journals::remove(storage, "j"));
    get(storage.sweep(1, 2));
    get(Documents::write(storage, "k", 0, Some("1".into())));
    let part = Some(JournalPart { journal: "j".into(), member: "m".into(), line: "l".into() });
    let (kind, id, title, content, text) = ("k".into(), "i".into(), "t".into(), "{}".into(), "x".into());
    let entry = ArchiveEntry { kind, id, title, at: 9, content, text, journal: part, device: Some(device.clone()) };
    get(storage.archive(entry, 3));
    get(Archives::expire(storage, 1));
    get(storage.enqueue(&device, "p".into(), 7, 8));
    let delivery = OfflineDelivery {
        sender: device.clone(),
        receipt: Some("{}".into()),
        receiver: device.clone(),
        payload: "p".into(),
        now: 7,
        ttl_ms: 8,
        allow_unknown_receiver: true,
    };
    get(storage.enqueue_delivery(delivery));
    get(OfflineQueue::remove(storage, &device, vec![1, 2]));
    get(storage.expire_messages(20));
    get(storage.add_facts(&device, DeviceFacts { knows_extensions: true, sends_stop: false }, 6));
    get(storage.record_seen(&device, 7));
    get(Sessions::remove(storage, &device, None));
    get(Sessions::expire(storage, 3));
    get(storage.erase_device(&device));
    get(storage.complete_erasure(&device));
    get(storage.set_component(component("p", Some("ab"), 0)));
    let hex = |bytes: &Vec<u8>| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let written: Vec<String> = log.entries().iter().map(hex).collect();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/commands.hex");
    if std::env::var_os("UPDATE_COMMANDS").is_some() {
        std::fs::write(&path, written.join("\n") + "\n").expect("written");
    }
    let expected = std::fs::read_to_string(&path).expect("the commands");
    assert_eq!(written, expected.lines().collect::<Vec<_>>());
}
