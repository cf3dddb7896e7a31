//! The claimed identity of a client. Rule: this is the only place that reads ids and tokens from a request, whether
//! they are sent as headers or, by browsers, as query parameters.

use std::borrow::Cow;
use std::fmt;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::limits::GENERATED_IDS;
use http::header::{AUTHORIZATION, USER_AGENT};
use http::request::Parts;
use modehost_ids::{ClientId, DeviceId};

/// What a request claims about its sender. Nothing of it is verified yet.
#[derive(Clone)]
pub struct Identity {
    /// The claimed device id.
    pub device: DeviceId,
    /// True if the request has no device id and `device` was generated.
    pub generated: bool,
    /// The claimed client id; empty if there is none.
    pub client: ClientId,
    /// The path without a trailing slash.
    pub path: String,
    /// The bearer token, if there is one.
    pub token: Option<String>,
    /// Whether the token was sent in the query instead of a header.
    pub token_in_query: bool,
    /// The value of `Protocol-Version`; `None` if absent or not a number.
    pub protocol_version: Option<u64>,
    /// The `User-Agent`, unsanitised.
    pub agent: Option<String>,
}

/// Never shows the token.
impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("device", &self.device)
            .field("client", &self.client)
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

/// An id in the request is invalid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadIdentity {
    /// The device id.
    #[error("the device id must have 1 to 128 bytes of UTF-8 without control characters")]
    Device,
    /// The client id.
    #[error("the client id must have at most 128 bytes of UTF-8 without control characters")]
    Client,
}

impl Identity {
    /// Reads ids, path and token: first from the headers `Device-Id` and `Client-Id`, then from the query.
    ///
    /// # Errors
    /// If an id is invalid; an empty one counts as absent.
    pub fn read(request: &Parts) -> Result<Self, BadIdentity> {
        let device = value(request, "device-id", &["device-id", "device_id"]).ok_or(BadIdentity::Device)?;
        let client = value(request, "client-id", &["client-id", "client_id"]).ok_or(BadIdentity::Client)?;
        let generated = device.is_none();
        let device = match device {
            Some(text) => DeviceId::parse(&text).ok_or(BadIdentity::Device)?,
            None => generate_id(),
        };
        let client = client_id(client.as_deref().unwrap_or_default()).ok_or(BadIdentity::Client)?;
        let path = request.uri.path().trim_end_matches('/').to_owned();
        let (token, token_in_query) = match header_token(request) {
            Some(token) => (Some(token), false),
            None => (query_token(request), true),
        };
        let version = request.headers.get("protocol-version").and_then(|version| version.to_str().ok());
        let protocol_version = version.and_then(|version| version.trim().parse().ok());
        let agent = request.headers.get(USER_AGENT);
        let agent = agent.map(|agent| String::from_utf8_lossy(agent.as_bytes()).into_owned());
        Ok(Self { device, generated, client, path, token, token_in_query, protocol_version, agent })
    }
}

/// Normalises a client id; empty if absent. The same rules as for a device id apply, so that both can be logged and
/// stored unescaped. `None` if it is invalid.
pub(crate) fn client_id(text: &str) -> Option<ClientId> {
    match trim_quotes(text) {
        Some(text) => DeviceId::parse(text).map(|id| ClientId::new(id.as_str())),
        None => Some(ClientId::new("")),
    }
}

/// Trims white space and quotes; `None` if nothing is left.
fn trim_quotes(text: &str) -> Option<&str> {
    let text = text.trim().trim_matches(['"', '\'']).trim();
    (!text.is_empty()).then_some(text)
}

/// A value from its header, else from the query. The outer `None` means that the header is not UTF-8.
fn value<'a>(request: &'a Parts, header: &str, names: &[&str]) -> Option<Option<Cow<'a, str>>> {
    if let Some(found) = request.headers.get(header) {
        let text = std::str::from_utf8(found.as_bytes()).ok()?;
        if let Some(text) = trim_quotes(text) {
            return Some(Some(Cow::Borrowed(text)));
        }
    }
    let found = query(request, names).and_then(|text| trim_quotes(&text).map(|text| Cow::Owned(text.to_owned())));
    Some(found)
}

/// The first query parameter with one of these names, percent-decoded.
fn query(request: &Parts, names: &[&str]) -> Option<String> {
    let query = request.uri.query()?;
    form_urlencoded::parse(query.as_bytes())
        .find(|(name, _)| names.iter().any(|wanted| name.eq_ignore_ascii_case(wanted)))
        .map(|(_, value)| value.into_owned())
}

fn header_token(request: &Parts) -> Option<String> {
    let header = request.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    header.and_then(bearer).map(str::to_owned)
}

fn query_token(request: &Parts) -> Option<String> {
    query(request, &["authorization", "token"]).and_then(|text| bearer(&text).map(str::to_owned))
}

/// The token behind `Bearer`, or a bare token, which some clients send. `None` for `Bearer` without a token and for
/// other schemes.
fn bearer(text: &str) -> Option<&str> {
    let mut words = text.split_ascii_whitespace();
    let token = match (words.next()?, words.next()) {
        (scheme, Some(token)) if scheme.eq_ignore_ascii_case("bearer") => token,
        (token, None) if !token.eq_ignore_ascii_case("bearer") => token,
        _ => return None,
    };
    words.next().is_none().then_some(token)
}

/// `auto-` and eight digits, counted up from a random start, so that no two devices without an id share a session.
fn generate_id() -> DeviceId {
    static NEXT: LazyLock<AtomicU32> = LazyLock::new(|| AtomicU32::new(fastrand::u32(..)));
    let number = NEXT.fetch_add(1, Ordering::Relaxed) % GENERATED_IDS;
    DeviceId::new(format!("auto-{number:08}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(uri: &str, headers: &[(&str, &str)]) -> Result<Identity, BadIdentity> {
        let mut request = http::Request::builder().uri(uri);
        for (name, value) in headers {
            request = request.header(*name, http::HeaderValue::from_bytes(value.as_bytes()).expect("value"));
        }
        Identity::read(&request.body(()).expect("request").into_parts().0)
    }

    #[test]
    fn c2_headers_come_before_the_query() {
        let identity = read("/supie/v1/?device-id=other", &[("Device-Id", " \"AA:BB\" "), ("client-id", "C1")]);
        let identity = identity.expect("identity");
        assert_eq!((identity.device.as_str(), identity.client.as_str()), ("aa:bb", "c1"));
        assert_eq!(identity.path, "/supie/v1");
    }

    #[test]
    fn c2_the_query_is_decoded_in_both_spellings() {
        for uri in ["/x?device_id=AA%3ABB&client_id=c", "/x?device-id=%22aa:bb%22&client-id=c"] {
            assert_eq!(read(uri, &[]).expect("identity").device.as_str(), "aa:bb");
        }
        let identity = read("/x?device-id=aa:bb", &[("device-id", "  ")]).expect("identity");
        assert_eq!(identity.device.as_str(), "aa:bb", "an empty header counts as absent");
    }

    #[test]
    fn c2_nameless_devices_get_different_names() {
        let (one, two) = (read("/x", &[]).expect("one"), read("/x?device-id=", &[]).expect("two"));
        assert!(one.generated && two.generated && one.device != two.device);
        let digits = one.device.as_str().strip_prefix("auto-").expect("prefix");
        assert!(digits.len() == 8 && digits.bytes().all(|byte| byte.is_ascii_digit()), "{digits}");
    }

    #[test]
    fn c2_unusable_ids_are_refused() {
        assert_eq!(read("/x?device-id=a%00b", &[]).expect_err("bad"), BadIdentity::Device);
        assert_eq!(read("/x", &[("device-id", &"x".repeat(129))]).expect_err("bad"), BadIdentity::Device);
        assert_eq!(read("/x?device-id=a&client-id=a%0Ab", &[]).expect_err("bad"), BadIdentity::Client);
    }

    #[test]
    fn tokens_are_read_from_header_and_query() {
        let token = |uri: &str, headers: &[(&str, &str)]| read(uri, headers).expect("identity").token;
        assert_eq!(token("/x", &[("authorization", "Bearer t1")]).as_deref(), Some("t1"));
        assert_eq!(token("/x", &[("authorization", "bearer  t1 ")]).as_deref(), Some("t1"));
        assert_eq!(token("/x", &[("authorization", "Bearer")]), None);
        assert_eq!(token("/x", &[("authorization", "Basic abc")]), None);
        assert_eq!(token("/x?authorization=Bearer%20t2", &[]).as_deref(), Some("t2"));
        assert_eq!(token("/x?token=t3", &[("authorization", "Bearer ")]).as_deref(), Some("t3"));
    }

    #[test]
    fn a_token_is_not_shown() {
        let identity = read("/x?token=hush", &[]).expect("identity");
        assert!(!format!("{identity:?}").contains("hush"));
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(2000), failure_persistence: None, ..ProptestConfig::default() })]

        /// Any bytes in place of ids and tokens are accepted or rejected, and accepted ids can be logged and stored
        /// unescaped.
        #[test]
        fn c2_any_bytes_are_read_or_refused(
            names in prop::collection::vec("device-id|client-id|authorization|Device-Id|x", 0..4),
            values in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..160), 4),
            query in "((device|client)[-_]id|authorization|token|x)=[ -~]{0,40}(&[a-z_-]{0,10}=(%[0-9A-F]{2}|[a-z]){0,12}){0,3}",
        ) {
            let uri = http::Uri::try_from(format!("/supie/v1/?{query}"));
            let mut request = http::Request::builder().uri(uri.unwrap_or_default());
            for (name, bytes) in names.iter().zip(&values) {
                if let Ok(value) = http::HeaderValue::from_bytes(bytes) {
                    request = request.header(name, value);
                }
            }
            let Ok(request) = request.body(()) else { return Ok(()) };
            if let Ok(identity) = Identity::read(&request.into_parts().0) {
                for id in [identity.device.as_str(), identity.client.as_str()] {
                    prop_assert!(id.len() <= 128 && !id.chars().any(char::is_control), "{id:?}");
                }
                prop_assert!(!identity.device.as_str().is_empty());
            }
        }
    }
}
