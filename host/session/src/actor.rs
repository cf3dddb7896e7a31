//! The event loop of a session: one event at a time, each handled to completion. Rule: slow work runs elsewhere, and
//! its outcome returns as one more event.
//!
//! The session composes its parts: [`Presence`], [`Roles`], [`Input`], [`Output`], [`Persistence`], [`DeviceTools`] and
//! [`Turns`]. Parts do not know each other: a part returns what has to happen next, or adds it to the [`WorkQueue`] or
//! the link that is passed to it, and the methods of the session act on it.
//!
//! Further methods in `actor/`, in the order in which a message passes them: [`messages`] (messages of the device),
//! [`transcripts`] (typed and recognised text), [`delivery`] (events to handlers), [`effects`] and [`durable`] (effects
//! of handlers), [`speech`] (speech output and turns), [`events`] (controls and deadlines), [`modes`], [`migration`],
//! [`device_tools`], [`record`].

mod delivery;
mod device_tools;
mod durable;
mod effects;
mod event_queue;
mod events;
mod messages;
mod migration;
mod modes;
mod record;
mod speech;
mod transcripts;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant as Clock;

use modehost_ids::SessionId;
use tokio::sync::mpsc;
use tokio::task::yield_now;
use tokio::time::Instant;
use tracing::Instrument;

use self::event_queue::EventQueue;
use crate::config::{Config, Language};
use crate::environment::Environment;
use crate::event::{DeviceEvent, Done, SessionEvent};
use crate::handle::SessionHandle;
use crate::input::Input;
use crate::output::{Channel, Output};
use crate::persistence::Persistence;
use crate::presence::{IdleContext, Presence};
use crate::roles::Roles;
use crate::shared::Shared;
use crate::tools::DeviceTools;
use crate::turns::Turns;
use crate::work::{Work, WorkQueue};

/// The session of one device.
pub(crate) struct Session {
    /// Identity, settings and services.
    env: Environment,
    /// The sources of events, and the one timer.
    events: EventQueue,
    /// Steps that follow from the current event.
    work: WorkQueue,
    /// The connection of the device.
    presence: Presence,
    /// Handlers of plugins and their requests.
    roles: Roles,
    /// Transcripts of the user.
    input: Input,
    /// Speech and captions to the device.
    output: Output,
    /// The session record on disk.
    persistence: Persistence,
    /// Tools that the device offers.
    tools: DeviceTools,
    /// Turns of the user: timings and outcomes.
    turns: Turns,
}

impl Session {
    /// A session that has not started.
    pub(crate) fn new(handle: Arc<SessionHandle>, shared: Arc<Shared>, messages: mpsc::Receiver<DeviceEvent>) -> Self {
        let device = shared.config().device_directory.device(&handle.device);
        let id = SessionId::new(uuid::Uuid::new_v4().to_string());
        Self {
            env: Environment { handle, shared, id, device },
            events: EventQueue::new(messages),
            work: WorkQueue::default(),
            presence: Presence::default(),
            roles: Roles::default(),
            input: Input::default(),
            output: Output::default(),
            persistence: Persistence::default(),
            tools: DeviceTools::default(),
            turns: Turns::default(),
        }
    }

    /// Runs the session, from loading the stored record to the end of its last request.
    pub(crate) async fn run(mut self) {
        self.load().await;
        let _ = self.env.handle.id.set(self.env.id.clone());
        loop {
            let event = self.next_event().await;
            self.begin_event(matches!(event, SessionEvent::Device(_)));
            let drained = self.handle_event(event).await;
            self.process_work().await;
            self.end_all_roles().await;
            self.after_event();
            if drained.is_some() {
                self.close_turn();
                return;
            }
            if self.is_over() {
                // Before the handle leaves the registry: the next session of the device must not find this record.
                self.persistence.remove(&self.env).await;
                if self.env.shared.remove_if_ended(&self.env.handle) {
                    self.close_turn();
                    return;
                }
            }
        }
    }

    /// Handles one event. Returns a guard to drop after the session has ended, if the event ended it.
    async fn handle_event(&mut self, event: SessionEvent) -> Option<Done> {
        match event {
            SessionEvent::Device(event) => self.handle_device_event(event),
            SessionEvent::Outcome(outcome) => self.on_outcome(outcome),
            SessionEvent::Control(control) => return self.handle_control(control).await,
            SessionEvent::Document(plugin, document) => self.on_document(plugin, &document),
            SessionEvent::Deadline => self.handle_deadlines().await,
            SessionEvent::Saved(saved) => self.persistence.on_saved(&self.env, saved),
        }
        None
    }

    /// Turns a device event into work.
    fn handle_device_event(&mut self, event: DeviceEvent) {
        match event {
            DeviceEvent::Message(from, incoming) => self.receive(from, incoming),
            DeviceEvent::Asr(epoch, report) => self.handle_asr_event(epoch, report),
            DeviceEvent::AudioWithoutAsr => self.on_audio_without_asr(),
        }
    }

    /// The next event, most urgent first. Sleeps while there is none.
    async fn next_event(&mut self) -> SessionEvent {
        let deadline = self.next_deadline();
        let inbox = &self.env.handle.inbox;
        self.events.next(inbox, deadline, &mut self.roles.requests, self.persistence.saving()).await
    }

    fn next_deadline(&self) -> Option<Instant> {
        let output = self.output.next_deadline(&self.env, &self.presence.link);
        let own = [self.presence.next_deadline(), self.roles.next_deadline(), self.persistence.next_deadline(), output];
        own.into_iter().flatten().min()
    }

    /// Starts an event; `of_device`: its work belongs to the open turn.
    fn begin_event(&mut self, of_device: bool) {
        self.work.begin_event();
        self.turns.set_attributed(of_device);
    }

    /// Processes the work queue until it is empty.
    async fn process_work(&mut self) {
        while let Some(work) = self.work.pop_front() {
            let span = tracing::trace_span!(
                target: "modehost::trace", parent: None, "session.event", kind = work.name(), device = %self.env.handle.device
            );
            let begun = Clock::now();
            self.handle_work(work).instrument(span).await;
            if self.work.spend(begun.elapsed()) {
                yield_now().await;
            }
        }
    }

    async fn handle_work(&mut self, work: Work) {
        match work {
            Work::Deliver { plugin, event } => self.deliver_and_apply(&plugin, event).await,
            Work::Message(from, message) => self.handle_message(from, message).await,
            Work::Transcript { transcript, declined } => self.handle_transcript(transcript, declined).await,
            Work::Switch(mode) => self.switch(mode.as_deref()).await,
        }
    }

    /// Housekeeping after each event: ended roles and turns, a pending hang-up, idleness; publishes the state that
    /// others read.
    fn after_event(&mut self) {
        self.roles.close_ended();
        self.expire_turn(Instant::now());
        self.close_after_playback();
        self.close_finished_turn();
        let records = self.roles.records(&self.env);
        let answering = self.output.is_answering() || !self.roles.requests.is_empty();
        let context = IdleContext { mode: self.roles.mode.as_ref(), records };
        self.presence.record_activity(&self.env, context, answering);
        self.publish(records);
    }

    /// True when no connection is served, the resume window is over, and nothing is left to be answered.
    fn is_over(&self) -> bool {
        self.presence.link.is_expired() && self.roles.is_empty() && !self.events.has_deferred()
    }

    /// Publishes state for operators, metrics and the instance budget.
    fn publish(&self, records: bool) {
        let handle = &self.env.handle;
        handle.published.live.store(self.roles.live(), Ordering::Relaxed);
        handle.published.used.store(self.roles.last_event(), Ordering::Relaxed);
        handle.activity.set_records(records);
        handle.audio.set_recording(records);
        let serves = self.roles.served();
        let mut served = handle.published.served.lock();
        if *served != serves {
            *served = serves;
        }
        drop(served);
        let mut shown = handle.published.mode.lock();
        if *shown != self.roles.mode {
            shown.clone_from(&self.roles.mode);
        }
    }

    /// The current settings.
    fn config(&self) -> Arc<Config> {
        self.env.config()
    }

    /// The language to speak to the user in: theirs, once they have said something.
    fn language(&self) -> Language {
        self.input.language().unwrap_or_else(|| self.config().language)
    }

    /// Marks state as not on disk; the checkpoint saves it.
    fn make_dirty(&mut self) {
        self.persistence.mark_dirty(&self.env);
    }

    /// The output, together with the channel that it speaks through.
    fn output(&mut self) -> (&mut Output, Channel<'_>) {
        let Self { env, presence, turns, output, .. } = self;
        (output, Channel { env, link: &mut presence.link, turns })
    }
}
