//! Which browser pages may connect. Rule: only browsers send `Origin`, so a request without one
//! always passes; this protects people's browsers from foreign pages and is not a sign-in.

use std::net::IpAddr;

use http::HeaderMap;
use http::header::{HOST, ORIGIN};

use crate::proxy::Proxies;

/// The configured list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origins {
    /// Nothing configured: any on this machine, elsewhere the server's own host. A name counts as the server's own
    /// only if it is one of these, in lower case: whoever has a name can point it here (DNS rebinding), and a
    /// browser takes the page for one of ours then.
    Default(Vec<String>),
    /// `*`.
    Any,
    /// These, lower-cased; `null` stands for pages from `file://`.
    Listed(Vec<String>),
}

impl Origins {
    /// From the validated configuration; `public_url` is where the server says that it is found.
    pub fn new(configured: Option<&[String]>, public_url: Option<&str>) -> Self {
        match configured {
            None => Self::Default(own_names(public_url)),
            Some(list) if list.iter().any(|entry| entry == "*") => Self::Any,
            Some(list) => Self::Listed(list.iter().map(|entry| entry.trim_end_matches('/').to_lowercase()).collect()),
        }
    }

    /// Whether a request with these headers, which came in from `peer`, may pass.
    pub fn admit(&self, headers: &HeaderMap, peer: IpAddr, proxies: &Proxies) -> bool {
        let Some(origin) = headers.get(ORIGIN) else { return true };
        let Ok(origin) = origin.to_str() else { return *self == Self::Any };
        match self {
            Self::Any => true,
            Self::Listed(list) => list.contains(&origin.to_lowercase()),
            Self::Default(names) => {
                // What a trusted proxy says was called, it serves.
                let called = proxies.called(peer, headers).map(|called| called.host.to_lowercase());
                let known = called.is_some();
                let asked = || headers.get(HOST).and_then(|value| value.to_str().ok()).and_then(host);
                let server = called.or_else(asked).unwrap_or_default();
                // Through a proxy on this machine pages come from everywhere.
                let near = proxies.caller(peer, headers).is_local();
                (known || is_own(&server, names)) && (near || of_same_host(origin, &server))
            }
        }
    }
}

/// The names by which this machine knows itself.
fn own_names(public_url: Option<&str>) -> Vec<String> {
    let machine = rustix::system::uname().nodename().to_string_lossy().to_lowercase();
    let first = machine.split('.').next().unwrap_or_default().to_owned();
    let mut names = vec!["localhost".to_owned(), format!("{first}.local"), first, machine];
    names.extend(public_url.and_then(|url| host(url.split_once("://")?.1.split('/').next()?)));
    names.retain(|name| !name.is_empty() && name != ".local");
    names
}

/// An address cannot be pointed elsewhere.
fn is_own(server: &str, names: &[String]) -> bool {
    let bare = server.trim_matches(['[', ']']);
    bare.parse::<IpAddr>().is_ok() || server.ends_with(".localhost") || names.iter().any(|name| name == server)
}

/// The port may differ: the page may come from the HTTP port of this server.
fn of_same_host(origin: &str, server: &str) -> bool {
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

    fn admit(origins: &Origins, headers: &HeaderMap, peer: IpAddr) -> bool {
        origins.admit(headers, peer, &Proxies::default())
    }

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
    const LAN: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 168, 1, 2));

    #[test]
    fn c13_all_origins_pass_on_loopback_and_the_own_host_elsewhere() {
        let origins = Origins::new(None, Some("wss://Voice.example:8004/supie/v1/"));
        assert!(admit(&origins, &headers(Some("https://evil.example")), HERE));
        assert!(admit(&origins, &headers(Some("null")), HERE));
        assert!(!admit(&origins, &headers(Some("https://evil.example")), LAN));
        assert!(!admit(&origins, &headers(Some("null")), LAN));
        assert!(admit(&origins, &headers(Some("http://voice.example:8003")), LAN));
        assert!(admit(&origins, &headers(None), LAN));
    }

    #[test]
    fn c13_a_list_is_a_list() {
        let list = ["https://Console.example".to_owned(), "null".to_owned()];
        let origins = Origins::new(Some(&list), None);
        assert!(admit(&origins, &headers(Some("https://console.example")), LAN));
        assert!(admit(&origins, &headers(Some("null")), LAN));
        assert!(!admit(&origins, &headers(Some("http://console.example")), HERE));
        assert!(admit(&Origins::new(Some(&["*".to_owned()]), None), &headers(Some("null")), LAN));
    }

    #[test]
    fn a_name_that_was_pointed_here_is_not_ours() {
        let called = |origin: &'static str, host: &'static str| {
            let mut headers = headers(Some(origin));
            headers.insert(HOST, host.parse().expect("a host"));
            headers
        };
        let machine = rustix::system::uname().nodename().to_string_lossy().to_lowercase();
        let origins = Origins::new(None, Some("wss://voice.example/"));
        for peer in [HERE, LAN] {
            for host in ["evil.example", "evil.example:8004", "localhost.evil.example", "127.0.0.1.evil.example"] {
                assert!(!admit(&origins, &called("http://evil.example", host), peer), "{host} from {peer}");
            }
            assert!(admit(&origins, &called("http://voice.example", "voice.example:8004"), peer));
            assert!(admit(&origins, &called("http://192.168.1.5:8003", "192.168.1.5:8004"), peer));
            assert!(admit(&origins, &called("http://[fd00::7]:8003", "[fd00::7]:8004"), peer));
        }
        for host in ["127.0.0.1:8004", "localhost:8004", "[::1]:8004", "board.localhost"] {
            assert!(admit(&origins, &called("https://evil.example", host), HERE), "{host}");
        }
        let mut own = headers(None);
        own.insert(HOST, machine.parse().expect("a host"));
        own.insert(ORIGIN, format!("http://{machine}:8003").parse().expect("an origin"));
        assert!(admit(&origins, &own, LAN));
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
            assert!(!origins.admit(&evil, HERE, &proxies));
            assert_eq!(origins.admit(&own, HERE, &proxies), !list.is_empty());
        }
    }
}
