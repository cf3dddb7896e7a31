//! The client address behind proxies. Rule: forwarding headers are trusted only as far as configured proxies have
//! written them; any client can write the rest.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use crate::limits;
use http::header::{FORWARDED, HOST, VIA};
use http::uri::Authority;
use http::{HeaderMap, HeaderName, Uri};
use ipnet::IpNet;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_PORT: HeaderName = HeaderName::from_static("x-forwarded-port");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");

/// The trusted proxies.
#[derive(Clone, Debug, Default)]
pub struct Proxies(Arc<[IpNet]>);

/// The client of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The nearest address that is not a trusted proxy.
    pub address: IpAddr,
    /// Whether the request has forwarding headers, from a trusted proxy or not.
    pub forwarded: bool,
    /// Whether the peer is a trusted proxy.
    pub through_proxy: bool,
}

impl Caller {
    /// Whether the client is on this machine and not behind a proxy.
    pub fn is_local(self) -> bool {
        !self.forwarded && self.address.is_loopback()
    }
}

/// The target that the client requested, as reported by a trusted proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ForwardedTarget {
    pub secure: bool,
    /// The host, with brackets around an IPv6 address.
    pub host: String,
    pub port: u16,
}

/// Whether a request has a single, consistent host: with two, a proxy may have checked another one than this server
/// does.
pub(crate) fn has_single_host(uri: &Uri, headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(HOST).into_iter();
    let host = hosts.next();
    let differs = |authority: &Authority| {
        host.is_some_and(|host| !host.as_bytes().eq_ignore_ascii_case(authority.as_str().as_bytes()))
    };
    hosts.next().is_none() && !uri.authority().is_some_and(differs)
}

/// An address or a network, such as `10.0.0.0/8`.
pub(crate) fn parse_network(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

impl Proxies {
    /// From validated addresses and networks.
    pub fn new(list: &[String]) -> Self {
        Self(list.iter().filter_map(|text| parse_network(text)).collect())
    }

    /// The client of a request that was received from `peer`.
    pub fn caller(&self, peer: IpAddr, headers: &HeaderMap) -> Caller {
        let peer = peer.to_canonical();
        let forwarding_headers = [FORWARDED_FOR, FORWARDED, FORWARDED_HOST, FORWARDED_PROTO, REAL_IP, VIA];
        let forwarded = forwarding_headers.iter().any(|header| headers.contains_key(header));
        let reported_by = |name| headers.contains_key(&name).then(|| self.client_address(peer, hops(headers, &name)));
        let address = match (reported_by(FORWARDED_FOR), reported_by(FORWARDED)) {
            // A proxy writes one of the two headers and may pass the client's other one through.
            (Some(one), Some(other)) if one != other => peer,
            (Some(one), _) | (None, Some(one)) => one,
            (None, None) => peer,
        };
        Caller { address, forwarded, through_proxy: self.trusts(peer) }
    }

    /// Walks the hops from the nearest outwards, as long as the hop that reports the next one is trusted.
    fn client_address(&self, peer: IpAddr, hops: impl Iterator<Item = Option<IpAddr>>) -> IpAddr {
        let mut current = peer;
        for hop in hops.take(limits::FORWARDED_HOPS) {
            match hop {
                Some(hop) if self.trusts(current) => current = hop.to_canonical(),
                _ => break,
            }
        }
        current
    }

    /// Whether this canonical address is a trusted proxy.
    pub(crate) fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }

    /// The target that the client requested, if a trusted proxy reports it.
    pub(crate) fn forwarded_target(&self, peer: IpAddr, headers: &HeaderMap) -> Option<ForwardedTarget> {
        if !self.trusts(peer.to_canonical()) {
            return None;
        }
        let first = |name: &HeaderName| headers.get(name)?.to_str().ok()?.split(',').next().map(str::trim);
        let pair = |wanted: &str| {
            let first = headers.get(FORWARDED)?.to_str().ok()?.split(',').next()?;
            parameter(first, wanted)
        };
        let proto = first(&FORWARDED_PROTO).or_else(|| pair("proto"));
        let host = first(&FORWARDED_HOST).or_else(|| pair("host"));
        if proto.is_none() && host.is_none() {
            return None;
        }
        let secure = proto.is_some_and(|proto| ["https", "wss"].iter().any(|one| proto.eq_ignore_ascii_case(one)));
        let host = host.or_else(|| headers.get(HOST)?.to_str().ok())?;
        let authority: Authority = host.parse().ok()?;
        let port = authority.port_u16().or_else(|| first(&FORWARDED_PORT)?.parse().ok());
        let host = authority.host().to_owned();
        (!host.is_empty()).then(|| ForwardedTarget {
            secure,
            host,
            port: port.unwrap_or(if secure { 443 } else { 80 }),
        })
    }
}

/// The hops of a header from right to left, nearest first. `None` for a hop that cannot be parsed.
fn hops<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = Option<IpAddr>> + 'a {
    let standard = *name == FORWARDED;
    headers.get_all(name).into_iter().rev().flat_map(move |line| {
        // A header line that is not text counts as one unparsable hop.
        line.to_str().unwrap_or_default().rsplit(',').map(move |hop| {
            if standard { parameter(hop, "for").and_then(read_address) } else { read_address(hop.trim()) }
        })
    })
}

/// A parameter of one element of `Forwarded`.
fn parameter<'a>(element: &'a str, wanted: &str) -> Option<&'a str> {
    element.split(';').find_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        name.trim().eq_ignore_ascii_case(wanted).then(|| value.trim().trim_matches('"'))
    })
}

/// An address, with or without a port; IPv6 with or without brackets.
fn read_address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(list: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in list {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    fn caller(peer: &str, list: &[(&'static str, &'static str)]) -> String {
        let proxies = Proxies::new(&["10.0.0.0/8".to_owned(), "127.0.0.1".to_owned(), "fd00::/8".to_owned()]);
        proxies.caller(peer.parse().expect("an address"), &headers(list)).address.to_string()
    }

    #[test]
    fn the_nearest_address_that_is_no_trusted_proxy_counts() {
        let forwarded = "x-forwarded-for";
        for (peer, list, expected) in [
            ("203.0.113.9", &[(forwarded, "198.51.100.1")] as &[_], "203.0.113.9"),
            ("10.0.0.1", &[(forwarded, "198.51.100.1")], "198.51.100.1"),
            ("::ffff:10.0.0.1", &[(forwarded, "198.51.100.1")], "198.51.100.1"),
            ("10.0.0.1", &[(forwarded, "1.2.3.4, 198.51.100.1")], "198.51.100.1"),
            ("10.0.0.1", &[(forwarded, "1.2.3.4, 198.51.100.1, 10.0.0.2")], "198.51.100.1"),
            (
                "10.0.0.1",
                &[(forwarded, "1.2.3.4"), (forwarded, "198.51.100.1"), (forwarded, "10.3.0.1")],
                "198.51.100.1",
            ),
            ("10.0.0.1", &[(forwarded, "198.51.100.1:4711")], "198.51.100.1"),
            ("fd00::1", &[(forwarded, "2001:db8::1")], "2001:db8::1"),
            ("10.0.0.1", &[(forwarded, "1.2.3.4, unknown")], "10.0.0.1"),
            ("10.0.0.1", &[(forwarded, "1.2.3.4, ,")], "10.0.0.1"),
            ("10.0.0.1", &[(forwarded, "10.0.0.3, 10.0.0.2")], "10.0.0.3"),
            ("10.0.0.1", &[], "10.0.0.1"),
            ("10.0.0.1", &[("forwarded", "for=1.2.3.4, For=198.51.100.1;proto=https")], "198.51.100.1"),
            ("10.0.0.1", &[("forwarded", r#"for="[2001:db8::1]:80";by=x"#)], "2001:db8::1"),
            ("10.0.0.1", &[("forwarded", "for=_hidden")], "10.0.0.1"),
            // The proxy has written one; the other was sent by the client.
            ("10.0.0.1", &[(forwarded, "198.51.100.1"), ("forwarded", "for=1.2.3.4")], "10.0.0.1"),
            ("10.0.0.1", &[(forwarded, "198.51.100.1"), ("forwarded", "for=198.51.100.1")], "198.51.100.1"),
        ] {
            assert_eq!(caller(peer, list), expected, "{peer} {list:?}");
        }
    }

    #[test]
    fn a_request_through_a_proxy_on_this_machine_is_not_local() {
        let local: IpAddr = "127.0.0.1".parse().expect("an address");
        for proxies in [Proxies::default(), Proxies::new(&["127.0.0.1".to_owned()])] {
            assert!(proxies.caller(local, &headers(&[])).is_local());
            for header in ["x-forwarded-for", "forwarded", "x-real-ip", "x-forwarded-host", "via"] {
                assert!(!proxies.caller(local, &headers(&[(header, "127.0.0.1")])).is_local(), "{header}");
            }
        }
        assert!(!Proxies::default().caller("10.0.0.1".parse().expect("an address"), &headers(&[])).is_local());
    }

    #[test]
    fn what_was_called_is_asked_of_trusted_proxies_only() {
        let proxies = Proxies::new(&["10.0.0.1".to_owned()]);
        let forwarded_target = |peer: &str, list| {
            let forwarded_target = proxies.forwarded_target(peer.parse().expect("an address"), &headers(list))?;
            Some((forwarded_target.secure, forwarded_target.host, forwarded_target.port))
        };
        let both = &[("x-forwarded-proto", "https"), ("x-forwarded-host", "voice.example")];
        assert_eq!(forwarded_target("10.0.0.1", both), Some((true, "voice.example".to_owned(), 443)));
        assert_eq!(forwarded_target("10.0.0.2", both), None);
        let port = &[("x-forwarded-proto", "http"), ("x-forwarded-port", "8080"), ("host", "voice.example")];
        assert_eq!(forwarded_target("10.0.0.1", port), Some((false, "voice.example".to_owned(), 8080)));
        let standard = &[("forwarded", r#"for=1.2.3.4;host="[fd00::7]:9000";proto=https"#)];
        assert_eq!(forwarded_target("10.0.0.1", standard), Some((true, "[fd00::7]".to_owned(), 9000)));
        assert_eq!(forwarded_target("10.0.0.1", &[("host", "voice.example")]), None);
        assert_eq!(forwarded_target("10.0.0.1", &[("x-forwarded-host", "a b/c")]), None);
    }

    /// A corpus input: the address of the peer, then one header per line.
    fn request(bytes: &[u8]) -> (Option<IpAddr>, HeaderMap) {
        let mut lines = bytes.split(|byte| *byte == b'\n');
        let peer = lines.next().and_then(|line| std::str::from_utf8(line).ok()?.parse().ok());
        let mut headers = HeaderMap::new();
        for line in lines {
            let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
            let name = HeaderName::from_bytes(line[..colon].trim_ascii());
            if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(line[colon + 1..].trim_ascii())) {
                let _ = headers.try_append(name, value);
            }
        }
        (peer, headers)
    }

    /// Corpus requests and mutations of them: headers from untrusted peers are ignored, and every client address was
    /// named by a header or is the peer.
    #[test]
    fn nobody_lies_about_where_a_request_comes_from() {
        let proxies = Proxies::new(&["10.0.0.0/8".to_owned(), "fd00::/8".to_owned()]);
        modehost_corpus::Corpus::open(env!("CARGO_MANIFEST_DIR"), "proxies").keeps(|bytes| {
            let (peer, headers) = request(bytes);
            // If the line of the peer is malformed, the headers are still tested.
            let local: IpAddr = "10.0.0.1".parse().expect("an address");
            let stranger: IpAddr = "203.0.113.9".parse().expect("an address");
            for peer in peer.into_iter().chain([local, stranger]).map(|peer| peer.to_canonical()) {
                let caller = proxies.caller(peer, &headers);
                let mut values = headers.get_all("x-forwarded-for").into_iter().chain(headers.get_all("forwarded"));
                let trusted = proxies.trusts(peer);
                assert_eq!(caller.through_proxy, trusted);
                assert_eq!(caller.address, caller.address.to_canonical());
                if caller.address != peer {
                    assert!(trusted, "{peer} is no proxy");
                    let named = |value: &HeaderValue| {
                        let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
                        let parts = text.split([',', ';', '=', '"']).map(str::trim);
                        parts.filter_map(read_address).any(|part| part.to_canonical() == caller.address)
                    };
                    assert!(values.any(named), "no header contains {}", caller.address);
                }
                assert!(!caller.is_local() || !caller.forwarded);
                if let Some(forwarded_target) = proxies.forwarded_target(peer, &headers) {
                    assert!(trusted && !forwarded_target.host.is_empty());
                    let ends = |one: char| one.is_whitespace() || one.is_control() || matches!(one, '/' | '?' | '@');
                    assert!(!forwarded_target.host.contains(ends), "{:?}", forwarded_target.host);
                }
            }
        });
    }
}
