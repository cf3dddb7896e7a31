//! Bodies on the HTTP port. Rule: a request body that is incomplete after its timeout is an error for its reader,
//! however steadily bytes arrive; the slot of the connection is evictable while a body is being received.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::{Sleep, sleep};

use crate::accept::slots::{ConnectionSlot, QuotaCharge};

/// The request body was not received in time.
#[derive(Debug, thiserror::Error)]
#[error("request body not received within {} s", .0.as_secs())]
struct BodyTimeout(Duration);

/// A request body. While it is being received, its connection can be evicted.
pub(crate) struct RequestBody<B> {
    body: B,
    limit: Duration,
    deadline: Pin<Box<Sleep>>,
    slot: Arc<ConnectionSlot>,
}

impl<B: Body> RequestBody<B> {
    /// `body` must be complete within `limit` from now.
    pub fn new(body: B, limit: Duration, slot: Arc<ConnectionSlot>) -> Self {
        match body.is_end_stream() {
            true => slot.set_busy(),
            false => slot.set_idle(),
        }
        Self { body, limit, deadline: Box::pin(sleep(limit)), slot }
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
