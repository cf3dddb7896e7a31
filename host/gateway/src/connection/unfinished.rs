//! Messages that have begun and are not whole, over all connections.
//!
//! Rule: one connection may hold a whole message in pieces for as long as it likes, and ten thousand of them may
//! not: what they hold together is bounded, and where it is too much, the one that holds most is closed. So an
//! honest long message, which is whole within seconds, is never the one for long.

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

/// All of them. Those of a few KiB do not count: there are many, and they are soon whole.
pub(crate) struct Unfinished {
    most: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    held: usize,
    next: u64,
    shares: HashMap<u64, (usize, Arc<Notice>)>,
}

/// Tells a connection that it is to give way.
#[derive(Default)]
struct Notice {
    given: AtomicBool,
    waker: AtomicWaker,
}

impl Unfinished {
    pub(crate) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, state: Mutex::default() })
    }

    /// What one connection holds is accounted by this.
    pub(crate) fn share(self: &Arc<Self>) -> Share {
        Share { all: self.clone(), counted: None }
    }

    #[cfg(test)]
    fn held(&self) -> usize {
        self.state.lock().held
    }
}

/// The part of one connection. Small: ten thousand connections have one and hold nothing.
pub(crate) struct Share {
    all: Arc<Unfinished>,
    counted: Option<Box<Counting>>,
}

/// What counts of a connection.
struct Counting {
    number: u64,
    bytes: usize,
    notice: Arc<Notice>,
}

impl Share {
    /// The connection holds so many bytes of an unfinished message now.
    fn holds(&mut self, bytes: usize) {
        let bytes = if bytes > limits::UNFINISHED_FREE { bytes } else { 0 };
        match &self.counted {
            None if bytes == 0 => return,
            Some(counted) if counted.bytes == bytes => return,
            _ => {}
        }
        let mut state = self.all.state.lock();
        let mut counted = self.counted.take().unwrap_or_else(|| {
            state.next += 1;
            Box::new(Counting { number: state.next, bytes: 0, notice: Arc::default() })
        });
        let before = state.shares.remove(&counted.number);
        if counted.notice.given.load(Ordering::Acquire) {
            // It has been taken out of the account, and is about to end.
            self.counted = Some(counted);
            return;
        }
        state.held -= before.map_or(0, |(before, _)| before);
        if bytes == 0 {
            return;
        }
        counted.bytes = bytes;
        state.held += bytes;
        state.shares.insert(counted.number, (bytes, counted.notice.clone()));
        self.counted = Some(counted);
        while state.held > self.all.most {
            let largest = state.shares.iter().max_by_key(|(_, (bytes, _))| *bytes).map(|(number, _)| *number);
            let Some((bytes, notice)) = largest.and_then(|number| state.shares.remove(&number)) else { return };
            state.held -= bytes;
            notice.given.store(true, Ordering::Release);
            notice.waker.wake();
        }
    }

    /// Whether the connection must be closed. If not, `context` is woken when it must.
    pub(crate) fn gives_way(&self, context: &Context<'_>) -> bool {
        let Some(counted) = &self.counted else { return false };
        counted.notice.waker.register(context.waker());
        counted.notice.given.load(Ordering::Acquire)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.holds(0);
    }
}

/// A stream that knows how much was read of it since the last whole message.
pub(crate) struct Counted<S> {
    stream: S,
    open: usize,
}

impl<S> Counted<S> {
    /// `early` bytes of it have been read already.
    pub(crate) fn new(stream: S, early: usize) -> Self {
        Self { stream, open: early }
    }

    /// A message of text or sound is whole.
    pub(crate) fn is_whole(&mut self) {
        self.open = 0;
    }

    /// A control frame with so much payload was among it; it is kept nowhere.
    pub(crate) fn had_control(&mut self, payload: usize) {
        // Their headers have six bytes.
        self.open = self.open.saturating_sub(payload + 6);
    }

    pub(crate) fn account(&self, share: &mut Share) {
        share.holds(self.open);
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Counted<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        let outcome = Pin::new(&mut self.stream).poll_read(context, into);
        self.open += into.filled().len() - before;
        outcome
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Counted<S> {
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

impl<S: Unacknowledged> Unacknowledged for Counted<S> {
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
        let all = Unfinished::new(1000 * KIB);
        let context = Context::from_waker(Waker::noop());
        let mut shares: Vec<Share> = (0..4).map(|_| all.share()).collect();
        for (share, kib) in shares.iter_mut().zip([400, 500, 60, 100]) {
            share.holds(kib * KIB);
        }
        assert_eq!(all.held(), 1000 * KIB);
        assert!(shares.iter().all(|share| !share.gives_way(&context)));
        shares[3].holds(101 * KIB);
        let gives: Vec<bool> = shares.iter().map(|share| share.gives_way(&context)).collect();
        assert_eq!(gives, [false, true, false, false]);
        assert_eq!(all.held(), 501 * KIB, "it is out of the account at once");
        shares[1].holds(900 * KIB);
        assert_eq!(all.held(), 501 * KIB, "and does not come back");
        shares[0].holds(0);
        assert_eq!(all.held(), 101 * KIB);
        drop(shares);
        assert_eq!(all.held(), 0);
        assert!(all.state.lock().shares.is_empty());
    }
}
