//! One device's instance under test. Rule: an instance sees its events one at a time and in
//! order, as in the server.
//!
//! - [`seen`]: what a test sees of it

mod seen;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use modehost_contract::effect::{Local, Tool};
use modehost_contract::event::{Device, EndReason, Start, Transcript};
use modehost_contract::{Context, Effect, Event, Fault, Generation, Instance, Snapshot};
use modehost_plugin::WasmGeneration;
use serde_json::{Value, json};

use crate::component;
use crate::world::World;

/// A device with its instance; the first event opens it.
pub struct TestDevice {
    generation: Arc<WasmGeneration>,
    world: Rc<RefCell<World>>,
    device: Device,
    instance: Option<Box<dyn Instance>>,
    timers: BTreeMap<u64, u64>,
    effects: Vec<Effect>,
    held: bool,
    swapped: bool,
    segment: u64,
    /// When the present segment began, if there were drafts of it.
    began: Option<u64>,
    /// The section of the configuration, if it has changed since the kit was built.
    config: Option<String>,
    language: String,
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
            segment: 0,
            began: None,
            config: None,
            language: "zh".to_owned(),
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

    /// Begins a role: a mode, or none for a handler of messages.
    pub fn start(&mut self, mode: Option<&str>) {
        let session_id = format!("session-{}", self.device.id).into();
        let (device, language) = (self.device.clone(), self.language.as_str().into());
        let start = Start { mode: mode.map(Into::into), device, session_id, language };
        self.tell(Event::Started(start));
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
        let transcript = self.transcript(text, true);
        self.segment += 1;
        self.began = None;
        self.tell(Event::Transcript(transcript));
    }

    /// Words that the recogniser may still change. They share the segment with the next confirmed
    /// ones.
    pub fn says_draft(&mut self, text: &str) {
        let transcript = self.transcript(text, false);
        self.began = Some(transcript.start_ms);
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
        self.generation = component::reload(&self.generation, config);
        self.config = Some(config.to_owned());
        self.tell(Event::ConfigChanged { config: config.into(), device: self.device.clone() });
    }

    /// The process dies and comes back with the state as it is now. Timers go on; whatever was
    /// waited for (outcomes in the queue, questions that are held) fails as `Interrupted`, though
    /// what was stored has happened.
    ///
    /// # Panics
    /// If no event has opened the instance, or it does not restore.
    pub fn restart(&mut self) {
        let snapshot = self.snapshot();
        let restored = self.generation.restore(&snapshot).unwrap_or_else(|fault| panic!("restore: {fault}"));
        self.instance = Some(restored);
        self.world.borrow_mut().interrupt(&self.device.id);
        if !self.held {
            self.settle();
        }
    }

    /// Any event; opens the instance if it is the first. Then what follows from it, unless the
    /// device holds.
    pub fn tell(&mut self, event: Event) {
        if self.instance.is_none() {
            let opened = self.generation.open().unwrap_or_else(|fault| panic!("{fault}"));
            self.instance = Some(opened);
            if !matches!(event, Event::Started(_)) {
                self.start(None);
            }
        }
        self.handle(&event);
        if !self.held {
            self.settle();
        }
    }

    /// Handles the next outcome; false if none waits.
    pub fn step(&mut self) -> bool {
        let id = self.device.id.to_string();
        let next = self.world.borrow_mut().queues.get_mut(&id).and_then(std::collections::VecDeque::pop_front);
        match next {
            Some(event) => {
                self.handle(&event);
                true
            }
            None => false,
        }
    }

    /// Handles outcomes until none waits.
    pub fn settle(&mut self) {
        while self.step() {}
    }

    /// Lets time pass; timers of this device run out in their order.
    pub fn advance(&mut self, ms: u64) {
        let end = self.world.borrow().now + ms;
        loop {
            let next = self.timers.iter().map(|(&id, &due)| (due, id)).min().filter(|(due, _)| *due <= end);
            let Some((due, id)) = next else {
                break;
            };
            self.timers.remove(&id);
            let now = self.world.borrow().now.max(due);
            self.world.borrow_mut().now = now;
            self.tell(Event::Timer(id));
        }
        self.world.borrow_mut().now = end;
    }

    /// The state between two events.
    ///
    /// # Panics
    /// If the instance is not open, or traps.
    pub fn snapshot(&mut self) -> Snapshot {
        let instance = self.instance.as_mut().unwrap_or_else(|| panic!("no event has opened the instance"));
        instance.snapshot().unwrap_or_else(|fault| panic!("{fault}"))
    }

    /// Words of the segment that is being spoken.
    fn transcript(&self, text: &str, is_final: bool) -> Transcript {
        let end_ms = self.world.borrow().now;
        let start_ms = self.began.unwrap_or(end_ms);
        let (segment, source) = (self.segment + 1, "typed".into());
        Transcript { text: text.into(), is_final, start_ms, end_ms, segment, source }
    }

    fn handle(&mut self, event: &Event) {
        let context = {
            let mut world = self.world.borrow_mut();
            world.handled += 1;
            // Spread over all bits, and the same in each run.
            Context { now: world.now, seed: (world.handled as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) }
        };
        let instance = self.instance.as_mut().unwrap_or_else(|| panic!("the instance is open"));
        match instance.handle(context, event) {
            Ok(effects) => {
                for effect in effects {
                    self.carry_out(effect, context.now);
                }
            }
            Err(Fault::Rejected(rejection)) => {
                let error = json!({"type": "error", "code": rejection.code, "message": rejection.message});
                self.world.borrow_mut().hand(&self.device.id, &error.to_string());
            }
            Err(fault) => panic!("{event:?}: {fault}"),
        }
        self.swap_if_due();
    }

    fn carry_out(&mut self, effect: Effect, now: u64) {
        match &effect {
            Effect::Local(Local::StartTimer { id, delay_ms }) => {
                self.timers.insert(*id, now + delay_ms);
            }
            Effect::Local(Local::StopTimer(id)) => {
                self.timers.remove(id);
            }
            other => self.world.borrow_mut().carry_out(&self.device.id, other),
        }
        self.effects.push(effect);
    }

    /// Replaces the instance, if the script says that it is due and has not happened yet.
    fn swap_if_due(&mut self) {
        let due = match &self.world.borrow().swap_behind {
            Some((event, next)) if !self.swapped && self.world.borrow().handled >= *event => Some(next.clone()),
            _ => None,
        };
        if let Some(next) = due {
            let next = match &self.config {
                Some(config) => component::reload(&next, config),
                None => next,
            };
            let snapshot = self.snapshot();
            self.instance = Some(next.restore(&snapshot).unwrap_or_else(|fault| panic!("restore: {fault}")));
            self.generation = next;
            self.swapped = true;
        }
    }
}
