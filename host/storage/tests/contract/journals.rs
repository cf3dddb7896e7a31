//! Journals: numbers without gaps, order, pages.

use std::sync::Arc;

use modehost_storage::StorageError;
use modehost_storage::traits::Journals;

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
    // Not one of the replies is awaited before all are submitted; dropping one does not undo it.
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
    let most: Arc<str> = "v".repeat(64 * 1024).into();
    assert_eq!(get(journals.append("limit", 1, most.clone())), 1);
    let refused = outcome(journals.append("limit", 1, format!("{most}v").into()));
    assert!(matches!(refused, Err(StorageError::Invalid(_))), "{refused:?}");
    assert!(matches!(outcome(journals.append("", 1, "1".into())), Err(StorageError::Invalid(_))));
    assert_eq!(get(journals.append("limit", 1, "1".into())), 2);
}
