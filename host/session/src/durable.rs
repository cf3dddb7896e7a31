//! Effects that are stored or read. Rule: writes are submitted in the order of the list, the
//! session's own state behind them; so after a kill the state on disk never knows of a write that
//! is not there.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use modehost_contract::effect::JournalPart;
use modehost_contract::event::{Document, JournalEntry, RequestId};
use modehost_contract::{Effect, Event};
use modehost_ids::PluginId;
use modehost_limits as limits;
use modehost_protocol::reply::{self, ErrorCode, Reference};
use modehost_storage::traits::{self, Archived, Written};

use crate::actor::{Session, Work};
use crate::deliver::{Deliveries, Letter, deliver};
use crate::registry::Services;
use crate::requests::{Outcome, answered, stored};
use crate::trouble::Trouble;

/// Durable effects of one list, submitted and not yet known to be on disk.
#[derive(Default)]
pub(crate) struct Barrier {
    open: Vec<BoxFuture<'static, Outcome>>,
    /// Messages for other devices: they go out once everything else of the list is on disk.
    deliveries: Vec<BoxFuture<'static, Outcome>>,
}

impl Session {
    /// Submits an effect of the storage.
    pub(crate) fn store(&mut self, plugin: &PluginId, effect: Effect, barrier: &mut Barrier) {
        let Some(request) = effect.opens() else { return };
        // What is written ends with its list, which has a bound of its own: what other requests are open
        // must not have a write refused that the device is told of.
        let most = if effect.is_durable() { limits::REQUESTS + limits::EFFECTS } else { limits::REQUESTS };
        let Some(ticket) = self.open_request_of(plugin, request, most) else { return };
        let (owner, serial, now) = (plugin.clone(), ticket.serial, self.context().now);
        let Services { documents, journals, archives, .. } = &self.shared.services;
        match effect {
            Effect::ReadDocument { key, .. } => {
                let reply = documents.read(&key);
                self.requests.open(
                    ticket,
                    stored(owner, request, serial, reply, move |found| {
                        Some(Event::Document(document(Some(request), found)))
                    }),
                );
            }
            Effect::WatchDocument { key, .. } => {
                self.watch(plugin, &key);
                let reply = self.shared.services.documents.read(&key);
                self.requests.open(
                    ticket,
                    stored(owner, request, serial, reply, move |found| {
                        Some(Event::Document(document(Some(request), found)))
                    }),
                );
            }
            Effect::ReadJournal { journal, after, limit, .. } => {
                // One more than asked for tells whether the journal goes on.
                let reply = journals.read(&journal, after, limit.saturating_add(1));
                self.requests.open(
                    ticket,
                    stored(owner, request, serial, reply, move |found| {
                        Some(page(request, journal.into(), found, limit as usize))
                    }),
                );
            }
            Effect::WriteDocument { key, expected, value, .. } => {
                let reply = documents.write(&key, expected, value.map(Into::into));
                let event = move |written| match written {
                    Written::Done(version) => Some(Event::WriteDone { request, key: key.into(), version }),
                    Written::Conflict(found) => Some(Event::WriteConflict(document(Some(request), found))),
                };
                barrier.open.push(stored(owner, request, serial, reply, event).boxed());
            }
            Effect::AppendJournal { journal, entry, notify, .. } => {
                let reply = journals.append_for(Some(&self.id), &journal, now, entry.into());
                let event = move |sequence| notify.then_some(Event::RequestDone { request, value: sequence });
                barrier.open.push(stored(owner, request, serial, reply, event).boxed());
            }
            Effect::Archive(entry) => {
                let archived = Archived {
                    kind: entry.kind.into(),
                    id: entry.id.into(),
                    title: entry.title.into(),
                    at: now,
                    content: entry.content.into(),
                    text: entry.text.into(),
                    journal: entry.journal.map(part),
                };
                let reply = archives.archive(archived, entry.keep);
                let event = move |()| Some(Event::RequestDone { request, value: 0 });
                barrier.open.push(stored(owner, request, serial, reply, event).boxed());
            }
            Effect::RemoveJournal { journal, .. } => {
                let reply = journals.remove(&journal);
                let event = move |()| Some(Event::RequestDone { request, value: 0 });
                barrier.open.push(stored(owner, request, serial, reply, event).boxed());
            }
            Effect::Deliver { to, except, body, late_body, notice, ttl_ms, .. } => {
                let (own, body): (_, Arc<str>) = (self.handle.device.clone(), body.into());
                let late = late_body.map_or_else(|| body.clone(), Into::into);
                let notice = notice.map(Into::into);
                let letter = Letter { own, to, except, body, late, notice, now, ttl_ms };
                let sending = deliver(self.shared.services.clone(), self.config(), letter);
                let event = move |made: Deliveries| {
                    Some(Event::Delivered { request, now: made.now, queued: made.queued, failed: made.failed })
                };
                barrier.deliveries.push(stored(owner, request, serial, sending, event).boxed());
            }
            _ => {}
        }
        self.make_dirty();
    }

    /// Waits until all that was submitted is on disk; the session's own record is behind it. False if
    /// something could not be stored: the device has been told, the rest must not happen.
    pub(crate) async fn settle(&mut self, barrier: &mut Barrier) -> bool {
        let mut whole = true;
        for outcome in std::mem::take(&mut barrier.open) {
            let outcome = outcome.await;
            whole &= outcome.storage.is_none();
            self.outcome(outcome);
        }
        whole
    }

    /// Sends the messages for other devices off, and waits until they are there or kept.
    pub(crate) async fn send_off(&mut self, barrier: Barrier) {
        for delivery in barrier.deliveries {
            let outcome = delivery.await;
            self.outcome(outcome);
        }
    }

    /// Begins to watch; survives the instance.
    pub(crate) fn watch(&mut self, plugin: &PluginId, key: &str) {
        let Some(place) = self.place(plugin) else { return };
        let watches = &mut self.handlers[place].watches;
        if watches.contains_key(key) || watches.len() >= modehost_limits::WATCHES {
            return;
        }
        let (session, owner) = (Arc::downgrade(&self.handle), plugin.clone());
        let watcher = move |changed: &traits::Document| match session.upgrade() {
            Some(session) => {
                session.inbox.document(&owner, changed);
                true
            }
            None => false,
        };
        watches.insert(key.into(), self.shared.services.documents.watch(key, Box::new(watcher)));
    }

    /// What a request came to, as the next event of its plugin; nothing if it was cancelled.
    pub(crate) fn outcome(&mut self, outcome: Outcome) {
        if let Some(error) = &outcome.storage {
            if !error.is_told() {
                tracing::error!(plugin = %outcome.plugin, device = %self.handle.device, %error, "not stored");
            }
            let message = format!("this could not be stored: {error}");
            self.link.send(reply::error(ErrorCode::StorageUnavailable.as_str(), &message, &Reference::default()));
            self.tell_trouble(Trouble::Storage);
        }
        let Some(place) = self.place(&outcome.plugin) else { return };
        let open = &mut self.handlers[place].requests;
        if open.get(&outcome.request).map(|hold| hold.serial) != Some(outcome.serial) {
            return;
        }
        let spoken = open.remove(&outcome.request).is_some_and(|hold| hold.spoken);
        if let Some(rest) = outcome.rest {
            // The model goes on: the same request, under a new hold.
            let (mut hold, ticket) = self.requests.issue();
            hold.spoken = spoken;
            let serial = hold.serial;
            open.insert(outcome.request, hold);
            self.requests.open(ticket, answered(outcome.plugin.clone(), outcome.request, serial, rest));
        }
        if let Some(event) = outcome.event {
            self.work.push_back(Work::Tell { plugin: outcome.plugin, event, body: None });
        }
    }

    /// A watched document has changed.
    pub(crate) fn watched(&mut self, plugin: PluginId, changed: &traits::Document) {
        let watching = self.place(&plugin).is_some_and(|place| self.handlers[place].watches.contains_key(&changed.key));
        if watching {
            let event = Event::Document(document(None, changed.clone()));
            self.work.push_back(Work::Tell { plugin, event, body: None });
        }
    }
}

/// A journal that goes into a larger whole, as the storage knows it.
pub(crate) fn part(part: JournalPart) -> traits::JournalPart {
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
