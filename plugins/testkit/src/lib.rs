//! Modes under test: the real component, in the server's own runtime. Rule: time, chance and
//! every outcome come from here, so a test is the same each time and waits for nothing.
//!
//! # Layout
//! - [`Kit`]: a plugin and the world around it
//! - [`TestDevice`]: one device's instance; events in, what it sends and says out
//! - `world`: documents, journals and scripted answers that the devices of a kit share
//! - `component`: builds the plugin's component, once a process
//!
//! A storage effect happens at once and in order; its outcome waits in the device's queue. Events
//! run until the queues are empty, unless the device is told to [`hold`](TestDevice::hold).

mod component;
mod device;
mod world;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use modehost_plugin::WasmGeneration;

pub use device::TestDevice;
pub use modehost_contract::effect::ListenCommand;
pub use modehost_contract::event::{EndReason, Event, Failure};
pub use modehost_contract::{Effect, Manifest};

use crate::world::World;

/// A plugin and the world around it.
pub struct Kit {
    generation: Arc<WasmGeneration>,
    world: Rc<RefCell<World>>,
}

impl Kit {
    /// Builds the workspace's package, loads it as the server does and grants what it asks for.
    ///
    /// # Panics
    /// If it does not build, or the server would refuse it.
    pub fn build(package: &str) -> Self {
        Self::configured(package, "{}")
    }

    /// As [`Kit::build`], with this section of the configuration (JSON).
    ///
    /// # Panics
    /// As [`Kit::build`].
    pub fn configured(package: &str, config: &str) -> Self {
        Self { generation: component::load(package, config), world: Rc::default() }
    }

    /// The same plugin in a new world.
    #[must_use]
    pub fn afresh(&self) -> Self {
        Self { generation: self.generation.clone(), world: Rc::default() }
    }

    /// A device of this id; it is in the group `default` unless told otherwise.
    pub fn device(&self, id: &str) -> TestDevice {
        TestDevice::new(self.generation.clone(), self.world.clone(), id)
    }

    /// Unix ms of the world.
    pub fn now(&self) -> u64 {
        self.world.borrow().now
    }

    /// A document's version (0: there is none) and value.
    pub fn document(&self, key: &str) -> (u64, Option<String>) {
        self.world.borrow().document(key)
    }

    /// Puts a document there as if somebody else had written it.
    pub fn put_document(&self, key: &str, value: &str) {
        self.world.borrow_mut().put_document(key, Some(value.to_owned()));
    }

    /// The next answer of the model to this purpose; a question without one fails as unavailable.
    pub fn answer_model(&self, purpose: &str, text: &str) {
        self.world.borrow_mut().answers.entry(purpose.to_owned()).or_default().push_back(text.to_owned());
    }

    /// Lets this many document requests fail.
    pub fn fail_documents(&self, reason: Failure, times: usize) {
        self.world.borrow_mut().failures = (times > 0).then_some((reason, times));
    }

    /// Runs the script once straight through and then once for each event in it, with every
    /// instance replaced behind that event by one restored from its snapshot; `next` is the
    /// plugin that takes over, this one itself if it is none. What the script returns must be
    /// equal each time.
    ///
    /// # Panics
    /// If a swap shows, naming the event.
    pub fn assert_swaps_unseen<T: PartialEq + std::fmt::Debug>(
        &self,
        next: Option<&Self>,
        script: impl Fn(&Self) -> T,
    ) {
        let whole = self.afresh();
        let expected = script(&whole);
        let events = whole.world.borrow().handled;
        assert!(events > 0, "the script gave no event");
        let next = next.unwrap_or(self).generation.clone();
        for event in 1..=events {
            let kit = self.afresh();
            kit.world.borrow_mut().swap_behind = Some((event, next.clone()));
            assert_eq!(script(&kit), expected, "with a swap behind event {event} of {events}");
        }
    }
}
