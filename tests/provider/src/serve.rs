//! Connections and paths. Rule: a request counts as open from its head to the last byte of its
//! answer, or to the moment its caller hangs up.

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
use crate::reply::{Manner, Reply};
use crate::{Asked, Open, Shared, Wants, sound};

type Body = UnsyncBoxBody<Bytes, io::Error>;

/// Serves until `stopped` closes; connections end with it.
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

/// Callers that hang up are what tests look for; there is nothing to report.
async fn serve(socket: TcpStream, tls: Option<TlsAcceptor>, shared: Arc<Shared>) {
    let service = service_fn(|request| answer(shared.clone(), request));
    let Some(tls) = tls else {
        let _ = http1::Builder::new().serve_connection(TokioIo::new(socket), service).await;
        return;
    };
    let Ok(socket) = tls.accept(socket).await else { return };
    if socket.get_ref().1.alpn_protocol() == Some(b"h2") {
        // Requests of one connection are answered side by side, so each has a task of its own.
        let service = service_fn(move |request| answer(shared.clone(), request));
        let _ = http2::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(socket), service).await;
    } else {
        let _ = http1::Builder::new().serve_connection(TokioIo::new(socket), service).await;
    }
}

async fn answer(shared: Arc<Shared>, request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    let (head, body) = request.into_parts();
    let (method, path) = (head.method.as_str().to_owned(), head.uri.path().to_owned());
    if let Some(key) = shared.plan().key.clone() {
        let given = head.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        if given != Some(&format!("Bearer {key}")) {
            return Ok(plain(401, &render::error(401, given.unwrap_or_default())));
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
    let open = shared.begin();
    let Ok(body) = body.collect().await else { return Ok(plain(400, &render::error(400, "no body"))) };
    let bytes = body.to_bytes();
    let (wants, missing) = match path.as_str() {
        "/v1/audio/speech" => (Wants::Speech, "input"),
        "/v1/audio/transcriptions" => (Wants::Transcription, "file"),
        _ => (Wants::Chat, "messages"),
    };
    let (body, file) = match wants {
        Wants::Transcription => sound::form(&head.headers, &bytes),
        _ => (serde_json::from_slice(&bytes).unwrap_or_default(), Bytes::new()),
    };
    if body[missing].is_null() {
        return Ok(plain(400, &render::error(400, &format!("{missing} is missing"))));
    }
    let model = body["model"].as_str().unwrap_or_default().to_owned();
    let asked = Asked { at: Instant::now(), model, body, headers: head.headers, file, wants };
    let for_rendering = Asked { headers: Default::default(), ..asked.clone() };
    let reply = shared.take(asked);
    Ok(give(reply, &for_rendering, open).await)
}

async fn give(reply: Reply, asked: &Asked, open: Open) -> Response<Body> {
    let manner = reply.manner.clone();
    if let Some(gate) = &manner.gate {
        gate.pass().await;
    }
    if !manner.after.is_zero() {
        tokio::time::sleep(manner.after).await;
    }
    if manner.never {
        // Only its being dropped ends it; `open` counts it until then.
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
    response.body(pour(rendered, manner, open)).expect("a response")
}

/// The body, in the manner of the reply.
fn pour(rendered: Rendered, manner: Manner, open: Open) -> Body {
    let Rendered { pieces, forever, end, .. } = rendered;
    let hurried = manner.between.is_zero() && manner.cut_after.is_none() && manner.gate_after.is_none();
    let state = (pieces.into_iter(), end, 0_usize, open);
    let body = stream::unfold(Some(state), move |state| {
        let (manner, forever) = (manner.clone(), forever.clone());
        async move {
            let (mut pieces, mut end, given, open) = state?;
            if manner.cut_after == Some(given) {
                // Lets what was written go out before the socket is closed.
                tokio::task::yield_now().await;
                return Some((Err(io::Error::other("cut on purpose")), None));
            }
            if let Some((at, gate)) = &manner.gate_after
                && *at == given
            {
                gate.pass().await;
            }
            if hurried && forever.is_none() {
                let whole: Vec<u8> = pieces.by_ref().chain(end.take()).flatten().collect();
                return (!whole.is_empty())
                    .then(|| (Ok(Frame::data(Bytes::from(whole))), Some((pieces, None, 0, open))));
            }
            let Some(piece) = pieces.next().or(forever) else {
                return Some((Ok(Frame::data(end.take()?)), Some((pieces, None, given + 1, open))));
            };
            if given > 0 && !manner.between.is_zero() {
                tokio::time::sleep(manner.between).await;
            }
            Some((Ok(Frame::data(piece)), Some((pieces, end, given + 1, open))))
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
