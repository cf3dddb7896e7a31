//! Durable appends and messages queued a second with 1, 64 and 1024 callers, each waiting for its reply
//! before the next.
//!
//! Rule: every write counted is on disk. Without `--bench` (as under `cargo test`) it runs for a
//! moment only, to show that it still works.
#![allow(clippy::print_stdout, reason = "a benchmark's output is what it prints")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use modehost_ids::DeviceId;
use modehost_storage::traits::{Journals, OfflineQueue};
use modehost_storage::{Config, SpareQueue, SqliteStorage};
use tokio::task::JoinSet;

/// Unix ms of the messages.
const NOW: u64 = 1_800_000_000_000;

fn main() {
    let long = std::env::args().any(|argument| argument == "--bench");
    let time = if long { Duration::from_secs(5) } else { Duration::from_millis(50) };
    for callers in [1, 64, 1024] {
        // In the target folder and not in the system's temporary one, which may be memory and no disk.
        let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
        let storage = SqliteStorage::open(&Config { dir: dir.path().into(), ..Config::default() }).expect("a storage");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        let began = Instant::now();
        let appends: u64 = runtime.block_on(append_until(storage.clone(), callers, began + time));
        let per_second = appends as f64 / began.elapsed().as_secs_f64();
        println!("{callers:>5} callers: {per_second:>9.0} durable appends/s");
        // Messages for absent devices, through the queue with its reserve as the server uses it.
        let queue = SpareQueue::open(storage.clone(), dir.path()).expect("a queue");
        let began = Instant::now();
        let queued: u64 = runtime.block_on(enqueue_until(queue, callers, began + time));
        let per_second = queued as f64 / began.elapsed().as_secs_f64();
        println!("{callers:>5} callers: {per_second:>9.0} durable enqueues/s");
    }
}

async fn enqueue_until(queue: Arc<SpareQueue>, callers: u64, end: Instant) -> u64 {
    let payload: Arc<str> = format!("{{\"type\":\"peer\",\"text\":\"{}\"}}", "x".repeat(180)).into();
    let mut tasks = JoinSet::new();
    for caller in 0..callers {
        let (queue, payload) = (queue.clone(), payload.clone());
        tasks.spawn(async move {
            let device = DeviceId::new(format!("device-{caller}"));
            let mut count = 0;
            while Instant::now() < end {
                // At the limit of a device the oldest makes room, as it does in the server.
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
