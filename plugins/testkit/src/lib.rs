//! Test kit for modes: the real component, in the server's own runtime. Rule: time, randomness and every outcome come
//! from the kit, so a test is deterministic and never waits.
//!
//! # Layout
//! - [`Kit`]: a plugin and its simulated environment
//! - [`script`]: tests as lines of text, for modes in any language
//! - [`TestDevice`]: the instance of one device; takes events, returns messages and speech output
//! - `world`: documents, journals, archives, webhooks, tools and the scripted model that the devices of a kit share
//! - `component`: loads the plugin's component, compiled once for each content
//!
//! An effect is applied immediately and in order; its outcome is queued for the device. Queued events are handled
//! until the queue is empty, unless the device is on [`hold`](TestDevice::hold). To delay an outcome, call
//! [`Kit::hold_model`], let time pass, call [`Kit::release_model`], and then the device's
//! [`settle`](TestDevice::settle). A cancelled request has no outcome.
//!
//! What the server does beyond that is covered by the server's own tests: it stores a list of effects atomically
//! (here, a request that [`fail`](Kit::fail)s does not affect the rest of its list), it retries, and it enforces
//! limits and timeouts.

mod component;
mod device;
pub mod script;
mod world;

use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use modehost_contract::Generation;
use modehost_plugin::WasmGeneration;
use serde_json::Value;

pub use device::TestDevice;
pub use modehost_contract::effect::{
    ArchiveEntry, Audience, Call, ChatMessage, Delivery, HookRequest, JournalPart, ListenCommand, ListenMode, Local,
    ModelRequest, Output, Query, Role, Tool, ToolCall, Write,
};
pub use modehost_contract::event::{EndReason, Event, Failure};
pub use modehost_contract::mode_info::ModeInfo;
pub use modehost_contract::{Effect, Manifest};
pub use world::Part;

use crate::world::World;
use crate::world::models::Answer;

/// A plugin and its simulated environment.
pub struct Kit {
    generation: Arc<WasmGeneration>,
    world: Rc<RefCell<World>>,
}

impl Kit {
    /// Builds a package of the workspace, loads it as the server does and grants what it requests.
    ///
    /// # Panics
    /// If it does not build, or the server rejects it.
    pub fn build(package: &str) -> Self {
        Self::configured(package, "{}")
    }

    /// Like [`Kit::build`], for the package under test.
    ///
    /// # Panics
    /// As [`Kit::build`], and outside `cargo test`.
    pub fn of_this_crate() -> Self {
        let package = std::env::var("CARGO_PKG_NAME");
        Self::build(&package.unwrap_or_else(|_| panic!("CARGO_PKG_NAME is not set: run this with `cargo test`")))
    }

    /// Like [`Kit::build`], with this section of the configuration (JSON).
    ///
    /// # Panics
    /// As [`Kit::build`].
    pub fn configured(package: &str, config: &str) -> Self {
        Self { generation: component::build(package, config), world: Rc::default() }
    }

    /// The plugin in a file, written in any language, with all grants that it requests.
    ///
    /// # Errors
    /// Why the file cannot be read, or why the server rejects it.
    pub fn file(path: &Path, config: &str) -> Result<Self, String> {
        Ok(Self { generation: component::load_file(path, config)?, world: Rc::default() })
    }

    /// The manifest of the plugin.
    pub fn manifest(&self) -> &Manifest {
        self.generation.manifest()
    }

    /// The same plugin in a new environment.
    #[must_use]
    pub fn afresh(&self) -> Self {
        Self { generation: self.generation.clone(), world: Rc::default() }
    }

    /// A device with this id; it is in the group `default` unless changed.
    pub fn device(&self, id: &str) -> TestDevice {
        TestDevice::new(self.generation.clone(), self.world.clone(), id)
    }

    /// The modes that the plugin offers.
    pub fn modes(&self) -> &[ModeInfo] {
        &self.generation.manifest().modes
    }

    /// Sets the modes of all other plugins. A plugin that subscribes to `modes` gets the new list before the next
    /// event of each device.
    pub fn offer_modes(&self, modes: &[ModeInfo]) {
        self.world.borrow_mut().modes = modes.to_vec();
    }

    /// Unix time of the kit in ms.
    pub fn now(&self) -> u64 {
        self.world.borrow().now
    }

    /// Version (0: it does not exist) and value of a document. Versions grow in irregular steps.
    pub fn document(&self, key: &str) -> (u64, Option<String>) {
        self.world.borrow().document(key)
    }

    /// Number of writes of a document, by any writer; a removal counts as a write.
    pub fn writes(&self, key: &str) -> usize {
        self.world.borrow().documents.writes(key)
    }

    /// Writes a document as another session would.
    pub fn put_document(&self, key: &str, value: &str) {
        self.world.borrow_mut().put_document(key, Some(value.to_owned()));
    }

    /// Values of a journal's entries; empty if the journal does not exist.
    pub fn journal(&self, name: &str) -> Vec<Value> {
        self.world.borrow().kept.journal(name)
    }

    /// Names of the existing journals, sorted.
    pub fn journal_names(&self) -> Vec<String> {
        self.world.borrow().kept.journal_names()
    }

    /// Appends to a journal as a mode would.
    pub fn put_journal(&self, name: &str, entry: &Value) {
        let mut world = self.world.borrow_mut();
        let now = world.now;
        world.kept.append(name, &entry.to_string(), now);
    }

    /// Archive entries, oldest first, with their journals in `content` and `text`. Entries that were replaced or
    /// removed are not listed.
    pub fn archived(&self) -> Vec<ArchiveEntry> {
        self.world.borrow().kept.archived().cloned().collect()
    }

    /// Webhooks that were posted, with their journals in the body.
    pub fn posted(&self) -> Vec<HookRequest> {
        self.world.borrow().kept.posted.clone()
    }

    /// All questions to a model so far.
    pub fn asked(&self) -> Vec<ModelRequest> {
        self.world.borrow().models.asked.clone()
    }

    /// All tool calls so far, on any device: name and arguments.
    pub fn called(&self) -> Vec<(String, Value)> {
        self.world.borrow().tools.called.clone()
    }

    /// Adds an answer of the model for this purpose, in one piece; a question without an answer fails as
    /// `Unavailable`. If the question requests JSON, the object is extracted from the text around it; without an
    /// object, the question fails as `NotJson`.
    pub fn answer_model(&self, purpose: &str, text: &str) {
        self.answer_model_in_chunks(purpose, &[text]);
    }

    /// Like [`Kit::answer_model`], in chunks; a question that does not request chunks gets the joined text.
    pub fn answer_model_in_chunks(&self, purpose: &str, chunks: &[&str]) {
        self.write(purpose, chunks, &[], None);
    }

    /// Adds an answer that calls tools, after a text that may be empty.
    pub fn answer_model_with_tools(&self, purpose: &str, text: &str, calls: &[ToolCall]) {
        self.write(purpose, &[text], calls, None);
    }

    /// Adds a failure in place of an answer for this purpose.
    pub fn fail_model(&self, purpose: &str, reason: Failure) {
        self.fail_model_after(purpose, &[], reason);
    }

    /// Adds an answer that fails after these chunks.
    pub fn fail_model_after(&self, purpose: &str, chunks: &[&str], reason: Failure) {
        self.write(purpose, chunks, &[], Some(reason));
    }

    /// Holds questions for this purpose from now on. Their answers are chosen at [`Kit::release_model`]; questions
    /// that were cancelled by then use none.
    pub fn hold_model(&self, purpose: &str) {
        self.world.borrow_mut().models.hold(purpose);
    }

    /// Answers the held questions and stops holding this purpose. The answers are then queued for the devices;
    /// [`TestDevice::settle`] handles them.
    pub fn release_model(&self, purpose: &str) {
        let mut world = self.world.borrow_mut();
        for (device, events) in world.models.release(purpose) {
            events.into_iter().for_each(|event| world.queue(&device, event));
        }
    }

    /// Adds an answer of the tool of this name, on any device; a call of an offered tool without an answer fails as
    /// `TimedOut`.
    pub fn answer_tool(&self, name: &str, text: &str) {
        self.world.borrow_mut().tools.write(name, text, false);
    }

    /// Adds an answer with which the tool itself reports a failure.
    pub fn fail_tool(&self, name: &str, text: &str) {
        self.world.borrow_mut().tools.write(name, text, true);
    }

    /// Lets the next `times` document requests fail.
    pub fn fail_documents(&self, reason: Failure, times: usize) {
        self.fail(Part::Documents, reason, times);
    }

    /// Lets the next `times` requests to a part of the environment fail; they have no effect. With 0, none fails any
    /// more.
    pub fn fail(&self, part: Part, reason: Failure, times: usize) {
        let failures = &mut self.world.borrow_mut().failures;
        if times > 0 {
            failures.insert(part, (reason, times));
        } else {
            failures.remove(&part);
        }
    }

    fn write(&self, purpose: &str, chunks: &[&str], calls: &[ToolCall], failure: Option<Failure>) {
        let chunks = chunks.iter().map(|&chunk| chunk.to_owned()).collect();
        let answer = Answer { chunks, tool_calls: calls.to_vec(), failure };
        self.world.borrow_mut().models.write(purpose, answer);
    }

    /// Runs the script once without interruption and then once for each of its events, with every instance replaced
    /// after that event by one that is restored from its snapshot. `next` is the plugin that takes over, this one if
    /// `None`. The script must return equal values each time.
    ///
    /// # Panics
    /// If a run with a swap differs, naming the event, or if the script has no event.
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
