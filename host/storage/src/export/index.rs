//! The list of a kind's entries, `index.json`: `{"entries": [{"id", "title", "at", "file", …}, …]}`,
//! newest first.
//!
//! Rule: it is read, changed and written; members that this version does not know survive, and so
//! do entries of files that somebody else wrote, until `keep` pushes them out. One that cannot be
//! read is put aside and made anew from the files.

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

/// An entry as the list shows it.
pub(super) struct Listed<'e> {
    pub(super) id: &'e str,
    pub(super) title: &'e str,
    /// Unix ms.
    pub(super) at: u64,
    /// Whether there is a file of Markdown.
    pub(super) text: bool,
}

/// The list, as read.
pub(super) struct Index {
    /// Everything beside the list.
    rest: Map<String, Value>,
    entries: Vec<Value>,
    /// It was not there or not readable and has been made from the files.
    pub(super) anew: bool,
}

impl Index {
    /// Reads the list of a folder.
    pub(super) fn load(folder: &Path) -> Result<Self, ExportError> {
        let path = folder.join(INDEX);
        let why = match modehost_follow::read(&path, limits::ARCHIVE_INDEX_BYTES) {
            Ok(text) => match Self::parse(&text) {
                Ok(index) => return Ok(index),
                Err(why) => why,
            },
            Err(error) if error.kind() == io::ErrorKind::FileTooLarge => error.to_string(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Self::from_files(folder),
            Err(source) => return Err(ExportError::File { path, source }),
        };
        files::put_aside(folder, INDEX, &why)?;
        Self::from_files(folder)
    }

    fn parse(text: &[u8]) -> Result<Self, String> {
        let mut rest: Map<String, Value> = serde_json::from_slice(text).map_err(|error| files::no_object(&error))?;
        let entries = match rest.remove(ENTRIES) {
            Some(Value::Array(entries)) => entries,
            Some(_) => return Err(format!("its member `{ENTRIES}` is not a list")),
            None => Vec::new(),
        };
        Ok(Self { rest, entries, anew: false })
    }

    /// The list of the files that are there. Where they do not say, the name is the title and the
    /// file's own time is the time.
    fn from_files(folder: &Path) -> Result<Self, ExportError> {
        let failed = |source| ExportError::File { path: folder.to_owned(), source };
        let mut index = Self { rest: Map::new(), entries: Vec::new(), anew: true };
        for entry in fs::read_dir(folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let Some(id) = name.strip_suffix(".json").filter(|id| check_id(id).is_ok()) else { continue };
            if !entry.path().is_file() {
                continue;
            }
            let changed = entry.metadata().ok().and_then(|file| file.modified().ok());
            let since = changed.and_then(|time| time.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
            let (mut title, mut at) = (id.to_owned(), u64::try_from(since.as_millis()).unwrap_or(u64::MAX));
            if let Some(head) = head(&entry.path()) {
                title = head.title.unwrap_or(title);
                at = head.at.unwrap_or(at);
            }
            let text = folder.join(format!("{id}.md")).is_file();
            index.put(&Listed { id, title: &title, at, text });
        }
        Ok(index)
    }

    /// Adds an entry, or brings it up to date.
    pub(super) fn put(&mut self, entry: &Listed<'_>) {
        let known = self.entries.iter_mut().find(|one| id_of(one) == Some(entry.id));
        let mut fresh = Value::Object(Map::new());
        let is_new = known.is_none();
        let shown = match known {
            Some(known) => known,
            None => &mut fresh,
        };
        if let Value::Object(members) = shown {
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
            self.entries.push(fresh);
        }
    }

    /// Takes an entry out; true if it was there.
    pub(super) fn take(&mut self, id: &str) -> bool {
        let before = self.entries.len();
        self.entries.retain(|entry| id_of(entry) != Some(id));
        self.entries.len() != before
    }

    /// Takes the entries of others out that stand behind the newest `keep`; gives the ids of those
    /// whose files may be removed. `ours` is governed by the storage itself.
    pub(super) fn trim(&mut self, keep: u32, ours: &HashSet<String>) -> Vec<String> {
        self.sort();
        let mut gone = Vec::new();
        let mut place = 0;
        self.entries.retain(|entry| {
            place += 1;
            let id = id_of(entry);
            if place <= keep as usize || id.is_some_and(|id| ours.contains(id)) {
                return true;
            }
            gone.extend(id.filter(|id| check_id(id).is_ok()).map(str::to_owned));
            false
        });
        gone
    }

    fn sort(&mut self) {
        // Stable: what has the same time, or none, keeps its order.
        self.entries.sort_by_key(|entry| std::cmp::Reverse(entry.get("at").and_then(Value::as_u64).unwrap_or(0)));
    }

    /// Writes the list, one entry a line.
    pub(super) fn save(&mut self, folder: &Path) -> Result<(), ExportError> {
        self.sort();
        files::replace(folder, INDEX, |file| {
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

/// What a file says of itself.
#[derive(Deserialize)]
struct Head {
    title: Option<String>,
    /// Unix ms.
    at: Option<u64>,
}

fn head(path: &Path) -> Option<Head> {
    let file = fs::File::open(path).ok()?.take(limits::ARCHIVE_FILE_BYTES);
    serde_json::from_reader(io::BufReader::new(file)).ok()
}
