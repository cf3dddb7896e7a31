//! Inserts a journal into the JSON object that it belongs to.
//!
//! Rule: the journal is read in pages and never parsed; memory stays below [`limits::ASSEMBLED_BYTES`], whatever the
//! size of the journal.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::limits;

use crate::object;
use crate::reply::StorageError;
use crate::traits::{JournalEntry, JournalPart, Journals};

/// The object `content` with all entries of the journal as the array `part.member`, which replaces a member of that
/// name. If the journal would make it larger than [`limits::ASSEMBLED_BYTES`], head and tail are kept, with
/// `{"omitted_entries": n}` between them. Dropping the future stops reading.
///
/// # Errors
/// `Invalid` if `content` is not a JSON object or alone over the limit; those of the storage.
pub async fn assemble(journals: Arc<dyn Journals>, content: String, part: JournalPart) -> Result<String, StorageError> {
    let assembled = assemble_within(&*journals, &content, &part, limits::ASSEMBLED_BYTES).await?;
    if assembled.omitted > 0 {
        tracing::warn!(
            journal.omitted = assembled.omitted,
            limit_bytes = limits::ASSEMBLED_BYTES,
            "a journal is too long to be sent as a whole"
        );
    }
    Ok(assembled.object)
}

/// An object with a journal in it.
pub(crate) struct Assembled {
    /// JSON.
    pub(crate) object: String,
    /// How many entries were left out.
    pub(crate) omitted: u64,
}

/// As [`assemble`], with an explicit limit.
pub(crate) async fn assemble_within(
    journals: &dyn Journals,
    content: &str,
    part: &JournalPart,
    max: usize,
) -> Result<Assembled, StorageError> {
    let mut whole = object_prefix(content, &part.member)?;
    if whole.len() > max {
        return Err(StorageError::Invalid(format!("the object has {} bytes; {max} are allowed", whole.len())));
    }
    let max_bytes = max - whole.len();
    let (mut head, mut tail) = (String::new(), Tail::default());
    let mut pages = Pages::new(journals, &part.journal);
    while let Some(page) = pages.next().await? {
        for entry in page {
            if tail.is_empty() && head.len() + entry.value.len() < max_bytes / 2 {
                add(&mut head, &entry.value);
            } else {
                tail.push(entry.value, max_bytes / 2);
            }
        }
    }
    if tail.omitted > 0 {
        add(&mut head, &format!("{{\"omitted_entries\":{}}}", tail.omitted));
    }
    for value in tail.entries {
        add(&mut head, &value);
    }
    whole.push_str(&head);
    whole.push_str("]}");
    Ok(Assembled { object: whole, omitted: tail.omitted })
}

/// The object up to where the entries begin.
fn object_prefix(content: &str, member: &str) -> Result<String, StorageError> {
    let members = object::members(content, &[member])
        .map_err(|_| StorageError::Invalid("a journal can only be a part of a JSON object".to_owned()))?;
    let mut whole = String::with_capacity(content.len() + member.len() + 8);
    whole.push('{');
    for (name, value) in &members {
        whole.push_str(&quoted(name));
        whole.push(':');
        whole.push_str(value.get());
        whole.push(',');
    }
    whole.push_str(&quoted(member));
    whole.push_str(":[");
    Ok(whole)
}

fn add(list: &mut String, value: &str) {
    if !list.is_empty() {
        list.push(',');
    }
    list.push_str(value);
}

/// A name as JSON.
pub(crate) fn quoted(name: &str) -> String {
    serde_json::Value::from(name).to_string()
}

/// The newest entries that fit.
#[derive(Default)]
struct Tail {
    entries: VecDeque<Arc<str>>,
    bytes: usize,
    omitted: u64,
}

impl Tail {
    fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.omitted == 0
    }

    fn push(&mut self, value: Arc<str>, max_bytes: usize) {
        self.bytes += value.len() + 1;
        self.entries.push_back(value);
        while self.bytes > max_bytes {
            let Some(oldest) = self.entries.pop_front() else { break };
            self.bytes -= oldest.len() + 1;
            self.omitted += 1;
        }
    }
}

/// Reads a journal page by page, from its beginning.
pub(crate) struct Pages<'j> {
    journals: &'j dyn Journals,
    journal: &'j str,
    after: u64,
    complete: bool,
}

impl<'j> Pages<'j> {
    pub(crate) fn new(journals: &'j dyn Journals, journal: &'j str) -> Self {
        Self { journals, journal, after: 0, complete: false }
    }

    /// The next page; `None` at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<JournalEntry>>, StorageError> {
        if self.complete {
            return Ok(None);
        }
        let page = self.journals.read(self.journal, self.after, limits::JOURNAL_CHUNK).await?;
        self.complete = page.len() < limits::JOURNAL_CHUNK as usize;
        self.after = page.last().map_or(self.after, |entry| entry.sequence);
        Ok(Some(page))
    }
}

#[cfg(test)]
mod tests {
    use futures_lite::future::block_on;
    use serde_json::{Value, json};

    use super::*;
    use crate::{Config, SqliteStorage};

    fn part(journal: &str) -> JournalPart {
        JournalPart { journal: journal.into(), member: "lines".into(), line: "".into() }
    }

    fn filled(entries: u64) -> (tempfile::TempDir, Arc<SqliteStorage>) {
        let dir = tempfile::tempdir().expect("a folder");
        let storage = SqliteStorage::open(&Config { dir: dir.path().into(), ..Config::default() }).expect("a storage");
        for n in 0..entries {
            block_on(storage.append("j", n, format!("{{\"n\":{n}}}").into())).expect("appended");
        }
        (dir, storage)
    }

    #[test]
    fn all_entries_stand_in_the_object_in_their_order() {
        for count in [0, 1, 255, 256, 257, 1000] {
            let (_dir, storage) = filled(count);
            let content = r#"{"a":1.0,"lines":"goes","ü":{}}"#;
            let whole = block_on(assemble(storage, content.to_owned(), part("j"))).expect("an object");
            assert!(whole.starts_with(r#"{"a":1.0,"ü":{},"lines":["#), "{whole}");
            let whole: Value = serde_json::from_str(&whole).expect("JSON");
            let expected: Vec<Value> = (0..count).map(|n| json!({ "n": n })).collect();
            assert_eq!(whole["lines"], Value::from(expected));
        }
    }

    #[test]
    fn a_journal_that_is_not_there_is_an_empty_list_and_only_an_object_takes_one() {
        let (_dir, storage) = filled(0);
        let whole = block_on(assemble(storage.clone(), "{}".to_owned(), part("none")));
        assert_eq!(whole.as_deref(), Ok(r#"{"lines":[]}"#));
        for content in ["[]", "", "{", "1"] {
            let whole = block_on(assemble(storage.clone(), content.to_owned(), part("j")));
            assert!(matches!(whole, Err(StorageError::Invalid(_))), "{content}: {whole:?}");
        }
    }

    #[test]
    fn of_a_journal_that_is_too_long_head_and_tail_are_kept() {
        let (_dir, storage) = filled(1000);
        let whole = block_on(assemble_within(&*storage, "{}", &part("j"), 2000)).expect("an object").object;
        assert!(whole.len() <= 2000 + 40, "{}", whole.len());
        let whole: Value = serde_json::from_str(&whole).expect("JSON");
        let lines = whole["lines"].as_array().expect("a list");
        assert_eq!(lines.first(), Some(&json!({ "n": 0 })));
        assert_eq!(lines.last(), Some(&json!({ "n": 999 })));
        let omitted = lines.iter().find_map(|line| line["omitted_entries"].as_u64()).expect("a marker");
        assert_eq!(omitted + lines.len() as u64 - 1, 1000);
    }
}
