//! Durable appends a second with 1, 64 and 1024 callers, each waiting for its reply before the next.
//!
//! Rule: every append counted is on disk. Without `--bench` (as under `cargo test`) it runs for a
//! moment only, to show that it still works.
#![allow(clippy::print_stdout, reason = "a benchmark's output is what it prints")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use modehost_storage::traits::Journals;
use modehost_storage::{Config, SqliteStorage};
use tokio::task::JoinSet;

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
