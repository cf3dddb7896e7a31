//! The index of a kind's entries, `index.json`: `{"entries": [{"id", "title", "at", "file", …}, …]}`, newest first.
//!
//! Rule: it is read, changed and written back; members that this version does not know are preserved, and so are
//! entries of files written by others, until `keep` pushes them out. An unreadable index is moved aside and rebuilt
//! from the files.

use std::collections::HashSet;
use std::fs;
use std::io::{self, Read, Write};
use std::path::Path;
use std::time::UNIX_EPOCH;

use crate::limits;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::names::{INDEX, check_id};
use super::{ExportError, files};

/// The member that holds the list.
const ENTRIES: &str = "entries";

/// An entry as the index shows it.
pub(super) struct IndexEntry<'e> {
    pub(super) id: &'e str,
    pub(super) title: &'e str,
    /// Unix ms.
    pub(super) at: u64,
    /// Whether there is a Markdown file.
    pub(super) text: bool,
}

/// The index, as read.
pub(super) struct Index {
    /// All other members.
    rest: Map<String, Value>,
    entries: Vec<Value>,
    /// It was missing or unreadable and has been rebuilt from the files.
    pub(super) rebuilt: bool,
}

impl Index {
    /// Reads the index of a directory.
    pub(super) fn load(directory: &Path) -> Result<Self, ExportError> {
        let path = directory.join(INDEX);
        let why = match modehost_follow::read(&path, limits::ARCHIVE_INDEX_BYTES) {
            Ok(text) => match Self::parse(&text) {
                Ok(index) => return Ok(index),
                Err(why) => why,
            },
            Err(error) if error.kind() == io::ErrorKind::FileTooLarge => error.to_string(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Self::from_files(directory),
            Err(source) => return Err(ExportError::File { path, source }),
        };
        files::move_aside(directory, INDEX, &why)?;
        Self::from_files(directory)
    }

    fn parse(text: &[u8]) -> Result<Self, String> {
        let mut rest: Map<String, Value> = serde_json::from_slice(text).map_err(|error| files::parse_error(&error))?;
        let entries = match rest.remove(ENTRIES) {
            Some(Value::Array(entries)) => entries,
            Some(_) => return Err(format!("its member `{ENTRIES}` is not a list")),
            None => Vec::new(),
        };
        Ok(Self { rest, entries, rebuilt: false })
    }

    /// Rebuilds the index from the files. Where they do not say, the name is used as the title and the modification
    /// time as the time.
    fn from_files(directory: &Path) -> Result<Self, ExportError> {
        let failed = |source| ExportError::File { path: directory.to_owned(), source };
        let mut index = Self { rest: Map::new(), entries: Vec::new(), rebuilt: true };
        for entry in fs::read_dir(directory).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let Some(id) = name.strip_suffix(".json").filter(|id| check_id(id).is_ok()) else { continue };
            if !entry.path().is_file() {
                continue;
            }
            let changed = entry.metadata().ok().and_then(|file| file.modified().ok());
            let since = changed.and_then(|time| time.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
            let (mut title, mut at) = (id.to_owned(), u64::try_from(since.as_millis()).unwrap_or(u64::MAX));
            if let Some(metadata) = read_metadata(&entry.path()) {
                title = metadata.title.unwrap_or(title);
                at = metadata.at.unwrap_or(at);
            }
            let text = directory.join(format!("{id}.md")).is_file();
            index.upsert(&IndexEntry { id, title: &title, at, text });
        }
        Ok(index)
    }

    /// Inserts or updates an entry.
    pub(super) fn upsert(&mut self, entry: &IndexEntry<'_>) {
        let known = self.entries.iter_mut().find(|one| id_of(one) == Some(entry.id));
        let mut new_entry = Value::Object(Map::new());
        let is_new = known.is_none();
        let target = match known {
            Some(known) => known,
            None => &mut new_entry,
        };
        if let Value::Object(members) = target {
            members.insert("id".into(), entry.id.into());
            members.insert("title".into(), entry.title.into());
            members.insert("at".into(), entry.at.into());
            members.insert("file".into(), format!("{}.json", entry.id).into());
            if entry.text {
                members.insert("text".into(), format!("{}.md", entry.id).into());
            } else {
                members.remove("text");
            }
        }
        if is_new {
            self.entries.push(new_entry);
        }
    }

    /// Removes an entry; true if it was there.
    pub(super) fn remove(&mut self, id: &str) -> bool {
        let before = self.entries.len();
        self.entries.retain(|entry| id_of(entry) != Some(id));
        self.entries.len() != before
    }

    /// Removes the entries of foreign files beyond the newest `keep`; returns the ids whose files may be removed.
    /// Retention of `ours` is up to the storage.
    pub(super) fn trim(&mut self, keep: u32, stored_ids: &HashSet<String>) -> Vec<String> {
        self.sort();
        let mut removed = Vec::new();
        let mut position = 0;
        self.entries.retain(|entry| {
            position += 1;
            let id = id_of(entry);
            if position <= keep as usize || id.is_some_and(|id| stored_ids.contains(id)) {
                return true;
            }
            removed.extend(id.filter(|id| check_id(id).is_ok()).map(str::to_owned));
            false
        });
        removed
    }

    fn sort(&mut self) {
        // Stable: entries with the same time, or none, keep their order.
        self.entries.sort_by_key(|entry| std::cmp::Reverse(entry.get("at").and_then(Value::as_u64).unwrap_or(0)));
    }

    /// Writes the index, one entry per line.
    pub(super) fn save(&mut self, directory: &Path) -> Result<(), ExportError> {
        self.sort();
        files::replace(directory, INDEX, |file| {
            file.write_all(b"{\n")?;
            for (name, value) in &self.rest {
                writeln!(file, "  {}: {value},", crate::assemble::quoted(name))?;
            }
            writeln!(file, "  \"{ENTRIES}\": [")?;
            for (number, entry) in (1..).zip(&self.entries) {
                let comma = if number < self.entries.len() { "," } else { "" };
                writeln!(file, "    {entry}{comma}")?;
            }
            file.write_all(b"  ]\n}\n")?;
            Ok(())
        })
    }
}

fn id_of(entry: &Value) -> Option<&str> {
    entry.get("id").and_then(Value::as_str)
}

/// Metadata within a file.
#[derive(Deserialize)]
struct Metadata {
    title: Option<String>,
    /// Unix ms.
    at: Option<u64>,
}

fn read_metadata(path: &Path) -> Option<Metadata> {
    let file = fs::File::open(path).ok()?.take(limits::ARCHIVE_FILE_BYTES);
    serde_json::from_reader(io::BufReader::new(file)).ok()
}
