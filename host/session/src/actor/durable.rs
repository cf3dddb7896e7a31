//! The durable step of a list of effects, and what is read. Rule: what a list wants to be stored is collected, then
//! committed in one step with the session's record: all of it is on disk, or nothing is. So the state on disk never
//! knows of a write that is not there, whatever order a storage carries its calls out in.

use std::sync::Arc;

use crate::limits;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use modehost_contract::Event;
use modehost_contract::effect::{Delivery, JournalPart, Write};
use modehost_contract::event::{Document, Failure, JournalEntry, RequestId};
use modehost_ids::PluginId;
use modehost_protocol::reply::{self, ErrorCode, Reference};
use modehost_storage::StorageError;
use modehost_storage::traits::{self, Archived, Author, Batch, Written};

use super::Session;
use crate::deliver::{Deliveries, OutgoingDelivery, deliver};
use crate::requests::{Outcome, answered, failed, stored};
use crate::trouble::Trouble;

/// Requests that a handler may have open with those of one list. What is written ends with its list, which has a
/// bound of its own: what other requests are open must not have a write refused that the device is told of.
const LIST_REQUESTS: usize = limits::REQUESTS + limits::EFFECTS;

/// What lists want to be on disk, until it is committed.
#[derive(Default)]
pub(super) struct Step {
    writes: Vec<traits::Write>,
    /// Who waits for each of the writes, in their order.
    waiting: Vec<Waiting>,
}

/// Who waits for the outcome of a write.
struct Waiting {
    plugin: PluginId,
    request: RequestId,
    /// Tells the request from an earlier one of the same id.
    serial: u64,
    /// Success is told.
    notify: bool,
    /// Of the document that is written; empty for other writes.
    key: Arc<str>,
}

impl Waiting {
    /// What a write that is on disk came to.
    fn told(self, outcome: traits::Outcome) -> Outcome {
        let Self { plugin, request, serial, notify, key } = self;
        let event = match outcome {
            traits::Outcome::Document(Written::Done(version)) => Event::WriteDone { request, key, version },
            traits::Outcome::Document(Written::Conflict(found)) => Event::WriteConflict(document(Some(request), found)),
            traits::Outcome::Appended(sequence) => Event::RequestDone { request, value: sequence },
            traits::Outcome::Done => Event::RequestDone { request, value: 0 },
        };
        Outcome { plugin, request, serial, event: notify.then_some(event), storage: None, rest: None }
    }

    /// That the step could not be stored.
    fn failed(self, error: &StorageError) -> Outcome {
        Outcome::told(
            self.plugin,
            self.request,
            self.serial,
            failed(self.request, Failure::Unavailable, &error.to_string()),
        )
    }
}

impl Session {
    /// Adds a write to the step.
    pub(super) fn add_write(&mut self, plugin: &PluginId, write: Write, step: &mut Step) {
        if !self.is_own_note(&write) {
            self.cannot_be_taken_back();
        }
        let request = write.request();
        let Some(ticket) = self.open_request_of(plugin, request, LIST_REQUESTS) else { return };
        let at = self.roles.context().now;
        let (mut notify, mut key): (_, Arc<str>) = (true, "".into());
        step.writes.push(match write {
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
                entry: Archived {
                    kind: entry.kind.into(),
                    id: entry.id.into(),
                    title: entry.title.into(),
                    at,
                    content: entry.content.into(),
                    text: entry.text.into(),
                    journal: entry.journal.map(part),
                    device: Some(self.env.handle.device.clone()),
                },
            },
        });
        step.waiting.push(Waiting { plugin: plugin.clone(), request, serial: ticket.serial, notify, key });
        self.make_dirty();
    }

    /// Commits a step with the session's record, and waits until it is on disk. False if it could not be stored:
    /// nothing of it was, the device has been told, and the rest of its lists must not happen. A step without
    /// writes is the record alone, for which nothing else is given up: it is tried again.
    pub(super) async fn commit(&mut self, step: Step) -> bool {
        let Step { writes, waiting } = step;
        let record = self.record();
        if writes.is_empty() && record.is_none() {
            return true;
        }
        let author = Author { session: self.env.id.clone(), device: self.env.handle.device.clone() };
        let error = match self.persistence.commit(&self.env, Batch { author, writes, record }).await {
            Ok(outcomes) => {
                for (waiting, outcome) in waiting.into_iter().zip(outcomes) {
                    self.on_outcome(waiting.told(outcome));
                }
                return true;
            }
            Err(error) => error,
        };
        let Some(first) = waiting.first() else {
            self.persistence.check(&self.env, Err(error));
            return true;
        };
        self.report_unstored(&first.plugin, &error);
        for waiting in waiting {
            self.on_outcome(waiting.failed(&error));
        }
        self.make_dirty();
        false
    }

    /// A document whose key ends with the device's id is a note about this device alone, which its mode can
    /// correct: it hears what was heard of its answer.
    fn is_own_note(&self, write: &Write) -> bool {
        match write {
            Write::WriteDocument { key, .. } => key.ends_with(self.env.handle.device.as_str()),
            Write::AppendJournal { .. } | Write::RemoveJournal { .. } | Write::Archive(_) => false,
        }
    }

    /// Opens a delivery; what is returned is to be sent once everything else of its list is on disk. None where the
    /// plugin has too many requests open.
    pub(super) fn prepare_delivery(
        &mut self,
        plugin: &PluginId,
        delivery: Delivery,
    ) -> Option<BoxFuture<'static, Outcome>> {
        let request = delivery.request;
        let ticket = self.open_request_of(plugin, request, LIST_REQUESTS)?;
        let (own, now) = (self.env.handle.device.clone(), self.roles.context().now);
        let sending = deliver(self.env.services().clone(), self.config(), OutgoingDelivery::new(own, delivery, now));
        let event = move |made: Deliveries| {
            Some(Event::Delivered { request, sent: made.sent, queued: made.queued, failed: made.failed })
        };
        self.make_dirty();
        Some(stored(plugin.clone(), request, ticket.serial, sending, event).boxed())
    }

    pub(super) fn read_document(&mut self, plugin: &PluginId, request: RequestId, key: &str) {
        let Some(ticket) = self.open_request(plugin, request) else { return };
        let reply = self.env.services().documents.read(key);
        let event = move |found| Some(Event::Document(document(Some(request), found)));
        let serial = ticket.serial;
        self.roles.requests.open(ticket, stored(plugin.clone(), request, serial, reply, event));
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
        // One more than asked for tells whether the journal goes on.
        let reply = self.env.services().journals.read(&journal, after, limit.saturating_add(1));
        let event = move |found| Some(page(request, journal.into(), found, limit as usize));
        let serial = ticket.serial;
        self.roles.requests.open(ticket, stored(plugin.clone(), request, serial, reply, event));
        self.make_dirty();
    }

    /// What a request came to, as the next event of its plugin; nothing if it was cancelled.
    pub(super) fn on_outcome(&mut self, outcome: Outcome) {
        if let Some(error) = &outcome.storage {
            self.report_unstored(&outcome.plugin, error);
        }
        let closed = self.roles.close_request(&outcome.plugin, outcome.request, outcome.serial);
        let Some((spoken, tie)) = closed.map(|open| (open.spoken, open.tie)) else { return };
        self.turns.outcome(tie, outcome.event.as_ref());
        if let Some(rest) = outcome.rest {
            // The model goes on: the same request, under a new hold.
            let (mut hold, ticket) = self.roles.requests.issue();
            (hold.spoken, hold.tie) = (spoken, tie);
            let serial = hold.serial;
            if let Some(handler) = self.roles.handler_mut(&outcome.plugin) {
                handler.requests.insert(outcome.request, hold);
            }
            self.roles.requests.open(ticket, answered(outcome.plugin.clone(), outcome.request, serial, rest));
        }
        if let Some(event) = outcome.event {
            self.work.push_event(outcome.plugin, event);
        }
    }

    /// Tells the device, and the log where nobody else does, that the storage could not do it.
    fn report_unstored(&mut self, plugin: &PluginId, error: &StorageError) {
        if !error.is_told() {
            tracing::error!(%plugin, device = %self.env.handle.device, %error, "not stored");
        }
        let message = format!("this could not be stored: {error}");
        let error = reply::error(ErrorCode::StorageUnavailable.as_str(), &message, &Reference::default());
        self.presence.link.send(error);
        self.alert_person(Trouble::Storage);
    }

    /// A watched document has changed.
    pub(super) fn on_document(&mut self, plugin: PluginId, changed: &traits::Document) {
        if self.roles.is_watching(&plugin, &changed.key) {
            let event = Event::Document(document(None, changed.clone()));
            self.work.push_event(plugin, event);
        }
    }
}

/// A journal that goes into a larger whole, as the storage knows it.
pub(super) fn part(part: JournalPart) -> traits::JournalPart {
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
