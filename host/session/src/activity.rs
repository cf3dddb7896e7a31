//! Activity timestamps and flags of a device and its user, shared by connection, audio input and session. Rule: writers
//! store without waiting and wake nobody; the session reads when it has to decide something.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// The activity of one device. Times are ms since `began`.
pub(crate) struct Activity {
    began: Instant,
    /// Last activity of the user: voice, a message of theirs, an answer to them.
    user: AtomicU64,
    /// Last activity of the connection: any frame.
    transport: AtomicU64,
    /// An answer should not start before this time.
    answer_not_before: AtomicU64,
    /// An utterance is open: the user is speaking, or its text is pending.
    utterance_open: AtomicBool,
    /// The running mode records what is said.
    records: AtomicBool,
}

impl Activity {
    /// No activity yet. `began`: a moment in the past, the same for all sessions.
    pub(crate) fn new(began: Instant) -> Self {
        let (user, transport, answer_not_before) = Default::default();
        Self {
            began,
            user,
            transport,
            answer_not_before,
            utterance_open: AtomicBool::new(false),
            records: AtomicBool::new(false),
        }
    }

    /// Records activity of the user, or an answer to them.
    pub(crate) fn touch(&self) {
        self.user.fetch_max(self.ms(Instant::now()), Ordering::Relaxed);
    }

    /// Records activity of the connection.
    pub(crate) fn touch_transport(&self) {
        self.transport.fetch_max(self.ms(Instant::now()), Ordering::Relaxed);
    }

    /// Backdates the last activity so that `left` remains of `total`.
    pub(crate) fn backdate(&self, left: Duration, total: Duration) {
        let since = (self.began.elapsed() + left).saturating_sub(total);
        let since = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
        self.user.fetch_max(since, Ordering::Relaxed);
        self.transport.fetch_max(since, Ordering::Relaxed);
    }

    /// The last activity of the user, answers to them included.
    pub(crate) fn user(&self) -> Instant {
        self.at(&self.user)
    }

    /// The last activity of the connection or the user, whichever is later.
    pub(crate) fn transport(&self) -> Instant {
        self.at(&self.transport).max(self.user())
    }

    pub(crate) fn set_utterance_open(&self, utterance_open: bool) {
        self.utterance_open.store(utterance_open, Ordering::Release);
    }

    /// An utterance is open: the user is speaking, or its text is pending.
    pub(crate) fn is_utterance_open(&self) -> bool {
        self.utterance_open.load(Ordering::Acquire)
    }

    pub(crate) fn set_answer_not_before(&self, at: Instant) {
        self.answer_not_before.store(self.ms(at), Ordering::Release);
    }

    /// An answer should not start before this time: a user who only pauses may continue until then.
    pub(crate) fn answer_not_before(&self) -> Instant {
        self.at(&self.answer_not_before)
    }

    pub(crate) fn set_records(&self, records: bool) {
        self.records.store(records, Ordering::Relaxed);
    }

    /// The running mode records what is said.
    pub(crate) fn records(&self) -> bool {
        self.records.load(Ordering::Relaxed)
    }

    fn ms(&self, at: Instant) -> u64 {
        u64::try_from(at.saturating_duration_since(self.began).as_millis()).unwrap_or(u64::MAX)
    }

    fn at(&self, ms: &AtomicU64) -> Instant {
        self.began + Duration::from_millis(ms.load(Ordering::Acquire))
    }
}
