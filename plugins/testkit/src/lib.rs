//! Modes under test: the real component, in the server's own runtime. Rule: time, chance and
//! every outcome come from here, so a test is the same each time and waits for nothing.
//!
//! # Layout
//! - [`Kit`]: a plugin and the world around it
//! - [`script`]: tests as lines of text, for modes in any language
//! - [`TestDevice`]: one device's instance; events in, what it sends and says out
//! - `world`: documents, journals, archives, webhooks, tools and the scripted model that the devices
//!   of a kit share
//! - `component`: loads the plugin's component, compiled once for each content
//!
//! An effect happens at once and in order; its outcome waits in the device's queue. Events run until
//! the queue is empty, unless the device is told to [`hold`](TestDevice::hold). An outcome that comes
//! late is one that the test holds back: [`Kit::hold_model`], time, [`Kit::release_model`], and the
//! device's [`settle`](TestDevice::settle). What was cancelled does not come.
//!
//! What the server does beyond that is for the server's own tests: it makes a list of effects durable
//! as a whole (here a request that [`fail`](Kit::fail)s leaves the rest of its list as it is), it
//! retries, limits and times out.

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

    /// As [`Kit::build`], for the package whose test this is.
    ///
    /// # Panics
    /// As [`Kit::build`], and outside `cargo test`.
    pub fn of_this_crate() -> Self {
        let package = std::env::var("CARGO_PKG_NAME");
        Self::build(&package.unwrap_or_else(|_| panic!("CARGO_PKG_NAME is not set: run this with `cargo test`")))
    }

    /// As [`Kit::build`], with this section of the configuration (JSON).
    ///
    /// # Panics
    /// As [`Kit::build`].
    pub fn configured(package: &str, config: &str) -> Self {
        Self { generation: component::build(package, config), world: Rc::default() }
    }

    /// The plugin of a file in any language, granted what it requests.
    ///
    /// # Errors
    /// The sentence with which the server refuses it.
    pub fn file(path: &Path, config: &str) -> Result<Self, String> {
        Ok(Self { generation: component::load_file(path, config)?, world: Rc::default() })
    }

    /// What the plugin offers.
    pub fn manifest(&self) -> &Manifest {
        self.generation.manifest()
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

    /// The modes that the plugin offers.
    pub fn modes(&self) -> &[ModeInfo] {
        &self.generation.manifest().modes
    }

    /// These are the modes of all other plugins from now on. A plugin that subscribes to `modes` is told before the
    /// next event of each device.
    pub fn offer_modes(&self, modes: &[ModeInfo]) {
        self.world.borrow_mut().modes = modes.to_vec();
    }

    /// Unix ms of the world.
    pub fn now(&self) -> u64 {
        self.world.borrow().now
    }

    /// A document's version (0: there is none) and value. Versions grow by irregular steps.
    pub fn document(&self, key: &str) -> (u64, Option<String>) {
        self.world.borrow().document(key)
    }

    /// How often a document was written, by whomever.
    pub fn writes(&self, key: &str) -> usize {
        self.world.borrow().documents.writes(key)
    }

    /// Puts a document there as if somebody else had written it.
    pub fn put_document(&self, key: &str, value: &str) {
        self.world.borrow_mut().put_document(key, Some(value.to_owned()));
    }

    /// Values of a journal's entries; empty where there is no such journal.
    pub fn journal(&self, name: &str) -> Vec<Value> {
        self.world.borrow().kept.journal(name)
    }

    /// Names of the journals that there are, sorted.
    pub fn journal_names(&self) -> Vec<String> {
        self.world.borrow().kept.journal_names()
    }

    /// Appends to a journal as if a mode had done it.
    pub fn put_journal(&self, name: &str, entry: &Value) {
        let mut world = self.world.borrow_mut();
        let now = world.now;
        world.kept.append(name, &entry.to_string(), now);
    }

    /// What is in the archive, the oldest first: replaced and retired entries are gone, and the
    /// journals of those that are there stand in `content` and `text`.
    pub fn archived(&self) -> Vec<ArchiveEntry> {
        self.world.borrow().kept.archived.clone()
    }

    /// Webhooks that were posted, with their journals in the body.
    pub fn posted(&self) -> Vec<HookRequest> {
        self.world.borrow().kept.posted.clone()
    }

    /// Every question to a model so far.
    pub fn asked(&self) -> Vec<ModelRequest> {
        self.world.borrow().models.asked.clone()
    }

    /// Every call of a device's tool so far: name and arguments.
    pub fn called(&self) -> Vec<(String, Value)> {
        self.world.borrow().tools.called.clone()
    }

    /// The next answer of the model to this purpose, in one piece; a question without an answer
    /// fails as unavailable. Where the question asks for JSON, the object is taken out of prose
    /// around it, and without one it fails as `NotJson`.
    pub fn answer_model(&self, purpose: &str, text: &str) {
        self.answer_model_in_chunks(purpose, &[text]);
    }

    /// The next answer in pieces; a question that does not ask for them gets the whole.
    pub fn answer_model_in_chunks(&self, purpose: &str, chunks: &[&str]) {
        self.write(purpose, chunks, &[], None);
    }

    /// The next answer is the wish to have tools called, with perhaps some words before.
    pub fn answer_model_with_tools(&self, purpose: &str, text: &str, calls: &[ToolCall]) {
        self.write(purpose, &[text], calls, None);
    }

    /// The next question to this purpose fails.
    pub fn fail_model(&self, purpose: &str, reason: Failure) {
        self.fail_model_after(purpose, &[], reason);
    }

    /// The next answer breaks off behind these pieces.
    pub fn fail_model_after(&self, purpose: &str, chunks: &[&str], reason: Failure) {
        self.write(purpose, chunks, &[], Some(reason));
    }

    /// Questions to this purpose wait from now on. What they are answered is decided at
    /// [`Kit::release_model`]; those that are cancelled by then take no answer.
    pub fn hold_model(&self, purpose: &str) {
        self.world.borrow_mut().models.hold(purpose);
    }

    /// Answers what waits, and no longer holds this purpose. The answers are in the queues of the
    /// devices then; [`TestDevice::settle`] handles them.
    pub fn release_model(&self, purpose: &str) {
        let mut world = self.world.borrow_mut();
        for (device, events) in world.models.release(purpose) {
            events.into_iter().for_each(|event| world.queue(&device, event));
        }
    }

    /// The next answer of a tool of this name, whichever device has it; a tool that is offered but
    /// has no answer times out.
    pub fn answer_tool(&self, name: &str, text: &str) {
        self.world.borrow_mut().tools.write(name, text, false);
    }

    /// The next call of a tool of this name is answered with a failure of the tool's own.
    pub fn fail_tool(&self, name: &str, text: &str) {
        self.world.borrow_mut().tools.write(name, text, true);
    }

    /// Lets this many document requests fail.
    pub fn fail_documents(&self, reason: Failure, times: usize) {
        self.fail(Part::Documents, reason, times);
    }

    /// Lets this many requests to a part of the world fail; nothing of them happens.
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
