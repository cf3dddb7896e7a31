//! Signs of life of a device and its person, shared by connection, recogniser and session. Rule: whoever knows a sign
//! stores it without waiting and without waking anybody; the session reads it when it has to decide something.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// Signs of life of one device. Times are ms since `began`.
pub(crate) struct Activity {
    began: Instant,
    /// Of the person: a voice, a message of theirs, an answer to them.
    person: AtomicU64,
    /// Of the connection: whatever has come on it.
    transport: AtomicU64,
    /// An answer should not begin before.
    answer_from: AtomicU64,
    /// The device is making an utterance, or its text is awaited.
    making: AtomicBool,
    /// What is said is recorded by the mode that runs.
    records: AtomicBool,
}

impl Activity {
    /// Nobody has been heard yet. `began` is some moment of the past, the same for all sessions.
    pub(crate) fn new(began: Instant) -> Self {
        let (person, transport, answer_from) = Default::default();
        Self { began, person, transport, answer_from, making: AtomicBool::new(false), records: AtomicBool::new(false) }
    }

    /// The person has given a sign of life, or is being answered.
    pub(crate) fn touch(&self) {
        self.person.fetch_max(self.ms(Instant::now()), Ordering::Relaxed);
    }

    /// Something has come on the connection.
    pub(crate) fn touch_transport(&self) {
        self.transport.fetch_max(self.ms(Instant::now()), Ordering::Relaxed);
    }

    /// As if the last sign of life were so long ago that `left` is left of `total`.
    pub(crate) fn grant(&self, left: Duration, total: Duration) {
        let since = (self.began.elapsed() + left).saturating_sub(total);
        let since = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
        self.person.fetch_max(since, Ordering::Relaxed);
        self.transport.fetch_max(since, Ordering::Relaxed);
    }

    /// When the person last gave a sign of life, or was being answered.
    pub(crate) fn person(&self) -> Instant {
        self.at(&self.person)
    }

    /// When something last came on the connection, or the person was being answered.
    pub(crate) fn transport(&self) -> Instant {
        self.at(&self.transport).max(self.person())
    }

    pub(crate) fn set_making(&self, making: bool) {
        self.making.store(making, Ordering::Release);
    }

    /// The device is making an utterance, or its text is awaited.
    pub(crate) fn is_making(&self) -> bool {
        self.making.load(Ordering::Acquire)
    }

    pub(crate) fn set_answer_from(&self, at: Instant) {
        self.answer_from.store(self.ms(at), Ordering::Release);
    }

    /// An answer should not begin before: whoever only pauses may go on until then.
    pub(crate) fn answer_from(&self) -> Instant {
        self.at(&self.answer_from)
    }

    pub(crate) fn set_records(&self, records: bool) {
        self.records.store(records, Ordering::Relaxed);
    }

    /// What is said is recorded by the mode that runs.
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
