//! A mode with its state between events. Rule: an event is applied as a whole (state, requests, alarms, watches and
//! effects) or not at all. Device, session id and configuration are taken from the event even if its handler fails.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::alarm::Alarms;
use crate::reply::WaitingList;
use crate::watch::Watches;
use crate::{Context, Cx, Device, Effect, Event, Fault, Mode, Outcome, Reply, RequestId, RestoreError, Snapshot};

/// Runs a mode; used by the exports of the component and by native tests.
pub struct Runner<M: Mode> {
    mode: M,
    config: M::Config,
    device: Device,
    session_id: String,
    requests: Requests<M::Next>,
}

/// Pending work of a mode; restored with its state if a handler returns an error.
#[derive(Clone, Debug)]
struct Requests<N> {
    next: RequestId,
    waiting: WaitingList<N>,
    alarms: Alarms,
    watches: Watches,
}

/// The converted state of an older layout: see [`Mode::migrate`].
pub struct Migrated<M: Mode> {
    mode: M,
    waiting: WaitingList<M::Next>,
    alarms: Alarms,
}

impl<M: Mode> From<M> for Migrated<M> {
    fn from(mode: M) -> Self {
        Self { mode, waiting: WaitingList::default(), alarms: Alarms::default() }
    }
}

impl<M: Mode> Migrated<M> {
    /// Passes the outcome of a request of the older version to [`Mode::on_reply`] with this tag.
    #[must_use]
    pub fn waiting(mut self, request: RequestId, next: M::Next) -> Self {
        self.waiting.adopt(request, next);
        self
    }

    /// A timer of the older version expires under this name, if it is still running.
    #[must_use]
    pub fn alarm(mut self, timer: u64, name: impl Into<String>) -> Self {
        self.alarms.adopt(timer, name.into());
        self
    }
}

/// Content of a snapshot, as JSON: it is readable without tools, and a member that a newer version adds needs no new
/// schema. Binary formats were smaller by a few dozen bytes and had neither advantage.
#[derive(Serialize)]
#[serde(bound = "")]
struct Written<'a, M: Mode> {
    device: &'a Device,
    session: &'a str,
    next: RequestId,
    state: &'a M,
    #[serde(skip_serializing_if = "WaitingList::is_empty")]
    waiting: &'a WaitingList<M::Next>,
    #[serde(skip_serializing_if = "Alarms::is_empty")]
    alarms: &'a Alarms,
    #[serde(skip_serializing_if = "Watches::is_empty")]
    watches: &'a Watches,
}

/// A snapshot whose state is not deserialised yet, since its layout may be an older one.
#[derive(Deserialize)]
struct Read<'a> {
    device: Device,
    session: String,
    next: RequestId,
    #[serde(borrow)]
    state: &'a RawValue,
    #[serde(borrow, default)]
    waiting: Option<&'a RawValue>,
    #[serde(default)]
    alarms: Alarms,
    #[serde(default)]
    watches: Watches,
}

impl<M: Mode> Runner<M> {
    /// A new mode with this section of the configuration (JSON).
    ///
    /// # Errors
    /// A sentence that says what is wrong with the configuration.
    pub fn configure(config: &str) -> Result<Self, String> {
        Ok(Self {
            mode: M::default(),
            config: read_config::<M>(config)?,
            device: Device { id: String::new(), alias: None, groups: Vec::new() },
            session_id: String::new(),
            requests: Requests {
                next: 1,
                waiting: WaitingList::default(),
                alarms: Alarms::default(),
                watches: Watches::default(),
            },
        })
    }

    /// The state of the mode.
    pub fn mode(&self) -> &M {
        &self.mode
    }

    /// Handles one event.
    ///
    /// # Errors
    /// The fault of the handler, or [`Fault::Failed`] for an invalid configuration or a failed operation of [`Cx`];
    /// state, tags, alarms, watches and request ids are then as before the event.
    pub fn handle(&mut self, context: Context, event: Event) -> Result<Vec<Effect>, Fault> {
        self.update_surroundings(&event)?;
        let before = (self.mode.clone(), self.requests.clone());
        let Requests { next, waiting, alarms, watches } = &mut self.requests;
        let mut cx = Cx {
            context,
            config: &self.config,
            device: &self.device,
            session_id: &self.session_id,
            next_request: next,
            waiting,
            alarms,
            watches,
            effects: Vec::new(),
            undone: None,
        };
        let outcome = deliver(&mut self.mode, &mut cx, event);
        let (effects, undone) = (cx.effects, cx.undone);
        let fault = match (outcome, undone) {
            (Ok(()), None) => return Ok(effects),
            (Ok(()), Some(sentence)) => Fault::Failed(sentence),
            (Err(fault), _) => fault,
        };
        (self.mode, self.requests) = before;
        Err(fault)
    }

    /// The snapshot of the state between two events.
    ///
    /// # Panics
    /// If the state cannot be serialised as JSON (a map with keys that are not text), which is a bug in the mode's
    /// types.
    pub fn snapshot(&self) -> Snapshot {
        let Requests { next, waiting, alarms, watches } = &self.requests;
        let (device, session, state) = (&self.device, self.session_id.as_str(), &self.mode);
        let written = Written { device, session, next: *next, state, waiting, alarms, watches };
        match serde_json::to_vec(&written) {
            Ok(state) => Snapshot { schema: M::SCHEMA, state },
            Err(error) => panic!("the state cannot be written as JSON: {error}"),
        }
    }

    /// Restores a snapshot.
    ///
    /// # Errors
    /// `Unsupported` for a schema that is neither the mode's own nor one of its old ones, `Corrupt` if the bytes are
    /// invalid or [`Mode::migrate`] fails.
    pub fn restore(&mut self, snapshot: &Snapshot) -> Result<(), RestoreError> {
        let schema = snapshot.schema;
        if schema != M::SCHEMA && !M::OLD_SCHEMAS.contains(&schema) {
            return Err(RestoreError::Unsupported(schema));
        }
        let corrupt = |error: serde_json::Error| RestoreError::Corrupt(error.to_string());
        let read: Read<'_> = serde_json::from_slice(&snapshot.state).map_err(corrupt)?;
        let Migrated { mode, waiting, alarms } = if schema == M::SCHEMA {
            let waiting = read.waiting.map_or(Ok(WaitingList::default()), |text| serde_json::from_str(text.get()));
            let mode = serde_json::from_str(read.state.get()).map_err(corrupt)?;
            Migrated { mode, waiting: waiting.map_err(corrupt)?, alarms: read.alarms }
        } else {
            let mut migrated = M::migrate(schema, read.state.get()).map_err(RestoreError::Corrupt)?;
            // The older layout may have had tags and alarms as well; tags that no longer deserialise are dropped.
            if let Some(Ok(waiting)) = read.waiting.map(|text| serde_json::from_str(text.get())) {
                migrated.waiting.append(waiting);
            }
            migrated.alarms.append(read.alarms);
            migrated
        };
        self.mode = mode;
        self.requests = Requests { next: read.next, waiting, alarms, watches: read.watches };
        self.device = read.device;
        self.session_id = read.session;
        Ok(())
    }

    /// Takes device, session id and configuration from the event.
    fn update_surroundings(&mut self, event: &Event) -> Result<(), Fault> {
        match event {
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
        Ok(())
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
    let event = match Reply::of(event) {
        Ok((request, reply)) => {
            return match cx.waiting.answer(request, &reply) {
                Some(next) => mode.on_reply(cx, next, reply),
                // A request without a tag, or one that was cancelled or forgotten.
                None => Ok(()),
            };
        }
        Err(event) => event,
    };
    match event {
        Event::Started(start) => mode.on_started(cx, start),
        Event::Message(message) => mode.on_message(cx, message),
        Event::Transcript(transcript) => mode.on_transcript(cx, transcript),
        Event::Timer(timer) => match cx.alarms.ring(timer) {
            Some(name) => mode.on_alarm(cx, &name),
            None => Ok(()),
        },
        Event::Aborted(aborted) => {
            cx.waiting.drop_spoken();
            mode.on_aborted(cx, aborted)
        }
        Event::Document(document) => mode.on_document_changed(cx, document),
        Event::Attached(_) => mode.on_attached(cx),
        Event::Detached => mode.on_detached(cx),
        Event::Hello(hello) => mode.on_hello(cx, hello),
        Event::ModeChanged(name) => mode.on_mode_changed(cx, name),
        Event::Modes(modes) => mode.on_modes(cx, modes),
        Event::ConfigChanged(_) => mode.on_config_changed(cx),
        Event::Upgraded(old_version) => mode.on_upgraded(cx, old_version),
        Event::Ended(reason) => mode.on_ended(cx, reason),
        Event::Extension(extension) => mode.on_extension(cx, extension),
        // Replies, which `Reply::of` has handled.
        Event::ModelChunk(_)
        | Event::ModelDone(_)
        | Event::RequestFailed(_)
        | Event::Tools(_)
        | Event::ToolDone(_)
        | Event::WriteDone(_)
        | Event::WriteConflict(_)
        | Event::JournalPage(_)
        | Event::RequestDone(_)
        | Event::Delivered(_) => Ok(()),
    }
}
