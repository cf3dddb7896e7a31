//! The files of one entry, `<id>.json` and `<id>.md`. Rule: a journal is streamed from the storage to the disk, and the
//! file is put in place only if the entry, and with it the journal, has not changed meanwhile; members of an older
//! `<id>.json` that the new one does not have are preserved.

use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::Path;

use crate::limits;
use futures_lite::future::block_on;

use super::markdown::LineTemplate;
use super::{ExportError, files};
use crate::assemble::{Pages, quoted};
use crate::object::{self, Members};
use crate::traits::{ArchiveEntry, DueExport, Exports, JournalPart, Journals};

/// Source of journals, and the check whether what was read is still current.
pub(super) struct Source<'s> {
    pub(super) journals: &'s dyn Journals,
    pub(super) exports: &'s dyn Exports,
    pub(super) due: &'s DueExport,
}

impl Source<'_> {
    /// Checked after everything has been read, because a journal is removed in one step with its entry.
    fn check_current(&self) -> Result<(), ExportError> {
        if block_on(self.exports.is_current(self.due))? { Ok(()) } else { Err(ExportError::Stale) }
    }
}

/// Writes the files; true if there is a Markdown file.
pub(super) fn write(source: &Source<'_>, directory: &Path, entry: &ArchiveEntry) -> Result<bool, ExportError> {
    write_content(source, directory, entry)?;
    let line = entry.journal.as_ref().filter(|part| !part.line.is_empty());
    let name = format!("{}.md", entry.id);
    if entry.text.is_empty() && line.is_none() {
        // An older one would show removed content.
        files::remove(directory, &name)?;
        return Ok(false);
    }
    files::replace(directory, &name, |file| {
        file.write_all(entry.text.as_bytes())?;
        if !entry.text.is_empty() && !entry.text.ends_with('\n') {
            file.write_all(b"\n")?;
        }
        line.map_or(Ok(()), |part| write_lines(source.journals, part, file))?;
        source.check_current()
    })?;
    Ok(true)
}

/// Removes the files.
pub(super) fn remove(directory: &Path, id: &str) -> Result<(), ExportError> {
    files::remove(directory, &format!("{id}.json"))?;
    files::remove(directory, &format!("{id}.md"))
}

fn write_content(source: &Source<'_>, directory: &Path, entry: &ArchiveEntry) -> Result<(), ExportError> {
    let name = format!("{}.json", entry.id);
    let part = entry.journal.as_ref();
    let without: Vec<&str> = part.map(|part| &*part.member).into_iter().collect();
    let members = match object::members(&entry.content, &without) {
        Ok(members) => members,
        Err(error) if part.is_some() => return Err(ExportError::Content(error)),
        // A list or a plain value is written as it is; no member of an older file fits into it.
        Err(_) => {
            return files::replace(directory, &name, |file| Ok(writeln!(file, "{}", entry.content.trim())?));
        }
    };
    let mut known: Vec<&str> = members.iter().map(|(name, _)| name.as_str()).collect();
    known.extend(&without);
    let preserved = older_members(directory, &name, &known)?;
    files::replace(directory, &name, |file| {
        let mut separator = "{\n";
        for (name, value) in &members {
            write!(file, "{separator}  {}: {}", quoted(name), value.get())?;
            separator = ",\n";
        }
        if let Some(part) = part {
            write!(file, "{separator}  {}: [", quoted(&part.member))?;
            separator = ",\n";
            write_entries(source.journals, part, file)?;
            file.write_all(b"\n  ]")?;
        }
        for (name, value) in &preserved {
            write!(file, "{separator}  {}: {}", quoted(name), value.get())?;
            separator = ",\n";
        }
        file.write_all(if separator == "{\n" { b"{}\n" } else { b"\n}\n" })?;
        source.check_current()
    })
}

/// Members of an older file other than the known ones.
fn older_members(directory: &Path, name: &str, known: &[&str]) -> Result<Members, ExportError> {
    let path = directory.join(name);
    let older = match File::open(&path) {
        Ok(older) => older,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Members::new()),
        Err(source) => return Err(ExportError::File { path, source }),
    };
    let size = older.metadata().map_or(0, |metadata| metadata.len());
    if size > limits::ARCHIVE_FILE_BYTES {
        files::move_aside(directory, name, &format!("it has more than {} bytes", limits::ARCHIVE_FILE_BYTES))?;
        return Ok(Members::new());
    }
    // Bounded again, because the file may grow meanwhile.
    match object::members_of(BufReader::new(older.take(limits::ARCHIVE_FILE_BYTES)), known) {
        Ok(members) => Ok(members),
        Err(error) if error.is_io() => Err(ExportError::File { path, source: error.into() }),
        Err(error) => {
            files::move_aside(directory, name, &files::parse_error(&error))?;
            Ok(Members::new())
        }
    }
}

fn write_entries(journals: &dyn Journals, part: &JournalPart, file: &mut impl Write) -> Result<(), ExportError> {
    let mut pages = Pages::new(journals, &part.journal);
    let mut separator = "\n";
    while let Some(page) = block_on(pages.next())? {
        for entry in page {
            write!(file, "{separator}    {}", entry.value)?;
            separator = ",\n";
        }
    }
    Ok(())
}

fn write_lines(journals: &dyn Journals, part: &JournalPart, file: &mut impl Write) -> Result<(), ExportError> {
    let template = LineTemplate::parse(&part.line);
    let mut pages = Pages::new(journals, &part.journal);
    while let Some(page) = block_on(pages.next())? {
        for entry in page {
            let line = template.render(&entry.value);
            if !line.is_empty() {
                writeln!(file, "{line}")?;
            }
        }
    }
    Ok(())
}
