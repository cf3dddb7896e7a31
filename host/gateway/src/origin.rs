//! Which browser pages may connect. Rule: only browsers send `Origin`, so a request without one
//! always passes; this protects people's browsers from foreign pages and is not a sign-in.

use std::net::IpAddr;

use http::HeaderMap;
use http::header::{HOST, ORIGIN};

/// The configured list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origins {
    /// Nothing configured: any on loopback, elsewhere the server's own host.
    Default,
    /// `*`.
    Any,
    /// These, lower-cased; `null` stands for pages from `file://`.
    Listed(Vec<String>),
}

impl Origins {
    /// From the validated configuration.
    pub fn new(configured: Option<&[String]>) -> Self {
        match configured {
            None => Self::Default,
            Some(list) if list.iter().any(|entry| entry == "*") => Self::Any,
            Some(list) => Self::Listed(list.iter().map(|entry| entry.trim_end_matches('/').to_lowercase()).collect()),
        }
    }

    /// Whether a request with these headers, which came in at the local address `local`, may pass.
    pub fn admit(&self, headers: &HeaderMap, local: IpAddr) -> bool {
        let Some(origin) = headers.get(ORIGIN) else { return true };
        let Ok(origin) = origin.to_str() else { return *self == Self::Any };
        match self {
            Self::Any => true,
            Self::Listed(list) => list.contains(&origin.to_lowercase()),
            Self::Default => local.to_canonical().is_loopback() || of_same_host(origin, headers),
        }
    }
}

/// The port may differ: the page may come from the HTTP port of this server.
fn of_same_host(origin: &str, headers: &HeaderMap) -> bool {
    let host = |text: &str| text.parse::<http::uri::Authority>().ok().map(|host| host.host().to_lowercase());
    let page = origin.split_once("://").and_then(|(_, rest)| host(rest));
    let server = headers.get(HOST).and_then(|value| value.to_str().ok()).and_then(host);
    page.is_some() && page == server
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(origin: Option<&'static str>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, "Voice.example:8004".parse().expect("host"));
        if let Some(origin) = origin {
            headers.insert(ORIGIN, origin.parse().expect("origin"));
        }
        headers
    }

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
    const LAN: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 168, 1, 2));

    #[test]
    fn c13_all_origins_pass_on_loopback_and_the_own_host_elsewhere() {
        let origins = Origins::new(None);
        assert!(origins.admit(&headers(Some("https://evil.example")), HERE));
        assert!(origins.admit(&headers(Some("null")), HERE));
        assert!(!origins.admit(&headers(Some("https://evil.example")), LAN));
        assert!(!origins.admit(&headers(Some("null")), LAN));
        assert!(origins.admit(&headers(Some("http://voice.example:8003")), LAN));
        assert!(origins.admit(&headers(None), LAN));
    }

    #[test]
    fn c13_a_list_is_a_list() {
        let list = ["https://Console.example".to_owned(), "null".to_owned()];
        let origins = Origins::new(Some(&list));
        assert!(origins.admit(&headers(Some("https://console.example")), LAN));
        assert!(origins.admit(&headers(Some("null")), LAN));
        assert!(!origins.admit(&headers(Some("http://console.example")), HERE));
        assert!(Origins::new(Some(&["*".to_owned()])).admit(&headers(Some("null")), LAN));
    }
}
