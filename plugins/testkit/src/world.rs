//! What the devices of a kit share. Rule: an effect happens when it is made; its outcome waits in
//! the queue of the device that made it.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use modehost_contract::effect::Audience;
use modehost_contract::event::{Document, Failure, JournalEntry, ModelDone, RequestId};
use modehost_contract::{Effect, Event};
use modehost_plugin::WasmGeneration;
use serde_json::Value;

/// Documents, journals, answers and the mail of every device.
pub(crate) struct World {
    pub(crate) now: u64,
    documents: BTreeMap<String, (u64, Option<String>)>,
    journals: BTreeMap<String, Vec<JournalEntry>>,
    pub(crate) answers: HashMap<String, VecDeque<String>>,
    pub(crate) failures: Option<(Failure, usize)>,
    watches: Vec<(String, String)>,
    /// Outcomes that wait, by device.
    pub(crate) queues: HashMap<String, VecDeque<Event>>,
    /// Messages that reached a device.
    pub(crate) inboxes: HashMap<String, Vec<Value>>,
    /// Who is in which groups.
    pub(crate) members: BTreeMap<String, Vec<String>>,
    /// Events handled by all devices, and the one behind which instances are replaced.
    pub(crate) handled: usize,
    pub(crate) swap_behind: Option<(usize, Arc<WasmGeneration>)>,
}

impl Default for World {
    fn default() -> Self {
        Self {
            now: 1_760_000_000_000,
            documents: BTreeMap::new(),
            journals: BTreeMap::new(),
            answers: HashMap::new(),
            failures: None,
            watches: Vec::new(),
            queues: HashMap::new(),
            inboxes: HashMap::new(),
            members: BTreeMap::new(),
            handled: 0,
            swap_behind: None,
        }
    }
}

impl World {
    pub(crate) fn document(&self, key: &str) -> (u64, Option<String>) {
        self.documents.get(key).cloned().unwrap_or_default()
    }

    pub(crate) fn put_document(&mut self, key: &str, value: Option<String>) -> u64 {
        let version = self.document(key).0 + 1;
        self.documents.insert(key.to_owned(), (version, value));
        let watchers: Vec<String> = self.watches.iter().filter(|(_, k)| k == key).map(|(id, _)| id.clone()).collect();
        for id in watchers {
            let event = Event::Document(self.read(None, key));
            self.queue(&id, event);
        }
        version
    }

    fn read(&self, request: Option<RequestId>, key: &str) -> Document {
        let (version, value) = self.document(key);
        Document { request, key: key.into(), version, value: value.map(Into::into) }
    }

    fn queue(&mut self, device: &str, event: Event) {
        self.queues.entry(device.to_owned()).or_default().push_back(event);
    }

    /// Leaves a message for a device.
    pub(crate) fn hand(&mut self, device: &str, body: &str) {
        let message = serde_json::from_str(body).unwrap_or_else(|error| panic!("not JSON: {error}"));
        self.inboxes.entry(device.to_owned()).or_default().push(message);
    }

    fn fails(&mut self, device: &str, request: RequestId) -> bool {
        let Some((reason, times)) = self.failures else {
            return false;
        };
        self.failures = (times > 1).then_some((reason, times - 1));
        self.queue(device, Event::RequestFailed { request, reason, message: "as the test wants it".into() });
        true
    }

    /// Carries out an effect of this device; timers are the device's own.
    pub(crate) fn carry_out(&mut self, device: &str, effect: &Effect) {
        let failed = |request, reason| Event::RequestFailed { request, reason, message: "".into() };
        match effect {
            Effect::Send(body) => self.hand(device, body),
            Effect::Broadcast { group, body, include_self, .. } => {
                let members = self.members.iter().filter(|(_, groups)| groups.contains(group));
                let ids: Vec<String> = members.map(|(id, _)| id.clone()).collect();
                for id in ids.iter().filter(|id| *include_self || id.as_str() != device) {
                    self.hand(id, body);
                }
            }
            Effect::ReadDocument { request, .. } | Effect::WriteDocument { request, .. }
                if self.fails(device, *request) => {}
            Effect::ReadDocument { request, key } => {
                let event = Event::Document(self.read(Some(*request), key));
                self.queue(device, event);
            }
            Effect::WatchDocument { request, key } => {
                self.watches.push((device.to_owned(), key.clone()));
                let event = Event::Document(self.read(Some(*request), key));
                self.queue(device, event);
            }
            Effect::UnwatchDocument(key) => self.watches.retain(|(id, watched)| id != device || watched != key),
            Effect::WriteDocument { request, key, expected, value } => {
                let event = if self.document(key).0 == *expected {
                    let version = self.put_document(key, value.clone());
                    Event::WriteDone { request: *request, key: key.as_str().into(), version }
                } else {
                    Event::WriteConflict(self.read(Some(*request), key))
                };
                self.queue(device, event);
            }
            Effect::AppendJournal { request, journal, entry, notify } => {
                let (now, entries) = (self.now, self.journals.entry(journal.clone()).or_default());
                let sequence = entries.len() as u64 + 1;
                entries.push(JournalEntry { sequence, at: now, value: entry.as_str().into() });
                if *notify {
                    self.queue(device, Event::RequestDone { request: *request, value: sequence });
                }
            }
            Effect::ReadJournal { request, journal, after, limit } => {
                let all = self.journals.get(journal).cloned().unwrap_or_default();
                let behind: Vec<_> = all.into_iter().filter(|entry| entry.sequence > *after).collect();
                let complete = behind.len() <= *limit as usize;
                let entries = behind.into_iter().take(*limit as usize).collect();
                let journal = journal.as_str().into();
                self.queue(device, Event::JournalPage { request: *request, journal, entries, complete });
            }
            Effect::AskModel(ask) => {
                let answer = self.answers.get_mut(&ask.purpose).and_then(VecDeque::pop_front);
                let event = match answer {
                    Some(text) => Event::ModelDone(ModelDone {
                        request: ask.request,
                        text: text.into(),
                        prompt_tokens: 0,
                        answer_tokens: 0,
                        tool_calls: Vec::new(),
                    }),
                    None => failed(ask.request, Failure::Unavailable),
                };
                self.queue(device, event);
            }
            Effect::Archive(entry) => self.queue(device, Event::RequestDone { request: entry.request, value: 0 }),
            Effect::PostHook(post) => self.queue(device, Event::RequestDone { request: post.request, value: 200 }),
            Effect::RemoveJournal { request, journal } => {
                self.journals.remove(journal);
                self.queue(device, Event::RequestDone { request: *request, value: 0 });
            }
            Effect::Deliver { request, to, except, body, .. } => {
                let mut devices: Vec<String> = match to {
                    Audience::Devices(devices) => devices.clone(),
                    Audience::Group(_) | Audience::Everyone => {
                        let group = |groups: &[String]| match to {
                            Audience::Group(group) => groups.contains(group),
                            _ => true,
                        };
                        let members = self.members.iter().filter(|(id, groups)| id.as_str() != device && group(groups));
                        members.map(|(id, _)| id.clone()).collect()
                    }
                };
                devices.retain(|id| !except.contains(id));
                let (now, queued) = devices.iter().cloned().partition(|id| self.members.contains_key(id));
                let event = Event::Delivered { request: *request, now, queued, failed: Vec::new() };
                let there: Vec<String> = devices.iter().filter(|id| self.members.contains_key(*id)).cloned().collect();
                for id in there {
                    self.hand(&id, body);
                }
                self.queue(device, event);
            }
            Effect::Extension { request, .. } => self.queue(device, failed(*request, Failure::Unsupported)),
            _ => {}
        }
    }
}
