//! Lines of a response that goes on. Rule: a line is bounded, and so is the silence between two pieces.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;

use crate::limits;
use axum::body::Bytes;
use axum::http::Request;
use axum::http::header::{AUTHORIZATION, HOST};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use modehost_gateway::config::OperatorSecret;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;

use super::Response;

/// Sends GET and hands over the lines of the response until it ends or `each` returns false. A response that is not 200
/// is returned whole. Cancelling closes the connection.
pub(super) async fn lines<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    address: SocketAddr,
    path: &str,
    token: Option<&OperatorSecret>,
    each: &mut dyn FnMut(&str) -> bool,
) -> io::Result<Option<Response>> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    let mut request = Request::get(path).header(HOST, address.to_string());
    if let Some(token) = token {
        request = request.header(AUTHORIZATION, format!("Bearer {}", token.expose()));
    }
    let request = request.body(Empty::<Bytes>::new()).map_err(io::Error::other)?;
    let exchange = async {
        let response = timeout(limits::ADMIN_TIMEOUT, sender.send_request(request)).await;
        let response = response.map_err(|_| silent())?.map_err(super::explain)?;
        let status = response.status().as_u16();
        if status == 200 {
            return read(response.into_body(), each).await.map(|()| None);
        }
        let most = usize::try_from(limits::ADMIN_RESPONSE_BYTES).unwrap_or(usize::MAX);
        let body = timeout(limits::ADMIN_TIMEOUT, Limited::new(response.into_body(), most).collect()).await;
        let body = body.map_err(|_| silent())?.map_err(io::Error::other)?;
        Ok(Some(Response { status, unanswered: None, body: body.to_bytes().into() }))
    };
    tokio::select! {
        done = exchange => done,
        // Drives the exchange; it ends first only if the connection breaks.
        broken = connection => Err(broken.err().map_or_else(|| io::Error::from(ErrorKind::UnexpectedEof), super::explain)),
    }
}

async fn read(mut body: Incoming, each: &mut dyn FnMut(&str) -> bool) -> io::Result<()> {
    let mut pending = Vec::new();
    loop {
        let Some(frame) = timeout(limits::STREAM_SILENCE, body.frame()).await.map_err(|_| silent())? else {
            return Ok(());
        };
        let Ok(piece) = frame.map_err(super::explain)?.into_data() else { continue };
        pending.extend_from_slice(&piece);
        let mut begin = 0;
        while let Some(length) = pending[begin..].iter().position(|byte| *byte == b'\n') {
            let line = String::from_utf8_lossy(&pending[begin..begin + length]);
            begin += length + 1;
            if !line.trim().is_empty() && !each(&line) {
                return Ok(());
            }
        }
        pending.drain(..begin);
        if pending.len() > limits::STREAM_LINE_BYTES {
            return Err(io::Error::other("a line is too long"));
        }
    }
}

fn silent() -> io::Error {
    io::Error::new(ErrorKind::TimedOut, format!("nothing came for {} s", limits::STREAM_SILENCE.as_secs()))
}
