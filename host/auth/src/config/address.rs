//! Validation of provider URLs. Rule: error messages do not contain the URL, since people put secrets into it.

use std::net::IpAddr;

use reqwest::Url;

/// Whether the URL is valid for a request.
pub(crate) fn is_address(address: &str, _: &()) -> garde::Result {
    let error = |text: &str| Err(garde::Error::new(text));
    let Some((scheme @ ("http" | "https"), rest)) = address.split_once("://") else {
        return error("must begin with https:// (or http:// on this machine)");
    };
    let has_white_space = address.contains(|one: char| one.is_whitespace() || one.is_control());
    // The parser would take the host from the path if there is none.
    let has_no_host = rest.is_empty() || rest.starts_with(['/', '?', '#', ':']);
    match Url::parse(address) {
        Ok(url) if !has_white_space && !has_no_host && url.scheme() == scheme => {
            if !url.username().is_empty() || url.password().is_some() {
                return error("must not hold a user or password; see `client_id` and `client_secret`");
            }
            Ok(())
        }
        _ => error("is not an address; it should look like https://id.example.org/path"),
    }
}

/// Whether requests to this URL stay on this machine.
pub(crate) fn is_local(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}
