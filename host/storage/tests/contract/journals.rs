//! Journals: numbers without gaps, order, pages. Rule: each case uses keys of its own, since the store may be shared.

use std::sync::Arc;

use modehost_ids::{DeviceId, SessionId};
use modehost_storage::StorageError;
use modehost_storage::traits::{ArchiveEntry, Archives, Author, JournalPart, Journals, Sessions, StoredSession};

use crate::{get, outcome};

pub fn numbers_have_no_gap_under_concurrency(journals: &dyn Journals) {
    let mut numbers: Vec<u64> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|thread| {
                scope.spawn(move || {
                    let replies: Vec<_> =
                        (0..100).map(|n| journals.append("gaps", n, format!("[{thread},{n}]").into())).collect();
                    replies.into_iter().map(get).collect::<Vec<u64>>()
                })
            })
            .collect();
        threads
            .into_iter()
            .flat_map(|thread| {
                let mine = thread.join().expect("a thread");
                assert!(mine.is_sorted(), "appends of one caller keep their order");
                mine
            })
            .collect()
    });
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=800).collect::<Vec<u64>>());
    let stored = get(journals.read("gaps", 0, 1000));
    assert_eq!(stored.iter().map(|entry| entry.sequence).collect::<Vec<_>>(), numbers);
}

pub fn appends_of_one_caller_keep_their_order(journals: &dyn Journals) {
    // No reply is awaited before all are submitted; dropping one does not undo it.
    let mut last = None;
    for number in 0..300u64 {
        let name = if number % 2 == 0 { "order-even" } else { "order-odd" };
        last = Some(journals.append(name, number, number.to_string().into()));
    }
    get(last.expect("the last"));
    for (name, rest) in [("order-even", 0), ("order-odd", 1)] {
        let values: Vec<u64> =
            get(journals.read(name, 0, 1000)).iter().map(|entry| entry.value.parse().expect("a number")).collect();
        assert_eq!(values, (0..300).filter(|number| number % 2 == rest).collect::<Vec<_>>());
    }
}

pub fn pages_follow_each_other(journals: &dyn Journals) {
    for number in 1..=10u64 {
        assert_eq!(get(journals.append("pages", 1000 + number, number.to_string().into())), number);
    }
    let page = get(journals.read("pages", 4, 3));
    assert_eq!(
        page.iter().map(|entry| (entry.sequence, entry.at)).collect::<Vec<_>>(),
        [(5, 1005), (6, 1006), (7, 1007)]
    );
    assert!(get(journals.read("pages", 10, 3)).is_empty());
    assert!(get(journals.read("pages", u64::MAX, 3)).is_empty());
    assert!(get(journals.read("pages-of-nothing", 0, 3)).is_empty());
}

pub fn a_removed_journal_begins_anew(journals: &dyn Journals) {
    get(journals.append("anew", 1, "\"old\"".into()));
    get(journals.append("anew-other", 1, "\"stays\"".into()));
    get(journals.remove("anew"));
    get(journals.remove("anew-never-was"));
    assert!(get(journals.read("anew", 0, 9)).is_empty());
    assert_eq!(get(journals.append("anew", 2, "\"new\"".into())), 1);
    assert_eq!(&*get(journals.read("anew", 0, 9))[0].value, "\"new\"");
    assert_eq!(get(journals.read("anew-other", 0, 9)).len(), 1);
}

pub fn an_entry_over_its_limit_leaves_no_gap(journals: &dyn Journals) {
    let max: Arc<str> = "v".repeat(64 * 1024).into();
    assert_eq!(get(journals.append("limit", 1, max.clone())), 1);
    let refused = outcome(journals.append("limit", 1, format!("{max}v").into()));
    assert!(matches!(refused, Err(StorageError::Invalid(_))), "{refused:?}");
    assert!(matches!(outcome(journals.append("", 1, "1".into())), Err(StorageError::Invalid(_))));
    assert_eq!(get(journals.append("limit", 1, "1".into())), 2);
}

/// One full sweep; returns the number of removed orphans.
fn sweep(journals: &dyn Journals, before: u64) -> u64 {
    let (mut from, mut gone) = (0, 0);
    for _ in 0..10_000 {
        let swept = get(journals.sweep(from, before));
        gone += swept.journals;
        match swept.next {
            Some(next) => from = next,
            None => return gone,
        }
    }
    panic!("the sweep does not end");
}

pub fn m7_a_sweep_removes_what_nobody_needs_and_nothing_else(storage: &(impl Journals + Archives + Sessions)) {
    let (writer, gone) = (SessionId::new("sweep-session"), SessionId::new("sweep-session-gone"));
    // Old entries, then the age of the last one.
    for (journal, session, last) in [
        ("sweep/orphan", None, 999),
        ("sweep/young", None, 1000),
        ("sweep/linked", None, 1),
        ("sweep/goes-on", Some(&writer), 1),
        ("sweep/left", Some(&gone), 1),
    ] {
        let author = session.map(|session| Author { session: session.clone(), device: DeviceId::new("sweep-device") });
        get(storage.append_for(author.as_ref(), journal, 1, "{}".into()));
        get(storage.append_for(author.as_ref(), journal, last, "{}".into()));
    }
    for n in 0..200 {
        get(storage.append(&format!("sweep/many-{n}"), 1, "{}".into()));
    }
    let part = JournalPart { journal: "sweep/linked".into(), member: "m".into(), line: "".into() };
    let entry = ArchiveEntry {
        kind: "sweep".into(),
        id: "x".into(),
        title: "".into(),
        at: 1,
        content: "{}".into(),
        text: "".into(),
        journal: Some(part),
        device: None,
    };
    get(storage.archive(entry, 0));
    let device = DeviceId::new("sweep-device");
    let (session, handlers) = (writer, Vec::new());
    let stored = StoredSession {
        device: device.clone(),
        session,
        mode: None,
        saved_at: 1,
        unfinished: false,
        segments: 0,
        turns: 0,
        handlers,
    };
    get(storage.save(stored));
    let there = || {
        let names = ["orphan", "young", "linked", "goes-on", "left"];
        names.map(|name| get(storage.read(&format!("sweep/{name}"), 0, 9)).len())
    };
    assert!(sweep(storage, 1000) >= 202);
    assert_eq!(there(), [0, 2, 2, 2, 0]);
    // Once its session is deleted, nobody can continue it.
    get(Sessions::remove(storage, &device, None));
    assert!(sweep(storage, 1000) >= 1);
    assert_eq!(there(), [0, 2, 2, 0, 0]);
    assert_eq!(sweep(storage, 1000), 0);
}

pub fn a_long_journal_is_gone_at_once_and_gives_its_room_back_in_steps(journals: &dyn Journals) {
    let last = (0..20_000u64).map(|n| {
        let reply = journals.append("long", n, "{}".into());
        // The queue in front of the writer is bounded.
        if n % 1000 == 0 {
            get(reply)
        } else {
            drop(reply);
            0
        }
    });
    assert_eq!(last.count(), 20_000);
    get(journals.append("long", 1, "{}".into()));
    get(journals.remove("long"));
    assert!(get(journals.read("long", 0, 9)).is_empty());
    assert_eq!(get(journals.append("long", 1, "{}".into())), 1, "it begins anew meanwhile");
    let (mut from, mut entries, mut steps) = (0, 0, 0);
    loop {
        let swept = get(journals.sweep(from, 0));
        (entries, steps) = (entries + swept.entries, steps + u64::from(swept.entries > 0));
        match swept.next {
            Some(next) => from = next,
            None => break,
        }
    }
    assert!(entries > 10_000 && entries / steps <= 512, "{entries} in {steps} steps");
    assert_eq!(get(journals.read("long", 0, 9)).len(), 1);
}
