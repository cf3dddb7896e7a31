//! Bodies on the HTTP port. Rule: a body that is still coming when its time is over is an error for whoever reads
//! it, however steadily it trickles; its reader learns so, and the connection's place knows what is going on.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::{Sleep, sleep};

use crate::accept::places::{Place, Share};

/// A body did not come in time.
#[derive(Debug, thiserror::Error)]
#[error("the body of the request did not come within {} s", .0.as_secs())]
struct Late(Duration);

/// What a request brings. While it comes, its connection can lose its place.
pub(crate) struct Arriving<B> {
    body: B,
    limit: Duration,
    end: Pin<Box<Sleep>>,
    place: Arc<Place>,
}

impl<B: Body> Arriving<B> {
    /// `body` must have come within `limit` from now on.
    pub fn new(body: B, limit: Duration, place: Arc<Place>) -> Self {
        match body.is_end_stream() {
            true => place.is_served(),
            false => place.waits(),
        }
        Self { body, limit, end: Box::pin(sleep(limit)), place }
    }
}

impl<B> Body for Arriving<B>
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
            Poll::Pending if self.end.as_mut().poll(context).is_ready() => {
                Poll::Ready(Some(Err(Late(self.limit).into())))
            }
            Poll::Pending => Poll::Pending,
            Poll::Ready(frame) => {
                if frame.is_none() || self.body.is_end_stream() {
                    self.place.is_served();
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

/// What is answered. Once it has been handed over, its connection waits again.
pub(crate) struct Leaving {
    body: axum::body::Body,
    place: Arc<Place>,
    /// Counts as long as the answer is not through.
    _share: Option<Share>,
}

impl Leaving {
    pub fn new(body: axum::body::Body, place: Arc<Place>, share: Option<Share>) -> Self {
        Self { body, place, _share: share }
    }
}

impl Body for Leaving {
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

impl Drop for Leaving {
    fn drop(&mut self) {
        self.place.waits();
    }
}
