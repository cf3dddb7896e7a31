//! Durable writes of effects, and reads. Rule: the writes of a list of effects are committed in one transaction with
//! the session's record: all or nothing. So the record on disk never refers to a write that is missing, whatever order
//! the storage applies its calls in.

use std::sync::Arc;

use crate::limits;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use modehost_contract::Event;
use modehost_contract::effect::{Delivery, JournalPart, Write};
use modehost_contract::event::{Document, Failure, JournalEntry};
use modehost_contract::id::RequestId;
use modehost_ids::PluginId;
use modehost_protocol::reply::{self, ErrorCode, Reference};
use modehost_storage::StorageError;
use modehost_storage::traits::{self, ArchiveEntry, Author, Batch, WriteOutcome};

use super::Session;
use crate::alerts::Alert;
use crate::deliver::{DeliveryResult, OutgoingDelivery, deliver};
use crate::requests::{Outcome, next_model_part, request_failed, storage_outcome};

/// Most open requests of a handler, those of one list included. Writes end with their list, which has a bound of its
/// own: other open requests must not make a write fail that the device has been told of.
const LIST_REQUESTS: usize = limits::REQUESTS + limits::EFFECTS;

/// Writes of lists of effects, collected until they are committed.
#[derive(Default)]
pub(super) struct WriteBatch {
    writes: Vec<traits::Write>,
    /// The request behind each write, in the same order.
    pending: Vec<PendingWrite>,
}

/// A request that waits for the outcome of a write.
struct PendingWrite {
    plugin: PluginId,
    request: RequestId,
    /// Distinguishes the request from an earlier one with the same id.
    serial: u64,
    /// Success is reported to the plugin.
    notify: bool,
    /// Key of the document that is written; empty for other writes.
    key: Arc<str>,
}

impl PendingWrite {
    /// The outcome of a committed write.
    fn succeeded(self, outcome: traits::WriteResult) -> Outcome {
        let Self { plugin, request, serial, notify, key } = self;
        let event = match outcome {
            traits::WriteResult::Document(WriteOutcome::Done(version)) => Event::WriteDone { request, key, version },
            traits::WriteResult::Document(WriteOutcome::Conflict(found)) => {
                Event::WriteConflict(document(Some(request), found))
            }
            traits::WriteResult::Appended(sequence) => Event::RequestDone { request, value: sequence },
            traits::WriteResult::Done => Event::RequestDone { request, value: 0 },
        };
        Outcome { plugin, request, serial, event: notify.then_some(event), storage: None, rest: None }
    }

    /// The outcome of a write that could not be stored.
    fn failed(self, error: &StorageError) -> Outcome {
        Outcome::with_event(
            self.plugin,
            self.request,
            self.serial,
            request_failed(self.request, Failure::Unavailable, &error.to_string()),
        )
    }
}

impl Session {
    /// Adds a write to the batch.
    pub(super) fn add_write(&mut self, plugin: &PluginId, write: Write, batch: &mut WriteBatch) {
        if !self.concerns_own_device(&write) {
            self.mark_irreversible();
        }
        let request = write.request();
        let Some(ticket) = self.open_request_of(plugin, request, LIST_REQUESTS) else { return };
        let at = self.roles.context().now;
        let (mut notify, mut key): (_, Arc<str>) = (true, "".into());
        batch.writes.push(match write {
            Write::WriteDocument { request: _, key: of, expected, value } => {
                key = of.into();
                traits::Write::Document { key: key.clone(), expected, value: value.map(Into::into) }
            }
            Write::AppendJournal { request: _, journal, entry, notify: wanted } => {
                notify = wanted;
                traits::Write::Append { journal: journal.into(), at, entry: entry.into() }
            }
            Write::RemoveJournal { request: _, journal } => traits::Write::RemoveJournal { journal: journal.into() },
            Write::Archive(entry) => traits::Write::Archive {
                keep: entry.keep,
                entry: ArchiveEntry {
                    kind: entry.kind.into(),
                    id: entry.id.into(),
                    title: entry.title.into(),
                    at,
                    content: entry.content.into(),
                    text: entry.text.into(),
                    journal: entry.journal.map(journal_part),
                    device: Some(self.env.handle.device.clone()),
                },
            },
        });
        batch.pending.push(PendingWrite { plugin: plugin.clone(), request, serial: ticket.serial, notify, key });
        self.make_dirty();
    }

    /// Commits a batch with the session's record, and waits until it is on disk. False if it could not be stored:
    /// nothing of it was, the device has got an error, and the remaining effects of the lists must not be applied. A
    /// batch without writes is the record alone: its failure stops nothing, and the checkpoint retries it.
    pub(super) async fn commit(&mut self, batch: WriteBatch) -> bool {
        let WriteBatch { writes, pending } = batch;
        let record = self.record();
        if writes.is_empty() && record.is_none() {
            return true;
        }
        let author = Author { session: self.env.id.clone(), device: self.env.handle.device.clone() };
        let batch = Batch { author, writes, record, epoch: self.env.owner_epoch() };
        let error = match self.persistence.commit(&self.env, batch).await {
            Ok(outcomes) => {
                for (write, outcome) in pending.into_iter().zip(outcomes) {
                    self.on_outcome(write.succeeded(outcome));
                }
                return true;
            }
            // The session is being ended, and its successor has what was stored.
            Err(StorageError::Moved) => {
                self.env.shared.leave(&self.env.handle);
                return false;
            }
            Err(error) => error,
        };
        let Some(first) = pending.first() else {
            self.persistence.check(&self.env, Err(error));
            return true;
        };
        self.report_storage_error(&first.plugin, &error);
        for write in pending {
            self.on_outcome(write.failed(&error));
        }
        self.make_dirty();
        false
    }

    /// A document whose key ends with the device id concerns this device alone, and its mode can correct it: the mode
    /// is told how much of its answer was played.
    fn concerns_own_device(&self, write: &Write) -> bool {
        match write {
            Write::WriteDocument { key, .. } => key.ends_with(self.env.handle.device.as_str()),
            Write::AppendJournal { .. } | Write::RemoveJournal { .. } | Write::Archive(_) => false,
        }
    }

    /// Opens a delivery; the returned future sends it, once all other writes of its list are on disk. None if the
    /// plugin has too many open requests.
    pub(super) fn prepare_delivery(
        &mut self,
        plugin: &PluginId,
        delivery: Delivery,
    ) -> Option<BoxFuture<'static, Outcome>> {
        let request = delivery.request;
        let ticket = self.open_request_of(plugin, request, LIST_REQUESTS)?;
        let (own, now) = (self.env.handle.device.clone(), self.roles.context().now);
        let sending = deliver(self.env.services().clone(), self.config(), OutgoingDelivery::new(own, delivery, now));
        let event = move |result: DeliveryResult| {
            Some(Event::Delivered { request, sent: result.sent, queued: result.queued, failed: result.failed })
        };
        self.make_dirty();
        Some(storage_outcome(plugin.clone(), request, ticket.serial, sending, event).boxed())
    }

    pub(super) fn read_document(&mut self, plugin: &PluginId, request: RequestId, key: &str) {
        let Some(ticket) = self.open_request(plugin, request) else { return };
        let reply = self.env.services().documents.read(key);
        let event = move |found| Some(Event::Document(document(Some(request), found)));
        let serial = ticket.serial;
        self.roles.requests.open(ticket, storage_outcome(plugin.clone(), request, serial, reply, event));
        self.make_dirty();
    }

    pub(super) fn read_journal(
        &mut self,
        plugin: &PluginId,
        request: RequestId,
        journal: String,
        after: u64,
        limit: u32,
    ) {
        let Some(ticket) = self.open_request(plugin, request) else { return };
        // One more than requested, to know whether the journal continues.
        let reply = self.env.services().journals.read(&journal, after, limit.saturating_add(1));
        let event = move |found| Some(page(request, journal.into(), found, limit as usize));
        let serial = ticket.serial;
        self.roles.requests.open(ticket, storage_outcome(plugin.clone(), request, serial, reply, event));
        self.make_dirty();
    }

    /// Passes the outcome of a request to its plugin as an event; does nothing if the request was cancelled.
    pub(super) fn on_outcome(&mut self, outcome: Outcome) {
        if let Some(error) = &outcome.storage {
            self.report_storage_error(&outcome.plugin, error);
        }
        let closed = self.roles.close_request(&outcome.plugin, outcome.request, outcome.serial);
        let Some((spoken, turn_link)) = closed.map(|open| (open.spoken, open.turn_link)) else { return };
        self.turns.record_outcome(turn_link, outcome.event.as_ref());
        if let Some(rest) = outcome.rest {
            // The model streams on: the same request id, with a new handle.
            let (mut open, ticket) = self.roles.requests.issue();
            (open.spoken, open.turn_link) = (spoken, turn_link);
            let serial = open.serial;
            if let Some(handler) = self.roles.handler_mut(&outcome.plugin) {
                handler.requests.insert(outcome.request, open);
            }
            self.roles.requests.open(ticket, next_model_part(outcome.plugin.clone(), outcome.request, serial, rest));
        }
        if let Some(event) = outcome.event {
            self.work.push_event(outcome.plugin, event);
        }
    }

    /// Reports a storage failure to the device and, unless the storage has logged it, to the log.
    fn report_storage_error(&mut self, plugin: &PluginId, error: &StorageError) {
        if !error.is_logged_by_storage() {
            tracing::error!(%plugin, device = %self.env.handle.device, %error, "not stored");
        }
        let message = format!("this could not be stored: {error}");
        let error = reply::error(ErrorCode::StorageUnavailable.as_str(), &message, &Reference::default());
        self.presence.link.send(error);
        self.alert_user(Alert::Storage);
    }

    /// A watched document has changed.
    pub(super) fn on_document(&mut self, plugin: PluginId, changed: &traits::Document) {
        if self.roles.is_watching(&plugin, &changed.key) {
            let event = Event::Document(document(None, changed.clone()));
            self.work.push_event(plugin, event);
        }
    }
}

/// Converts a journal reference to the type of the storage.
pub(super) fn journal_part(part: JournalPart) -> traits::JournalPart {
    traits::JournalPart { journal: part.journal.into(), member: part.member.into(), line: part.line.into() }
}

fn document(request: Option<RequestId>, found: traits::Document) -> Document {
    Document { request, key: found.key, version: found.version, value: found.value }
}

fn page(request: RequestId, journal: Arc<str>, found: Vec<traits::JournalEntry>, limit: usize) -> Event {
    let complete = found.len() <= limit;
    let entry =
        |entry: traits::JournalEntry| JournalEntry { sequence: entry.sequence, at: entry.at, value: entry.value };
    let entries = found.into_iter().take(limit).map(entry).collect();
    Event::JournalPage { request, journal, entries, complete }
}
