//! The property of handshakes with any bytes as URI and headers; checked by the corpus test and by the fuzz target
//! `handshake`. Rule: an accepted id obeys the rules of ids, so that it can be logged and stored; and a token is never
//! shown.
//!
//! The first line is the URI, the others are headers. HTTP itself is parsed by hyper.

use http::{HeaderName, HeaderValue, Request};
use modehost_gateway::identity::Identity;

/// # Panics
/// If the property is violated.
pub fn keeps(bytes: &[u8]) {
    let mut lines = bytes.split(|byte| *byte == b'\n');
    let Some(Ok(uri)) = lines.next().map(http::Uri::try_from) else { return };
    let mut request = Request::builder().uri(uri);
    for line in lines.take(40) {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let name = HeaderName::from_bytes(&line[..colon]);
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(&line[colon + 1..])) {
            request = request.header(name, value);
        }
    }
    let Ok(request) = request.body(()) else { return };
    let (parts, ()) = request.into_parts();
    let Ok(identity) = Identity::read(&parts) else { return };
    let (device, client) = (identity.device.as_str(), identity.client.as_str());
    assert!((1..=128).contains(&device.len()) && !device.chars().any(char::is_control), "{device:?}");
    assert!(client.len() <= 128 && !client.chars().any(char::is_control), "{client:?}");
    assert!(!identity.generated || device.starts_with("auto-"), "{device:?}");
    if let Some(token) = identity.token.as_ref().filter(|token| token.len() > 24) {
        // The client itself may have repeated the token in an id or the path.
        let given = format!("{device}{client}{}", identity.path);
        let shown = format!("{identity:?}");
        assert!(given.contains(token) || !shown.contains(token), "{shown}");
    }
}
