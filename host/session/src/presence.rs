//! The presence of the device: its connection, idleness, departure, and the backlog of queued messages. Rule: others
//! send to a new connection only once it has got its answer to `hello`; a device that does not reconnect within the
//! resume window expires the session.
//!
//! Further methods in `presence/`: [`idle`].

mod idle;

use std::sync::Arc;
use std::time::Duration;

use crate::limits;
use modehost_ids::ConnectionId;
use modehost_outbox::{Outbox, close};
use modehost_task::IoTask;
use tokio::time::{Instant, timeout};

use self::idle::Idle;
pub(crate) use self::idle::IdleContext;
use crate::environment::Environment;
use crate::link::{Link, OutboxMailbox};
use crate::redelivery::{BacklogDrain, DeliveryGate};

/// The presence of the device.
#[derive(Default)]
pub(crate) struct Presence {
    /// The connections; passed to whatever sends.
    pub(crate) link: Link,
    /// A new connection has not got its answer to `hello`; after this deadline messages are sent without it.
    hello_deadline: Option<Instant>,
    /// Drains the queue of the device; kept after it has finished.
    backlog_drain: Option<IoTask<()>>,
    /// Idle time, and its warnings.
    idle: Idle,
}

impl Presence {
    /// Serves a new connection. The queue is read at once; its messages wait until `hello` has been answered.
    pub(crate) fn attach(&mut self, env: &Environment, connection: ConnectionId, outbox: Outbox) {
        let gate = Arc::new(DeliveryGate::new());
        let mailbox = OutboxMailbox { outbox: outbox.clone(), gate: gate.clone(), session: env.handle.clone() };
        let registration = env.services().directory.register(&env.handle.device, Arc::new(mailbox));
        self.link.attach(connection, outbox, gate, registration);
        self.start_backlog_drain(env);
        self.hello_deadline = Some(Instant::now() + limits::HELLO_TIMEOUT);
    }

    /// True until a new connection has got its answer to `hello`.
    pub(crate) fn awaits_hello(&self) -> bool {
        self.hello_deadline.is_some()
    }

    /// `hello` has been answered, or has not come in time.
    pub(crate) fn on_ready(&mut self) {
        self.hello_deadline = None;
    }

    /// Whether a new connection has not sent `hello` in time.
    pub(crate) fn is_hello_overdue(&self, now: Instant) -> bool {
        self.hello_deadline.is_some_and(|at| at <= now) && self.link.is_connected()
    }

    /// The connection has ended. True if it was the one that is served.
    pub(crate) fn detach(&mut self, connection: ConnectionId) -> bool {
        let served = self.link.detach(connection);
        if served {
            self.idle = Idle::default();
        }
        served
    }

    /// Starts the resume window.
    pub(crate) fn start_resume_window(&mut self, window: Duration) {
        self.link.resume_deadline = Some(Instant::now() + window);
    }

    /// True if the device is offline and the session has not expired.
    pub(crate) fn is_awaited(&self) -> bool {
        !self.link.is_connected() && self.link.linger_deadline.is_none()
    }

    /// Whether the resume window is over.
    pub(crate) fn is_gone(&self, now: Instant) -> bool {
        self.link.resume_deadline.is_some_and(|at| at <= now)
    }

    /// Expires the session: its modes get `ended`, and may still act for `LINGER`.
    pub(crate) fn expire(&mut self, now: Instant) {
        self.link.resume_deadline = None;
        self.link.linger_deadline = Some(now + limits::LINGER);
    }

    /// Whether the linger time is over.
    pub(crate) fn has_lingered(&self, now: Instant) -> bool {
        self.link.linger_deadline.is_some_and(|at| at <= now)
    }

    /// A message has been queued for the device, behind this gate.
    pub(crate) fn on_queued(&mut self, env: &Environment, gate: &Arc<DeliveryGate>) {
        if self.link.outbox_and_gate().is_some_and(|(_, served)| Arc::ptr_eq(served, gate)) {
            self.start_backlog_drain(env);
        }
    }

    /// Starts to send the queued messages, oldest first.
    fn start_backlog_drain(&mut self, env: &Environment) {
        let Some((outbox, gate)) = self.link.outbox_and_gate() else { return };
        let backlog_drain = BacklogDrain {
            services: env.services().clone(),
            device: env.handle.device.clone(),
            outbox: outbox.clone(),
            gate: gate.clone(),
            previous: self.backlog_drain.take().filter(|previous| !previous.is_finished()),
        };
        self.backlog_drain = Some(backlog_drain.start());
    }

    /// Closes every connection, and waits a moment for acknowledgements of the backlog: acknowledged messages must not
    /// be sent again after a restart.
    pub(crate) async fn drain(&mut self, code: u16, reason: &str) {
        self.link.close(code, reason);
        if let Some(backlog_drain) = self.backlog_drain.take() {
            let _ = timeout(limits::ACK_GRACE, backlog_drain.join()).await;
        }
    }

    /// Closes every connection of a device that is being forgotten, or served elsewhere.
    pub(crate) fn forget(&mut self, code: u16, reason: &str) {
        self.link.close(code, reason);
        self.backlog_drain = None;
    }

    /// Closes the connection that is served, if it is this one; its outbox is still written.
    pub(crate) fn kick(&mut self, env: &Environment, connection: Option<ConnectionId>, reason: &str) {
        if connection.is_none_or(|connection| self.link.serves(connection))
            && let Some(outbox) = self.link.outbox()
        {
            tracing::info!(device = %env.handle.device, "closing the connection: {reason}");
            outbox.close(close::POLICY, reason);
        }
    }

    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        let hello_deadline = self.hello_deadline.filter(|_| self.link.is_connected());
        [self.link.next_deadline(), hello_deadline, self.idle.next_check()].into_iter().flatten().min()
    }
}
