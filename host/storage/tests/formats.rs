//! Session records as written by earlier versions. Rule: the bytes carry no field names, so each layout has a number
//! and stays readable forever.

use futures_lite::future::block_on;
use modehost_ids::{DeviceId, SessionId};
use modehost_storage::traits::{Sessions, StoredHandler};
use modehost_storage::{Config, SqliteStorage};
use serde::Serialize;

/// Layout of format 1.
#[derive(Serialize)]
struct StoredSessionV1 {
    device: DeviceId,
    session: SessionId,
    mode: Option<String>,
    saved_at: u64,
    unfinished: bool,
    segments: u64,
    handlers: Vec<StoredHandler>,
}

#[test]
fn a_session_of_format_1_is_read_with_the_state_of_its_modes() {
    let dir = tempfile::tempdir().expect("a folder");
    let config = Config { dir: dir.path().into(), ..Config::default() };
    SqliteStorage::open(&config).expect("open").shutdown();
    let handler = StoredHandler {
        plugin: "alpha".to_owned(),
        version: "1.0.0".to_owned(),
        schema: 3,
        state: vec![1, 2, 3],
        timers: vec![(1, 2)],
        requests: vec![9],
        watches: vec!["a/b".to_owned()],
        mode: Some("one".to_owned()),
        ending: false,
    };
    let first = StoredSessionV1 {
        device: DeviceId::new("dev-1"),
        session: SessionId::new("s-1"),
        mode: Some("one".to_owned()),
        saved_at: 5,
        unfinished: true,
        segments: 7,
        handlers: vec![handler.clone()],
    };
    let state = postcard::to_stdvec(&first).expect("bytes");
    let database = rusqlite::Connection::open(dir.path().join("modehost.db")).expect("the database");
    let row = "INSERT INTO sessions (device, saved_at, unfinished, format, state) VALUES ('dev-1', 5, 1, 1, ?1)";
    database.execute(row, [state]).expect("a row");
    drop(database);
    let storage = SqliteStorage::open(&config).expect("open");
    let read = block_on(storage.load(&DeviceId::new("dev-1"))).expect("an answer").expect("a session");
    assert_eq!((read.segments, read.turns, read.handlers), (7, 0, vec![handler]));
}
