//! What a session does about controls of the server and about deadlines. Rule: nothing here waits for a device.

use std::time::Duration;

use modehost_contract::Event;
use modehost_contract::event::EndReason;
use modehost_contract::mode::Subscriptions;
use modehost_ids::ConnectionId;
use modehost_outbox::{Outbox, close};
use modehost_speech::Sound;
use tokio::time::Instant;

use super::Session;
use crate::boundary::Boundary;
use crate::event::{Control, Departure, DeviceEvent, Done, SessionEvent};
use crate::inspect::Inside;
use crate::presence::Occupation;
use crate::roles::subscribers;

impl Session {
    /// Carries out a control. Gives back what to drop when the session has ended by it.
    pub(super) async fn handle_control(&mut self, control: Control) -> Option<Done> {
        match control {
            Control::Attach { connection, outbox } => self.on_attach(connection, outbox),
            Control::Detach(connection, departure) => self.on_detach(connection, departure),
            Control::Resume => self.wait_for_device(),
            Control::Migrate(_done) => self.migrate().await,
            Control::Reconfigured => self.on_new_settings(),
            Control::Hibernate => self.roles.hibernate(&self.env, true),
            Control::Sample(plugin, samples) => self.roles.sample(&plugin, &samples),
            Control::Spoken => self.on_spoken(),
            // Nobody is told who no longer waits.
            Control::Show(asking) => drop(asking.try_send(self.inspect())),
            Control::Learnt => self.keep_facts(),
            Control::Kick { connection, reason } => self.presence.kick(&self.env, connection, &reason),
            Control::Queued(gate) => self.presence.on_queued(&self.env, &gate),
            Control::Forget { reason, done } => {
                self.persistence.settle(&self.env).await;
                self.end_unsaved(&reason);
                return Some(done);
            }
            Control::Drain { code, reason, done } => {
                Box::pin(self.empty_queue()).await;
                self.save_now().await;
                self.silence();
                self.presence.drain(code, &reason).await;
                return Some(done);
            }
        }
        None
    }

    fn on_attach(&mut self, connection: ConnectionId, outbox: Outbox) {
        if self.presence.link.is_connected() {
            // The connection before may be in the middle of an answer: nobody waits for it any more.
            self.pass(Boundary::TakenOver);
        }
        self.tools.disconnect();
        self.presence.attach(&self.env, connection, outbox);
        let records = self.roles.records(&self.env);
        self.presence.watch_idleness(&self.env, Occupation { mode: self.roles.mode.as_ref(), records });
    }

    /// The device has been answered, or says nothing: now others may speak to it.
    pub(super) fn on_arrival(&mut self) {
        self.presence.arrive();
        let (output, mut channel) = self.output();
        output.release_held(&mut channel);
        self.presence.link.answered();
        let attached = Event::Attached(self.env.device.clone());
        self.notify_subscribers(|subscriptions| subscriptions.attachment, &attached);
    }

    fn on_detach(&mut self, connection: ConnectionId, departure: Departure) {
        if self.presence.link.serves(connection) {
            self.pass(match departure {
                Departure::HungUp => Boundary::HangUp,
                Departure::Lost => Boundary::Loss,
            });
        }
        if !self.presence.detach(connection) {
            return;
        }
        // What has not been said yet is for whoever comes back, and what was said last is heard out.
        let (output, mut channel) = self.output();
        output.keep_unheard(&mut channel);
        self.env.handle.audio.put(Sound::Gone(connection.0));
        self.tools.disconnect();
        self.notify_subscribers(|subscriptions| subscriptions.attachment, &Event::Detached);
        self.make_dirty();
        self.wait_for_device();
    }

    /// From now on the device has the resume window to come back.
    fn wait_for_device(&mut self) {
        if self.presence.is_awaited() {
            let config = self.config();
            // A flood of made-up devices: a session that no mode has anything in is soon made anew.
            let is_one_of_many = self.roles.handlers.is_empty() && self.env.shared.count() > config.sessions_at_ease;
            let window = if is_one_of_many { Duration::ZERO } else { config.resume_window };
            self.presence.wait_for_device(window);
        }
    }

    /// The settings have changed; groups or names of the device may have.
    fn on_new_settings(&mut self) {
        self.check_idleness(Instant::now());
        let device = self.config().device_directory.device(&self.env.handle.device);
        self.env.handle.extensions.grant(&self.config().extensions, &device);
        if device != self.env.device {
            self.env.device = device;
            self.roles.change_device(&self.env.device, &mut self.work);
        }
    }

    fn check_idleness(&mut self, now: Instant) {
        let records = self.roles.records(&self.env);
        let occupation = Occupation { mode: self.roles.mode.as_ref(), records };
        self.presence.check_idleness(&self.env, occupation, now);
    }

    /// Everything whose time has come.
    pub(super) async fn handle_deadlines(&mut self) {
        let now = Instant::now();
        if self.presence.is_arrival_due(now) {
            self.on_arrival();
        }
        self.presence.link.close_lingering(now);
        self.expire_turn(now);
        self.release_waiting(now);
        if self.presence.is_idle_check_due(now) {
            self.check_idleness(now);
        }
        self.roles.fire_timers(now, &mut self.work);
        if self.persistence.is_due(now) {
            // Nobody waits for it: whoever does, saves for themselves.
            let reply = self.save();
            self.persistence.save_unattended(reply);
        }
        if self.roles.is_hibernation_due(now) {
            self.roles.hibernate(&self.env, false);
        }
        if self.presence.is_gone(now) {
            // What the device sent before it went is done, and only then is it given up.
            Box::pin(self.empty_queue()).await;
            if !self.env.handle.inbox.is_wanted() {
                self.presence.give_up(now);
                self.roles.stop_timers();
            }
        }
        if self.presence.has_lingered(now) {
            // Their time to answer is over; what they have stored stays.
            self.roles.close_all();
        }
    }

    /// Works off what the device has sent and nobody has looked at; before the session is saved
    /// for good, or its device given up. Stops where another connection comes: what follows may be its own,
    /// and it is attached first. Boxed by its callers: it is rare, and would make every session larger.
    async fn empty_queue(&mut self) {
        let mut first = match self.events.take_held_back() {
            Some(SessionEvent::Device(event)) => Some(event),
            Some(SessionEvent::Outcome(outcome)) => {
                self.on_outcome(outcome);
                self.work_off().await;
                None
            }
            _ => None,
        };
        while let Some(event) = first.take().or_else(|| self.events.try_next()) {
            if self.env.handle.inbox.is_wanted() {
                self.events.hold_back(event);
                return;
            }
            self.begin_event(true);
            if !matches!(event, DeviceEvent::UnheardSound) {
                self.handle_device_event(event);
            }
            self.work_off().await;
        }
    }

    /// Once the device has been given up, every role is told the end: those that were there, and
    /// whoever is woken after it. Nobody is told the end of a role twice, and no role begins again
    /// (`activate`, `switch` and `handle_transcript` see to it), so that this comes to an end.
    pub(super) async fn end_roles(&mut self) {
        while self.presence.link.is_over()
            && let Some(plugin) = self.roles.next_to_end()
        {
            self.work.push_event(plugin, Event::Ended(EndReason::Expired));
            self.work_off().await;
        }
    }

    /// Lets go of everything: the device is being forgotten.
    fn end_unsaved(&mut self, reason: &str) {
        self.silence();
        self.presence.forget(reason);
        self.roles.forget();
        self.work.clear();
        self.persistence.abandon();
    }

    /// A mode has hung up: closes the connection once all has been said and heard.
    pub(super) fn close_when_said(&mut self) {
        if self.output.take_hang_up()
            && let Some(outbox) = self.presence.link.outbox()
        {
            outbox.close(close::NORMAL, "goodbye");
        }
    }

    /// Gives an event to every plugin that has subscribed to its kind, in the order of their ids.
    pub(super) fn notify_subscribers(&mut self, wants: impl Fn(&Subscriptions) -> bool, event: &Event) {
        for plugin in subscribers(&self.env, wants) {
            self.work.push_event(plugin, event.clone());
        }
    }

    /// What nobody else can see, for operators.
    fn inspect(&self) -> Inside {
        let link = &self.presence.link;
        Inside {
            handlers: self.roles.inspect(),
            outbox: link.outbox().map_or((0, 0), Outbox::waiting),
            held: link.held(),
        }
    }
}
