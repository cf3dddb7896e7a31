//! Archives: retention and replacement.

use modehost_storage::traits::{Archived, Archives};

use crate::get;

fn entry(kind: &str, id: &str, at: u64) -> Archived {
    let text = format!("# {id}").into();
    Archived { kind: kind.into(), id: id.into(), title: "a title".into(), at, content: "{}".into(), text }
}

fn ids(archives: &dyn Archives, kind: &str, limit: u32) -> Vec<String> {
    get(archives.list(kind, limit)).iter().map(|entry| entry.id.to_string()).collect()
}

pub fn the_newest_are_kept_and_listed_first(archives: &dyn Archives) {
    get(archives.archive(entry("other-kind", "stays", 1), 1));
    for (id, at) in [("b", 20), ("d", 40), ("a", 10), ("c", 30)] {
        get(archives.archive(entry("kept", id, at), 3));
    }
    assert_eq!(ids(archives, "kept", 9), ["d", "c", "b"]);
    assert_eq!(ids(archives, "kept", 1), ["d"]);
    for (id, at) in [("e", 50), ("f", 60)] {
        get(archives.archive(entry("kept", id, at), 0));
    }
    assert_eq!(ids(archives, "kept", 9).len(), 5, "0 keeps all");
    assert_eq!(ids(archives, "other-kind", 9), ["stays"]);
}

pub fn the_same_id_replaces(archives: &dyn Archives) {
    get(archives.archive(entry("replaced", "x", 1), 0));
    let newer = Archived { title: "第二".into(), content: "{\"v\":2}".into(), ..entry("replaced", "x", 2) };
    get(archives.archive(newer.clone(), 0));
    assert_eq!(get(archives.list("replaced", 9)), [newer]);
}
