//! Origin check for browser pages. Rule: only browsers send `Origin`, so a request without one always passes; this
//! protects users' browsers from foreign pages and does not replace sign-in.

use std::net::IpAddr;

use http::HeaderMap;
use http::header::{HOST, ORIGIN};

use crate::proxy::Proxies;

/// The allowed origins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origins {
    /// Not configured: any origin for local clients, otherwise the server's own host. A host name counts as the
    /// server's own only if it is in this list, in lower case: otherwise the owner of any name could point it at this
    /// server (DNS rebinding), and the browser would treat the page as same-origin.
    Default(Vec<String>),
    /// `*`.
    Any,
    /// These, lower-cased; `null` stands for pages from `file://`.
    Listed(Vec<String>),
}

impl Origins {
    /// From the validated configuration; `public_url` is the server's public address.
    pub fn new(configured: Option<&[String]>, public_url: Option<&str>) -> Self {
        match configured {
            None => Self::Default(own_names(public_url)),
            Some(list) if list.iter().any(|entry| entry == "*") => Self::Any,
            Some(list) => Self::Listed(list.iter().map(|entry| entry.trim_end_matches('/').to_lowercase()).collect()),
        }
    }

    /// Whether a request with these headers from `peer` is allowed.
    pub fn allow(&self, headers: &HeaderMap, peer: IpAddr, proxies: &Proxies) -> bool {
        let Some(origin) = headers.get(ORIGIN) else { return true };
        let Ok(origin) = origin.to_str() else { return *self == Self::Any };
        match self {
            Self::Any => true,
            Self::Listed(list) => list.contains(&origin.to_lowercase()),
            Self::Default(names) => {
                // A host reported by a trusted proxy is one that the proxy serves.
                let forwarded_host = proxies.forwarded_target(peer, headers).map(|target| target.host.to_lowercase());
                let by_proxy = forwarded_host.is_some();
                let host_header = || headers.get(HOST).and_then(|value| value.to_str().ok()).and_then(host);
                let server = forwarded_host.or_else(host_header).unwrap_or_default();
                // Pages behind a proxy on this machine come from anywhere, so loopback alone does not count as local.
                let is_local = proxies.caller(peer, headers).is_local();
                (by_proxy || is_own_host(&server, names)) && (is_local || has_same_host(origin, &server))
            }
        }
    }
}

/// The host names of this machine.
fn own_names(public_url: Option<&str>) -> Vec<String> {
    let machine = rustix::system::uname().nodename().to_string_lossy().to_lowercase();
    let first = machine.split('.').next().unwrap_or_default().to_owned();
    let mut names = vec!["localhost".to_owned(), format!("{first}.local"), first, machine];
    names.extend(public_url.and_then(|url| host(url.split_once("://")?.1.split('/').next()?)));
    names.retain(|name| !name.is_empty() && name != ".local");
    names
}

/// Unlike a name, an IP address cannot be rebound.
fn is_own_host(server: &str, names: &[String]) -> bool {
    let bare = server.trim_matches(['[', ']']);
    bare.parse::<IpAddr>().is_ok() || server.ends_with(".localhost") || names.iter().any(|name| name == server)
}

/// The port may differ: the page may be served by the HTTP port of this server.
fn has_same_host(origin: &str, server: &str) -> bool {
    let page = origin.split_once("://").and_then(|(_, rest)| host(rest));
    page.is_some_and(|page| page == server)
}

fn host(text: &str) -> Option<String> {
    text.parse::<http::uri::Authority>().ok().map(|host| host.host().to_lowercase())
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

    fn allow(origins: &Origins, headers: &HeaderMap, peer: IpAddr) -> bool {
        origins.allow(headers, peer, &Proxies::default())
    }

    const LOOPBACK: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
    const LAN: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 168, 1, 2));

    #[test]
    fn c13_all_origins_pass_on_loopback_and_the_own_host_elsewhere() {
        let origins = Origins::new(None, Some("wss://Voice.example:8004/supie/v1/"));
        assert!(allow(&origins, &headers(Some("https://evil.example")), LOOPBACK));
        assert!(allow(&origins, &headers(Some("null")), LOOPBACK));
        assert!(!allow(&origins, &headers(Some("https://evil.example")), LAN));
        assert!(!allow(&origins, &headers(Some("null")), LAN));
        assert!(allow(&origins, &headers(Some("http://voice.example:8003")), LAN));
        assert!(allow(&origins, &headers(None), LAN));
    }

    #[test]
    fn c13_a_list_is_a_list() {
        let list = ["https://Console.example".to_owned(), "null".to_owned()];
        let origins = Origins::new(Some(&list), None);
        assert!(allow(&origins, &headers(Some("https://console.example")), LAN));
        assert!(allow(&origins, &headers(Some("null")), LAN));
        assert!(!allow(&origins, &headers(Some("http://console.example")), LOOPBACK));
        assert!(allow(&Origins::new(Some(&["*".to_owned()]), None), &headers(Some("null")), LAN));
    }

    #[test]
    fn a_name_that_was_pointed_here_is_not_ours() {
        let forwarded_host = |origin: &'static str, host: &'static str| {
            let mut headers = headers(Some(origin));
            headers.insert(HOST, host.parse().expect("a host"));
            headers
        };
        let machine = rustix::system::uname().nodename().to_string_lossy().to_lowercase();
        let origins = Origins::new(None, Some("wss://voice.example/"));
        for peer in [LOOPBACK, LAN] {
            for host in ["evil.example", "evil.example:8004", "localhost.evil.example", "127.0.0.1.evil.example"] {
                assert!(!allow(&origins, &forwarded_host("http://evil.example", host), peer), "{host} from {peer}");
            }
            assert!(allow(&origins, &forwarded_host("http://voice.example", "voice.example:8004"), peer));
            assert!(allow(&origins, &forwarded_host("http://192.168.1.5:8003", "192.168.1.5:8004"), peer));
            assert!(allow(&origins, &forwarded_host("http://[fd00::7]:8003", "[fd00::7]:8004"), peer));
        }
        for host in ["127.0.0.1:8004", "localhost:8004", "[::1]:8004", "board.localhost"] {
            assert!(allow(&origins, &forwarded_host("https://evil.example", host), LOOPBACK), "{host}");
        }
        let mut own = headers(None);
        own.insert(HOST, machine.parse().expect("a host"));
        own.insert(ORIGIN, format!("http://{machine}:8003").parse().expect("an origin"));
        assert!(allow(&origins, &own, LAN));
    }

    #[test]
    fn a_page_that_comes_through_a_proxy_on_this_machine_is_not_from_this_machine() {
        let through = |origin, host: &'static str| {
            let mut headers = headers(Some(origin));
            headers.insert("x-forwarded-for", "198.51.100.1".parse().expect("an address"));
            headers.insert("x-forwarded-host", host.parse().expect("a host"));
            headers
        };
        let evil = through("https://evil.example", "console.example");
        let own = through("https://console.example", "Console.example");
        for list in [vec![], vec!["127.0.0.1".to_owned()]] {
            let (origins, proxies) = (Origins::new(None, None), Proxies::new(&list));
            assert!(!origins.allow(&evil, LOOPBACK, &proxies));
            assert_eq!(origins.allow(&own, LOOPBACK, &proxies), !list.is_empty());
        }
    }
}
