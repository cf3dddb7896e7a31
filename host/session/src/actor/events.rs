//! Controls of the server, and deadlines. Rule: nothing here waits for a device.

use std::time::Duration;

use modehost_contract::Event;
use modehost_contract::event::EndReason;
use modehost_contract::mode::Subscriptions;
use modehost_ids::ConnectionId;
use modehost_outbox::{Outbox, close};
use modehost_speech::AudioEvent;
use tokio::time::Instant;

use super::Session;
use crate::boundary::Boundary;
use crate::event::{Control, Departure, DeviceEvent, Done, SessionEvent};
use crate::inspect::SessionState;
use crate::presence::IdleContext;
use crate::roles::subscribers;

/// Why speech is stopped, for modes.
const BY_OPERATOR: &str = "operator";

impl Session {
    /// Handles a control. Returns a guard to drop after the session has ended, if the control ended it.
    pub(super) async fn handle_control(&mut self, control: Control) -> Option<Done> {
        match control {
            Control::Attach { connection, outbox } => self.on_attach(connection, outbox),
            Control::Detach(connection, departure) => self.on_detach(connection, departure),
            Control::Resume => self.start_resume_window(),
            Control::Migrate(_done) => self.migrate().await,
            Control::ConfigChanged => self.on_config_changed(),
            Control::Hibernate => self.roles.hibernate(&self.env, true),
            Control::Sample(plugin, samples) => self.roles.sample(&plugin, &samples),
            Control::PlaybackEnded => self.on_playback_ended(),
            // Fails if the asker no longer waits.
            Control::Inspect(asking) => drop(asking.try_send(self.inspect())),
            Control::StoreFacts => self.store_facts(),
            Control::Kick { connection, reason } => self.presence.kick(&self.env, connection, &reason),
            Control::Tell { text, spoken } => self.tell(&text, spoken),
            // These fail if the asker no longer waits.
            // Who was told that the session is busy does not get it later, beside what was asked for again.
            Control::Play { outcome, .. } if outcome.is_closed() => {}
            Control::CallThing { outcome, .. } if outcome.is_closed() => {}
            Control::Play { sound, outcome } => drop(outcome.try_send(self.play(sound))),
            Control::OfferTools(asking) => drop(asking.try_send(self.tools.offered())),
            Control::CallThing { name, arguments, outcome } => {
                drop(outcome.try_send(self.call_thing(&name, &arguments)));
            }
            Control::Silence => self.cancel_output(BY_OPERATOR),
            Control::Queued(gate) => self.presence.on_queued(&self.env, &gate),
            Control::Forget { code, reason, done } => {
                self.persistence.flush(&self.env).await;
                self.discard(code, &reason);
                return Some(done);
            }
            Control::Drain { code, reason, done } => {
                Box::pin(self.drain_messages()).await;
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
            // The previous connection may be in the middle of an answer that nobody waits for any more.
            self.apply_boundary(Boundary::TakenOver);
        }
        self.tools.disconnect();
        self.presence.attach(&self.env, connection, outbox);
        let records = self.roles.records(&self.env);
        self.presence.watch_idleness(&self.env, IdleContext { mode: self.roles.mode.as_ref(), records });
    }

    /// The device has got its answer to `hello`, or has not sent one in time: messages may be sent to it now.
    pub(super) fn on_ready(&mut self) {
        self.presence.on_ready();
        let (output, mut channel) = self.output();
        output.release_pending(&mut channel);
        self.presence.link.open_gate();
        let attached = Event::Attached(self.env.device.clone());
        self.notify_subscribers(|subscriptions| subscriptions.attachment, &attached);
    }

    fn on_detach(&mut self, connection: ConnectionId, departure: Departure) {
        if self.presence.link.serves(connection) {
            self.apply_boundary(match departure {
                Departure::HungUp => Boundary::HangUp,
                Departure::Lost => Boundary::Loss,
            });
        }
        if !self.presence.detach(connection) {
            return;
        }
        // Unplayed speech is kept for the next connection.
        let (output, mut channel) = self.output();
        output.keep_unplayed(&mut channel);
        self.env.handle.audio.push(AudioEvent::Disconnected(connection.0));
        self.tools.disconnect();
        self.notify_subscribers(|subscriptions| subscriptions.attachment, &Event::Detached);
        self.make_dirty();
        self.start_resume_window();
    }

    /// Starts the resume window.
    fn start_resume_window(&mut self) {
        if self.presence.is_awaited() {
            let config = self.config();
            // Against floods of made-up devices: a session without handlers costs little to create again.
            let is_one_of_many =
                self.roles.handlers.is_empty() && self.env.shared.count() > config.idle_sessions_soft_limit;
            let window = if is_one_of_many { Duration::ZERO } else { config.resume_window };
            self.presence.start_resume_window(window);
        }
    }

    /// The settings have changed, possibly the groups or the alias of the device.
    fn on_config_changed(&mut self) {
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
        let context = IdleContext { mode: self.roles.mode.as_ref(), records };
        self.presence.check_idleness(&self.env, context, now);
    }

    /// Handles every deadline that has passed.
    pub(super) async fn handle_deadlines(&mut self) {
        let now = Instant::now();
        if self.presence.is_hello_overdue(now) {
            self.on_ready();
        }
        self.presence.link.close_lingering(now);
        self.expire_turn(now);
        self.release_deferred(now);
        if self.presence.is_idle_check_due(now) {
            self.check_idleness(now);
        }
        self.roles.fire_timers(now, &mut self.work);
        if self.persistence.is_due(now) {
            // Runs in the background: callers that need the result save and wait themselves.
            let reply = self.save();
            self.persistence.save_in_background(reply);
        }
        if self.roles.is_hibernation_due(now) {
            self.roles.hibernate(&self.env, false);
        }
        if self.presence.is_gone(now) {
            // Messages sent before the device left are handled first; only then does the session expire.
            Box::pin(self.drain_messages()).await;
            if !self.env.handle.inbox.has_pending_attach() {
                self.presence.expire(now);
                self.roles.stop_timers();
            }
        }
        if self.presence.has_lingered(now) {
            // The linger time is over; stored data stays.
            self.roles.close_all();
        }
    }

    /// Handles the queued messages of the device, before the session is saved for the last time or expires. Stops where
    /// another connection arrives: later messages may be its own, and it is attached first. Boxed by its callers: it is
    /// rare, and would make every session's future larger.
    async fn drain_messages(&mut self) {
        let mut first = match self.events.take_deferred() {
            Some(SessionEvent::Device(event)) => Some(event),
            Some(SessionEvent::Outcome(outcome)) => {
                self.on_outcome(outcome);
                self.process_work().await;
                None
            }
            _ => None,
        };
        while let Some(event) = first.take().or_else(|| self.events.try_next()) {
            if self.env.handle.inbox.has_pending_attach() {
                self.events.defer(event);
                return;
            }
            self.begin_event(true);
            if !matches!(event, DeviceEvent::AudioWithoutAsr) {
                self.handle_device_event(event);
            }
            self.process_work().await;
        }
    }

    /// Once the session has expired, sends `ended` to every role, including those of handlers woken afterwards. No role
    /// gets it twice and no role restarts (`activate`, `switch` and `handle_transcript` check), so this terminates.
    pub(super) async fn end_all_roles(&mut self) {
        while self.presence.link.is_expired()
            && let Some(plugin) = self.roles.next_not_ended()
        {
            self.work.push_event(plugin, Event::Ended(EndReason::Expired));
            self.process_work().await;
        }
    }

    /// Drops everything without saving: the device is being forgotten.
    fn discard(&mut self, code: u16, reason: &str) {
        self.silence();
        self.presence.forget(code, reason);
        self.roles.forget();
        self.work.clear();
        self.persistence.abandon();
    }

    /// A mode has hung up: closes the connection once all speech has been played.
    pub(super) fn close_after_playback(&mut self) {
        if self.output.take_hang_up()
            && let Some(outbox) = self.presence.link.outbox()
        {
            outbox.close(close::NORMAL, "goodbye");
        }
    }

    /// Delivers an event to every plugin that has subscribed to its kind, in the order of their ids.
    pub(super) fn notify_subscribers(&mut self, wants: impl Fn(&Subscriptions) -> bool, event: &Event) {
        for plugin in subscribers(&self.env, wants) {
            self.work.push_event(plugin, event.clone());
        }
    }

    /// State that only the session can see, for operators.
    fn inspect(&self) -> SessionState {
        let link = &self.presence.link;
        SessionState {
            handlers: self.roles.inspect(),
            outbox: link.outbox().map_or((0, 0), Outbox::pending),
            pending: link.pending_count(),
        }
    }
}
