//! The instance of one device under test. Rule: an instance handles its events one at a time and in order, as in the
//! server.
//!
//! - [`seen`]: output of the device
//! - [`tried`]: the same steps, with faults of the mode as errors

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

/// A device and its instance, which the first event opens.
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
    /// Section of the configuration, if it has changed since the kit was built.
    config: Option<String>,
    language: String,
    /// The modes as last sent to the instance; `None` before that.
    known_modes: Option<Vec<ModeInfo>>,
}

/// The current speech segment.
#[derive(Default)]
struct Segment {
    /// Number of segments before it.
    number: u64,
    /// Start time in ms, if it has interim transcripts.
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

    /// Sets the groups of the device, in place of the previous ones.
    #[must_use]
    pub fn groups(mut self, groups: &[&str]) -> Self {
        self.device.groups = groups.iter().map(|&group| Arc::from(group)).collect();
        let names = groups.iter().map(|&group| group.to_owned()).collect();
        self.world.borrow_mut().members.insert(self.device.id.to_string(), names);
        self
    }

    /// Sets the group of the device, in place of the previous ones.
    #[must_use]
    pub fn group(self, group: &str) -> Self {
        self.groups(&[group])
    }

    /// Sets the alias of the device.
    #[must_use]
    pub fn alias(mut self, alias: &str) -> Self {
        self.device.alias = Some(alias.into());
        self
    }

    /// Sets the language of the person at the device, `zh` or `en`; `zh` by default.
    #[must_use]
    pub fn language(mut self, language: &str) -> Self {
        language.clone_into(&mut self.language);
        self
    }

    /// Sets the section of the configuration for versions of the plugin that take over.
    pub(crate) fn configured(mut self, config: Option<String>) -> Self {
        self.config = config;
        self
    }

    /// Sets the tools that the device offers.
    #[must_use]
    pub fn tools(self, tools: &[Tool]) -> Self {
        self.world.borrow_mut().tools.offer(&self.device.id, tools);
        self
    }

    /// Keeps outcomes in the queue from now on, until [`TestDevice::step`] or [`TestDevice::settle`] handles them.
    pub fn hold(&mut self) {
        self.held = true;
    }

    /// Sets whether outcomes stay in the queue.
    pub(crate) fn set_held(&mut self, held: bool) {
        self.held = held;
    }

    /// Starts a role: a mode, or `None` for a handler of messages.
    pub fn start(&mut self, mode: Option<&str>) {
        self.tell(self.started(mode));
    }

    pub(crate) fn started(&self, mode: Option<&str>) -> Event {
        let session_id = format!("session-{}", self.device.id).into();
        let (device, language) = (self.device.clone(), self.language.as_str().into());
        Event::Started(Start { mode: mode.map(Into::into), device, session_id, language })
    }

    /// Sends `attached`: a connection serves the device.
    pub fn attach(&mut self) {
        self.tell(Event::Attached(self.device.clone()));
    }

    /// Disconnects the device; deliveries to it are stored.
    pub fn leave(&mut self) {
        self.world.borrow_mut().leave(&self.device.id);
    }

    /// Reconnects the device; stored deliveries are put into its inbox.
    pub fn come_back(&mut self) {
        self.world.borrow_mut().come_back(&self.device.id);
    }

    /// Sends a message of the device.
    ///
    /// # Panics
    /// If its `type` is missing or not a string.
    pub fn message(&mut self, message: &Value) {
        let kind = message["type"].as_str().unwrap_or_else(|| panic!("a message has a type"));
        self.tell(Event::Message { kind: kind.into(), body: message.to_string().into() });
    }

    /// Sends a final transcript; it ends the segment of the interim transcripts before it.
    pub fn hears(&mut self, text: &str) {
        let transcript = self.next_transcript(text, true);
        self.tell(Event::Transcript(transcript));
    }

    /// Sends an interim transcript, which may still change. It shares the segment of the next final one.
    pub fn says_draft(&mut self, text: &str) {
        let transcript = self.next_transcript(text, false);
        self.tell(Event::Transcript(transcript));
    }

    /// Sends a final transcript of this segment, out of order or repeated.
    pub fn hears_segment(&mut self, segment: u64, text: &str) {
        let transcript = Transcript { segment, ..self.transcript(text, true) };
        self.tell(Event::Transcript(transcript));
    }

    /// Aborts speech output: questions with `spoken` are dropped, as in the server.
    pub fn abort(&mut self) {
        self.abort_for("");
    }

    /// Like [`TestDevice::abort`], with the device's reason.
    pub fn abort_for(&mut self, reason: &str) {
        self.world.borrow_mut().drop_spoken(&self.device.id);
        self.tell(Event::Aborted { reason: reason.into(), heard: None });
    }

    /// Like [`TestDevice::abort_for`], if the person has heard this part of the speech output.
    pub fn abort_heard(&mut self, reason: &str, heard: &str) {
        self.world.borrow_mut().drop_spoken(&self.device.id);
        self.tell(Event::Aborted { reason: reason.into(), heard: Some(heard.into()) });
    }

    /// Ends the role.
    pub fn end(&mut self, reason: EndReason) {
        self.tell(Event::Ended(reason));
    }

    /// Changes the plugin's section of the configuration while the device is served.
    ///
    /// # Panics
    /// If the plugin rejects the section.
    pub fn configure(&mut self, config: &str) {
        self.try_configure(config).unwrap_or_else(|error| panic!("{error}"));
    }

    /// Restarts the process with the state as it is now. Timers continue; pending outcomes (events in the queue, held
    /// questions) fail as `Interrupted`, although what was stored remains stored.
    ///
    /// # Panics
    /// If no event has opened the instance, or its state cannot be restored.
    pub fn restart(&mut self) {
        self.try_restart().unwrap_or_else(|error| panic!("{error}"));
    }

    /// Sends any event, which opens the instance if it is the first; then handles the outcomes, unless the device is
    /// on hold.
    pub fn tell(&mut self, event: Event) {
        self.try_tell(&event).unwrap_or_else(|error| panic!("{error}"));
    }

    /// Handles the next outcome in the queue; false if there is none.
    pub fn step(&mut self) -> bool {
        self.try_step().unwrap_or_else(|error| panic!("{error}"))
    }

    /// Handles outcomes until the queue is empty.
    pub fn settle(&mut self) {
        while self.step() {}
    }

    /// Lets time pass; timers of this device expire in order.
    pub fn advance(&mut self, ms: u64) {
        self.try_advance(ms).unwrap_or_else(|error| panic!("{error}"));
    }

    /// The snapshot of the state between two events.
    ///
    /// # Panics
    /// If the instance is not open, or traps.
    pub fn snapshot(&mut self) -> Snapshot {
        self.try_snapshot().unwrap_or_else(|error| panic!("{error}"))
    }

    /// The next transcript; a final one ends its segment.
    pub(crate) fn next_transcript(&mut self, text: &str, is_final: bool) -> Transcript {
        let transcript = self.transcript(text, is_final);
        if is_final {
            self.segment = Segment { number: self.segment.number + 1, began: None };
        } else {
            self.segment.began = Some(transcript.start_ms);
        }
        transcript
    }

    /// A transcript of the current segment.
    fn transcript(&self, text: &str, is_final: bool) -> Transcript {
        let end_ms = self.world.borrow().now;
        let start_ms = self.segment.began.unwrap_or(end_ms);
        let (segment, source) = (self.segment.number + 1, "typed".into());
        Transcript { text: text.into(), is_final, start_ms, end_ms, segment, source }
    }
}
