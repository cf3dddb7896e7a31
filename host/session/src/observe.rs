//! Who observes what sessions do: calls of modes, and turns that have ended. Rule: observing costs one atomic read where
//! nobody does, and never holds up a session: an observer that does not keep up is told how much it has missed. Texts
//! and state are copied only for observers that may see them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crate::limits;
use modehost_contract::{Effect, Event, Snapshot};
use modehost_ids::{DeviceId, GenerationId, PluginId};
use parking_lot::Mutex;
use serde::Serialize;
use serde_json::Value;
use tokio::sync::mpsc;

use crate::turns::TurnRecord;

/// What an observer wants to see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// Calls of one plugin, in all sessions.
    Plugin(PluginId),
    /// Calls of all plugins in the session of one device, and its turns.
    Device(DeviceId),
    /// Turns of all devices.
    Turns,
}

/// How much of a call its observers may see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Interest {
    /// Names, times and sizes.
    Figures,
    /// Texts and state as well.
    Content,
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CallOutcome {
    /// The mode has handled the event, perhaps on a second attempt or in its previous generation.
    Handled,
    /// The mode has rejected the input.
    Rejected,
    /// The event failed and was skipped; the state before it is kept.
    Skipped,
    /// The state could not be restored; the handler starts empty.
    Lost,
}

/// One call of a mode.
#[derive(Clone, Debug, Serialize)]
pub struct CallRecord {
    /// Unix ms of its start.
    pub at: u64,
    /// The device.
    pub device: DeviceId,
    /// The plugin.
    pub plugin: PluginId,
    /// The generation that serves after the call.
    pub generation: GenerationId,
    /// Its version.
    pub version: Arc<str>,
    /// The name of the event.
    pub event: &'static str,
    /// The names of the effects, in order.
    pub effects: Vec<&'static str>,
    /// How it ended.
    pub outcome: CallOutcome,
    /// Microseconds, all attempts together.
    pub took_us: u64,
    /// Linear memory of the instance after the call, in bytes; 0 if it was dropped.
    pub memory_bytes: usize,
    /// Size of the last snapshot, in bytes.
    pub state_bytes: Option<usize>,
    /// The first fault, or the reason of a rejection.
    pub fault: Option<String>,
    /// Texts and state, for observers that may see them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<CallContent>,
}

/// Texts and state of a call. Long texts are cut, since an observer reads them and a mode does not.
#[derive(Clone, Debug, Serialize)]
pub struct CallContent {
    /// The event with its fields.
    event: Value,
    /// The effects with their fields.
    effects: Vec<Value>,
    /// The state after the call: JSON where it is JSON.
    state: Option<Value>,
}

impl CallContent {
    pub(crate) fn of(event: &Event) -> Self {
        Self { event: shortened(event), effects: Vec::new(), state: None }
    }

    pub(crate) fn set_effects(&mut self, effects: &[Effect]) {
        self.effects = effects.iter().map(shortened).collect();
    }

    pub(crate) fn set_state(&mut self, snapshot: &Snapshot) {
        let state = &snapshot.state;
        self.state = (state.len() <= limits::OBSERVED_STATE_BYTES)
            .then(|| serde_json::from_slice(state).ok())
            .flatten()
            .or_else(|| Some(Value::String(format!("{} bytes", state.len()))));
    }
}

/// A value as JSON, with long texts cut.
fn shortened(value: &impl Serialize) -> Value {
    let mut value = serde_json::to_value(value).unwrap_or_default();
    shorten(&mut value);
    value
}

fn shorten(value: &mut Value) {
    match value {
        Value::String(text) => {
            let end = text.floor_char_boundary(limits::OBSERVED_TEXT_BYTES);
            if end < text.len() {
                text.truncate(end);
                text.push('…');
            }
        }
        Value::Array(list) => list.iter_mut().for_each(shorten),
        Value::Object(members) => members.values_mut().for_each(shorten),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Something that was observed.
#[derive(Clone, Debug)]
pub enum Observed {
    /// A call of a mode.
    Call(Arc<CallRecord>),
    /// A turn that has ended.
    Turn(DeviceId, Arc<TurnRecord>),
}

/// There are as many observers as there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} others observe this server already; close one, or ask again later", limits::OBSERVERS)]
pub struct TooManyObservers;

/// All observers of a server.
#[derive(Default)]
pub(crate) struct Observers {
    /// How many of `list` see calls, and how many turns: read without its lock, since most calls have no observer, also
    /// where a page shows the turns of all devices.
    of_calls: AtomicUsize,
    of_turns: AtomicUsize,
    list: Mutex<Vec<Arc<Observer>>>,
    /// Turns that have ended since the start, observed or not.
    turns: AtomicU64,
    /// Their times to the first sound, in ms, since these were taken last.
    first_sounds: Mutex<Vec<u64>>,
}

struct Observer {
    subject: Subject,
    interest: Interest,
    records: mpsc::Sender<Observed>,
    /// Records that its queue had no room for, since this was asked last.
    missed: AtomicU64,
}

impl Observer {
    fn sees_call(&self, plugin: &PluginId, device: &DeviceId) -> bool {
        match &self.subject {
            Subject::Plugin(own) => own == plugin,
            Subject::Device(own) => own == device,
            Subject::Turns => false,
        }
    }

    fn sees_turn(&self, device: &DeviceId) -> bool {
        match &self.subject {
            Subject::Plugin(_) => false,
            Subject::Device(own) => own == device,
            Subject::Turns => true,
        }
    }

    fn show(&self, record: Observed) {
        if self.records.try_send(record).is_err() {
            self.missed.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Observers {
    /// What observers want to see of a call; `None` if there are none of it.
    pub(crate) fn interest_in_call(&self, plugin: &PluginId, device: &DeviceId) -> Option<Interest> {
        if self.of_calls.load(Ordering::Relaxed) == 0 {
            return None;
        }
        let list = self.list.lock();
        list.iter().filter(|observer| observer.sees_call(plugin, device)).map(|observer| observer.interest).max()
    }

    /// Shows a call to its observers.
    pub(crate) fn show_call(&self, record: CallRecord) {
        let full = Arc::new(record);
        let mut figures = None;
        for observer in self.list.lock().iter().filter(|one| one.sees_call(&full.plugin, &full.device)) {
            let record = match observer.interest {
                Interest::Content => full.clone(),
                Interest::Figures => figures
                    .get_or_insert_with(|| match full.content {
                        None => full.clone(),
                        Some(_) => Arc::new(CallRecord { content: None, ..(*full).clone() }),
                    })
                    .clone(),
            };
            observer.show(Observed::Call(record));
        }
    }

    /// Shows a turn to its observers.
    pub(crate) fn show_turn(&self, device: &DeviceId, record: &TurnRecord) {
        self.turns.fetch_add(1, Ordering::Relaxed);
        if let Some(first_sound) = record.first_sound_ms {
            let mut sounds = self.first_sounds.lock();
            if sounds.len() < limits::FIRST_SOUNDS {
                sounds.push(first_sound);
            }
        }
        if self.of_turns.load(Ordering::Relaxed) == 0 {
            return;
        }
        let mut shown = None;
        for observer in self.list.lock().iter().filter(|one| one.sees_turn(device)) {
            let record = shown.get_or_insert_with(|| Arc::new(record.clone())).clone();
            observer.show(Observed::Turn(device.clone(), record));
        }
    }

    /// Turns that have ended since the start.
    pub(crate) fn turns(&self) -> u64 {
        self.turns.load(Ordering::Relaxed)
    }

    /// Times to the first sound since this was called last, in ms; of many, the first ones.
    pub(crate) fn take_first_sounds(&self) -> Vec<u64> {
        std::mem::take(&mut self.first_sounds.lock())
    }

    /// Counts the observers again; the caller holds the lock of the list.
    fn count(&self, list: &[Arc<Observer>]) {
        let of = |sees: fn(&Subject) -> bool| list.iter().filter(|observer| sees(&observer.subject)).count();
        self.of_calls.store(of(|subject| !matches!(subject, Subject::Turns)), Ordering::Relaxed);
        self.of_turns.store(of(|subject| !matches!(subject, Subject::Plugin(_))), Ordering::Relaxed);
    }

    /// Begins to observe; ends when the returned value is dropped.
    pub(crate) fn add(self: &Arc<Self>, subject: Subject, interest: Interest) -> Result<Observation, TooManyObservers> {
        let mut list = self.list.lock();
        if list.len() >= limits::OBSERVERS {
            return Err(TooManyObservers);
        }
        let (records, received) = mpsc::channel(limits::OBSERVED_QUEUE);
        let observer = Arc::new(Observer { subject, interest, records, missed: AtomicU64::new(0) });
        list.push(observer.clone());
        self.count(&list);
        Ok(Observation { observers: self.clone(), observer, received })
    }
}

/// What one observer sees.
pub struct Observation {
    observers: Arc<Observers>,
    observer: Arc<Observer>,
    received: mpsc::Receiver<Observed>,
}

impl Observation {
    /// The next record. Cancel safe.
    pub async fn next(&mut self) -> Option<Observed> {
        self.received.recv().await
    }

    /// How many records were missed since this was asked last, because they came faster than they were read.
    pub fn take_missed(&self) -> u64 {
        self.observer.missed.swap(0, Ordering::Relaxed)
    }
}

impl Drop for Observation {
    fn drop(&mut self) {
        let mut list = self.observers.list.lock();
        list.retain(|observer| !Arc::ptr_eq(observer, &self.observer));
        self.observers.count(&list);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{TurnKind, TurnOutcome};

    fn turn() -> TurnRecord {
        TurnRecord {
            session: "s".into(),
            turn: modehost_ids::TurnId(1),
            at: 1,
            kind: TurnKind::Typed,
            plugin: None,
            generation: None,
            recognition_ms: None,
            model_first_ms: None,
            model_ms: None,
            first_sound_ms: None,
            total_ms: 1,
            outcome: TurnOutcome::Answered,
            why: None,
        }
    }

    #[tokio::test]
    async fn an_observer_that_does_not_read_is_told_what_it_missed() {
        let observers = Arc::new(Observers::default());
        let device = DeviceId::new("d");
        let mut slow = observers.add(Subject::Turns, Interest::Figures).expect("a place");
        for _ in 0..limits::OBSERVED_QUEUE + 3 {
            observers.show_turn(&device, &turn());
        }
        assert_eq!((slow.take_missed(), slow.take_missed()), (3, 0));
        assert!(matches!(slow.next().await, Some(Observed::Turn(..))));
        // Who looks at turns costs calls nothing.
        assert_eq!(observers.of_calls.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn places_are_bounded_and_come_back() {
        let observers = Arc::new(Observers::default());
        let device = DeviceId::new("d");
        let subject = || Subject::Device(device.clone());
        let mut all: Vec<_> =
            (0..limits::OBSERVERS).map(|_| observers.add(subject(), Interest::Figures).expect("a place")).collect();
        assert!(observers.add(subject(), Interest::Figures).is_err());
        all.pop();
        let content = observers.add(subject(), Interest::Content).expect("a place");
        let plugin = PluginId::new("p");
        assert_eq!(observers.interest_in_call(&plugin, &device), Some(Interest::Content));
        drop(content);
        assert_eq!(observers.interest_in_call(&plugin, &device), Some(Interest::Figures));
        all.clear();
        assert_eq!(observers.interest_in_call(&plugin, &device), None);
    }

    #[test]
    fn long_texts_are_cut_within_a_character() {
        let text: Arc<str> = "语".repeat(limits::OBSERVED_TEXT_BYTES).into();
        let shown = CallContent::of(&Event::Hello(text)).event;
        let shown = shown["hello"].as_str().expect("a text");
        assert!(shown.len() <= limits::OBSERVED_TEXT_BYTES + "…".len() && shown.ends_with('…'));
    }
}
