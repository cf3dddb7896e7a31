//! Bodies on the HTTP port. Rule: a request body that is incomplete after its timeout, which only a minimum rate
//! extends, is an error for its reader; the slot of the connection is evictable while a body is being received.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::{Sleep, sleep};

use super::lifetime::{Lifetime, allowance};
use crate::accept::slots::{ConnectionSlot, QuotaCharge};
use crate::limits;

/// The request body was not received in time.
#[derive(Debug, thiserror::Error)]
#[error("request body not received within {} s, nor at {} KiB/s", .0.as_secs(), limits::HTTP_BODY_RATE / 1024)]
struct BodyTimeout(Duration);

/// A request body. While it is being received, its connection can be evicted.
pub(crate) struct RequestBody<B> {
    body: B,
    limit: Duration,
    deadline: Pin<Box<Sleep>>,
    slot: Arc<ConnectionSlot>,
    /// Of the connection, which what is received extends as well.
    lifetime: Arc<Lifetime>,
}

impl<B: Body> RequestBody<B> {
    /// `body` must be complete within `limit` from now, and a second more for each `limits::HTTP_BODY_RATE` bytes of it.
    pub fn new(body: B, limit: Duration, slot: Arc<ConnectionSlot>, lifetime: Arc<Lifetime>) -> Self {
        match body.is_end_stream() {
            true => slot.set_busy(),
            false => slot.set_idle(),
        }
        Self { body, limit, deadline: Box::pin(sleep(limit)), slot, lifetime }
    }

    /// Extends the timeout, and the lifetime of the connection, by what has been received.
    fn extend(&mut self, bytes: u64) {
        let deadline = self.deadline.deadline() + allowance(bytes);
        self.deadline.as_mut().reset(deadline);
        self.lifetime.extend(bytes);
    }
}

impl<B> Body for RequestBody<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        match polled {
            Poll::Pending if self.deadline.as_mut().poll(context).is_ready() => {
                Poll::Ready(Some(Err(BodyTimeout(self.limit).into())))
            }
            Poll::Pending => Poll::Pending,
            Poll::Ready(frame) => {
                if let Some(Ok(frame)) = &frame
                    && let Some(data) = frame.data_ref()
                {
                    self.extend(data.len() as u64);
                }
                if frame.is_none() || self.body.is_end_stream() {
                    self.slot.set_busy();
                }
                Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A response body. Once it has been handed to hyper, its connection is idle again.
pub(crate) struct ResponseBody {
    body: axum::body::Body,
    slot: Arc<ConnectionSlot>,
    /// Charges the quota of the client until the response has been sent.
    _charge: Option<QuotaCharge>,
}

impl ResponseBody {
    pub fn new(body: axum::body::Body, slot: Arc<ConnectionSlot>, charge: Option<QuotaCharge>) -> Self {
        Self { body, slot, _charge: charge }
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for ResponseBody {
    fn drop(&mut self) {
        self.slot.set_idle();
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;
    use http_body_util::BodyExt;
    use tokio::time::Instant;

    use super::*;
    use crate::accept::slots::{ConnectionSlots, SlotLimits};

    /// Receives `count` chunks of this size, one a second; whether the body was complete, and the seconds that it took.
    /// The connection lasts twenty seconds, and what it may for the body.
    async fn receive(count: u32, bytes: usize) -> (bool, u64) {
        let bounds = SlotLimits { all: 1, reserve: 0, grace: Duration::ZERO, strict: false };
        let slot = Arc::new(ConnectionSlots::new("test", bounds).acquire(None, 1).await);
        let chunks = stream::unfold(0, move |sent| async move {
            sleep(Duration::from_secs(1)).await;
            (sent < count).then(|| (Ok::<_, std::io::Error>(Bytes::from(vec![0; bytes])), sent + 1))
        });
        let (began, lifetime) = (Instant::now(), Arc::new(Lifetime::default()));
        let body = axum::body::Body::from_stream(chunks);
        let body = RequestBody::new(body, limits::HTTP_BODY_TIMEOUT, slot, lifetime.clone());
        let complete = tokio::select! {
            received = body.collect() => received.is_ok_and(|all| all.to_bytes().len() == bytes * count as usize),
            () = lifetime.over(Duration::from_secs(20)) => false,
        };
        (complete, began.elapsed().as_secs())
    }

    #[tokio::test(start_paused = true)]
    async fn a_large_body_may_take_its_time_and_a_trickle_may_not() {
        let rate = limits::HTTP_BODY_RATE as usize;
        assert_eq!(receive(120, rate).await, (true, 121), "a plugin over a slow link");
        assert_eq!(receive(120, 1).await, (false, 10), "a byte at a time");
        assert_eq!(receive(120, rate / 2).await, (false, 19), "half the rate: twice the time, and no more");
    }
}
