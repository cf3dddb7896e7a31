//! Connections and routes. Rule: a request is in flight from its head to the last byte of its response, or until its
//! client disconnects.

use std::convert::Infallible;
use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use futures_util::stream;
use http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use http::{Method, Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::render::{self, Rendered};
use crate::reply::{Behaviour, Reply};
use crate::{Endpoint, InFlight, RecordedRequest, Shared, sound};

type Body = UnsyncBoxBody<Bytes, io::Error>;

/// Serves until `stopped` closes; all connections are closed with it.
pub(crate) fn run(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    shared: Arc<Shared>,
    mut stopped: watch::Receiver<()>,
) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
        let mut connections = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                _ = stopped.changed() => return,
                accepted = listener.accept() => accepted,
            };
            while connections.try_join_next().is_some() {}
            let Ok((socket, _)) = accepted else { continue };
            let _ = socket.set_nodelay(true);
            shared.counts.send_modify(|counts| counts.connections += 1);
            connections.spawn(serve(socket, tls.clone(), shared.clone()));
        }
    });
}

/// Serves a connection. Tests make clients disconnect, so errors are not reported.
async fn serve(socket: TcpStream, tls: Option<TlsAcceptor>, shared: Arc<Shared>) {
    let service = service_fn(|request| answer(shared.clone(), request));
    let Some(tls) = tls else {
        let _ = http1::Builder::new().serve_connection(TokioIo::new(socket), service).await;
        return;
    };
    let Ok(socket) = tls.accept(socket).await else { return };
    if socket.get_ref().1.alpn_protocol() == Some(b"h2") {
        // Requests of an HTTP/2 connection are answered concurrently, so each has its own task.
        let service = service_fn(move |request| answer(shared.clone(), request));
        let _ = http2::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(socket), service).await;
    } else {
        let _ = http1::Builder::new().serve_connection(TokioIo::new(socket), service).await;
    }
}

async fn answer(shared: Arc<Shared>, request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    let (head, body) = request.into_parts();
    let (method, path) = (head.method.as_str().to_owned(), head.uri.path().to_owned());
    if let Some(key) = shared.state().key.clone() {
        let sent = head.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        if sent != Some(&format!("Bearer {key}")) {
            return Ok(plain(401, &render::error(401, sent.unwrap_or_default())));
        }
    }
    match (&head.method, path.as_str()) {
        (&Method::GET, "/v1/models") => {
            let models =
                json!({ "object": "list", "data": [{ "id": "test", "object": "model", "owned_by": "tests" }] });
            return Ok(plain(200, &models));
        }
        (&Method::POST, "/v1/chat/completions" | "/v1/audio/speech" | "/v1/audio/transcriptions") => {}
        (_, "/v1/models" | "/v1/chat/completions" | "/v1/audio/speech" | "/v1/audio/transcriptions") => {
            return Ok(plain(405, &render::not_found(&method, &path)));
        }
        _ => return Ok(plain(404, &render::not_found(&method, &path))),
    }
    let in_flight = shared.count_in_flight();
    let Ok(body) = body.collect().await else { return Ok(plain(400, &render::error(400, "no body"))) };
    let bytes = body.to_bytes();
    let (endpoint, missing) = match path.as_str() {
        "/v1/audio/speech" => (Endpoint::Speech, "input"),
        "/v1/audio/transcriptions" => (Endpoint::Transcription, "file"),
        _ => (Endpoint::Chat, "messages"),
    };
    let (body, file) = match endpoint {
        Endpoint::Transcription => sound::form(&head.headers, &bytes),
        _ => (serde_json::from_slice(&bytes).unwrap_or_default(), Bytes::new()),
    };
    if body[missing].is_null() {
        return Ok(plain(400, &render::error(400, &format!("{missing} is missing"))));
    }
    let model = body["model"].as_str().unwrap_or_default().to_owned();
    let asked = RecordedRequest { at: Instant::now(), model, body, headers: head.headers, file, endpoint };
    let for_rendering = RecordedRequest { headers: Default::default(), ..asked.clone() };
    let reply = shared.record_and_select(asked);
    Ok(send_reply(reply, &for_rendering, in_flight).await)
}

async fn send_reply(reply: Reply, asked: &RecordedRequest, in_flight: InFlight) -> Response<Body> {
    let behaviour = reply.behaviour.clone();
    if let Some(gate) = &behaviour.gate {
        gate.wait_open().await;
    }
    if !behaviour.after.is_zero() {
        tokio::time::sleep(behaviour.after).await;
    }
    if behaviour.never {
        // Ends only when it is dropped; `in_flight` counts it until then.
        std::future::pending::<()>().await;
    }
    let rendered = render::render(&reply, asked);
    let mut response =
        Response::builder().status(StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR));
    if let Some(content_type) = &rendered.content_type {
        response = response.header(CONTENT_TYPE, content_type);
    }
    if let Some(seconds) = reply.retry_after {
        response = response.header(RETRY_AFTER, seconds);
    }
    response.body(stream_body(rendered, behaviour, in_flight)).expect("a response")
}

/// The response body, streamed as the reply demands.
fn stream_body(rendered: Rendered, behaviour: Behaviour, in_flight: InFlight) -> Body {
    let Rendered { pieces, repeated, end, .. } = rendered;
    let single_write = behaviour.between.is_zero() && behaviour.cut_after.is_none() && behaviour.gate_after.is_none();
    let state = (pieces.into_iter(), end, 0_usize, in_flight);
    let body = stream::unfold(Some(state), move |state| {
        let (behaviour, repeated) = (behaviour.clone(), repeated.clone());
        async move {
            let (mut pieces, mut end, sent, in_flight) = state?;
            if behaviour.cut_after == Some(sent) {
                // Flushes what was written before the socket is closed.
                tokio::task::yield_now().await;
                return Some((Err(io::Error::other("cut on purpose")), None));
            }
            if let Some((at, gate)) = &behaviour.gate_after
                && *at == sent
            {
                gate.wait_open().await;
            }
            if single_write && repeated.is_none() {
                let complete: Vec<u8> = pieces.by_ref().chain(end.take()).flatten().collect();
                return (!complete.is_empty())
                    .then(|| (Ok(Frame::data(Bytes::from(complete))), Some((pieces, None, 0, in_flight))));
            }
            let Some(piece) = pieces.next().or(repeated) else {
                return Some((Ok(Frame::data(end.take()?)), Some((pieces, None, sent + 1, in_flight))));
            };
            if sent > 0 && !behaviour.between.is_zero() {
                tokio::time::sleep(behaviour.between).await;
            }
            Some((Ok(Frame::data(piece)), Some((pieces, end, sent + 1, in_flight))))
        }
    });
    BodyExt::boxed_unsync(StreamBody::new(body))
}

fn plain(status: u16, value: &Value) -> Response<Body> {
    let body = Full::new(Bytes::from(value.to_string())).map_err(|never| match never {});
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let response = Response::builder().status(status).header(CONTENT_TYPE, "application/json");
    response.body(body.boxed_unsync()).expect("a response")
}
