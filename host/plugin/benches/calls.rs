//! Cost of a call, of opening and of swapping an instance. Rule: the native baseline runs in the same process, so that
//! ratios are comparable between machines.

use std::hint::black_box;
use std::sync::{Arc, LazyLock};

use divan::Bencher;
use modehost_contract::{Context, Event, Generation, Instance};
use modehost_guest_build::guest_wasm;
use modehost_plugin::{Runtime, RuntimeConfig, WasmGeneration};

/// About 200 bytes, as devices send them.
const BODY: &str = r#"{"type":"fixture","do":"count","device":"aa:bb:cc:dd:ee:ff","filler":"The quick brown fox jumps over the lazy dog, and then it does so again and again until the night comes.","n":1}"#;
const CONTEXT: Context = Context { now: 1_700_000_000_000, seed: 1 };

static GENERATION: LazyLock<Arc<WasmGeneration>> = LazyLock::new(|| {
    let runtime = Runtime::new(RuntimeConfig::default()).expect("a runtime");
    runtime.load(&guest_wasm("modehost-guests"), "fixture.wasm", None, &[]).expect("loads")
});

fn main() {
    divan::main();
}

fn message() -> Event {
    Event::Message { kind: "fixture".into(), body: BODY.into() }
}

/// One instance, called repeatedly.
#[divan::bench]
fn handle_hot(bencher: Bencher) {
    let mut instance = GENERATION.open().expect("opens");
    let event = message();
    bencher.bench_local(|| instance.handle(CONTEXT, black_box(&event)).expect("counts"));
}

/// Each call goes to another instance, as with that many devices.
#[divan::bench(args = [1_000, 10_000], sample_size = 1_000)]
fn handle_going_round(bencher: Bencher, count: usize) {
    let mut instances: Vec<Box<dyn Instance>> = (0..count).map(|_| GENERATION.open().expect("opens")).collect();
    let event = message();
    let mut next = 0;
    bencher.bench_local(|| {
        next = (next + 1) % count;
        instances[next].handle(CONTEXT, black_box(&event)).expect("counts")
    });
}

/// Instantiate, configure, drop.
#[divan::bench]
fn open(bencher: Bencher) {
    bencher.bench_local(|| GENERATION.open().expect("opens"));
}

/// What a swap does for one session: snapshot, open, restore, drop the old one.
#[divan::bench]
fn swap(bencher: Bencher) {
    let mut instance = GENERATION.open().expect("opens");
    bencher.bench_local(|| {
        let snapshot = instance.snapshot().expect("a snapshot");
        instance = GENERATION.restore(&snapshot).expect("restores");
    });
}

/// The logic of the guest's `count` as native Rust in this process, with the host's check of the answer.
#[divan::bench]
fn native(bencher: Bencher) {
    #[derive(serde::Deserialize)]
    struct Command<'a> {
        #[serde(borrow, rename = "do")]
        command: &'a str,
    }
    let mut count = 0_u64;
    bencher.bench_local(|| {
        let command: Command<'_> = serde_json::from_str(black_box(BODY)).expect("JSON");
        assert_eq!(command.command, "count");
        count += 1;
        let answer = format!(r#"{{"type":"fixture","count":{count},"build":"a"}}"#);
        let _: serde::de::IgnoredAny = serde_json::from_str(&answer).expect("JSON");
        answer
    });
}

/// Memory mappings per instance; printed, not timed.
#[divan::bench(sample_count = 1, sample_size = 1)]
fn mappings_of_1000_instances(bencher: Bencher) {
    bencher.bench_local(|| {
        let maps = || std::fs::read_to_string("/proc/self/maps").map_or(0, |maps| maps.lines().count());
        let _first = GENERATION.open().expect("opens");
        let before = maps();
        let instances: Vec<_> = (0..1_000).map(|_| GENERATION.open().expect("opens")).collect();
        let each = (maps() - before) as f64 / instances.len() as f64;
        eprintln!("mappings per live instance: {each:.2}");
    });
}
