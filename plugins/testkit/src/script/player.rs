//! Plays the steps of a script in the kit. Rule: a step is played to its end, with all outcomes that follow at any
//! device, before its output is compared; only `hold` leaves outcomes in the queue.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use modehost_contract::effect::{Tool, ToolCall};
use modehost_contract::event::EndReason;
use modehost_contract::{Event, Generation};
use modehost_plugin::WasmGeneration;
use serde_json::Value;

use super::named_plugin;
use super::shown::{Shown, has_members, lines};
use super::words::{Failing, Line, Step};
use crate::device::OUTCOMES;
use crate::{Kit, TestDevice, component};

/// Id of the device if the script names none.
const DEVICE: &str = "device";

/// Plays steps in a kit; one player for each run of a script.
pub struct Player<'a> {
    kit: &'a Kit,
    directory: PathBuf,
    /// The version of the plugin for devices that are created later.
    version: Arc<WasmGeneration>,
    config: Option<String>,
    language: String,
    devices: BTreeMap<String, TestDevice>,
    tools: Vec<Tool>,
    /// The current device of the script.
    here: String,
    /// Number and text of the line that was played last.
    last: Option<(usize, String)>,
    expected: Vec<Shown>,
    /// The last step failed: its line and the reason. A `!` line must follow before the next step.
    refused: Option<Failed>,
    /// Outcomes stay in the queue.
    held: bool,
}

/// Number of the line that failed, and why.
pub(super) struct Failed(pub usize, pub String);

impl<'a> Player<'a> {
    /// A player whose files are relative to `directory`. The kit must not be used for anything else.
    pub fn new(kit: &'a Kit, directory: &Path) -> Self {
        kit.world.borrow_mut().seen = Some(Vec::new());
        Self {
            kit,
            directory: directory.to_owned(),
            version: kit.generation.clone(),
            config: None,
            language: "zh".to_owned(),
            devices: BTreeMap::new(),
            tools: Vec::new(),
            here: DEVICE.to_owned(),
            last: None,
            expected: Vec::new(),
            refused: None,
            held: false,
        }
    }

    /// Plays a line of a script; expected output is compared at the next step.
    pub(super) fn play(&mut self, line: &Line) -> Result<(), Failed> {
        if let Step::Expect(shown) = &line.step {
            self.expected.push(shown.clone());
            return Ok(());
        }
        if let Step::Refused(words) = &line.step {
            return match self.refused.take() {
                Some(Failed(_, why)) if why.contains(words.as_str()) => Ok(()),
                Some(Failed(_, why)) => {
                    Err(Failed(line.number, format!("{}\nit is refused otherwise: {why}", line.text)))
                }
                None => Err(Failed(line.number, format!("{}\nthe step before is not refused", line.text))),
            };
        }
        self.finish()?;
        self.last = Some((line.number, line.text.clone()));
        if let Err(message) = self.act(&line.step) {
            self.refused = Some(Failed(line.number, format!("{}\n{message}", line.text)));
        }
        Ok(())
    }

    /// Compares the expected output with what has happened since the last comparison.
    pub(super) fn finish(&mut self) -> Result<(), Failed> {
        if let Some(refused) = self.refused.take() {
            return Err(refused);
        }
        let (expected, seen) = (std::mem::take(&mut self.expected), self.shown());
        match difference(&expected, &seen) {
            None => Ok(()),
            Some(lines) => {
                let (number, text) = self.last.clone().unwrap_or((1, "the beginning".to_owned()));
                let legend = "(-: written, did not happen; +: happened, is not written)";
                Err(Failed(number, format!("{text}\n{lines}\n{legend}")))
            }
        }
    }

    /// Output since the last call.
    pub fn shown(&mut self) -> Vec<Shown> {
        let seen = self.kit.world.borrow_mut().seen.as_mut().map(std::mem::take).unwrap_or_default();
        lines(seen, &self.here)
    }

    /// The state of the current device as JSON; `None` before its first event.
    ///
    /// # Errors
    /// If the mode faults, or its state is not JSON.
    pub fn state(&mut self) -> Result<Option<Value>, String> {
        let Some(device) = self.devices.get_mut(&self.here) else { return Ok(None) };
        let snapshot = device.try_snapshot()?;
        let state: Value =
            serde_json::from_slice(&snapshot.state).map_err(|error| format!("the state is not JSON: {error}"))?;
        // The SDK for Rust stores the mode's own state in the member `state`, beside its own members.
        Ok(Some(if state.get("session").is_some() { state.get("state").cloned().unwrap_or(state) } else { state }))
    }

    /// Plays a step and handles its outcomes; [`shown`](Self::shown) then returns the output.
    ///
    /// # Errors
    /// The fault of the mode, or what is wrong with the step.
    pub fn act(&mut self, step: &Step) -> Result<(), String> {
        match step {
            Step::Expect(shown) => return Err(format!("`{shown}` is for scripts: nothing is compared here")),
            Step::Refused(words) => return Err(format!("`! {words}` is for scripts: nothing is compared here")),
            Step::Says { device, text, is_final } => {
                let device = self.started(device.as_deref())?;
                let transcript = device.next_transcript(text, *is_final);
                device.try_tell(&Event::Transcript(transcript))?;
            }
            Step::Message { device, body } => {
                let kind = body["type"].as_str().unwrap_or_default();
                let handled = &self.version.manifest().message_types;
                if !handled.iter().any(|handled| handled == kind) {
                    let handled = if handled.is_empty() { "none".to_owned() } else { handled.join(", ") };
                    return Err(format!("the plugin handles no messages of the type `{kind}`; it handles: {handled}"));
                }
                let kind = kind.into();
                let body = body.to_string().into();
                self.started(device.as_deref())?.try_tell(&Event::Message { kind, body })?;
            }
            Step::State(members) => self.check_state(members)?,
            Step::Document { key, members } => self.check_document(key, members.as_ref())?,
            Step::Pass(time) => self.pass(*time)?,
            Step::Start(mode) => self.start(mode.as_deref())?,
            Step::Device { id, group, alias, language } => {
                self.go_to(id, group.as_deref(), alias.as_deref(), language.as_deref())?;
            }
            Step::Language(language) => self.language.clone_from(language),
            Step::Config(section) => self.configure(&section.to_string())?,
            Step::Answer { purpose, text } => self.kit.answer_model(purpose, text),
            Step::Wish { purpose, tool, arguments } => {
                let call = ToolCall { id: "call-1".to_owned(), name: tool.clone(), arguments: arguments.to_string() };
                self.kit.answer_model_with_tools(purpose, "", &[call]);
            }
            Step::Tool { name, text } => self.offer(name, text),
            Step::Put { key, value } => self.kit.put_document(key, &value.to_string()),
            Step::Fail(failing, reason) => match failing {
                Failing::Part(part) => self.kit.fail(*part, *reason, 1),
                Failing::Model(purpose) => self.kit.fail_model(purpose, *reason),
                Failing::Tool(name) => self.kit.fail_tool(name, "the tool has failed"),
            },
            Step::Abort => {
                let id = self.here.clone();
                let device = self.started(None)?;
                device.world.borrow_mut().drop_spoken(&id);
                device.try_tell(&Event::Aborted { reason: "".into(), heard: None })?;
            }
            Step::Leave => self.started(None)?.leave(),
            Step::Return => self.started(None)?.come_back(),
            Step::End => self.started(None)?.try_tell(&Event::Ended(EndReason::Requested))?,
            Step::Hold => self.hold(true),
            Step::Release => self.hold(false),
            Step::Kill => {
                self.hold(false);
                for device in self.devices.values_mut() {
                    device.try_restart()?;
                }
            }
            Step::Swap(file) => self.swap(file.as_deref())?,
            Step::Plugin(file) => self.version = named_plugin(&self.directory, file)?,
        }
        self.settle()
    }

    fn hold(&mut self, held: bool) {
        self.held = held;
        self.devices.values_mut().for_each(|device| device.set_held(held));
    }

    /// The device with this id, or the current one; it is created and started if it does not exist.
    fn started(&mut self, id: Option<&str>) -> Result<&mut TestDevice, String> {
        let id = id.map_or_else(|| self.here.clone(), str::to_owned);
        if !self.devices.contains_key(&id) {
            let mut device = self.new_device(&id, &self.language.clone());
            let first = self.version.manifest().modes.first().map(|mode| mode.name.clone());
            let start = device.started(first.as_deref());
            device.try_tell(&start)?;
            self.devices.insert(id.clone(), device);
        }
        self.devices.get_mut(&id).ok_or_else(|| "the device is gone".to_owned())
    }

    fn new_device(&self, id: &str, language: &str) -> TestDevice {
        let device = TestDevice::new(self.version.clone(), Rc::clone(&self.kit.world), id);
        let mut device = device.language(language).tools(&self.tools).configured(self.config.clone());
        device.set_held(self.held);
        device
    }

    fn start(&mut self, mode: Option<&str>) -> Result<(), String> {
        let modes = &self.version.manifest().modes;
        let named = match mode {
            Some("") => modes.first().map(|mode| mode.name.to_string()),
            Some(name) if !modes.iter().any(|mode| &*mode.name == name) => {
                let offered: Vec<&str> = modes.iter().map(|mode| &*mode.name).collect();
                return Err(format!("the plugin has no mode `{name}`; it has: {}", offered.join(", ")));
            }
            other => other.map(str::to_owned),
        };
        let id = self.here.clone();
        let mut device = match self.devices.remove(&id) {
            Some(device) => device,
            None => self.new_device(&id, &self.language.clone()),
        };
        let start = device.started(named.as_deref());
        let told = device.try_tell(&start);
        self.devices.insert(id, device);
        told
    }

    fn go_to(
        &mut self,
        id: &str,
        group: Option<&str>,
        alias: Option<&str>,
        language: Option<&str>,
    ) -> Result<(), String> {
        id.clone_into(&mut self.here);
        if self.devices.contains_key(id) {
            let is_told = group.or(alias).or(language).is_some();
            return if is_told {
                Err(format!("{id} has begun already; say this where it is first named"))
            } else {
                Ok(())
            };
        }
        let mut device = self.new_device(id, language.unwrap_or(&self.language.clone()));
        if let Some(group) = group {
            device = device.group(group);
        }
        if let Some(alias) = alias {
            device = device.alias(alias);
        }
        let first = self.version.manifest().modes.first().map(|mode| mode.name.clone());
        let start = device.started(first.as_deref());
        let told = device.try_tell(&start);
        self.devices.insert(id.to_owned(), device);
        told
    }

    fn configure(&mut self, section: &str) -> Result<(), String> {
        self.version = component::reload(&self.version, section)?;
        self.config = Some(section.to_owned());
        self.devices.values_mut().try_for_each(|device| device.try_configure(section))
    }

    fn offer(&mut self, name: &str, text: &str) {
        if !self.tools.iter().any(|tool| tool.name == name) {
            let (description, parameters) = (format!("the tool {name}"), r#"{"type":"object"}"#.to_owned());
            self.tools.push(Tool { name: name.to_owned(), description, parameters });
        }
        let mut world = self.kit.world.borrow_mut();
        self.devices.keys().for_each(|id| world.tools.offer(id, &self.tools));
        drop(world);
        self.kit.answer_tool(name, text);
    }

    fn swap(&mut self, file: Option<&Path>) -> Result<(), String> {
        let next = match file {
            Some(file) => named_plugin(&self.directory, file)?,
            None => self.kit.generation.clone(),
        };
        self.swap_to(next)
    }

    /// Swaps the plugin of every device for that of another kit.
    ///
    /// # Errors
    /// If a state cannot be restored.
    pub fn take_over(&mut self, next: &Kit) -> Result<(), String> {
        self.swap_to(next.generation.clone())
    }

    fn swap_to(&mut self, next: Arc<WasmGeneration>) -> Result<(), String> {
        let version = match &self.config {
            Some(config) => component::reload(&next, config)?,
            None => next.clone(),
        };
        self.devices.values_mut().try_for_each(|device| device.try_swap(next.clone()))?;
        self.version = version;
        Ok(())
    }

    /// Lets time pass for all devices; timers expire in order.
    fn pass(&mut self, time: Duration) -> Result<(), String> {
        self.started(None)?;
        let now = self.kit.now();
        let end = now.saturating_add(u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
        loop {
            let due = |device: &TestDevice| device.next_timer().filter(|due| *due <= end);
            let next = self.devices.iter().filter_map(|(id, device)| Some((due(device)?, id.clone()))).min();
            let Some((due, id)) = next else { break };
            let ms = due.saturating_sub(self.kit.now());
            if let Some(device) = self.devices.get_mut(&id) {
                device.try_advance(ms)?;
            }
            self.settle()?;
        }
        self.kit.world.borrow_mut().now = end;
        Ok(())
    }

    /// Handles outcomes until no device has any in its queue.
    fn settle(&mut self) -> Result<(), String> {
        if self.held {
            return Ok(());
        }
        // Devices that react to each other's documents would never end either.
        for _ in 0..OUTCOMES {
            let mut any = false;
            for device in self.devices.values_mut() {
                any |= device.waits();
                device.try_settle()?;
            }
            if !any {
                return Ok(());
            }
        }
        Err(format!("after {OUTCOMES} rounds of outcomes more wait: do devices answer each other without end?"))
    }

    fn check_state(&mut self, members: &Value) -> Result<(), String> {
        match self.state()? {
            Some(state) if has_members(&state, members) => Ok(()),
            Some(state) => Err(format!("the state is\n{}", pretty(&state))),
            None => Err("nothing has happened yet, so there is no state".to_owned()),
        }
    }

    fn check_document(&self, key: &str, members: Option<&Value>) -> Result<(), String> {
        let value = self.kit.document(key).1.map(|text| serde_json::from_str(&text).unwrap_or(Value::String(text)));
        match (value, members) {
            (None, None) => Ok(()),
            (Some(value), Some(members)) if has_members(&value, members) => Ok(()),
            (Some(value), _) => Err(format!("the document is\n{}", pretty(&value))),
            (None, Some(_)) => Err("there is no such document".to_owned()),
        }
    }
}

fn pretty(value: &Value) -> String {
    format!("{value:#}")
}

/// Expected and actual output, with the differing lines marked `-` and `+`; `None` if they match.
fn difference(expected: &[Shown], happened: &[Shown]) -> Option<String> {
    let (mut lines, mut differs) = (Vec::new(), false);
    let mut rest = happened;
    for expected in expected {
        match rest.iter().position(|happened| expected.is_fulfilled_by(happened)) {
            Some(at) => {
                differs |= at > 0;
                lines.extend(rest[..at].iter().map(|happened| format!("  + {happened}")));
                lines.push(format!("    {}", rest[at]));
                rest = &rest[at + 1..];
            }
            None => {
                differs = true;
                lines.push(format!("  - {expected}"));
            }
        }
    }
    differs |= !rest.is_empty();
    lines.extend(rest.iter().map(|happened| format!("  + {happened}")));
    differs.then(|| lines.join("\n"))
}
