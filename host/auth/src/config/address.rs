//! Addresses of identity providers. Rule: an address is not repeated in a message, since people
//! put secrets into them.

use std::net::IpAddr;

use reqwest::Url;

/// Whether a request can be sent there.
pub(crate) fn is_address(address: &str, _: &()) -> garde::Result {
    let fault = |words: &str| Err(garde::Error::new(words));
    let Some((scheme @ ("http" | "https"), rest)) = address.split_once("://") else {
        return fault("must begin with https:// (or http:// on this machine)");
    };
    let odd = address.contains(|one: char| one.is_whitespace() || one.is_control());
    // The parser takes a host from the path where there is none.
    let hostless = rest.is_empty() || rest.starts_with(['/', '?', '#', ':']);
    match Url::parse(address) {
        Ok(url) if !odd && !hostless && url.scheme() == scheme => {
            if !url.username().is_empty() || url.password().is_some() {
                return fault("must not hold a user or password; see `client_id` and `client_secret`");
            }
            Ok(())
        }
        _ => fault("is not an address; it should look like https://id.example.org/path"),
    }
}

/// Whether what is sent there stays on this machine.
pub(crate) fn is_local(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}
