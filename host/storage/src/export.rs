//! Finished work as files for people: `<dir>/<kind>/<id>.json`, `<id>.md` and `index.json`.
//!
//! Rule: the storage says what the files must still follow, and is told when they do; so whatever a
//! crash has left out is done at the next start. Nothing waits for the files: a folder that cannot
//! be written is told once, counted, tried again, and disturbs nothing else. Files are there before
//! the index names them, and the index names them no more before they go.
//!
//! # Layout
//! - [`names`]: kinds and ids that may name files
//! - `files`: files that are there whole or not at all
//! - `index`: the list of a kind's entries
//! - `entry`: the files of one entry
//! - `markdown`: entries of a journal as lines

mod entry;
mod files;
mod index;
mod markdown;
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
use self::index::{Index, Listed};
use crate::reply::StorageError;
use crate::traits::{Due, Exports, Journals};

/// Why the files could not follow.
#[derive(Debug, thiserror::Error)]
enum ExportError {
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error("{path}: {source}; make room or let this user write there", path = .path.display())]
    File { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Write(#[from] io::Error),
    /// The entry has changed while its files were written; it is due again.
    #[error("it has changed meanwhile")]
    Stale,
    /// Will not get better by trying again.
    #[error("the content is no JSON that the journal can be put into: {0}")]
    Content(serde_json::Error),
}

/// Writes the files of finished work as it is archived. Dropping it stops it; a file that is just
/// being written is still written.
pub struct ArchiveExporter {
    _task: IoTask<()>,
}

impl ArchiveExporter {
    /// Starts it for the folders under `dir`; what is due already is written at once. Must be called
    /// from within the runtime.
    pub fn start<S: Exports + Journals + 'static>(storage: Arc<S>, dir: PathBuf) -> Self {
        Self::trying_again_after(limits::EXPORT_RETRY, storage, dir)
    }

    fn trying_again_after<S: Exports + Journals + 'static>(retry: Duration, storage: Arc<S>, dir: PathBuf) -> Self {
        let worker = Worker { exports: storage.clone(), journals: storage, dir, looked_at: HashSet::new() };
        Self { _task: spawn_io(run(worker, retry)) }
    }
}

/// Passes over what is due: now, whenever something becomes due, and a while after a failure.
async fn run(mut worker: Worker, retry: Duration) {
    let changed = worker.exports.changed();
    let mut failing = false;
    loop {
        let mut here = worker.clone();
        let passed = run_blocking(move || {
            let outcome = here.pass();
            (here, outcome)
        });
        let failed = match passed.await {
            Some((here, outcome)) => {
                worker = here;
                outcome.err()
            }
            None => Some(io::Error::other("the exporter broke off").into()),
        };
        match &failed {
            // The server stops; the next start goes on from here.
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

/// What a pass works with.
#[derive(Clone)]
struct Worker {
    exports: Arc<dyn Exports>,
    journals: Arc<dyn Journals>,
    dir: PathBuf,
    /// Kinds whose folder this process has found in order.
    looked_at: HashSet<String>,
}

impl Worker {
    /// Has the files follow everything that is due; of several failures it gives the first.
    fn pass(&mut self) -> Result<(), ExportError> {
        let mut outcome = Ok(());
        for kind in block_on(self.exports.kinds())? {
            if names::check_kind(&kind).is_ok() && !self.looked_at.contains(&*kind) {
                let looked = self.look_at(&kind);
                note(&mut outcome, looked)?;
            }
        }
        let mut after: Option<Due> = None;
        loop {
            let due = block_on(self.exports.due(after.as_ref(), limits::EXPORT_BATCH))?;
            for group in due.chunk_by(|one, next| one.kind == next.kind) {
                let followed = self.follow(&group[0].kind, group);
                note(&mut outcome, followed)?;
            }
            if due.is_empty() {
                return outcome;
            }
            after = due.into_iter().last();
        }
    }

    /// Finds the folder of a kind in order, or puts it in order.
    fn look_at(&mut self, kind: &str) -> Result<(), ExportError> {
        let folder = self.dir.join(kind);
        files::tidy(&folder)?;
        let _ = self.index(kind, &folder)?;
        self.looked_at.insert(kind.to_owned());
        Ok(())
    }

    /// The list of a kind. If it had to be made from the files, the entries that are stored are
    /// written anew, because they know better.
    fn index(&self, kind: &str, folder: &Path) -> Result<Index, ExportError> {
        let mut index = Index::load(folder)?;
        if index.anew {
            block_on(self.exports.redo(kind))?;
            index.save(folder)?;
        }
        Ok(index)
    }

    /// Has the files of one kind follow.
    fn follow(&mut self, kind: &str, group: &[Due]) -> Result<(), ExportError> {
        if let Err(error) = names::check_kind(kind) {
            return self.refuse(group, &error);
        }
        self.look_at(kind)?;
        let folder = self.dir.join(kind);
        let mut index = self.index(kind, &folder)?;
        let (mut followed, mut gone, mut outcome) = (Vec::new(), Vec::new(), Ok(()));
        let mut newest = (0, 0);
        for due in group {
            if let Err(error) = names::check_id(&due.id) {
                self.refuse(std::slice::from_ref(due), &error)?;
                continue;
            }
            let Some((entry, keep)) = block_on(self.exports.entry(kind, &due.id))? else {
                index.take(&due.id);
                gone.push(due.id.to_string());
                followed.push(due.clone());
                continue;
            };
            let began = Instant::now();
            let source = Source { journals: &*self.journals, exports: &*self.exports, due };
            match entry::write(&source, &folder, &entry) {
                Ok(text) => {
                    index.put(&Listed { id: &entry.id, title: &entry.title, at: entry.at, text });
                    newest = newest.max((entry.at, keep));
                    followed.push(due.clone());
                    metrics::histogram!("modehost_archive_export_seconds").record(began.elapsed().as_secs_f64());
                }
                Err(ExportError::Stale) => {}
                Err(error @ ExportError::Content(_)) => self.refuse(std::slice::from_ref(due), &error)?,
                Err(error) => note(&mut outcome, Err(error))?,
            }
        }
        if let (_, keep @ 1..) = newest {
            let ours = block_on(self.exports.ids(kind))?.iter().map(|id| id.to_string()).collect();
            gone.extend(index.trim(keep, &ours));
        }
        index.save(&folder)?;
        for id in &gone {
            entry::remove(&folder, id)?;
        }
        if !gone.is_empty() {
            files::sync(&folder).map_err(|source| ExportError::File { path: folder.clone(), source })?;
        }
        let count = followed.len() as u64;
        block_on(self.exports.done(followed))?;
        metrics::counter!("modehost_archive_exports_total", "outcome" => "ok").increment(count);
        outcome
    }

    /// Gives up entries that can never be files, which only a foreign hand can have stored.
    fn refuse(&self, due: &[Due], why: &dyn std::error::Error) -> Result<(), ExportError> {
        tracing::warn!(entries = due.len(), "finished work stays without files: {why}");
        metrics::counter!("modehost_archive_exports_total", "outcome" => "refused").increment(due.len() as u64);
        Ok(block_on(self.exports.done(due.to_vec()))?)
    }
}

/// Counts a failure and keeps it if it is the first, so that the others are still tried; a storage
/// that fails ends the pass.
fn note(outcome: &mut Result<(), ExportError>, next: Result<(), ExportError>) -> Result<(), ExportError> {
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
