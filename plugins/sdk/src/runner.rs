//! A mode and its state between events. Rule: an event either counts as a whole (state, request
//! ids and effects) or leaves everything as it was.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{Context, Cx, Device, Effect, Event, Fault, Mode, Outcome, RequestId, RestoreError, Snapshot};

/// Runs a mode: the component's exports call it, and native tests do.
pub struct Runner<M: Mode> {
    mode: M,
    config: M::Config,
    device: Device,
    session_id: String,
    next_request: RequestId,
}

/// What a snapshot holds, as JSON: it reads without tools, and a member that a newer version adds
/// is no new schema. Binary forms were smaller by a few dozen bytes and had neither.
#[derive(Serialize)]
struct Written<'a, M> {
    device: &'a Device,
    session: &'a str,
    next: RequestId,
    state: &'a M,
}

/// A snapshot with its state not yet read, since its layout may be an older one.
#[derive(Deserialize)]
struct Read<'a> {
    device: Device,
    session: String,
    next: RequestId,
    #[serde(borrow)]
    state: &'a RawValue,
}

impl<M: Mode> Runner<M> {
    /// A fresh mode with this section of the configuration (JSON).
    ///
    /// # Errors
    /// A sentence that names what is wrong with the configuration.
    pub fn configure(config: &str) -> Result<Self, String> {
        Ok(Self {
            mode: M::default(),
            config: read_config::<M>(config)?,
            device: Device { id: String::new(), alias: None, groups: Vec::new() },
            session_id: String::new(),
            next_request: 1,
        })
    }

    /// The state of the mode.
    pub fn mode(&self) -> &M {
        &self.mode
    }

    /// Gives one event.
    ///
    /// # Errors
    /// What the handler returned; state and request ids are then as before the event.
    pub fn handle(&mut self, context: Context, event: Event) -> Result<Vec<Effect>, Fault> {
        let event = self.take_note(event)?;
        let before = (self.mode.clone(), self.next_request);
        let mut cx = Cx {
            context,
            config: &self.config,
            device: &self.device,
            session_id: &self.session_id,
            next_request: &mut self.next_request,
            effects: Vec::new(),
            unwritable: None,
        };
        let outcome = deliver(&mut self.mode, &mut cx, event);
        let (effects, unwritable) = (cx.effects, cx.unwritable);
        let fault = match (outcome, unwritable) {
            (Ok(()), None) => return Ok(effects),
            (Ok(()), Some(sentence)) => Fault::Failed(sentence),
            (Err(fault), _) => fault,
        };
        (self.mode, self.next_request) = before;
        Err(fault)
    }

    /// The state between two events.
    ///
    /// # Panics
    /// If the state cannot be written as JSON (a map with keys that are no text), which is a
    /// fault of the mode's own types.
    pub fn snapshot(&self) -> Snapshot {
        let written =
            Written { device: &self.device, session: &self.session_id, next: self.next_request, state: &self.mode };
        match serde_json::to_vec(&written) {
            Ok(state) => Snapshot { schema: M::SCHEMA, state },
            Err(error) => panic!("the state cannot be written as JSON: {error}"),
        }
    }

    /// Carries on from a snapshot.
    ///
    /// # Errors
    /// `Unsupported` for a schema that is neither the mode's own nor among its old ones,
    /// `Corrupt` where the bytes make no sense.
    pub fn restore(&mut self, snapshot: &Snapshot) -> Result<(), RestoreError> {
        let schema = snapshot.schema;
        if schema != M::SCHEMA && !M::OLD_SCHEMAS.contains(&schema) {
            return Err(RestoreError::Unsupported(schema));
        }
        let corrupt = |error: serde_json::Error| RestoreError::Corrupt(error.to_string());
        let read: Read<'_> = serde_json::from_slice(&snapshot.state).map_err(corrupt)?;
        self.mode = if schema == M::SCHEMA {
            serde_json::from_str(read.state.get()).map_err(corrupt)?
        } else {
            M::migrate(schema, read.state.get()).map_err(RestoreError::Corrupt)?
        };
        self.device = read.device;
        self.session_id = read.session;
        self.next_request = read.next;
        Ok(())
    }

    /// Keeps what the event says of device, session and configuration.
    fn take_note(&mut self, event: Event) -> Result<Event, Fault> {
        match &event {
            Event::Started(start) => {
                self.device = start.device.clone();
                self.session_id.clone_from(&start.session_id);
            }
            Event::Attached(device) => self.device = device.clone(),
            Event::ConfigChanged(settings) => {
                self.config = read_config::<M>(&settings.config).map_err(Fault::Failed)?;
                self.device = settings.device.clone();
            }
            _ => {}
        }
        Ok(event)
    }
}

fn read_config<M: Mode>(text: &str) -> Result<M::Config, String> {
    let text = text.trim();
    let config = match text {
        "" | "null" | "{}" => M::Config::default(),
        _ => serde_json::from_str(text).map_err(|error| error.to_string())?,
    };
    M::check_config(&config)?;
    Ok(config)
}

fn deliver<M: Mode>(mode: &mut M, cx: &mut Cx<'_, M>, event: Event) -> Outcome {
    match event {
        Event::Started(start) => mode.on_started(cx, start),
        Event::Message(message) => mode.on_message(cx, message),
        Event::Transcript(transcript) => mode.on_transcript(cx, transcript),
        Event::Timer(id) => mode.on_timer(cx, id),
        Event::ModelChunk(chunk) => mode.on_model_chunk(cx, chunk),
        Event::ModelDone(done) => mode.on_model_done(cx, done),
        Event::RequestFailed(failed) => mode.on_request_failed(cx, failed),
        Event::Tools(list) => mode.on_tools(cx, list),
        Event::ToolDone(done) => mode.on_tool_done(cx, done),
        Event::Aborted(aborted) => mode.on_aborted(cx, aborted),
        Event::Document(document) => mode.on_document(cx, document),
        Event::WriteDone(done) => mode.on_write_done(cx, done),
        Event::WriteConflict(current) => mode.on_write_conflict(cx, current),
        Event::JournalPage(page) => mode.on_journal_page(cx, page),
        Event::RequestDone(done) => mode.on_request_done(cx, done),
        Event::Delivered(delivered) => mode.on_delivered(cx, delivered),
        Event::Attached(_) => mode.on_attached(cx),
        Event::Detached => mode.on_detached(cx),
        Event::Hello(hello) => mode.on_hello(cx, hello),
        Event::ModeChanged(name) => mode.on_mode_changed(cx, name),
        Event::ConfigChanged(_) => mode.on_config_changed(cx),
        Event::Upgraded(old_version) => mode.on_upgraded(cx, old_version),
        Event::Ended(reason) => mode.on_ended(cx, reason),
        Event::Extension(extension) => mode.on_extension(cx, extension),
    }
}
