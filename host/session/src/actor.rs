//! The session's own loop. Rule: one event at a time, in the order of `next_wake`; whatever takes
//! long is somewhere else, and its outcome comes back here as one more wake.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::future::OptionFuture;
use modehost_contract::Context;
use modehost_contract::Event;
use modehost_contract::event::{Device, Transcript};
use modehost_ids::{ConnectionId, PluginId, SessionId};
use modehost_limits as limits;
use modehost_protocol::DeviceMessage;
use modehost_speech::{Downlink, Speaking};
use modehost_storage::traits::{Document, StoredHandler};
use modehost_storage::{Reply, StorageError};
use modehost_task::IoTask;
use tokio::sync::mpsc;
use tokio::task::yield_now;
use tokio::time::{Instant, Sleep, sleep_until};
use tracing::Instrument;

use crate::clock::Clock;
use crate::config::Config;
use crate::floor::Floor;
use crate::handler::Handler;
use crate::idle::Idle;
use crate::inbox::{Control, Inbound};
use crate::link::Link;
use crate::person::Person;
use crate::registry::{SessionHandle, Shared};
use crate::requests::{Outcome, Requests};
use crate::speech::Turn;
use crate::tools::Tools;

/// Everything that can wake a session.
pub(crate) enum Wake {
    Control(Control),
    Document(PluginId, Document),
    Outcome(Outcome),
    Device(Inbound),
    Deadline,
    /// What became of a record that nobody waited for.
    Saved(Result<(), StorageError>),
}

/// What follows from a wake, in order.
pub(crate) enum Work {
    /// Give an event to a plugin's handler and carry out what it wants.
    Tell { plugin: PluginId, event: Event, body: Option<Arc<str>> },
    /// The device has sent it, on this connection; or a mode has, as if the device had.
    Message(Option<ConnectionId>, DeviceMessage),
    /// Words for the current mode, or for the default mode where the current one declined.
    Transcript { transcript: Transcript, declined: bool },
    /// Begin this mode, or the default mode.
    Switch(Option<String>),
}

impl Work {
    /// For traces.
    fn name(&self) -> &'static str {
        match self {
            Self::Tell { event, .. } => event.name(),
            Self::Message(..) => "message",
            Self::Transcript { .. } => "transcript",
            Self::Switch(_) => "switch-mode",
        }
    }
}

/// The session of one device.
pub(crate) struct Session {
    pub(crate) handle: Arc<SessionHandle>,
    pub(crate) shared: Arc<Shared>,
    messages: mpsc::Receiver<Inbound>,
    pub(crate) id: SessionId,
    /// As modes are told of it.
    pub(crate) device: Device,
    pub(crate) link: Link,
    /// The current mode; none for the default mode.
    pub(crate) mode: Option<Arc<str>>,
    pub(crate) handlers: Vec<Handler>,
    /// What an earlier process left of plugins that are not loaded.
    pub(crate) orphans: Vec<StoredHandler>,
    pub(crate) requests: Requests,
    pub(crate) work: VecDeque<Work>,
    /// Found while a control may have come that goes before it.
    held_back: Option<Wake>,
    /// `dispatch` and `switch-mode` effects since the last wake.
    pub(crate) cascade: usize,
    /// Answers that the host has given itself since the last wake.
    pub(crate) own_answers: usize,
    clock: Clock,
    /// How long the session has worked since others last had their turn on its thread.
    busy: Duration,
    pub(crate) segments: u64,
    /// The segment that a recogniser has given a draft of, and not yet confirmed.
    pub(crate) draft: Option<u64>,
    pub(crate) person: Person,
    /// What waits to be said until the person has ended.
    pub(crate) floor: Floor,
    /// What is being said to the device.
    pub(crate) turn: Option<Turn>,
    /// The voice that says it, or that is saying the rest of the turn before.
    pub(crate) voice: Option<Speaking>,
    /// What the device was told that it is sent; none before its hello.
    pub(crate) downlink: Option<Downlink>,
    /// Somebody speaks over the voice, which waits until it is known whether anything was said.
    pub(crate) spoken_over: bool,
    /// A mode hangs up: the connection closes once all has been said.
    pub(crate) closing: bool,
    /// What the device offers, since its last hello.
    pub(crate) tools: Tools,
    /// When unsaved state is saved at the latest.
    pub(crate) checkpoint: Option<Instant>,
    /// A record that is on its way to the disk, and that nobody waits for.
    pub(crate) saving: Option<Reply<()>>,
    /// A connection is new: others speak to it once it has been answered, or by then.
    pub(crate) arrival: Option<Instant>,
    /// What was kept for the device is on its way to it; or was, the last time.
    pub(crate) hand_over: Option<IoTask<()>>,
    /// When to look for instances that nothing happens to.
    pub(crate) doze: Option<Instant>,
    /// Something is on disk for this device.
    pub(crate) stored: bool,
    /// The device knows that nobody hears its sound.
    pub(crate) told_unheard: bool,
    /// The device knows that its utterances are not recognised at the moment.
    pub(crate) told_failing: bool,
    /// How long nothing has been heard, and what follows from it.
    pub(crate) idle: Idle,
    alarm: Pin<Box<Sleep>>,
}

impl Session {
    pub(crate) fn new(handle: Arc<SessionHandle>, shared: Arc<Shared>, messages: mpsc::Receiver<Inbound>) -> Self {
        let id = SessionId::new(uuid::Uuid::new_v4().to_string());
        let device = shared.config().roster.device(&handle.device);
        Self {
            handle,
            shared,
            messages,
            id,
            device,
            link: Link::default(),
            mode: None,
            handlers: Vec::new(),
            orphans: Vec::new(),
            requests: Requests::default(),
            work: VecDeque::new(),
            held_back: None,
            cascade: 0,
            own_answers: 0,
            clock: Clock::default(),
            busy: Duration::ZERO,
            segments: 0,
            draft: None,
            person: Person::default(),
            floor: Floor::default(),
            turn: None,
            voice: None,
            downlink: None,
            spoken_over: false,
            closing: false,
            tools: Tools::default(),
            checkpoint: None,
            saving: None,
            arrival: None,
            hand_over: None,
            doze: None,
            stored: false,
            told_unheard: false,
            told_failing: false,
            idle: Idle::default(),
            alarm: Box::pin(sleep_until(Instant::now() + limits::RESUME_WINDOW)),
        }
    }

    /// The life of the session, from what an earlier process left to the end of its last request.
    pub(crate) async fn run(mut self) {
        self.load().await;
        loop {
            let wake = self.next_wake().await;
            (self.cascade, self.own_answers) = (0, 0);
            let drained = match wake {
                Wake::Control(control) => self.control(control).await,
                Wake::Document(plugin, document) => {
                    self.watched(plugin, &document);
                    None
                }
                Wake::Outcome(outcome) => {
                    self.outcome(outcome);
                    None
                }
                Wake::Device(Inbound::Message(from, incoming)) => {
                    self.receive(from, incoming);
                    None
                }
                Wake::Device(Inbound::Heard(epoch, report)) => {
                    self.heard(epoch, report);
                    None
                }
                Wake::Device(Inbound::Audio) => {
                    self.unheard();
                    None
                }
                Wake::Deadline => {
                    self.deadlines().await;
                    None
                }
                Wake::Saved(saved) => {
                    self.saving = None;
                    self.note_record(saved);
                    None
                }
            };
            self.work_off().await;
            self.tell_the_end().await;
            self.close_ended();
            self.close_when_said();
            self.note_activity();
            self.publish();
            if drained.is_some() {
                return;
            }
            if self.is_over() {
                // Before the device is let go: whoever makes its next session must not find this record.
                self.remove_record().await;
                if self.shared.forget(&self.handle) {
                    return;
                }
            }
        }
    }

    /// Carries out what follows from a wake, until nothing is left.
    pub(crate) async fn work_off(&mut self) {
        while let Some(work) = self.work.pop_front() {
            let span = tracing::trace_span!(
                target: "modehost::trace", parent: None, "session.event", kind = work.name(), device = %self.handle.device
            );
            let begun = std::time::Instant::now();
            self.carry_work_out(work).instrument(span).await;
            self.busy += begun.elapsed();
            if self.busy >= limits::SESSION_TURN {
                // A flood, or a mode that is slow, must not keep this thread from the sessions that wait for it.
                self.busy = Duration::ZERO;
                yield_now().await;
            }
        }
    }

    async fn carry_work_out(&mut self, work: Work) {
        match work {
            Work::Tell { plugin, event, body } => self.tell(&plugin, event, body.as_deref()).await,
            Work::Message(from, message) => self.route(from, message).await,
            Work::Transcript { transcript, declined } => self.hear(transcript, declined).await,
            Work::Switch(mode) => self.switch(mode.as_deref()).await,
        }
    }

    /// Works off what the device has sent and nobody has looked at; before the session is saved
    /// for good, or its device given up. Stops where another connection comes: what follows may be its own,
    /// and it is attached first.
    pub(crate) async fn empty_queue(&mut self) {
        let mut first = match self.held_back.take() {
            Some(Wake::Device(inbound)) => Some(inbound),
            Some(Wake::Outcome(outcome)) => {
                self.outcome(outcome);
                self.work_off().await;
                None
            }
            _ => None,
        };
        while let Some(inbound) = first.take().or_else(|| self.messages.try_recv().ok()) {
            if self.handle.inbox.is_wanted() {
                self.held_back = Some(Wake::Device(inbound));
                return;
            }
            (self.cascade, self.own_answers) = (0, 0);
            match inbound {
                Inbound::Message(from, incoming) => self.receive(from, incoming),
                Inbound::Heard(epoch, report) => self.heard(epoch, report),
                Inbound::Audio => {}
            }
            self.work_off().await;
        }
    }

    /// What happens next, most urgent first. Waits without any cost while nothing does.
    async fn next_wake(&mut self) -> Wake {
        loop {
            if let Some(control) = self.handle.inbox.next_control() {
                return Wake::Control(control);
            }
            if let Some(wake) = self.held_back.take() {
                return wake;
            }
            if let Some((plugin, document)) = self.handle.inbox.next_document() {
                return Wake::Document(plugin, document);
            }
            let deadline = self.next_deadline();
            if let Some(deadline) = deadline
                && deadline != self.alarm.deadline()
            {
                self.alarm.as_mut().reset(deadline);
            }
            self.held_back = tokio::select! {
                biased;
                () = self.handle.inbox.filled() => None,
                outcome = self.requests.next(), if !self.requests.is_empty() => outcome.map(Wake::Outcome),
                () = self.alarm.as_mut(), if deadline.is_some() => Some(Wake::Deadline),
                saved = OptionFuture::from(self.saving.as_mut()), if self.saving.is_some() => saved.map(Wake::Saved),
                Some(inbound) = self.messages.recv() => Some(Wake::Device(inbound)),
            };
            // A control may have come after it was looked for and before this was found: a connection
            // is attached before its first message, and detached before anything that comes later.
        }
    }

    /// The settings as they are now.
    pub(crate) fn config(&self) -> Arc<Config> {
        self.shared.config()
    }

    /// Goes on from the time that an earlier process left off at.
    pub(crate) fn begin_clock(&mut self, at: u64) {
        self.clock.begin(at);
    }

    /// Time and chance for the next event; time never goes back within a session.
    pub(crate) fn context(&mut self) -> Context {
        Context { now: self.clock.now(), seed: fastrand::u64(..) }
    }

    /// True when nobody is connected, nobody is waited for, and nothing is left to be answered.
    fn is_over(&self) -> bool {
        self.link.is_over() && self.requests.is_empty() && self.handlers.is_empty() && self.held_back.is_none()
    }

    /// What operators and the budget see.
    fn publish(&self) {
        let live = self.handlers.iter().filter(|handler| handler.is_live()).count();
        self.handle.live.store(live, Ordering::Relaxed);
        self.handle.used.store(self.clock.last(), Ordering::Relaxed);
        let records = self.records();
        self.handle.presence.set_records(records);
        self.handle.ear.records(records);
        let mut shown = self.handle.mode.lock();
        if *shown != self.mode {
            shown.clone_from(&self.mode);
        }
    }
}
