//! Throughput of durable appends, session batches and queued messages with 1, 64 and 1024 callers, each of which waits
//! for its reply before the next call. A batch is a document, a journal entry and a record of 2 KB; for comparison the
//! same three are submitted one by one and awaited together.
//!
//! Rule: every counted write is on disk. Without `--bench` (as under `cargo test`) it runs for a moment only, to show
//! that it still works.
#![allow(clippy::print_stdout, reason = "a benchmark's output is what it prints")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use modehost_ids::{DeviceId, SessionId};
use modehost_storage::traits::{
    Author, Batch, Documents, Journals, OfflineQueue, Sessions, StoredHandler, StoredSession, Write,
};
use modehost_storage::{Config, FallbackQueue, SqliteStorage};
use tokio::task::JoinSet;

/// Unix ms of the messages.
const NOW: u64 = 1_800_000_000_000;

fn main() {
    let long = std::env::args().any(|argument| argument == "--bench");
    let time = if long { Duration::from_secs(5) } else { Duration::from_millis(50) };
    for callers in [1, 64, 1024] {
        // In the target directory, because the system's temporary directory may be memory.
        let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
        let storage = SqliteStorage::open(&Config { dir: dir.path().into(), ..Config::default() }).expect("a storage");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        let began = Instant::now();
        let appends: u64 = runtime.block_on(append_until(storage.clone(), callers, began + time));
        let per_second = appends as f64 / began.elapsed().as_secs_f64();
        println!("{callers:>5} callers: {per_second:>9.0} durable appends/s");
        for (what, apart) in [("batches", false), ("batches in parts", true)] {
            let began = Instant::now();
            let batches: u64 = runtime.block_on(commit_until(storage.clone(), (callers, apart), began + time));
            let per_second = batches as f64 / began.elapsed().as_secs_f64();
            println!("{callers:>5} callers: {per_second:>9.0} durable {what}/s");
        }
        // Messages for absent devices, through the fallback queue as the server uses it.
        let queue = FallbackQueue::open(storage.clone(), dir.path()).expect("a queue");
        let began = Instant::now();
        let queued: u64 = runtime.block_on(enqueue_until(queue, callers, began + time));
        let per_second = queued as f64 / began.elapsed().as_secs_f64();
        println!("{callers:>5} callers: {per_second:>9.0} durable enqueues/s");
    }
}

async fn enqueue_until(queue: Arc<FallbackQueue>, callers: u64, end: Instant) -> u64 {
    let payload: Arc<str> = format!("{{\"type\":\"peer\",\"text\":\"{}\"}}", "x".repeat(180)).into();
    let mut tasks = JoinSet::new();
    for caller in 0..callers {
        let (queue, payload) = (queue.clone(), payload.clone());
        tasks.spawn(async move {
            let device = DeviceId::new(format!("device-{caller}"));
            let mut count = 0;
            while Instant::now() < end {
                // At the limit per device the oldest message is dropped, as in the server.
                queue.enqueue(&device, payload.clone(), NOW, 86_400_000).await.expect("queued");
                count += 1;
            }
            count
        });
    }
    let mut queued = 0;
    while let Some(count) = tasks.join_next().await {
        queued += count.expect("a caller");
    }
    queued
}

async fn commit_until(storage: Arc<SqliteStorage>, (callers, apart): (u64, bool), end: Instant) -> u64 {
    let entry: Arc<str> = format!("{{\"text\":\"{}\"}}", "x".repeat(180)).into();
    let mut tasks = JoinSet::new();
    for caller in 0..callers {
        let (storage, entry) = (storage.clone(), entry.clone());
        tasks.spawn(async move {
            let key: Arc<str> = format!("batch-{caller}-{apart}").into();
            let mut count = 0;
            while Instant::now() < end {
                let record = record(caller);
                if apart {
                    let author = Author { session: record.session.clone(), device: record.device.clone() };
                    let written = Documents::write(&*storage, &key, count, Some(entry.clone()));
                    let appended = storage.append_for(Some(&author), &key, count, entry.clone());
                    let saved = storage.save(record);
                    written.await.expect("a write");
                    appended.await.expect("an append");
                    saved.await.expect("a record");
                } else {
                    let writes = vec![
                        Write::Document { key: key.clone(), expected: count, value: Some(entry.clone()) },
                        Write::Append { journal: key.clone(), at: count, entry: entry.clone() },
                    ];
                    storage.commit(Batch { writes, ..Batch::of(record) }).await.expect("a batch");
                }
                count += 1;
            }
            count
        });
    }
    let mut batches = 0;
    while let Some(count) = tasks.join_next().await {
        batches += count.expect("a caller");
    }
    batches
}

/// A session with one handler.
fn record(caller: u64) -> StoredSession {
    StoredSession {
        device: DeviceId::new(format!("device-{caller}")),
        session: SessionId::new(format!("session-{caller}")),
        mode: None,
        saved_at: NOW,
        unfinished: false,
        segments: 0,
        turns: 0,
        handlers: vec![StoredHandler {
            plugin: "some".into(),
            version: "1.0.0".into(),
            schema: 1,
            state: vec![7; 2048],
            timers: Vec::new(),
            requests: vec![1],
            watches: Vec::new(),
            mode: None,
            ending: false,
        }],
    }
}

async fn append_until(storage: Arc<SqliteStorage>, callers: u64, end: Instant) -> u64 {
    let entry: Arc<str> = format!("{{\"text\":\"{}\"}}", "x".repeat(180)).into();
    let mut tasks = JoinSet::new();
    for caller in 0..callers {
        let (storage, entry) = (storage.clone(), entry.clone());
        tasks.spawn(async move {
            let journal = format!("journal-{caller}");
            let mut count = 0;
            while Instant::now() < end {
                storage.append(&journal, count, entry.clone()).await.expect("an append");
                count += 1;
            }
            count
        });
    }
    let mut appends = 0;
    while let Some(count) = tasks.join_next().await {
        appends += count.expect("a caller");
    }
    appends
}
