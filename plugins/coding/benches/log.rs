//! The cost of reading a log, natively and as a component in the server's runtime. Rule: one process and one log for
//! both, so that their ratio is comparable between machines.

use std::sync::LazyLock;

use coding::Coding;
use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use modehost_sdk::{Context, Device, Event, Message, Runner, Start};
use modehost_testkit::{Event as HostEvent, Kit};
use serde_json::json;

const CONTEXT: Context = Context { now: 1_760_000_000_000, seed: 1 };

/// Ten thousand lines of a test run: most pass, some fail, and the compiler and a database connection complain.
static LOG: LazyLock<String> = LazyLock::new(|| {
    (0..10_000).fold(String::new(), |log, line| {
        let next = match line % 100 {
            17 => format!("test store::index::tests::case_{line} ... FAILED\n"),
            42 => format!("src/net/frame.c:{line}:9: warning: unused variable ‘count’ [-Wunused-variable]\n"),
            63 => "2024-06-11 09:00:00,123 ERROR pool - connection refused: db.internal.example.com:5432\n".to_owned(),
            _ => format!("test store::index::tests::keeps_the_order_of_entries_{line} ... ok\n"),
        };
        log + &next
    })
});

/// About the largest message: a log without anything to find.
static MEBIBYTE: LazyLock<String> = LazyLock::new(|| {
    let line =
        "  Downloading https://repo.example.org/maven2/org/apache/commons/commons-lang3/3.14.0 (658 kB at 1.2 MB/s)\n";
    line.repeat(1_000_000 / line.len())
});

/// The worst message: nothing but errors, each a different one.
static FLOOD: LazyLock<String> = LazyLock::new(|| {
    let letter = |n: usize| char::from(b'a' + (n % 26) as u8);
    (0..20_000).fold(String::new(), |log, n| {
        let name: String = [n, n / 26, n / 676, n / 17_576].into_iter().map(letter).collect();
        log + &format!("src/{name}.c:{n}:9: error: ‘{name}’ undeclared\n")
    })
});

fn main() {
    divan::main();
}

fn body(log: &str) -> String {
    json!({"type": "coding", "event": "log", "text": log}).to_string()
}

fn native(bencher: Bencher<'_, '_>, log: &str) {
    let body = body(log);
    let device = Device { id: "dev-1".into(), alias: None, groups: vec!["default".into()] };
    let start = Event::Started(Start { mode: None, device, session_id: "s".into(), language: "zh".into() });
    let message = || Event::Message(Message { kind: "coding".into(), body: body.clone() });
    let opened = || {
        let mut runner = Runner::<Coding>::configure("{}").expect("a configuration");
        runner.handle(CONTEXT, start.clone()).expect("ok");
        (runner, message())
    };
    bencher
        .counter(BytesCount::of_str(log))
        .counter(ItemsCount::new(log.lines().count()))
        .with_inputs(opened)
        .bench_local_values(|(mut runner, message)| runner.handle(CONTEXT, message).expect("ok"));
}

fn component(bencher: Bencher<'_, '_>, log: &str) {
    let kit = Kit::build("coding");
    let body: std::sync::Arc<str> = body(log).into();
    let opened = || {
        let mut device = kit.afresh().device("dev-1");
        device.hold();
        device.start(None);
        device
    };
    bencher
        .counter(BytesCount::of_str(log))
        .counter(ItemsCount::new(log.lines().count()))
        .with_inputs(opened)
        .bench_local_refs(|device| device.tell(HostEvent::Message { kind: "coding".into(), body: body.clone() }));
}

#[divan::bench]
fn lines_10000_native(bencher: Bencher<'_, '_>) {
    native(bencher, &LOG);
}

#[divan::bench]
fn lines_10000_component(bencher: Bencher<'_, '_>) {
    component(bencher, &LOG);
}

#[divan::bench]
fn mebibyte_native(bencher: Bencher<'_, '_>) {
    native(bencher, &MEBIBYTE);
}

#[divan::bench]
fn mebibyte_component(bencher: Bencher<'_, '_>) {
    component(bencher, &MEBIBYTE);
}

#[divan::bench]
fn flood_component(bencher: Bencher<'_, '_>) {
    component(bencher, &FLOOD);
}

#[divan::bench]
fn flood_native(bencher: Bencher<'_, '_>) {
    native(bencher, &FLOOD);
}
