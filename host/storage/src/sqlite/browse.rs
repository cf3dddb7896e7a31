//! Lists for operators: documents by key, archive entries by age, and a search in them. Rule: a call reads a bounded
//! number of rows and bytes and says where the next one goes on, so that no search holds up those who store.

use std::sync::Arc;

use modehost_ids::DeviceId;
use rusqlite::{Connection, Row};
use serde_json::Value;

use super::archives::entry_of;
use super::{SqliteStorage, signed, unsigned};
use crate::export::markdown::LineTemplate;
use crate::limits;
use crate::reply::Reply;
use crate::traits::ArchiveEntry;

/// A document without its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentRow {
    /// Its full name.
    pub key: Arc<str>,
    /// Its version.
    pub version: u64,
    /// Length of its value.
    pub bytes: u64,
}

/// A kind of archive entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchiveKind {
    /// Its name.
    pub kind: Arc<str>,
    /// How many entries of it there are.
    pub entries: u64,
}

/// Which archive entries to list.
#[derive(Clone, Debug, Default)]
pub struct ArchiveQuery {
    /// Their kind.
    pub kind: String,
    /// Of this device only.
    pub device: Option<DeviceId>,
    /// Only those that contain this text, in their title, text or journal, whatever its case.
    pub text: Option<String>,
    /// Where an earlier page said that it goes on.
    pub after: Option<ArchiveCursor>,
    /// At most so many.
    pub limit: usize,
}

/// A place in the list of a kind, newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchiveCursor {
    /// Unix ms of the last entry that was looked at.
    pub at: u64,
    /// Its id.
    pub id: Arc<str>,
}

/// An archive entry without its contents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchiveRow {
    /// Its id within the kind.
    pub id: Arc<str>,
    /// One line for people.
    pub title: Arc<str>,
    /// Unix ms.
    pub at: u64,
    /// Whose work it is; `None` if unknown.
    pub device: Option<DeviceId>,
    /// What stands around the text that was searched for; none without a search, or where the title has it.
    pub excerpt: Option<String>,
}

/// A page of archive entries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ArchivePage {
    /// The entries, newest first.
    pub entries: Vec<ArchiveRow>,
    /// Where the next page begins; `None`: nothing is left.
    pub next: Option<ArchiveCursor>,
    /// How many entries were looked at.
    pub searched: u64,
}

impl SqliteStorage {
    /// The next `limit` documents whose key begins with `prefix` and contains `text`, after the key `after`.
    pub fn list_documents(&self, prefix: &str, text: &str, after: &str, limit: u32) -> Reply<Vec<DocumentRow>> {
        let (prefix, text, after) = (prefix.to_owned(), text.to_owned(), after.to_owned());
        SqliteStorage::read(self, move |connection| {
            let statement = "SELECT key, version, octet_length(value) FROM documents
                 WHERE value IS NOT NULL AND key > ?1 AND substr(key, 1, length(?2)) = ?2 AND instr(key, ?3) > 0
                 ORDER BY key LIMIT ?4";
            let mut statement = connection.prepare_cached(statement)?;
            let rows = statement.query_map((&*after, &*prefix, &*text, limit), |row| {
                Ok(DocumentRow { key: row.get(0)?, version: unsigned(row.get(1)?), bytes: unsigned(row.get(2)?) })
            })?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// The kinds of archive entries, by name.
    pub fn archive_kinds(&self) -> Reply<Vec<ArchiveKind>> {
        SqliteStorage::read(self, |connection| {
            let statement = "SELECT kind, count(*) FROM archives GROUP BY kind ORDER BY kind";
            let mut statement = connection.prepare_cached(statement)?;
            let kinds =
                statement.query_map((), |row| Ok(ArchiveKind { kind: row.get(0)?, entries: unsigned(row.get(1)?) }))?;
            Ok(kinds.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Archive entries of a kind, newest first. A search looks at `limits::SEARCH_ENTRIES` entries and
    /// `limits::SEARCH_BYTES` bytes at most, and may therefore find nothing and yet go on.
    pub fn browse_archive(&self, query: ArchiveQuery) -> Reply<ArchivePage> {
        SqliteStorage::read(self, move |connection| Ok(browse(connection, &query)?))
    }
}

fn browse(connection: &Connection, query: &ArchiveQuery) -> rusqlite::Result<ArchivePage> {
    let statement = "SELECT kind, id, title, at, content, text, journal, member, line, device FROM archives
         WHERE kind = ?1 AND (?2 IS NULL OR device = ?2) AND (?3 IS NULL OR (at, id) < (?3, ?4))
         ORDER BY at DESC, id DESC";
    let mut statement = connection.prepare_cached(statement)?;
    let device = query.device.as_ref().map(DeviceId::as_str);
    let (at, id) = query.after.as_ref().map_or((None, ""), |after| (Some(signed(after.at)), &*after.id));
    let mut rows = statement.query((&*query.kind, device, at, id))?;
    let needle = query.text.as_deref().map(str::to_lowercase).filter(|text| !text.is_empty());
    let mut page = ArchivePage::default();
    let mut bytes = 0;
    while let Some(row) = rows.next()? {
        let is_full = page.entries.len() >= query.limit;
        if is_full || page.searched >= limits::SEARCH_ENTRIES || bytes >= limits::SEARCH_BYTES {
            return Ok(page);
        }
        page.searched += 1;
        let found = match &needle {
            None => Some((row_of(row)?, None)),
            Some(needle) => {
                let entry = entry_of(row)?;
                let found = find(connection, &entry, needle, &mut bytes)?;
                let row =
                    ArchiveRow { id: entry.id, title: entry.title, at: entry.at, device: entry.device, excerpt: None };
                found.map(|excerpt| (row, excerpt))
            }
        };
        page.next = Some(ArchiveCursor { at: unsigned(row.get(3)?), id: row.get(1)? });
        if let Some((row, excerpt)) = found {
            page.entries.push(ArchiveRow { excerpt, ..row });
        }
    }
    // The last row was looked at: nothing is left.
    page.next = None;
    Ok(page)
}

fn row_of(row: &Row<'_>) -> rusqlite::Result<ArchiveRow> {
    let device: Option<String> = row.get(9)?;
    Ok(ArchiveRow {
        id: row.get(1)?,
        title: row.get(2)?,
        at: unsigned(row.get(3)?),
        device: device.map(DeviceId::new),
        excerpt: None,
    })
}

/// Whether an entry contains a text, and what stands around it where that is not the title.
fn find(
    connection: &Connection,
    entry: &ArchiveEntry,
    needle: &str,
    bytes: &mut usize,
) -> rusqlite::Result<Option<Option<String>>> {
    if entry.title.to_lowercase().contains(needle) {
        return Ok(Some(None));
    }
    *bytes += entry.text.len() + entry.content.len();
    if let Some(excerpt) = excerpt(&entry.text, needle) {
        return Ok(Some(Some(excerpt)));
    }
    let Some(part) = &entry.journal else {
        // What has no text is searched in its values, not in the names of its members.
        let is_searched = entry.text.is_empty();
        let content = is_searched.then(|| serde_json::from_str::<Value>(&entry.content).ok()).flatten();
        return Ok(content.and_then(|content| in_values(&content, needle)).map(Some));
    };
    let template = LineTemplate::parse(&part.line);
    let statement = "SELECT value FROM journal_entries WHERE journal = (SELECT id FROM journals WHERE name = ?1)
         ORDER BY sequence";
    let mut statement = connection.prepare_cached(statement)?;
    let mut rows = statement.query([&*part.journal])?;
    while let Some(row) = rows.next()? {
        let value: Arc<str> = row.get(0)?;
        *bytes += value.len();
        let found = match part.line.is_empty() {
            true => serde_json::from_str::<Value>(&value).ok().and_then(|value| in_values(&value, needle)),
            false => excerpt(&template.render(&value), needle),
        };
        if found.is_some() {
            return Ok(Some(found));
        }
        // One journal alone may be longer than a search may read: the rest of it is not looked at.
        if *bytes >= limits::SEARCH_BYTES {
            break;
        }
    }
    Ok(None)
}

/// What stands around a text in one of the strings of a value.
fn in_values(value: &Value, needle: &str) -> Option<String> {
    match value {
        Value::String(text) => excerpt(text, needle),
        Value::Array(items) => items.iter().find_map(|item| in_values(item, needle)),
        Value::Object(members) => members.values().find_map(|member| in_values(member, needle)),
        _ => None,
    }
}

/// What stands around a text: one line, with the match somewhere in its middle. `needle` is lower case.
fn excerpt(text: &str, needle: &str) -> Option<String> {
    let lower = text.to_lowercase();
    let at = lower.find(needle)?;
    // Lower case may have another length; counted in characters, it is where the eye finds it.
    let before = lower[..at].chars().count();
    let from = before.saturating_sub(limits::EXCERPT_CHARACTERS / 3);
    let piece: String = text.chars().skip(from).take(limits::EXCERPT_CHARACTERS).collect();
    Some(piece.split_whitespace().collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_has_the_match_in_its_middle() {
        let text = format!("{} 预算 Budget {}", "a ".repeat(500), "z ".repeat(500));
        let found = excerpt(&text, "budget").expect("it is in there");
        assert!(found.contains("预算 Budget"), "{found}");
        assert!(found.chars().count() <= limits::EXCERPT_CHARACTERS);
        assert_eq!(excerpt(&text, "weather"), None);
        // The Turkish İ has two characters in lower case.
        assert_eq!(excerpt("İİİİ yes", "yes").as_deref(), Some("İİİİ yes"));
    }

    #[test]
    fn values_are_searched_and_names_are_not() {
        let value = serde_json::json!({"budget": 1, "list": [{"text": "Half the Budget"}]});
        assert_eq!(in_values(&value, "half").as_deref(), Some("Half the Budget"));
        assert_eq!(in_values(&value, "list"), None);
    }
}
