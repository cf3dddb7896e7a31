//! Access control of `/api/v1`. Rule: one decision for all routes, made before any handler runs; a route that nobody has
//! named here is for operators alone.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Json;
use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::http::{HeaderMap, Method, StatusCode, Version, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use modehost_gateway::ServerConfig;
use modehost_gateway::config::OperatorSecret;
use modehost_gateway::proxy::{Caller, Proxies};
use modehost_gateway::settings::has_bearer_token;

use super::AdminState;
use super::view;

/// Middleware: passes a request on or rejects it.
pub async fn guard(State(admin): State<Arc<AdminState>>, request: Request, next: Next) -> Response {
    let live = admin.live.current();
    let (server, operators) = (&live.document.server, &live.document.operators);
    let caller = caller(&request, server);
    let calls = operators.calls_per_minute;
    if caller.is_some_and(|caller| !admin.limiters.admit_call(caller.address, calls)) {
        let why = format!("this address has made its {calls} calls of this minute (operators.calls_per_minute)");
        let wait = [(header::RETRY_AFTER, "1")];
        return (StatusCode::TOO_MANY_REQUESTS, wait, Json(view::Refusal::new(why))).into_response();
    }
    let tokens = Tokens { admin: server.admin_token.as_ref(), viewer: operators.viewer_token.as_ref() };
    let role = authorize(&tokens, caller, request.version(), request.headers(), &operators.host_names);
    match role.and_then(|role| role.allow(&request)) {
        Ok(role) => {
            let mut request = request;
            request.extensions_mut().insert(role);
            next.run(request).await
        }
        Err((status, sentence)) => (status, Json(view::Refusal::new(sentence))).into_response(),
    }
}

/// What a caller may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Everything.
    Operator,
    /// Look at the server, and at nothing that people have said or that is kept of them.
    Viewer,
}

/// What viewers may ask for: `GET` of these routes.
const FOR_VIEWERS: [&str; 19] = [
    "/api/v1/archive",
    "/api/v1/audit",
    "/api/v1/config",
    "/api/v1/config/schema",
    "/api/v1/devices/{device}/tools",
    "/api/v1/devices/{device}/watch",
    "/api/v1/documents",
    "/api/v1/feed",
    "/api/v1/history",
    "/api/v1/logs",
    "/api/v1/nodes",
    "/api/v1/openapi.json",
    "/api/v1/plugins",
    "/api/v1/plugins/{id}/watch",
    "/api/v1/providers",
    "/api/v1/sessions",
    "/api/v1/sessions/{device}",
    "/api/v1/status",
    "/api/v1/storage",
];

impl Role {
    /// As texts of the API.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Viewer => "viewer",
        }
    }

    /// From [`Self::name`].
    pub(super) fn named(name: &str) -> Option<Self> {
        [Self::Operator, Self::Viewer].into_iter().find(|role| role.name() == name)
    }

    /// Whether texts and states may be shown, where the settings allow it.
    pub(super) fn sees_dialogue(self) -> bool {
        self == Self::Operator
    }

    fn allow(self, request: &Request) -> Result<Self, Refusal> {
        let route = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
        let looks = matches!(*request.method(), Method::GET | Method::HEAD);
        if self == Self::Operator || (looks && FOR_VIEWERS.contains(&route)) {
            return Ok(self);
        }
        let why = "operators.viewer_token is for looking at the server; this needs server.admin_token";
        Err((StatusCode::FORBIDDEN, why))
    }
}

/// The tokens in force.
#[derive(Clone, Copy, Debug, Default)]
struct Tokens<'a> {
    admin: Option<&'a OperatorSecret>,
    viewer: Option<&'a OperatorSecret>,
}

/// The client's address and whether it was forwarded; `None` if the connection has no peer address.
pub(super) fn caller(request: &Request, server: &ServerConfig) -> Option<Caller> {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>()?.0.ip();
    Some(Proxies::new(&server.trusted_proxies).caller(peer, request.headers()))
}

type Refusal = (StatusCode, &'static str);

fn authorize(
    tokens: &Tokens<'_>,
    caller: Option<Caller>,
    version: Version,
    headers: &HeaderMap,
    names: &[String],
) -> Result<Role, Refusal> {
    let has = |token: Option<&OperatorSecret>| token.is_some_and(|token| has_bearer_token(headers, token));
    match (tokens.admin, has(tokens.admin)) {
        (_, true) => return Ok(Role::Operator),
        (_, false) if has(tokens.viewer) => return Ok(Role::Viewer),
        (Some(_), false) => {
            return Err((StatusCode::UNAUTHORIZED, "send the admin token as Authorization: Bearer"));
        }
        (None, false) => {}
    }
    // A client behind a proxy on this machine is not local.
    if !caller.is_some_and(Caller::is_local) {
        return Err((StatusCode::FORBIDDEN, "only this machine may use this; set server.admin_token to allow others"));
    }
    // nginx forwards as HTTP/1.0 and without forwarding headers by default; no local client of ours speaks HTTP/1.0.
    if version < Version::HTTP_11 {
        let why = "this request has come through a proxy, or speaks HTTP/1.0; set server.admin_token and send it";
        return Err((StatusCode::FORBIDDEN, why));
    }
    // A page of somebody else, in a browser on this machine, is not the operator. Its requests carry another `Origin`,
    // or say that they cross sites, or, after DNS rebinding, have a `Host` that is not ours.
    let host = text(headers, header::HOST);
    if !is_ours(host, names) {
        let why = "browsers may call this by localhost, an address, or a name of operators.host_names; else set \
                   server.admin_token";
        return Err((StatusCode::FORBIDDEN, why));
    }
    if !is_same_origin(headers, host) {
        return Err((StatusCode::FORBIDDEN, "pages of others in browsers need a token; set server.admin_token"));
    }
    Ok(Role::Operator)
}

/// Whether the request is from the console's own page, or from no page at all.
fn is_same_origin(headers: &HeaderMap, host: &str) -> bool {
    let site = text(headers, header::HeaderName::from_static("sec-fetch-site"));
    if !matches!(site, "" | "same-origin" | "none") {
        return false;
    }
    match headers.get(header::ORIGIN).map(|origin| origin.to_str().unwrap_or_default()) {
        None => true,
        Some(origin) => {
            let authority = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
            authority.is_some_and(|authority| authority.eq_ignore_ascii_case(host))
        }
    }
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> &str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// Whether a `Host` is one that no page of somebody else can have: an address, `localhost` or a name of the operator's.
fn is_ours(host: &str, names: &[String]) -> bool {
    let without_port = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let bare = without_port.trim_matches(['[', ']']);
    bare.eq_ignore_ascii_case("localhost")
        || bare.parse::<std::net::IpAddr>().is_ok()
        || names.iter().any(|name| name.eq_ignore_ascii_case(bare))
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
        let (local, remote) = (caller("127.0.0.1", &[]), caller("10.0.0.1", &[]));
        let plain = headers(&[(header::HOST, "localhost:8003")]);
        assert_eq!(authorize(&Tokens::default(), local, HTTP, &plain, &[]), Ok(Role::Operator));
        assert_eq!(
            authorize(&Tokens::default(), caller("::1", &[]), HTTP, &headers(&[(header::HOST, "[::1]:8003")]), &[]),
            Ok(Role::Operator)
        );
        assert_eq!(
            authorize(&Tokens::default(), caller("::ffff:127.0.0.1", &[]), HTTP, &plain, &[]),
            Ok(Role::Operator)
        );
        assert!(authorize(&Tokens::default(), local, Version::HTTP_10, &plain, &[]).is_err());
        assert!(authorize(&Tokens::default(), remote, HTTP, &plain, &[]).is_err());
        assert!(authorize(&Tokens::default(), None, HTTP, &plain, &[]).is_err());
        let through = [(header::FORWARDED, "for=127.0.0.1")];
        assert!(authorize(&Tokens::default(), caller("127.0.0.1", &through), HTTP, &plain, &[]).is_err());
    }

    #[test]
    fn without_a_token_of_all_pages_only_the_consoles_own_may() {
        const SITE: header::HeaderName = header::HeaderName::from_static("sec-fetch-site");
        let names = ["box.lan".to_owned()];
        for (host, origin, site, allowed) in [
            ("localhost:8003", "http://localhost:8003", "same-origin", true),
            ("127.0.0.1:8003", "http://127.0.0.1:8003", "", true),
            ("[::1]:8003", "http://[::1]:8003", "same-origin", true),
            ("box.lan:8003", "http://BOX.lan:8003", "same-origin", true),
            ("localhost:8003", "", "none", true),
            // Another page, another port of this machine, and a page without an origin.
            ("localhost:8003", "http://evil.example", "cross-site", false),
            ("localhost:8003", "http://localhost:9999", "same-site", false),
            ("localhost:8003", "null", "", false),
            ("localhost:8003", "", "cross-site", false),
            ("localhost:8003", "", "same-site", false),
            // A name of somebody else that leads to this machine.
            ("evil.example:8003", "http://evil.example:8003", "same-origin", false),
            ("evil.example:8003", "", "", false),
            ("box.lan.evil.example", "", "", false),
            ("", "", "", false),
        ] {
            let mut sent = HeaderMap::new();
            for (name, value) in [(header::HOST, host), (header::ORIGIN, origin), (SITE, site)] {
                if !value.is_empty() {
                    sent.insert(name, value.parse().expect("a header"));
                }
            }
            let outcome = authorize(&Tokens::default(), caller("127.0.0.1", &[]), HTTP, &sent, &names);
            assert_eq!(outcome.is_ok(), allowed, "{host:?} {origin:?} {site:?}");
        }
    }

    #[test]
    fn with_a_token_the_token_alone_counts() {
        let remote = caller("10.0.0.1", &[]);
        let token = OperatorSecret::from("hush");
        let tokens = Tokens { admin: Some(&token), viewer: None };
        assert_eq!(
            authorize(&tokens, remote, HTTP, &headers(&[(header::AUTHORIZATION, "Bearer hush")]), &[]),
            Ok(Role::Operator)
        );
        for wrong in ["Bearer hus", "Bearer hushh", "hush", "Bearer"] {
            let local = caller("127.0.0.1", &[]);
            assert!(authorize(&tokens, local, HTTP, &headers(&[(header::AUTHORIZATION, wrong)]), &[]).is_err());
        }
    }

    #[test]
    fn a_viewers_token_makes_a_viewer_also_of_this_machine() {
        let (admin, viewer) = (OperatorSecret::from("hush"), OperatorSecret::from("peek"));
        let sent = headers(&[(header::AUTHORIZATION, "Bearer peek")]);
        for admin in [Some(&admin), None] {
            for from in ["10.0.0.1", "127.0.0.1"] {
                let tokens = Tokens { admin, viewer: Some(&viewer) };
                assert_eq!(authorize(&tokens, caller(from, &[]), HTTP, &sent, &[]), Ok(Role::Viewer));
            }
        }
    }
}
