//! Which connection a session serves: its arrival, its idleness, its departure, and the hand-over of what was queued for
//! the device. Rule: others speak to a new connection only once it has been answered; a device that does not come back
//! within the resume window is given up.
//!
//! Methods also in `presence/`: [`idle`].

mod idle;

use std::sync::Arc;
use std::time::Duration;

use crate::limits;
use modehost_ids::ConnectionId;
use modehost_outbox::{Outbox, close};
use modehost_task::IoTask;
use tokio::time::{Instant, timeout};

use self::idle::Idle;
pub(crate) use self::idle::Occupation;
use crate::environment::Environment;
use crate::link::{Link, OutboxMailbox};
use crate::redelivery::{Gate, HandOver};

/// The presence of the device.
#[derive(Default)]
pub(crate) struct Presence {
    /// The way to the device; lent to whatever sends.
    pub(crate) link: Link,
    /// A connection is new: others speak to it once it has been answered, or by then.
    arrival: Option<Instant>,
    /// What was queued for the device is on its way to it; or was, the last time.
    hand_over: Option<IoTask<()>>,
    /// How long nothing has been heard, and what follows from it.
    idle: Idle,
}

impl Presence {
    /// Serves a new connection. The queue is looked at right away; what is found waits until the device has been answered.
    pub(crate) fn attach(&mut self, env: &Environment, connection: ConnectionId, outbox: Outbox) {
        let gate = Arc::new(Gate::new());
        let mailbox = OutboxMailbox { outbox: outbox.clone(), gate: gate.clone(), session: env.handle.clone() };
        let registration = env.services().directory.register(&env.handle.device, Arc::new(mailbox));
        self.link.attach(connection, outbox, gate, registration);
        self.start_hand_over(env);
        self.arrival = Some(Instant::now() + limits::ARRIVAL);
    }

    /// True until a new connection has been answered.
    pub(crate) fn is_arriving(&self) -> bool {
        self.arrival.is_some()
    }

    /// The new connection has been answered, or has said nothing for long enough.
    pub(crate) fn arrive(&mut self) {
        self.arrival = None;
    }

    /// Whether a new connection has said nothing for long enough.
    pub(crate) fn is_arrival_due(&self, now: Instant) -> bool {
        self.arrival.is_some_and(|at| at <= now) && self.link.is_connected()
    }

    /// The connection is gone. True if it was the one that is served.
    pub(crate) fn detach(&mut self, connection: ConnectionId) -> bool {
        let served = self.link.detach(connection);
        if served {
            self.idle = Idle::default();
        }
        served
    }

    /// From now on the device has this long to come back.
    pub(crate) fn wait_for_device(&mut self, window: Duration) {
        self.link.gone_at = Some(Instant::now() + window);
    }

    /// True if the device is away, and has not been given up.
    pub(crate) fn is_awaited(&self) -> bool {
        !self.link.is_connected() && self.link.end_at.is_none()
    }

    /// Whether the device has not come back in time.
    pub(crate) fn is_gone(&self, now: Instant) -> bool {
        self.link.gone_at.is_some_and(|at| at <= now)
    }

    /// The device is given up: its modes are told, and may still answer for `LINGER`.
    pub(crate) fn give_up(&mut self, now: Instant) {
        self.link.gone_at = None;
        self.link.end_at = Some(now + limits::LINGER);
    }

    /// Whether the time of the modes to answer is over.
    pub(crate) fn has_lingered(&self, now: Instant) -> bool {
        self.link.end_at.is_some_and(|at| at <= now)
    }

    /// Something has been queued for the device, behind this gate.
    pub(crate) fn on_queued(&mut self, env: &Environment, gate: &Arc<Gate>) {
        if self.link.way().is_some_and(|(_, served)| Arc::ptr_eq(served, gate)) {
            self.start_hand_over(env);
        }
    }

    /// Begins to give the device what was queued for it, oldest first.
    fn start_hand_over(&mut self, env: &Environment) {
        let Some((outbox, gate)) = self.link.way() else { return };
        let hand_over = HandOver {
            services: env.services().clone(),
            device: env.handle.device.clone(),
            outbox: outbox.clone(),
            gate: gate.clone(),
            before: self.hand_over.take().filter(|before| !before.is_finished()),
        };
        self.hand_over = Some(hand_over.start());
    }

    /// Closes every connection, and waits for a moment until what has arrived of a hand-over is known: it must not come
    /// again after a restart.
    pub(crate) async fn drain(&mut self, code: u16, reason: &str) {
        self.link.close(code, reason);
        if let Some(hand_over) = self.hand_over.take() {
            let _ = timeout(limits::HAND_OVER_LEFT, hand_over.join()).await;
        }
    }

    /// Closes every connection of a device that is being forgotten.
    pub(crate) fn forget(&mut self, reason: &str) {
        self.link.close(close::POLICY, reason);
        self.hand_over = None;
    }

    /// Closes the connection that is served, if it is this one; what waits for the device is still sent.
    pub(crate) fn kick(&mut self, env: &Environment, connection: Option<ConnectionId>, reason: &str) {
        if connection.is_none_or(|connection| self.link.serves(connection))
            && let Some(outbox) = self.link.outbox()
        {
            tracing::info!(device = %env.handle.device, "its connection closes: {reason}");
            outbox.close(close::POLICY, reason);
        }
    }

    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        let arrival = self.arrival.filter(|_| self.link.is_connected());
        [self.link.next_deadline(), arrival, self.idle.next_look()].into_iter().flatten().min()
    }
}
