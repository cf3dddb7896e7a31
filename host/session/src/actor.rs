//! The loop of a session: one event at a time, each handled to its end. Rule: whatever takes long is somewhere else, and
//! its outcome comes back as one more event.
//!
//! The session is the join of its parts: [`Presence`], [`Roles`], [`Input`], [`Output`], [`Persistence`], [`DeviceTools`]
//! and [`Turns`]. A part does not know the others: it returns what is to happen, or adds it to the [`WorkQueue`] or the
//! link that it is lent, and the methods of the session carry it on.
//!
//! Methods also in `actor/`, in the order in which a message walks: [`messages`] (messages of the device), [`words`] (what
//! the person says), [`delivery`] (events to handlers), [`effects`] and [`durable`] (what handlers want), [`speech`] (what
//! the device is told), [`events`] (controls and deadlines), [`modes`], [`migration`], [`device_tools`], [`record`].

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
mod words;

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
use crate::presence::{Occupation, Presence};
use crate::roles::Roles;
use crate::shared::Shared;
use crate::tools::DeviceTools;
use crate::turns::Turns;
use crate::work::{Work, WorkQueue};

/// The session of one device.
pub(crate) struct Session {
    /// Who it is, and what it is given to work with.
    env: Environment,
    /// What wakes it, and its one timer.
    events: EventQueue,
    /// What follows from an event.
    work: WorkQueue,
    /// The connection of the device.
    presence: Presence,
    /// What plugins have in it, and their requests.
    roles: Roles,
    /// What the person says.
    input: Input,
    /// What is said to the person.
    output: Output,
    /// Its record on disk.
    persistence: Persistence,
    /// What the device offers.
    tools: DeviceTools,
    /// What the person's turns come to.
    turns: Turns,
}

impl Session {
    /// A session that has not begun.
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

    /// The life of the session, from what an earlier process left to the end of its last request.
    pub(crate) async fn run(mut self) {
        self.load().await;
        let _ = self.env.handle.id.set(self.env.id.clone());
        loop {
            let event = self.next_event().await;
            self.begin_event(matches!(event, SessionEvent::Device(_)));
            let drained = self.handle_event(event).await;
            self.work_off().await;
            self.end_roles().await;
            self.after_event();
            if drained.is_some() {
                self.close_turn();
                return;
            }
            if self.is_over() {
                // Before the device is let go: whoever makes its next session must not find this record.
                self.persistence.remove(&self.env).await;
                if self.env.shared.forget(&self.env.handle) {
                    self.close_turn();
                    return;
                }
            }
        }
    }

    /// Handles one event. Gives back what to drop when the session has ended by it.
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

    /// What follows from it becomes work.
    fn handle_device_event(&mut self, event: DeviceEvent) {
        match event {
            DeviceEvent::Message(from, incoming) => self.receive(from, incoming),
            DeviceEvent::Recogniser(epoch, report) => self.handle_report(epoch, report),
            DeviceEvent::UnheardSound => self.on_unheard_sound(),
        }
    }

    /// What happens next, most urgent first. Waits without any cost while nothing does.
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

    /// An event begins; `of_device`: what follows from it belongs to the turn that is open.
    fn begin_event(&mut self, of_device: bool) {
        self.work.begin_event();
        self.turns.set_acts(of_device);
    }

    /// Carries out what follows from an event, until nothing is left.
    async fn work_off(&mut self) {
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

    /// What is looked at after each event: roles and turns that are over, a mode that has hung up, idleness; and what the
    /// session shows of itself.
    fn after_event(&mut self) {
        self.roles.close_ended();
        self.expire_turn(Instant::now());
        self.close_when_said();
        self.close_finished_turn();
        let records = self.roles.records(&self.env);
        let answering = self.output.is_answering() || !self.roles.requests.is_empty();
        let occupation = Occupation { mode: self.roles.mode.as_ref(), records };
        self.presence.record_activity(&self.env, occupation, answering);
        self.publish(records);
    }

    /// True when nobody is connected, nobody is waited for, and nothing is left to be answered.
    fn is_over(&self) -> bool {
        self.presence.link.is_over() && self.roles.is_empty() && !self.events.holds_back()
    }

    /// What operators and the budget see.
    fn publish(&self, records: bool) {
        let handle = &self.env.handle;
        handle.published.live.store(self.roles.live(), Ordering::Relaxed);
        handle.published.used.store(self.roles.last_event(), Ordering::Relaxed);
        handle.activity.set_records(records);
        handle.audio.records(records);
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

    /// The settings as they are now.
    fn config(&self) -> Arc<Config> {
        self.env.config()
    }

    /// In which language to speak to the person: their own, once they have spoken.
    fn language(&self) -> Language {
        self.input.language().unwrap_or_else(|| self.config().language)
    }

    /// State has changed that is not on disk; it will be soon.
    fn make_dirty(&mut self) {
        self.persistence.mark_dirty(&self.env);
    }

    /// The output, with what speech goes through.
    fn output(&mut self) -> (&mut Output, Channel<'_>) {
        let Self { env, presence, turns, output, .. } = self;
        (output, Channel { env, link: &mut presence.link, turns })
    }
}
