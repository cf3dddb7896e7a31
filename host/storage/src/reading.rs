//! An archive entry as people read it: its content with its journal, and its text with the lines of that journal.
//!
//! Rule: the same text that `export` writes to files, up to a limit in bytes, beyond which it says that it is shortened.

use crate::assemble::{Pages, assemble_within};
use crate::export::markdown::LineTemplate;
use crate::reply::StorageError;
use crate::traits::{ArchiveEntry, Journals};

/// A whole archive entry, or as much of it as was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadEntry {
    /// JSON, with the journal as the member that it belongs to.
    pub content: String,
    /// Markdown, with a line for each journal entry; may be empty.
    pub text: String,
    /// Nothing was left out.
    pub complete: bool,
}

/// Reads an entry with its journal; `max` bytes of content and of text.
///
/// # Errors
/// Those of the storage; `Invalid` if the content alone is larger.
pub async fn read_entry(journals: &dyn Journals, entry: &ArchiveEntry, max: usize) -> Result<ReadEntry, StorageError> {
    let Some(part) = &entry.journal else {
        let (content, text) = (entry.content.to_string(), entry.text.to_string());
        return Ok(ReadEntry { content, text, complete: true });
    };
    let assembled = assemble_within(journals, &entry.content, part, max).await?;
    let mut text = entry.text.to_string();
    let mut complete = assembled.omitted == 0;
    if !part.line.is_empty() {
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        let template = LineTemplate::parse(&part.line);
        let mut pages = Pages::new(journals, &part.journal);
        'reading: while let Some(page) = pages.next().await? {
            for line in page.iter().map(|entry| template.render(&entry.value)).filter(|line| !line.is_empty()) {
                if text.len() + line.len() >= max {
                    complete = false;
                    break 'reading;
                }
                text.push_str(&line);
                text.push('\n');
            }
        }
    }
    Ok(ReadEntry { content: assembled.object, text, complete })
}

#[cfg(test)]
mod tests {
    use futures_lite::future::block_on;

    use super::*;
    use crate::{Config, JournalPart, SqliteStorage};

    #[test]
    fn an_entry_reads_as_its_files_do_and_says_where_it_is_shortened() {
        let dir = tempfile::tempdir().expect("a folder");
        let storage = SqliteStorage::open(&Config { dir: dir.path().into(), ..Config::default() }).expect("a storage");
        for n in 0..100 {
            block_on(storage.append("j", n, format!(r#"{{"text":"line {n}"}}"#).into())).expect("appended");
        }
        let part = JournalPart { journal: "j".into(), member: "lines".into(), line: "- {text}".into() };
        let entry = ArchiveEntry {
            kind: "notes".into(),
            id: "1".into(),
            title: "One".into(),
            at: 1,
            content: r#"{"a":1}"#.into(),
            text: "# One".into(),
            journal: Some(part),
            device: None,
        };
        let read = block_on(read_entry(&*storage, &entry, 1 << 20)).expect("an entry");
        assert!(read.complete && read.text.starts_with("# One\n- line 0\n") && read.text.ends_with("- line 99\n"));
        assert!(read.content.starts_with(r#"{"a":1,"lines":[{"text":"line 0"}"#), "{}", read.content);
        let read = block_on(read_entry(&*storage, &entry, 500)).expect("an entry");
        assert!(!read.complete && read.text.len() <= 500 && read.content.contains("omitted_entries"));
    }
}
