//! Memory limit on incomplete messages, over all connections.
//!
//! Rule: one connection may keep a fragmented message incomplete for as long as it likes, ten thousand of them may not:
//! their total is bounded, and when it is exceeded, the connection that holds the most is closed. A legitimate long
//! message completes within seconds, so that it is rarely the largest.

use std::collections::HashMap;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use crate::limits;
use futures_util::task::AtomicWaker;
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::unacknowledged::Unacknowledged;

/// The total of all connections. Incomplete messages of a few KiB are not counted: there are many, and they complete
/// soon.
pub(crate) struct PartialMessages {
    limit: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    total: usize,
    next: u64,
    accounts: HashMap<u64, (usize, Arc<Eviction>)>,
}

/// Tells a connection that it must close.
#[derive(Default)]
struct Eviction {
    is_set: AtomicBool,
    waker: AtomicWaker,
}

impl PartialMessages {
    pub(crate) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { limit, state: Mutex::default() })
    }

    /// The account of one connection.
    pub(crate) fn account(self: &Arc<Self>) -> PartialMessageAccount {
        PartialMessageAccount { messages: self.clone(), entry: None }
    }

    #[cfg(test)]
    fn total(&self) -> usize {
        self.state.lock().total
    }
}

/// The account of one connection. Small, because ten thousand connections have one and hold nothing.
pub(crate) struct PartialMessageAccount {
    messages: Arc<PartialMessages>,
    entry: Option<Box<Entry>>,
}

/// The counted part of a connection.
struct Entry {
    id: u64,
    bytes: usize,
    eviction: Arc<Eviction>,
}

impl PartialMessageAccount {
    /// Sets the size of the connection's incomplete message.
    fn set_bytes(&mut self, bytes: usize) {
        let bytes = if bytes > limits::PARTIAL_MESSAGE_UNCOUNTED_BYTES { bytes } else { 0 };
        match &self.entry {
            None if bytes == 0 => return,
            Some(entry) if entry.bytes == bytes => return,
            _ => {}
        }
        let mut state = self.messages.state.lock();
        let mut entry = self.entry.take().unwrap_or_else(|| {
            state.next += 1;
            Box::new(Entry { id: state.next, bytes: 0, eviction: Arc::default() })
        });
        let before = state.accounts.remove(&entry.id);
        if entry.eviction.is_set.load(Ordering::Acquire) {
            // Already evicted and removed from the total; the connection is about to close.
            self.entry = Some(entry);
            return;
        }
        state.total -= before.map_or(0, |(before, _)| before);
        if bytes == 0 {
            return;
        }
        entry.bytes = bytes;
        state.total += bytes;
        state.accounts.insert(entry.id, (bytes, entry.eviction.clone()));
        self.entry = Some(entry);
        while state.total > self.messages.limit {
            let largest = state.accounts.iter().max_by_key(|(_, (bytes, _))| *bytes).map(|(id, _)| *id);
            let Some((bytes, eviction)) = largest.and_then(|id| state.accounts.remove(&id)) else { return };
            state.total -= bytes;
            eviction.is_set.store(true, Ordering::Release);
            eviction.waker.wake();
        }
    }

    /// Whether the connection must close. If not, the task of `context` is woken when it must.
    pub(crate) fn is_evicted(&self, context: &Context<'_>) -> bool {
        let Some(entry) = &self.entry else { return false };
        entry.eviction.waker.register(context.waker());
        entry.eviction.is_set.load(Ordering::Acquire)
    }
}

impl Drop for PartialMessageAccount {
    fn drop(&mut self) {
        self.set_bytes(0);
    }
}

/// A stream that counts the bytes read since the last complete message.
pub(crate) struct CountingStream<S> {
    stream: S,
    unfinished_bytes: usize,
}

impl<S> CountingStream<S> {
    /// `early` bytes have been read already.
    pub(crate) fn new(stream: S, early: usize) -> Self {
        Self { stream, unfinished_bytes: early }
    }

    /// A text or binary message is complete.
    pub(crate) fn on_message_complete(&mut self) {
        self.unfinished_bytes = 0;
    }

    /// Deducts a control frame with `payload` bytes, which are not retained.
    pub(crate) fn on_control_frame(&mut self, payload: usize) {
        // A control frame of a client has a header of six bytes.
        self.unfinished_bytes = self.unfinished_bytes.saturating_sub(payload + 6);
    }

    pub(crate) fn report_to(&self, account: &mut PartialMessageAccount) {
        account.set_bytes(self.unfinished_bytes);
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for CountingStream<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        let outcome = Pin::new(&mut self.stream).poll_read(context, into);
        self.unfinished_bytes += into.filled().len() - before;
        outcome
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for CountingStream<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

impl<S: Unacknowledged> Unacknowledged for CountingStream<S> {
    fn unacknowledged(&self) -> u64 {
        self.stream.unacknowledged()
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    const KIB: usize = 1024;

    #[test]
    fn the_largest_gives_way_and_small_ones_do_not_count() {
        let messages = PartialMessages::new(1000 * KIB);
        let context = Context::from_waker(Waker::noop());
        let mut accounts: Vec<PartialMessageAccount> = (0..4).map(|_| messages.account()).collect();
        for (account, kib) in accounts.iter_mut().zip([400, 500, 60, 100]) {
            account.set_bytes(kib * KIB);
        }
        assert_eq!(messages.total(), 1000 * KIB);
        assert!(accounts.iter().all(|account| !account.is_evicted(&context)));
        accounts[3].set_bytes(101 * KIB);
        let evicted: Vec<bool> = accounts.iter().map(|account| account.is_evicted(&context)).collect();
        assert_eq!(evicted, [false, true, false, false]);
        assert_eq!(messages.total(), 501 * KIB, "it is removed from the total at once");
        accounts[1].set_bytes(900 * KIB);
        assert_eq!(messages.total(), 501 * KIB, "and is not added again");
        accounts[0].set_bytes(0);
        assert_eq!(messages.total(), 101 * KIB);
        drop(accounts);
        assert_eq!(messages.total(), 0);
        assert!(messages.state.lock().accounts.is_empty());
    }
}
