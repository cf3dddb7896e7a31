//! Exports archive entries as files for people: `<dir>/<kind>/<id>.json`, `<id>.md` and `index.json`.
//!
//! Rule: the storage records which files are due and is told when they are done, so a crash in between is made up for
//! at the next start. Nothing waits for the files: an unwritable directory is logged once, counted and retried, and
//! affects nothing else. Files exist before the index lists them, and are removed only after the index no longer does.
//!
//! # Layout
//! - [`names`]: kinds and ids that may become file names
//! - `files`: atomic file replacement
//! - `index`: the index of a kind's entries
//! - `entry`: the files of one entry
//! - `markdown`: journal entries as lines

mod entry;
mod files;
mod index;
pub(crate) mod markdown;
pub(crate) mod names;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::limits;
use futures_lite::future::block_on;
use modehost_task::{IoTask, run_blocking, spawn_io};

use self::entry::Source;
use self::index::{Index, IndexEntry};
use crate::reply::StorageError;
use crate::traits::{DueExport, Exports, Journals};

/// Why files could not be exported.
#[derive(Debug, thiserror::Error)]
enum ExportError {
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error("{path}: {source}; make room or let this user write there", path = .path.display())]
    File { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Write(#[from] io::Error),
    /// The entry changed while its files were written; it is due again.
    #[error("it has changed meanwhile")]
    Stale,
    /// A retry will not help.
    #[error("the content is no JSON that the journal can be put into: {0}")]
    Content(serde_json::Error),
}

/// Exports archive entries as they are stored. Dropping it stops it; a file that is being written is completed.
pub struct ArchiveExporter {
    _task: IoTask<()>,
}

impl ArchiveExporter {
    /// Starts the export into the directories under `dir`; entries that are due already are exported at once. Must be
    /// called within the runtime.
    pub fn start<S: Exports + Journals + 'static>(storage: Arc<S>, dir: PathBuf) -> Self {
        Self::start_with_retry(limits::EXPORT_RETRY, storage, dir)
    }

    fn start_with_retry<S: Exports + Journals + 'static>(retry: Duration, storage: Arc<S>, dir: PathBuf) -> Self {
        let worker = Worker { exports: storage.clone(), journals: storage, dir, prepared_kinds: HashSet::new() };
        Self { _task: spawn_io(run(worker, retry)) }
    }
}

/// Runs a pass at once, whenever something becomes due, and some time after a failure.
async fn run(mut worker: Worker, retry: Duration) {
    let changed = worker.exports.changed();
    let mut failing = false;
    loop {
        let mut worker_clone = worker.clone();
        let pass = run_blocking(move || {
            let outcome = worker_clone.pass();
            (worker_clone, outcome)
        });
        let failed = match pass.await {
            Some((worker_clone, outcome)) => {
                worker = worker_clone;
                outcome.err()
            }
            None => Some(io::Error::other("the exporter broke off").into()),
        };
        match &failed {
            // The server is stopping; the next start continues.
            Some(ExportError::Storage(StorageError::Closed)) => return,
            Some(error) if !failing => tracing::error!("finished work is stored, but not as files: {error}"),
            None if failing => tracing::info!("finished work is written as files again"),
            _ => {}
        }
        failing = failed.is_some();
        if failing {
            let _ = tokio::time::timeout(retry, changed.notified()).await;
        } else {
            changed.notified().await;
        }
    }
}

/// State of the export passes.
#[derive(Clone)]
struct Worker {
    exports: Arc<dyn Exports>,
    journals: Arc<dyn Journals>,
    dir: PathBuf,
    /// Kinds whose directory this process has prepared.
    prepared_kinds: HashSet<String>,
}

impl Worker {
    /// Exports everything that is due; of several failures the first is returned.
    fn pass(&mut self) -> Result<(), ExportError> {
        let mut outcome = Ok(());
        for kind in block_on(self.exports.kinds())? {
            if names::check_kind(&kind).is_ok() && !self.prepared_kinds.contains(&*kind) {
                let prepared = self.prepare_directory(&kind);
                record_failure(&mut outcome, prepared)?;
            }
        }
        let mut after: Option<DueExport> = None;
        loop {
            let due = block_on(self.exports.due(after.as_ref(), limits::EXPORT_BATCH))?;
            for group in due.chunk_by(|one, next| one.kind == next.kind) {
                let exported = self.export_group(&group[0].kind, group);
                record_failure(&mut outcome, exported)?;
            }
            if due.is_empty() {
                return outcome;
            }
            after = due.into_iter().last();
        }
    }

    /// Prepares the directory and the index of a kind.
    fn prepare_directory(&mut self, kind: &str) -> Result<(), ExportError> {
        let directory = self.dir.join(kind);
        files::prepare_directory(&directory)?;
        let _ = self.index(kind, &directory)?;
        self.prepared_kinds.insert(kind.to_owned());
        Ok(())
    }

    /// Loads the index of a kind. If it had to be rebuilt from the files, all stored entries become due, because the
    /// storage is authoritative.
    fn index(&self, kind: &str, directory: &Path) -> Result<Index, ExportError> {
        let mut index = Index::load(directory)?;
        if index.rebuilt {
            block_on(self.exports.mark_all_due(kind))?;
            index.save(directory)?;
        }
        Ok(index)
    }

    /// Exports the due entries of one kind.
    fn export_group(&mut self, kind: &str, group: &[DueExport]) -> Result<(), ExportError> {
        if let Err(error) = names::check_kind(kind) {
            return self.give_up(group, &error);
        }
        self.prepare_directory(kind)?;
        let directory = self.dir.join(kind);
        let mut index = self.index(kind, &directory)?;
        let (mut exported, mut removed, mut outcome) = (Vec::new(), Vec::new(), Ok(()));
        let mut newest = (0, 0);
        for due in group {
            if let Err(error) = names::check_id(&due.id) {
                self.give_up(std::slice::from_ref(due), &error)?;
                continue;
            }
            let Some((entry, keep)) = block_on(self.exports.entry(kind, &due.id))? else {
                index.remove(&due.id);
                removed.push(due.id.to_string());
                exported.push(due.clone());
                continue;
            };
            let began = Instant::now();
            let source = Source { journals: &*self.journals, exports: &*self.exports, due };
            match entry::write(&source, &directory, &entry) {
                Ok(text) => {
                    index.upsert(&IndexEntry { id: &entry.id, title: &entry.title, at: entry.at, text });
                    newest = newest.max((entry.at, keep));
                    exported.push(due.clone());
                    metrics::histogram!("modehost_archive_export_seconds").record(began.elapsed().as_secs_f64());
                }
                Err(ExportError::Stale) => {}
                Err(error @ ExportError::Content(_)) => self.give_up(std::slice::from_ref(due), &error)?,
                Err(error) => record_failure(&mut outcome, Err(error))?,
            }
        }
        if let (_, keep @ 1..) = newest {
            let stored_ids = block_on(self.exports.ids(kind))?.iter().map(|id| id.to_string()).collect();
            removed.extend(index.trim(keep, &stored_ids));
        }
        index.save(&directory)?;
        for id in &removed {
            entry::remove(&directory, id)?;
        }
        if !removed.is_empty() {
            files::sync(&directory).map_err(|source| ExportError::File { path: directory.clone(), source })?;
        }
        let count = exported.len() as u64;
        block_on(self.exports.done(exported))?;
        metrics::counter!("modehost_archive_exports_total", "outcome" => "ok").increment(count);
        outcome
    }

    /// Gives up entries that can never become files; only another program can have stored them.
    fn give_up(&self, due: &[DueExport], why: &dyn std::error::Error) -> Result<(), ExportError> {
        tracing::warn!(entries = due.len(), "archive entries are not exported as files: {why}");
        metrics::counter!("modehost_archive_exports_total", "outcome" => "refused").increment(due.len() as u64);
        Ok(block_on(self.exports.done(due.to_vec()))?)
    }
}

/// Counts a failure and returns the first at the end, so that the other entries are still tried; a closed storage ends
/// the pass.
fn record_failure(outcome: &mut Result<(), ExportError>, next: Result<(), ExportError>) -> Result<(), ExportError> {
    let Err(error) = next else { return Ok(()) };
    if matches!(error, ExportError::Storage(StorageError::Closed)) {
        return Err(error);
    }
    metrics::counter!("modehost_archive_exports_total", "outcome" => "fail").increment(1);
    if outcome.is_ok() {
        *outcome = Err(error);
    }
    Ok(())
}
