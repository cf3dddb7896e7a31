//! The console: one page for operators. Its source is in `ui/`, what was built of it in `dist/`, which is part of the
//! binary, so that building and running the server needs neither Node nor a network.
//!
//! Rule: only files of `dist/` are served, by their exact name; no response lets the page load or call anything but this
//! server.

#![warn(missing_docs)]

use axum::body::Body;
use axum::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH,
    REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use rust_embed::{EmbeddedFile, RustEmbed};

#[derive(RustEmbed)]
#[folder = "dist/"]
struct Dist;

/// The one document.
pub const INDEX: &str = "index.html";

/// The response for a file of the console, such as [`INDEX`] or `assets/index-1a2b3c.js`; 404 if there is none of this
/// name. `sockets`: the address of the server's WebSockets, such as `ws://10.0.0.5:8004`, which the page may call
/// besides the server that it comes from.
pub fn respond(file: &str, request: &HeaderMap, sockets: Option<&str>) -> Response {
    let Some(plain) = Dist::get(file) else {
        return (StatusCode::NOT_FOUND, "the console has no such file\n").into_response();
    };
    let tag = entity_tag(&plain);
    let mut response = match request.get(IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes()) {
        true => StatusCode::NOT_MODIFIED.into_response(),
        false => content(file, plain, accepts_gzip(request)),
    };
    let headers = response.headers_mut();
    // Names of all files but the document contain a hash of their content.
    let cached = if file == INDEX { "no-cache" } else { "public, max-age=31536000, immutable" };
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(cached));
    headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(ETAG, tag);
    }
    for (name, value) in [
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("permissions-policy"), "microphone=(self), camera=(), geolocation=()"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    let policy = content_security_policy(sockets);
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_str(&policy).unwrap_or(STRICTEST));
    response
}

/// If the address of the sockets cannot stand in a header.
const STRICTEST: HeaderValue = HeaderValue::from_static("default-src 'none'");

fn content_security_policy(sockets: Option<&str>) -> String {
    // A character that ends a directive, or a list of sources, would let an address say more than an address.
    let is_address =
        |address: &&str| !address.contains(|one: char| one.is_whitespace() || matches!(one, ';' | ',' | '*'));
    let sockets = sockets.filter(is_address).map(|address| format!(" {address}")).unwrap_or_default();
    format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; media-src \
         'self' blob:; worker-src 'self'; connect-src 'self'{sockets}; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'"
    )
}

fn content(file: &str, plain: EmbeddedFile, accepts_gzip: bool) -> Response {
    let kind = content_type(file);
    let zipped = if accepts_gzip { Dist::get(&format!("{file}.gz")) } else { None };
    match zipped {
        Some(zipped) => ([(CONTENT_TYPE, kind), (CONTENT_ENCODING, "gzip")], Body::from(zipped.data)).into_response(),
        None => ([(CONTENT_TYPE, kind)], Body::from(plain.data)).into_response(),
    }
}

fn content_type(file: &str) -> &'static str {
    match file.rsplit_once('.').map_or("", |(_, end)| end) {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "json" => "application/json",
        "opus" | "ogg" => "audio/ogg",
        _ => "application/octet-stream",
    }
}

fn entity_tag(file: &EmbeddedFile) -> String {
    let hash = file.metadata.sha256_hash();
    let hex: String = hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("\"{hex}\"")
}

fn accepts_gzip(request: &HeaderMap) -> bool {
    let accepted = request.get(ACCEPT_ENCODING).and_then(|list| list.to_str().ok()).unwrap_or_default();
    accepted.split(',').any(|one| {
        let (name, weight) = one.split_once(';').unwrap_or((one, ""));
        name.trim() == "gzip" && !matches!(weight.trim(), "q=0" | "q=0.0")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(list: &[(HeaderName, &'static str)]) -> HeaderMap {
        list.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn the_page_may_call_only_this_server() {
        let response = respond(INDEX, &HeaderMap::new(), Some("ws://10.0.0.5:8004"));
        let policy = response.headers()[CONTENT_SECURITY_POLICY].to_str().expect("a text");
        assert!(policy.contains("connect-src 'self' ws://10.0.0.5:8004;"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        for hostile in ["ws://x; script-src *", "ws://x *", "*"] {
            assert!(content_security_policy(Some(hostile)).contains("connect-src 'self';"), "{hostile}");
        }
    }

    #[test]
    fn a_known_file_is_not_sent_again() {
        let first = respond(INDEX, &HeaderMap::new(), None);
        let tag = first.headers()[ETAG].clone();
        let again = respond(INDEX, &[(IF_NONE_MATCH, tag)].into_iter().collect(), None);
        assert_eq!((first.status(), again.status()), (StatusCode::OK, StatusCode::NOT_MODIFIED));
        assert!(again.headers().contains_key(CONTENT_SECURITY_POLICY));
    }

    #[test]
    fn gzip_is_sent_to_who_takes_it() {
        for (accepted, zipped) in
            [("gzip, br", true), ("br;q=1.0, gzip;q=0.8", true), ("gzip;q=0", false), ("br", false)]
        {
            let response = respond(INDEX, &headers(&[(ACCEPT_ENCODING, accepted)]), None);
            assert_eq!(response.headers().contains_key(CONTENT_ENCODING), zipped, "{accepted}");
        }
    }

    #[test]
    fn what_is_sent_compressed_is_the_file() {
        let mut zipped = 0;
        for name in Dist::iter().filter(|name| !name.ends_with(".gz")) {
            let plain = Dist::get(&name).expect("listed").data;
            let Some(packed) = Dist::get(&format!("{name}.gz")) else { panic!("{name} has no compressed form") };
            let mut text = Vec::new();
            let mut reader = flate2::read::GzDecoder::new(&*packed.data);
            std::io::Read::read_to_end(&mut reader, &mut text).expect("gzip");
            assert!(text == *plain, "{name}.gz is not {name}; run `npm run build` in host/console/ui");
            // The editor of the configuration is fetched when it is opened; `npm run build` counts it apart, too.
            zipped += if name.starts_with("assets/editor-") { 0 } else { packed.data.len() };
        }
        assert!((1_000..120_000).contains(&zipped), "{zipped} bytes compressed");
    }

    #[test]
    fn nothing_but_its_files_is_served() {
        for other in ["../Cargo.toml", "assets/../index.html", "", "assets", "/etc/passwd", "index.html/"] {
            assert_eq!(respond(other, &HeaderMap::new(), None).status(), StatusCode::NOT_FOUND, "{other:?}");
        }
    }
}
