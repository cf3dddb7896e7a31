//! One device's instance under test. Rule: an instance sees its events one at a time and in
//! order, as in the server.
//!
//! - [`seen`]: what a test sees of it
//! - [`tried`]: the same steps with faults of the mode as errors

mod seen;
mod tried;

pub(crate) use tried::OUTCOMES;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use modehost_contract::effect::Tool;
use modehost_contract::event::{Device, EndReason, Start, Transcript};
use modehost_contract::mode_info::ModeInfo;
use modehost_contract::{Effect, Event, Instance, Snapshot};
use modehost_plugin::WasmGeneration;
use serde_json::Value;

use crate::world::World;

/// A device with its instance; the first event opens it.
pub struct TestDevice {
    generation: Arc<WasmGeneration>,
    pub(crate) world: Rc<RefCell<World>>,
    device: Device,
    instance: Option<Box<dyn Instance>>,
    timers: BTreeMap<u64, u64>,
    effects: Vec<Effect>,
    held: bool,
    swapped: bool,
    segment: Segment,
    /// The section of the configuration, if it has changed since the kit was built.
    config: Option<String>,
    language: String,
    /// The modes as the instance knows them; none before it is told of them.
    known_modes: Option<Vec<ModeInfo>>,
}

/// The words that are being spoken.
#[derive(Default)]
struct Segment {
    /// Segments before it.
    number: u64,
    /// When it began, if there were drafts of it.
    began: Option<u64>,
}

impl TestDevice {
    pub(crate) fn new(generation: Arc<WasmGeneration>, world: Rc<RefCell<World>>, id: &str) -> Self {
        let device = Device { id: id.into(), alias: None, groups: Arc::from([Arc::from("default")]) };
        let new = Self {
            generation,
            world,
            device,
            instance: None,
            timers: BTreeMap::new(),
            effects: Vec::new(),
            held: false,
            swapped: false,
            segment: Segment::default(),
            config: None,
            language: "zh".to_owned(),
            known_modes: None,
        };
        new.groups(&["default"])
    }

    /// Puts the device into these groups only.
    #[must_use]
    pub fn groups(mut self, groups: &[&str]) -> Self {
        self.device.groups = groups.iter().map(|&group| Arc::from(group)).collect();
        let names = groups.iter().map(|&group| group.to_owned()).collect();
        self.world.borrow_mut().members.insert(self.device.id.to_string(), names);
        self
    }

    /// Puts the device into this group only.
    #[must_use]
    pub fn group(self, group: &str) -> Self {
        self.groups(&[group])
    }

    /// Gives the device a name.
    #[must_use]
    pub fn alias(mut self, alias: &str) -> Self {
        self.device.alias = Some(alias.into());
        self
    }

    /// The person at the device speaks this language, `zh` or `en`; `zh` where nothing is said.
    #[must_use]
    pub fn language(mut self, language: &str) -> Self {
        language.clone_into(&mut self.language);
        self
    }

    /// The section of the configuration that versions of the plugin get which take over.
    pub(crate) fn configured(mut self, config: Option<String>) -> Self {
        self.config = config;
        self
    }

    /// The device offers these tools.
    #[must_use]
    pub fn tools(self, tools: &[Tool]) -> Self {
        self.world.borrow_mut().tools.offer(&self.device.id, tools);
        self
    }

    /// From now on outcomes wait until [`TestDevice::step`] or [`TestDevice::settle`].
    pub fn hold(&mut self) {
        self.held = true;
    }

    /// Whether outcomes wait.
    pub(crate) fn set_held(&mut self, held: bool) {
        self.held = held;
    }

    /// Begins a role: a mode, or none for a handler of messages.
    pub fn start(&mut self, mode: Option<&str>) {
        self.tell(self.started(mode));
    }

    pub(crate) fn started(&self, mode: Option<&str>) -> Event {
        let session_id = format!("session-{}", self.device.id).into();
        let (device, language) = (self.device.clone(), self.language.as_str().into());
        Event::Started(Start { mode: mode.map(Into::into), device, session_id, language })
    }

    /// A connection serves the device.
    pub fn attach(&mut self) {
        self.tell(Event::Attached(self.device.clone()));
    }

    /// The device has no connection from now on; what is delivered to it waits.
    pub fn leave(&mut self) {
        self.world.borrow_mut().leave(&self.device.id);
    }

    /// The device is back: what has waited for it is in its inbox.
    pub fn come_back(&mut self) {
        self.world.borrow_mut().come_back(&self.device.id);
    }

    /// A message from the device.
    ///
    /// # Panics
    /// If it has no `type`.
    pub fn message(&mut self, message: &Value) {
        let kind = message["type"].as_str().unwrap_or_else(|| panic!("a message has a type"));
        self.tell(Event::Message { kind: kind.into(), body: message.to_string().into() });
    }

    /// Confirmed words; the segment of the drafts before them ends.
    pub fn hears(&mut self, text: &str) {
        let transcript = self.next_transcript(text, true);
        self.tell(Event::Transcript(transcript));
    }

    /// Words that the recogniser may still change. They share the segment with the next confirmed
    /// ones.
    pub fn says_draft(&mut self, text: &str) {
        let transcript = self.next_transcript(text, false);
        self.tell(Event::Transcript(transcript));
    }

    /// Confirmed words that do not come in the order of the segments, or are repeated.
    pub fn hears_segment(&mut self, segment: u64, text: &str) {
        let transcript = Transcript { segment, ..self.transcript(text, true) };
        self.tell(Event::Transcript(transcript));
    }

    /// The device wants silence: questions whose answers would be spoken are dropped, as in the server.
    pub fn abort(&mut self) {
        self.abort_for("");
    }

    /// As [`TestDevice::abort`], with the device's reason.
    pub fn abort_for(&mut self, reason: &str) {
        self.world.borrow_mut().drop_spoken(&self.device.id);
        self.tell(Event::Aborted { reason: reason.into(), heard: None });
    }

    /// As [`TestDevice::abort_for`], where the person has heard so much of what was being said.
    pub fn abort_heard(&mut self, reason: &str, heard: &str) {
        self.world.borrow_mut().drop_spoken(&self.device.id);
        self.tell(Event::Aborted { reason: reason.into(), heard: Some(heard.into()) });
    }

    /// The role is over.
    pub fn end(&mut self, reason: EndReason) {
        self.tell(Event::Ended(reason));
    }

    /// The plugin's section of the configuration changes while the device is served.
    ///
    /// # Panics
    /// If the plugin refuses the section.
    pub fn configure(&mut self, config: &str) {
        self.try_configure(config).unwrap_or_else(|error| panic!("{error}"));
    }

    /// The process dies and comes back with the state as it is now. Timers go on; whatever was
    /// waited for (outcomes in the queue, questions that are held) fails as `Interrupted`, though
    /// what was stored has happened.
    ///
    /// # Panics
    /// If no event has opened the instance, or it does not restore.
    pub fn restart(&mut self) {
        self.try_restart().unwrap_or_else(|error| panic!("{error}"));
    }

    /// Any event; opens the instance if it is the first. Then what follows from it, unless the
    /// device holds.
    pub fn tell(&mut self, event: Event) {
        self.try_tell(&event).unwrap_or_else(|error| panic!("{error}"));
    }

    /// Handles the next outcome; false if none waits.
    pub fn step(&mut self) -> bool {
        self.try_step().unwrap_or_else(|error| panic!("{error}"))
    }

    /// Handles outcomes until none waits.
    pub fn settle(&mut self) {
        while self.step() {}
    }

    /// Lets time pass; timers of this device run out in their order.
    pub fn advance(&mut self, ms: u64) {
        self.try_advance(ms).unwrap_or_else(|error| panic!("{error}"));
    }

    /// The state between two events.
    ///
    /// # Panics
    /// If the instance is not open, or traps.
    pub fn snapshot(&mut self) -> Snapshot {
        self.try_snapshot().unwrap_or_else(|error| panic!("{error}"))
    }

    /// The words that come next: a confirmed transcript ends its segment.
    pub(crate) fn next_transcript(&mut self, text: &str, is_final: bool) -> Transcript {
        let transcript = self.transcript(text, is_final);
        if is_final {
            self.segment = Segment { number: self.segment.number + 1, began: None };
        } else {
            self.segment.began = Some(transcript.start_ms);
        }
        transcript
    }

    /// Words of the segment that is being spoken.
    fn transcript(&self, text: &str, is_final: bool) -> Transcript {
        let end_ms = self.world.borrow().now;
        let start_ms = self.segment.began.unwrap_or(end_ms);
        let (segment, source) = (self.segment.number + 1, "typed".into());
        Transcript { text: text.into(), is_final, start_ms, end_ms, segment, source }
    }
}
