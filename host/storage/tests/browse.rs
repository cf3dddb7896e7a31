//! What operators list and search. Rule: pages together have everything once, in order, whatever is searched for.

use std::sync::Arc;

use futures_lite::future::block_on;
use modehost_ids::DeviceId;
use modehost_storage::traits::{ArchiveEntry, Archives, Documents, JournalPart, Journals};
use modehost_storage::{ArchiveCursor, ArchiveQuery, Config, SqliteStorage, limits};

fn storage() -> (tempfile::TempDir, Arc<SqliteStorage>) {
    let dir = tempfile::tempdir().expect("a folder");
    let storage = SqliteStorage::open(&Config { dir: dir.path().into(), ..Config::default() }).expect("a storage");
    (dir, storage)
}

fn keep(storage: &SqliteStorage, id: &str, at: u64, text: &str, journal: Option<&str>) {
    let part = |journal: &str| JournalPart { journal: journal.into(), member: "lines".into(), line: "- {text}".into() };
    let entry = ArchiveEntry {
        kind: "notes".into(),
        id: id.into(),
        title: format!("Title {id}").into(),
        at,
        content: "{}".into(),
        text: text.into(),
        journal: journal.map(part),
        device: at.is_multiple_of(2).then(|| DeviceId::new("even")),
    };
    block_on(storage.archive(entry, 0)).expect("stored");
}

/// The ids of all pages, and how many pages there were.
fn walk(storage: &SqliteStorage, query: &ArchiveQuery) -> (Vec<String>, usize) {
    let (mut ids, mut pages, mut after): (_, _, Option<ArchiveCursor>) = (Vec::new(), 0, None);
    loop {
        let query = ArchiveQuery { after: after.take(), ..query.clone() };
        let page = block_on(storage.browse_archive(query)).expect("a page");
        ids.extend(page.entries.iter().map(|entry| entry.id.to_string()));
        pages += 1;
        after = page.next;
        if after.is_none() {
            return (ids, pages);
        }
    }
}

#[test]
fn pages_follow_each_other_newest_first_also_where_times_are_equal() {
    let (_dir, storage) = storage();
    for n in 0..25_u64 {
        keep(&storage, &format!("{n:02}"), 100 + n / 5, "", None);
    }
    let query = ArchiveQuery { kind: "notes".into(), limit: 4, ..ArchiveQuery::default() };
    let (ids, pages) = walk(&storage, &query);
    let expected: Vec<String> = (0..25).rev().map(|n| format!("{n:02}")).collect();
    assert_eq!((ids, pages), (expected, 7));
    let of_device = ArchiveQuery { device: Some(DeviceId::new("even")), ..query.clone() };
    assert_eq!(walk(&storage, &of_device).0.len(), 15, "100, 102 and 104 are even");
    let none = ArchiveQuery { kind: "other".into(), ..query };
    assert_eq!(walk(&storage, &none), (Vec::new(), 1));
    let kinds = block_on(storage.archive_kinds()).expect("kinds");
    assert_eq!(kinds.iter().map(|kind| (&*kind.kind, kind.entries)).collect::<Vec<_>>(), [("notes", 25)]);
}

#[test]
fn a_search_finds_titles_texts_and_journals_and_goes_on_in_steps() {
    let (_dir, storage) = storage();
    let many = limits::SEARCH_ENTRIES + 20;
    for n in 0..many {
        keep(&storage, &format!("{n:04}"), n, "nothing of note", None);
    }
    keep(&storage, "in-text", 0, "We speak of the Budget of 2027 at length.", None);
    block_on(storage.append("j", 1, r#"{"text":"das BUDGET, nochmals"}"#.into())).expect("appended");
    keep(&storage, "in-journal", 1, "# Heading", Some("j"));
    keep(&storage, "the-budget", 2, "", None);
    let query =
        ArchiveQuery { kind: "notes".into(), text: Some("budget".into()), limit: 50, ..ArchiveQuery::default() };
    let (ids, pages) = walk(&storage, &query);
    assert_eq!(ids, ["the-budget", "in-journal", "in-text"]);
    assert_eq!(pages, 2, "the first step found nothing and said where to go on");
    let last = ArchiveQuery { after: Some(ArchiveCursor { at: 3, id: "".into() }), ..query.clone() };
    let page = block_on(storage.browse_archive(last)).expect("a page");
    let excerpts: Vec<_> = page.entries.iter().map(|entry| entry.excerpt.as_deref()).collect();
    assert_eq!(excerpts, [None, Some("- das BUDGET, nochmals"), Some("We speak of the Budget of 2027 at length.")]);
    // Names of members are no text.
    let names = ArchiveQuery { text: Some("lines".into()), ..query };
    assert_eq!(walk(&storage, &names).0, Vec::<String>::new());
}

#[test]
fn documents_are_listed_by_key_and_removed_ones_are_not() {
    let (_dir, storage) = storage();
    for key in ["a/1", "a/2", "a%", "b/1", "b/näher"] {
        block_on(storage.write(key, 0, Some("{\"ü\":1}".into()))).expect("written");
    }
    block_on(storage.write("a/2", 1, None)).expect("removed");
    let keys = |prefix: &str, text: &str, after: &str, limit: u32| -> Vec<String> {
        let rows = block_on(storage.list_documents(prefix, text, after, limit)).expect("rows");
        assert!(rows.iter().all(|row| (row.version, row.bytes) == (1, 8)), "{rows:?}");
        rows.into_iter().map(|row| row.key.to_string()).collect()
    };
    assert_eq!(keys("", "", "", 10), ["a%", "a/1", "b/1", "b/näher"]);
    assert_eq!(keys("a/", "", "", 10), ["a/1"], "% and _ are letters of a key like others");
    assert_eq!(keys("", "nä", "", 10), ["b/näher"]);
    assert_eq!(keys("", "", "a/1", 1), ["b/1"]);
}
