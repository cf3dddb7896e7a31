//! State shared by the devices of a kit. Rule: an effect is applied immediately; its result is queued for the device
//! that issued it.
//!
//! - [`documents`]: documents and their versions
//! - [`models`]: scripted answers, held questions, and the questions asked
//! - [`keep`]: journals, archives and webhooks
//! - [`tools`]: tools of the devices, and their answers
//! - [`request`]: the part that a request goes to, and the request that an event answers
//! - [`delivery`]: recipients of messages
//! - [`mail`]: messages stored for offline devices

mod delivery;
pub(crate) mod documents;
pub(crate) mod keep;
pub(crate) mod mail;
pub(crate) mod models;
pub(crate) mod request;
pub(crate) mod tools;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use modehost_contract::effect::{Call, Delivery, Local, Output, Query, Write};
use modehost_contract::event::{Document, Failure};
use modehost_contract::id::RequestId;
use modehost_contract::mode_info::ModeInfo;
use modehost_contract::{Effect, Event};
use modehost_plugin::WasmGeneration;
use serde_json::Value;

use documents::Documents;
use keep::Kept;
use mail::{KeptDelivery, Mail};
use models::Models;
pub use request::Part;
use request::{answered, failed, part_of};
use tools::Tools;

/// Documents, journals, scripted answers, and the messages of all devices.
pub(crate) struct World {
    pub(crate) now: u64,
    pub(crate) documents: Documents,
    watches: Vec<(String, String)>,
    pub(crate) models: Models,
    pub(crate) kept: Kept,
    pub(crate) tools: Tools,
    mail: Mail,
    /// Failures to inject: reason and number of requests, by part.
    pub(crate) failures: HashMap<Part, (Failure, usize)>,
    /// Outcomes in the queue, by device.
    pub(crate) queues: HashMap<String, VecDeque<Event>>,
    /// Messages that have reached a device, by device.
    pub(crate) inboxes: HashMap<String, Vec<Value>>,
    /// Modes of other plugins.
    pub(crate) modes: Vec<ModeInfo>,
    /// Groups of each device.
    pub(crate) members: BTreeMap<String, Vec<String>>,
    /// Number of events handled by all devices, and the event after which instances are replaced.
    pub(crate) handled: usize,
    pub(crate) swap_behind: Option<(usize, Arc<WasmGeneration>)>,
    /// Output of the devices in order, if it is recorded.
    pub(crate) seen: Option<Vec<(String, Seen)>>,
}

/// An output of a device.
pub(crate) enum Seen {
    /// A message that the device received.
    Message(Value),
    /// An effect of its mode.
    Effect(Effect),
}

impl Default for World {
    fn default() -> Self {
        Self {
            now: 1_760_000_000_000,
            documents: Documents::default(),
            watches: Vec::new(),
            models: Models::default(),
            kept: Kept::default(),
            tools: Tools::default(),
            mail: Mail::default(),
            failures: HashMap::new(),
            queues: HashMap::new(),
            inboxes: HashMap::new(),
            modes: Vec::new(),
            members: BTreeMap::new(),
            handled: 0,
            swap_behind: None,
            seen: None,
        }
    }
}

impl World {
    pub(crate) fn document(&self, key: &str) -> (u64, Option<String>) {
        self.documents.get(key)
    }

    pub(crate) fn put_document(&mut self, key: &str, value: Option<String>) -> u64 {
        let version = self.documents.put(key, value);
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

    pub(crate) fn queue(&mut self, device: &str, event: Event) {
        self.queues.entry(device.to_owned()).or_default().push_back(event);
    }

    fn queue_all(&mut self, device: &str, events: Vec<Event>) {
        self.queues.entry(device.to_owned()).or_default().extend(events);
    }

    /// Delivers a message to a device.
    pub(crate) fn hand(&mut self, device: &str, body: &str) {
        let message = serde_json::from_str(body).unwrap_or_else(|error| panic!("not JSON: {error}"));
        if let Some(seen) = &mut self.seen {
            seen.push((device.to_owned(), Seen::Message(message)));
            return;
        }
        self.inboxes.entry(device.to_owned()).or_default().push(message);
    }

    /// Restarts the process: pending outcomes of this device fail as interrupted.
    pub(crate) fn interrupt(&mut self, device: &str) {
        let waiting = std::mem::take(self.queues.entry(device.to_owned()).or_default());
        for request in self.models.forget(device) {
            self.queue(device, failed(request, Failure::Interrupted));
        }
        for event in waiting {
            match answered(&event) {
                _ if matches!(event, Event::ModelChunk { .. }) => {}
                Some(request) => self.queue(device, failed(request, Failure::Interrupted)),
                None => self.queue(device, event),
            }
        }
    }

    /// Drops a request and its outcomes in the queue.
    fn cancel(&mut self, device: &str, request: RequestId) {
        self.models.cancel(device, request);
        if let Some(queue) = self.queues.get_mut(device) {
            queue.retain(|event| answered(event) != Some(request));
        }
    }

    /// The person has moved on: drops the spoken questions of this device.
    pub(crate) fn drop_spoken(&mut self, device: &str) {
        for request in self.models.take_spoken(device) {
            self.cancel(device, request);
        }
    }

    /// Whether the request is to fail; if so, the failure is queued.
    fn fails(&mut self, device: &str, part: Part, request: RequestId) -> bool {
        let Some((reason, times)) = self.failures.remove(&part) else {
            return false;
        };
        if times > 1 {
            self.failures.insert(part, (reason, times - 1));
        }
        self.queue(device, failed(request, reason));
        true
    }

    /// Applies an effect of this device; the device applies timers itself.
    pub(crate) fn carry_out(&mut self, device: &str, effect: &Effect) {
        if let Some(seen) = &mut self.seen {
            seen.push((device.to_owned(), Seen::Effect(effect.clone())));
        }
        if let Some((part, request)) = part_of(effect)
            && self.fails(device, part, request)
        {
            return;
        }
        match effect {
            Effect::Local(local) => self.apply(device, local),
            Effect::Query(query) => self.query(device, query),
            Effect::Write(write) => self.write(device, write),
            Effect::Call(call) => self.call(device, call),
            Effect::Output(output) => self.output(device, output),
        }
    }

    fn apply(&mut self, device: &str, local: &Local) {
        match local {
            Local::Cancel(request) => self.cancel(device, *request),
            Local::UnwatchDocument(key) => self.watches.retain(|(id, watched)| id != device || watched != key),
            Local::StartTimer { .. } | Local::StopTimer(_) => {}
        }
    }

    fn query(&mut self, device: &str, query: &Query) {
        let event = match query {
            Query::ReadDocument { request, key } => Event::Document(self.read(Some(*request), key)),
            Query::WatchDocument { request, key } => {
                let watch = (device.to_owned(), key.clone());
                if !self.watches.contains(&watch) {
                    self.watches.push(watch);
                }
                Event::Document(self.read(Some(*request), key))
            }
            Query::ReadJournal { request, journal, after, limit } => self.kept.page(*request, journal, *after, *limit),
            Query::ListTools(request) => self.tools.list(device, *request),
            Query::Denied { request, .. } => failed(*request, Failure::Denied),
            Query::Extension { request, .. } => failed(*request, Failure::Unsupported),
        };
        self.queue(device, event);
    }

    fn write(&mut self, device: &str, write: &Write) {
        let done = |request: RequestId, value| Event::RequestDone { request, value };
        let event = match write {
            Write::WriteDocument { request, key, expected, value } => {
                let found = self.document(key).0;
                if found == *expected {
                    // Removing a document that does not exist changes nothing.
                    let nothing = found == 0 && value.is_none();
                    let version = if nothing { 0 } else { self.put_document(key, value.clone()) };
                    Event::WriteDone { request: *request, key: key.as_str().into(), version }
                } else {
                    Event::WriteConflict(self.read(Some(*request), key))
                }
            }
            Write::AppendJournal { request, journal, entry, notify } => {
                let sequence = self.kept.append(journal, entry, self.now);
                if !notify {
                    return;
                }
                done(*request, sequence)
            }
            Write::RemoveJournal { request, journal } => {
                self.kept.remove_journal(journal);
                done(*request, 0)
            }
            Write::Archive(entry) => {
                self.kept.archive(device, entry);
                done(entry.request, 0)
            }
        };
        self.queue(device, event);
    }

    fn call(&mut self, device: &str, call: &Call) {
        match call {
            Call::AskModel(ask) => {
                let events = self.models.ask(device, ask);
                self.queue_all(device, events);
            }
            Call::CallTool { request, name, arguments } => {
                let event = self.tools.call(device, *request, name, arguments);
                self.queue(device, event);
            }
            Call::PostHook(post) => {
                self.kept.post(post);
                self.queue(device, Event::RequestDone { request: post.request, value: 200 });
            }
            Call::Deliver(Delivery { request, to, except, body, offline_body, receipt, ttl_ms }) => {
                let kept = KeptDelivery {
                    from: device.to_owned(),
                    body: offline_body.as_ref().unwrap_or(body).clone(),
                    receipt: receipt.clone(),
                    until: self.now.saturating_add(*ttl_ms),
                };
                let addressed = self.addressed(device, to, except);
                self.deliver(device, *request, addressed, body, (*ttl_ms > 0).then_some(kept));
            }
        }
    }

    /// Speech, dispatched messages and mode changes have no effect here; tests inspect them.
    fn output(&mut self, device: &str, output: &Output) {
        match output {
            Output::Send(body) => self.hand(device, body),
            Output::Broadcast { group, body, include_self, .. } => {
                for id in self.of_group(Some(group)) {
                    if (*include_self || id != device) && self.is_there(&id) {
                        self.hand(&id, body);
                    }
                }
            }
            Output::Say { .. }
            | Output::Listen(_)
            | Output::Decline
            | Output::Dispatch(_)
            | Output::SwitchMode(_)
            | Output::HangUp => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use modehost_contract::effect::{Audience, ModelRequest};

    use super::*;

    fn world() -> World {
        let mut world = World::default();
        for (id, group) in [("a", "home"), ("b", "home"), ("c", "lab")] {
            world.members.insert(id.to_owned(), vec![group.to_owned()]);
        }
        world
    }

    fn ask(request: RequestId) -> Effect {
        let (purpose, messages, tools) = ("p".to_owned(), Vec::new(), Vec::new());
        let (json, chunks, spoken) = (false, false, false);
        Effect::Call(Call::AskModel(ModelRequest {
            request,
            purpose,
            messages,
            max_tokens: 1,
            json,
            chunks,
            spoken,
            tools,
        }))
    }

    /// Pending outcomes of `a`: the request, and whether it failed as interrupted.
    fn waiting(world: &World) -> Vec<(RequestId, bool)> {
        let interrupted = |event: &Event| matches!(event, Event::RequestFailed { reason: Failure::Interrupted, .. });
        let queue = world.queues.get("a").into_iter().flatten();
        queue.filter_map(|event| Some((answered(event)?, interrupted(event)))).collect()
    }

    fn deliver(to: Audience, except: &[&str], ttl_ms: u64) -> Effect {
        let except = except.iter().map(|&id| id.to_owned()).collect();
        let (body, late) = (r#"{"type":"now"}"#.to_owned(), r#"{"type":"late"}"#.to_owned());
        Effect::Call(Call::Deliver(Delivery {
            request: 1,
            to,
            except,
            body,
            offline_body: Some(late),
            receipt: None,
            ttl_ms,
        }))
    }

    #[test]
    fn a_delivery_reaches_whom_it_is_for() {
        let devices = |ids: &[&str]| ids.iter().map(|&id| id.to_owned()).collect::<Vec<_>>();
        let cases = [
            (deliver(Audience::Everyone, &[], 0), devices(&["b"]), devices(&["c"])),
            (deliver(Audience::Everyone, &["b"], 0), devices(&[]), devices(&["c"])),
            (deliver(Audience::Group("home".to_owned()), &[], 0), devices(&["b"]), devices(&[])),
            (deliver(Audience::Devices(devices(&["a", "x"])), &[], 0), devices(&["a"]), devices(&["x"])),
        ];
        for (effect, there, away) in cases {
            let mut world = world();
            world.leave("c");
            world.carry_out("a", &effect);
            let event = world.queues.get_mut("a").and_then(VecDeque::pop_front);
            let Some(Event::Delivered { sent, queued, failed, .. }) = event else { panic!("{event:?}") };
            let failed: Vec<String> = failed.into_iter().map(|failed| failed.device).collect();
            assert_eq!((sent, queued, failed), (there.clone(), Vec::new(), away), "{effect:?}");
            assert!(there.iter().all(|id| world.inboxes[id].len() == 1), "{effect:?}");
        }
    }

    #[test]
    fn what_is_kept_is_handed_over_later_in_its_own_words() {
        let mut world = world();
        world.leave("c");
        world.carry_out("a", &deliver(Audience::Everyone, &[], 1_000));
        let event = world.queues.get_mut("a").and_then(VecDeque::pop_front);
        assert!(matches!(&event, Some(Event::Delivered { queued, .. }) if *queued == ["c"]), "{event:?}");
        world.come_back("c");
        assert_eq!((&world.inboxes["b"][0]["type"], &world.inboxes["c"][0]["type"]), (&"now".into(), &"late".into()));
    }

    #[test]
    fn a_document_that_is_watched_twice_is_told_once() {
        let mut world = world();
        for request in [1, 2] {
            world.carry_out("a", &Effect::Query(Query::WatchDocument { request, key: "k".to_owned() }));
        }
        world.queues.clear();
        world.put_document("k", Some("1".to_owned()));
        assert_eq!(world.queues["a"].len(), 1);
    }

    #[test]
    fn a_delivery_may_wait_for_ever() {
        let mut world = world();
        world.leave("c");
        world.carry_out("a", &deliver(Audience::Everyone, &[], u64::MAX));
        world.now += 1_000;
        world.come_back("c");
        assert_eq!(world.inboxes["c"].len(), 1);
    }

    #[test]
    fn what_is_cancelled_does_not_come() {
        let mut world = world();
        world.models.hold("p");
        world.carry_out("a", &ask(1));
        world.carry_out("a", &Effect::Query(Query::ReadDocument { request: 2, key: "k".to_owned() }));
        world.carry_out("a", &Effect::Query(Query::ReadDocument { request: 3, key: "k".to_owned() }));
        world.carry_out("a", &Effect::Local(Local::Cancel(1)));
        world.carry_out("a", &Effect::Local(Local::Cancel(2)));
        assert!(world.models.release("p").is_empty());
        assert_eq!(waiting(&world), [(3, false)]);
    }

    #[test]
    fn a_restart_interrupts_what_is_waited_for_and_keeps_what_was_stored() {
        let mut world = world();
        world.models.hold("p");
        world.carry_out("a", &ask(1));
        world.carry_out("b", &ask(1));
        let write = |request, key: &str| {
            let (key, value) = (key.to_owned(), Some("1".to_owned()));
            Effect::Write(Write::WriteDocument { request, key, expected: 0, value })
        };
        world.carry_out("a", &write(2, "k"));
        world.interrupt("a");
        assert_eq!(waiting(&world), [(1, true), (2, true)]);
        assert_eq!(world.documents.writes("k"), 1);
        assert_eq!(world.models.release("p").len(), 1, "the question of the other device");
    }

    #[test]
    fn versions_only_grow_and_a_removed_document_has_none() {
        let mut world = world();
        let mut write = |expected, value: Option<&str>| {
            let (key, value) = ("k".to_owned(), value.map(str::to_owned));
            world.carry_out("a", &Effect::Write(Write::WriteDocument { request: 1, key, expected, value }));
            match world.queues.get_mut("a").and_then(VecDeque::pop_front) {
                Some(Event::WriteDone { version, .. }) => Ok(version),
                Some(Event::WriteConflict(current)) => Err(current.version),
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(write(0, None), Ok(0));
        let mut versions = vec![0];
        for _ in 0..6 {
            let last = versions[versions.len() - 1];
            versions.push(write(last, Some("1")).expect("written"));
        }
        assert!(versions.windows(2).all(|pair| pair[0] < pair[1]), "{versions:?}");
        assert!(versions.windows(2).any(|pair| pair[0] + 1 < pair[1]), "{versions:?}");
        let removed = write(versions[6], None).expect("removed");
        assert_eq!(write(removed, Some("1")), Err(0));
        assert!(write(0, Some("1")).is_ok_and(|version| version > removed));
    }

    #[test]
    fn as_many_requests_fail_as_the_test_wants() {
        let mut world = world();
        world.failures.insert(Part::Journals, (Failure::Unavailable, 1));
        let append = |request| {
            Effect::Write(Write::AppendJournal {
                request,
                journal: "j".to_owned(),
                entry: "1".to_owned(),
                notify: false,
            })
        };
        world.carry_out("a", &append(1));
        world.carry_out("a", &append(2));
        assert_eq!(waiting(&world), [(1, false)]);
        assert_eq!(world.kept.journal("j").len(), 1);
    }
}
