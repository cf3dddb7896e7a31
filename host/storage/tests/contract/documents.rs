//! Documents: versions, conflicts, watches. Rule: each case uses keys of its own, since the store may be shared.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use modehost_storage::StorageError;
use modehost_storage::traits::{Document, Documents, WriteOutcome};
use parking_lot::Mutex;

use crate::{get, outcome, wait_until};

fn json(text: &str) -> Option<Arc<str>> {
    Some(text.into())
}

fn version(written: WriteOutcome) -> u64 {
    match written {
        WriteOutcome::Done(version) => version,
        WriteOutcome::Conflict(document) => panic!("a conflict with {document:?}"),
    }
}

pub fn versions_grow_also_across_a_removal(documents: &dyn Documents) {
    let absent = Document { key: "grow".into(), version: 0, value: None };
    assert_eq!(get(documents.read("grow")), absent);
    assert_eq!(get(documents.write("grow", 0, None)), WriteOutcome::Done(0), "removing nothing is done");
    let first = version(get(documents.write("grow", 0, json("1"))));
    let second = version(get(documents.write("grow", first, json("2"))));
    assert!(second > first && first > 0);
    let removed = version(get(documents.write("grow", second, None)));
    assert_eq!(get(documents.read("grow")), absent);
    let again = version(get(documents.write("grow", 0, json("3"))));
    assert!(removed > second && again > removed);
    assert_eq!(get(documents.read("grow")), Document { key: "grow".into(), version: again, value: json("3") });
}

pub fn a_stale_write_is_told_what_stands_there(documents: &dyn Documents) {
    let first = version(get(documents.write("stale", 0, json("\"a\""))));
    let stands = Document { key: "stale".into(), version: first, value: json("\"a\"") };
    for wrong in [0, first + 1, u64::MAX] {
        assert_eq!(get(documents.write("stale", wrong, json("\"b\""))), WriteOutcome::Conflict(stands.clone()));
        assert_eq!(get(documents.write("stale", wrong, None)), WriteOutcome::Conflict(stands.clone()));
    }
    assert_eq!(get(documents.read("stale")), stands);
    let absent = Document { key: "stale-absent".into(), version: 0, value: None };
    assert_eq!(get(documents.write("stale-absent", 4, json("1"))), WriteOutcome::Conflict(absent));
}

pub fn increments_of_eight_threads_all_count(documents: &dyn Documents) {
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let mut now = get(documents.read("sum"));
                for _ in 0..100 {
                    loop {
                        let sum: u64 = now.value.as_deref().unwrap_or("0").parse().expect("a number");
                        match get(documents.write("sum", now.version, json(&(sum + 1).to_string()))) {
                            WriteOutcome::Done(_) => break now = get(documents.read("sum")),
                            WriteOutcome::Conflict(current) => now = current,
                        }
                    }
                }
            });
        }
    });
    assert_eq!(get(documents.read("sum")).value, json("800"));
}

pub fn watchers_hear_of_every_change_in_order(documents: &dyn Documents) {
    let received: Arc<Mutex<Vec<Document>>> = Arc::default();
    let writer = received.clone();
    let _watch = documents.watch(
        "told",
        Box::new(move |document| {
            writer.lock().push(document.clone());
            true
        }),
    );
    let _other = documents.watch("not-told", Box::new(|document| panic!("told of {document:?}")));
    let replies: Vec<_> = (0..50).map(|number| documents.write("told", number, json(&number.to_string()))).collect();
    for (number, reply) in (1..).zip(replies) {
        assert_eq!(get(reply), WriteOutcome::Done(number), "writes of one caller keep their order");
    }
    // A conflict changes nothing, so nobody is notified.
    assert!(matches!(get(documents.write("told", 7, json("7"))), WriteOutcome::Conflict(_)));
    assert!(matches!(get(documents.write("told", 50, None)), WriteOutcome::Done(51)));
    wait_until("51 changes", || received.lock().len() >= 51);
    let received = received.lock();
    let expected: Vec<(u64, Option<Arc<str>>)> =
        (1..=50).map(|number| (number, json(&(number - 1).to_string()))).chain([(0, None)]).collect();
    assert_eq!(received.iter().map(|d| (d.version, d.value.clone())).collect::<Vec<_>>(), expected);
}

pub fn a_watch_ends_by_being_dropped_or_by_saying_no(documents: &dyn Documents) {
    let counts: [Arc<AtomicUsize>; 3] = Default::default();
    let watcher = |index: usize, goes_on: bool| {
        let count = counts[index].clone();
        Box::new(move |_: &Document| {
            count.fetch_add(1, Ordering::SeqCst);
            goes_on
        })
    };
    let dropped = documents.watch("ends", watcher(0, true));
    let _said_no = documents.watch("ends", watcher(1, false));
    // The last watcher of the key is notified last, so after it all have been.
    let _stays = documents.watch("ends", watcher(2, true));
    get(documents.write("ends", 0, json("1")));
    wait_until("the first change", || counts[2].load(Ordering::SeqCst) == 1);
    drop(dropped);
    get(documents.write("ends", 1, json("2")));
    wait_until("the second change", || counts[2].load(Ordering::SeqCst) == 2);
    assert_eq!(counts[0].load(Ordering::SeqCst), 1);
    assert_eq!(counts[1].load(Ordering::SeqCst), 1);
}

pub fn a_watcher_that_panics_costs_nobody_else(documents: &dyn Documents) {
    let received = Arc::new(AtomicUsize::new(0));
    let counter = received.clone();
    let _panics = documents.watch("panic", Box::new(|_| panic!("on purpose")));
    let _stays = documents.watch("panic", Box::new(move |_| counter.fetch_add(1, Ordering::SeqCst) < 9));
    get(documents.write("panic", 0, json("1")));
    get(documents.write("panic", 1, json("2")));
    wait_until("both changes", || received.load(Ordering::SeqCst) == 2);
}

pub fn oversize_keys_and_values_are_refused(documents: &dyn Documents) {
    let (most_key, most_value) = ("k".repeat(256), "v".repeat(256 * 1024));
    get(documents.write(&most_key, 0, json(&most_value)));
    assert_eq!(get(documents.read(&most_key)).value, json(&most_value));
    for (key, value) in [("", "1"), (&*format!("{most_key}k"), "1"), ("oversize", &*format!("{most_value}v"))] {
        let refused = outcome(documents.write(key, 0, json(value)));
        assert!(matches!(&refused, Err(StorageError::Invalid(text)) if text.contains("bytes")), "{refused:?}");
    }
    assert_eq!(get(documents.read("oversize")).version, 0);
}
