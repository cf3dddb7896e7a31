//! Bodies of calls between nodes. Rule: a body is pulled piece by piece by whoever reads it, so that a slow reader holds
//! up its own call only; a reader or a writer that is gone is noticed within [`limits::BODY_ANSWER`].

use std::io;
use std::pin::Pin;

use async_nats::{Client, RequestErrorKind, Subscriber};
use bytes::{Bytes, BytesMut};
use futures_util::stream::{self, Stream};
use futures_util::{FutureExt, StreamExt};
use serde::{Deserialize, Serialize};
use tokio::time::{sleep, timeout};

use crate::engine::{Engine, explain};
use crate::limits;

/// The body of a call, or of its response.
pub type Body = Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>;

/// A body as a message names it: what is there already, and the subject under which the rest is pulled.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Begun {
    first: Vec<u8>,
    rest: Option<String>,
}

/// The rest of a body that is to be pulled.
pub(crate) struct Rest {
    client: Client,
    pulls: Subscriber,
    body: Body,
    /// What did not fit into a piece.
    left: Bytes,
}

/// First byte of a piece.
const GOES_ON: u8 = 0;
const END: u8 = 1;
const BROKEN: u8 = 2;

/// Payload with which the reader says that it does not want the rest.
const STOP: &[u8] = b"stop";

/// Begins to send a body; the rest has to be [`Rest::send`].
pub(crate) async fn begin(engine: &Engine, mut body: Body) -> io::Result<(Begun, Option<Rest>)> {
    let mut first = BytesMut::new();
    loop {
        // What is not there yet may take long, and the head must not wait for it.
        match body.next().now_or_never() {
            Some(Some(piece)) => first.extend_from_slice(&piece?),
            Some(None) => return Ok((Begun { first: first.into(), rest: None }, None)),
            None => break,
        }
        if first.len() >= limits::PIECE {
            break;
        }
    }
    let subject = engine.subject(&format!("body.{:032x}", fastrand::u128(..)));
    let pulls = engine.client.subscribe(subject.clone()).await.map_err(io::Error::other)?;
    let mut first = first.freeze();
    let left = first.split_off(first.len().min(limits::PIECE));
    let begun = Begun { first: first.into(), rest: Some(subject) };
    Ok((begun, Some(Rest { client: engine.client.clone(), pulls, body, left })))
}

impl Rest {
    /// Answers pulls until the end of the body, or until the reader is gone.
    pub(crate) async fn send(mut self) {
        while let Ok(Some(pull)) = timeout(limits::BODY_IDLE, self.pulls.next()).await {
            let Some(reply) = pull.reply.filter(|_| pull.payload != STOP) else { return };
            let (flag, piece) = self.piece().await;
            let mut message = BytesMut::with_capacity(1 + piece.len());
            message.extend_from_slice(&[flag]);
            message.extend_from_slice(&piece);
            if self.client.publish(reply, message.freeze()).await.is_err() || flag != GOES_ON {
                return;
            }
        }
    }

    /// The next piece; an empty one if nothing comes for a while.
    async fn piece(&mut self) -> (u8, Bytes) {
        if self.left.is_empty() {
            let next = tokio::select! {
                next = self.body.next() => next,
                () = sleep(limits::BODY_SILENCE) => return (GOES_ON, Bytes::new()),
            };
            match next {
                Some(Ok(piece)) => self.left = piece,
                Some(Err(_)) => return (BROKEN, Bytes::new()),
                None => return (END, Bytes::new()),
            }
        }
        let rest = self.left.split_off(self.left.len().min(limits::PIECE));
        (GOES_ON, std::mem::replace(&mut self.left, rest))
    }
}

/// Reads a body that another node sends.
pub(crate) fn read(engine: &Engine, Begun { first, rest }: Begun) -> Body {
    let first = stream::iter((!first.is_empty()).then(|| Ok(Bytes::from(first))));
    let Some(subject) = rest else { return first.boxed() };
    let pulling = Pulling { client: engine.client.clone(), subject, ended: false };
    let rest = stream::unfold(pulling, async |mut pulling| {
        let piece = pulling.next().await?;
        Some((piece, pulling))
    });
    first.chain(rest).boxed()
}

struct Pulling {
    client: Client,
    subject: String,
    ended: bool,
}

impl Pulling {
    async fn next(&mut self) -> Option<io::Result<Bytes>> {
        loop {
            if self.ended {
                return None;
            }
            let mut message = match self.pull().await {
                Ok(message) => message,
                Err(error) => {
                    self.ended = true;
                    return Some(Err(error));
                }
            };
            let flag = if message.is_empty() { BROKEN } else { message.split_to(1)[0] };
            match flag {
                GOES_ON if message.is_empty() => {}
                GOES_ON => return Some(Ok(message)),
                END => self.ended = true,
                _ => {
                    self.ended = true;
                    return Some(Err(io::Error::other("the other node broke off")));
                }
            }
        }
    }

    async fn pull(&self) -> io::Result<Bytes> {
        let mut attempts = 0;
        loop {
            let request = async_nats::Request::new().timeout(Some(limits::BODY_ANSWER));
            match self.client.send_request(self.subject.clone(), request).await {
                Ok(message) => return Ok(message.payload),
                // Another NATS server may hear of the subject a moment later.
                Err(error) if error.kind() == RequestErrorKind::NoResponders && attempts < limits::BODY_ATTEMPTS => {
                    attempts += 1;
                    sleep(limits::BODY_RETRY).await;
                }
                Err(error) => return Err(io::Error::other(explain(&error))),
            }
        }
    }
}

impl Drop for Pulling {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        // Otherwise the writer would keep its place until nobody has pulled for a while.
        let _ = self.client.publish(self.subject.clone(), STOP.into()).now_or_never();
    }
}
