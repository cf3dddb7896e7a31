//! What a session does about a wake that is not a message. Rule: nothing here waits for a device.

use std::sync::Arc;
use std::time::Duration;

use modehost_contract::Event;
use modehost_contract::event::EndReason;
use modehost_ids::ConnectionId;
use modehost_limits as limits;
use modehost_outbox::Outbox;
use modehost_speech::Sound;
use modehost_storage::StorageError;
use tokio::time::{Instant, timeout};

use crate::actor::{Session, Work};
use crate::boundary::Boundary;
use crate::inbox::{Control, Departure, Done};
use crate::link::OutboxMailbox;
use crate::redelivery::{Gate, HandOver};

impl Session {
    /// Carries out a control. Gives back what to drop when the session has ended by a drain.
    pub(crate) async fn control(&mut self, control: Control) -> Option<Done> {
        match control {
            Control::Attach { connection, outbox } => self.attach(connection, outbox),
            Control::Detach(connection, departure) => self.detach(connection, departure),
            Control::Resume => self.wait_for_device(),
            Control::Migrate(_done) => self.migrate().await,
            Control::Reconfigured => self.reconfigure(),
            Control::Hibernate => self.hibernate(true),
            Control::Sample(plugin, samples) => self.sample(&plugin, &samples),
            Control::Spoken => self.fall_silent(),
            Control::Learnt => self.keep_facts(),
            Control::Queued(gate) => {
                if self.link.way().is_some_and(|(_, served)| Arc::ptr_eq(served, &gate)) {
                    self.hand_over();
                }
            }
            Control::Drain { code, reason, done } => {
                self.empty_queue().await;
                self.save_now().await;
                self.silence();
                self.link.close(code, &reason);
                if let Some(hand_over) = self.hand_over.take() {
                    // What has arrived must not come again after the restart.
                    let _ = timeout(limits::HAND_OVER_LEFT, hand_over.join()).await;
                }
                return Some(done);
            }
        }
        None
    }

    fn attach(&mut self, connection: ConnectionId, outbox: Outbox) {
        if self.link.is_connected() {
            // The connection before may be in the middle of an answer: nobody waits for it any more.
            self.pass(Boundary::TakenOver);
        }
        self.part_from_tools();
        let gate = Arc::new(Gate::new());
        let mailbox = OutboxMailbox { outbox: outbox.clone(), gate: gate.clone(), session: self.handle.clone() };
        let registration = self.shared.services.directory.register(&self.handle.device, Arc::new(mailbox));
        self.link.attach(connection, outbox, gate, registration);
        self.hand_over();
        self.arrival = Some(Instant::now() + limits::ARRIVAL);
        self.watch_idleness();
    }

    /// The device has been answered, or says nothing: now others may speak to it.
    pub(crate) async fn arrive(&mut self) {
        self.arrival = None;
        self.release_held();
        self.link.answered();
        let attached = Event::Attached(self.device.clone());
        self.tell_subscribers(|subscriptions| subscriptions.attachment, &attached);
    }

    /// Begins to give the device what was kept for it, oldest first. The queue is looked at right
    /// away; what is found waits until the device has been answered.
    fn hand_over(&mut self) {
        let Some((outbox, gate)) = self.link.way() else { return };
        let hand_over = HandOver {
            services: self.shared.services.clone(),
            device: self.handle.device.clone(),
            outbox: outbox.clone(),
            gate: gate.clone(),
            before: self.hand_over.take().filter(|before| !before.is_finished()),
        };
        self.hand_over = Some(hand_over.start());
    }

    fn detach(&mut self, connection: ConnectionId, departure: Departure) {
        if self.link.serves(connection) {
            self.pass(match departure {
                Departure::HungUp => Boundary::HangUp,
                Departure::Lost => Boundary::Loss,
            });
        }
        if !self.link.detach(connection) {
            return;
        }
        self.closing = false;
        // What has not been said yet is for whoever comes back, and what was said last is heard out.
        self.keep_speech();
        self.handle.ear.put(Sound::Gone(connection.0));
        self.forget_idleness();
        self.part_from_tools();
        self.tell_subscribers(|subscriptions| subscriptions.attachment, &Event::Detached);
        self.make_dirty();
        self.wait_for_device();
    }

    /// From now on the device has the resume window to come back.
    fn wait_for_device(&mut self) {
        if !self.link.is_connected() && self.link.end_at.is_none() {
            let config = self.config();
            // A flood of made-up devices: a session that no mode has anything in is soon made anew.
            let is_one_of_many = self.handlers.is_empty() && self.shared.count() > config.sessions_at_ease;
            let window = if is_one_of_many { Duration::ZERO } else { config.resume_window };
            self.link.gone_at = Some(Instant::now() + window);
        }
    }

    /// Groups or names may have changed.
    fn reconfigure(&mut self) {
        self.look_at_idleness(Instant::now());
        let device = self.config().roster.device(&self.handle.device);
        self.handle.extensions.grant(&self.config().extensions, &device);
        if device == self.device {
            return;
        }
        self.device = device;
        for handler in &self.handlers {
            let event = Event::ConfigChanged { config: handler.generation.config(), device: self.device.clone() };
            self.work.push_back(Work::Tell { plugin: handler.plugin.clone(), event, body: None });
        }
    }

    /// Everything whose time has come.
    pub(crate) async fn deadlines(&mut self) {
        let now = Instant::now();
        if self.arrival.is_some_and(|at| at <= now) && self.link.is_connected() {
            self.arrive().await;
        }
        self.link.close_lingering(now);
        self.check_turn(now);
        self.release_floor(now);
        if self.idle.next_look().is_some_and(|at| at <= now) {
            self.look_at_idleness(now);
        }
        self.due_timers(now);
        if self.checkpoint.is_some_and(|at| at <= now) {
            // Nobody waits for it: whoever does, saves for themselves.
            self.saving = self.save();
        }
        if self.doze.is_some_and(|at| at <= now) {
            self.hibernate(false);
        }
        if self.link.gone_at.is_some_and(|at| at <= now) {
            // What the device sent before it went is done, and only then is it given up.
            self.empty_queue().await;
            if !self.handle.inbox.is_wanted() {
                self.give_up(now);
            }
        }
        if self.link.end_at.is_some_and(|at| at <= now) {
            // Their time to answer is over; what they have stored stays.
            self.handlers.clear();
        }
    }

    fn due_timers(&mut self, now: Instant) {
        let mut due: Vec<(Instant, usize, u64)> = Vec::new();
        for (place, handler) in self.handlers.iter().enumerate() {
            due.extend(handler.timers.iter().filter(|(_, at)| **at <= now).map(|(id, at)| (*at, place, *id)));
        }
        due.sort_unstable();
        for (_, place, id) in due {
            self.handlers[place].timers.remove(&id);
            let plugin = self.handlers[place].plugin.clone();
            self.work.push_back(Work::Tell { plugin, event: Event::Timer(id), body: None });
        }
    }

    /// The device did not come back: its modes are told, and may still answer.
    fn give_up(&mut self, now: Instant) {
        self.link.gone_at = None;
        self.link.end_at = Some(now + limits::LINGER);
        for handler in &mut self.handlers {
            handler.timers.clear();
        }
    }

    /// Once the device has been given up, every role is told the end: those that were there, and
    /// whoever is woken after it. Nobody is told the end of a role twice, and no role begins again
    /// (`lend`, `switch` and `hear` see to it), so that this comes to an end.
    pub(crate) async fn tell_the_end(&mut self) {
        while self.link.is_over()
            && let Some(handler) = self.handlers.iter_mut().find(|handler| !handler.ending)
        {
            handler.mode = None;
            self.mode = None;
            let plugin = handler.plugin.clone();
            self.work.push_back(Work::Tell { plugin, event: Event::Ended(EndReason::Gone), body: None });
            self.work_off().await;
        }
    }

    /// Lets go of handlers that have been told the end and have nothing open.
    pub(crate) fn close_ended(&mut self) {
        self.handlers.retain(|handler| !handler.ending || !handler.is_idle());
        self.check_turn(Instant::now());
    }

    /// Of a session that has ended nothing stays.
    pub(crate) async fn remove_record(&mut self) {
        (self.checkpoint, self.saving) = (None, None);
        if std::mem::take(&mut self.stored) {
            // Whatever the next session saves comes behind it, answered or not.
            let removing = self.shared.services.sessions.remove(&self.handle.device);
            let late = StorageError::Unavailable("no answer in time".into());
            if let Err(error) = timeout(limits::STORAGE_REPLY, removing).await.unwrap_or(Err(late)) {
                tracing::error!(device = %self.handle.device, %error, "the record of an ended session stays");
            }
        }
    }

    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        let timers = self.handlers.iter().flat_map(|handler| handler.timers.values().copied()).min();
        let arrival = self.arrival.filter(|_| self.link.is_connected());
        let turn = self.turn.as_ref().map(|turn| turn.until);
        let idle = self.idle.next_look();
        let own = [self.link.next_deadline(), timers, self.checkpoint, self.doze, arrival, turn, idle];
        own.into_iter().chain([self.floor_deadline()]).flatten().min()
    }
}
