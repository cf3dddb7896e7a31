//! Who may use `/api/v1`. Rule: one decision for all routes, made before any of them runs.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Json;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, StatusCode, Version, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use modehost_gateway::ServerConfig;
use modehost_gateway::config::OperatorSecret;
use modehost_gateway::proxy::{Caller, Proxies};
use modehost_gateway::settings::bears;

use super::AdminState;
use super::view;

/// Lets a request through or answers it.
pub async fn guard(State(admin): State<Arc<AdminState>>, request: Request, next: Next) -> Response {
    let live = admin.live.current();
    let server = &live.document.server;
    match judge(server.admin_token.as_ref(), caller(&request, server), request.version(), request.headers()) {
        Ok(()) => next.run(request).await,
        Err((status, sentence)) => (status, Json(view::Refusal::new(sentence))).into_response(),
    }
}

/// Who calls; none where the connection does not say.
pub(super) fn caller(request: &Request, server: &ServerConfig) -> Option<Caller> {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>()?.0.ip();
    Some(Proxies::new(&server.trusted_proxies).caller(peer, request.headers()))
}

type Refusal = (StatusCode, &'static str);

fn judge(
    token: Option<&OperatorSecret>,
    caller: Option<Caller>,
    version: Version,
    headers: &HeaderMap,
) -> Result<(), Refusal> {
    if let Some(token) = token {
        return if bears(headers, token) {
            Ok(())
        } else {
            Err((StatusCode::UNAUTHORIZED, "send the admin token as Authorization: Bearer"))
        };
    }
    // Whoever comes through a proxy on this machine is somewhere else.
    if !caller.is_some_and(Caller::is_local) {
        return Err((StatusCode::FORBIDDEN, "only this machine may use this; set server.admin_token to allow others"));
    }
    // nginx says nothing of whom it forwards unless it is told to, and speaks this; nobody else on this machine does.
    if version < Version::HTTP_11 {
        let why = "this request has come through a proxy, or speaks HTTP/1.0; set server.admin_token and send it";
        return Err((StatusCode::FORBIDDEN, why));
    }
    // A page in a browser on this machine is not its operator. Its requests carry an origin, or,
    // where the page's own name was pointed here, a host that is not ours.
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    if headers.contains_key(header::ORIGIN) || !is_local(host) {
        return Err((StatusCode::FORBIDDEN, "pages in browsers need a token; set server.admin_token"));
    }
    Ok(())
}

fn is_local(host: &str) -> bool {
    let without_port = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let bare = without_port.trim_matches(['[', ']']);
    bare.eq_ignore_ascii_case("localhost") || bare.parse::<std::net::IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HTTP: Version = Version::HTTP_11;

    fn headers(list: &[(header::HeaderName, &'static str)]) -> HeaderMap {
        list.iter().map(|(name, value)| (name.clone(), header::HeaderValue::from_static(value))).collect()
    }

    fn caller(peer: &str, list: &[(header::HeaderName, &'static str)]) -> Option<Caller> {
        Some(Proxies::default().caller(peer.parse().expect("an address"), &headers(list)))
    }

    #[test]
    fn without_a_token_only_this_machine_and_no_page_may() {
        let (near, far) = (caller("127.0.0.1", &[]), caller("10.0.0.1", &[]));
        let plain = headers(&[(header::HOST, "localhost:8003")]);
        assert_eq!(judge(None, near, HTTP, &plain), Ok(()));
        assert_eq!(judge(None, caller("::1", &[]), HTTP, &headers(&[(header::HOST, "[::1]:8003")])), Ok(()));
        assert_eq!(judge(None, caller("::ffff:127.0.0.1", &[]), HTTP, &plain), Ok(()));
        assert!(judge(None, near, Version::HTTP_10, &plain).is_err());
        assert!(judge(None, far, HTTP, &plain).is_err());
        assert!(judge(None, None, HTTP, &plain).is_err());
        let through = [(header::FORWARDED, "for=127.0.0.1")];
        assert!(judge(None, caller("127.0.0.1", &through), HTTP, &plain).is_err());
        assert!(judge(None, near, HTTP, &headers(&[(header::HOST, "localhost"), (header::ORIGIN, "null")])).is_err());
        assert!(judge(None, near, HTTP, &headers(&[(header::HOST, "evil.example:8003")])).is_err());
    }

    #[test]
    fn with_a_token_the_token_alone_counts() {
        let far = caller("10.0.0.1", &[]);
        let token = OperatorSecret::from("hush");
        assert_eq!(judge(Some(&token), far, HTTP, &headers(&[(header::AUTHORIZATION, "Bearer hush")])), Ok(()));
        for wrong in ["Bearer hus", "Bearer hushh", "hush", "Bearer"] {
            let near = caller("127.0.0.1", &[]);
            assert!(judge(Some(&token), near, HTTP, &headers(&[(header::AUTHORIZATION, wrong)])).is_err());
        }
    }
}
