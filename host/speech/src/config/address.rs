//! Validation of service addresses. Rule: an unusable address is rejected when the configuration is read, with an
//! example of a valid one, and is not repeated, since people put tokens into addresses.

use reqwest::Url;

/// Validates the address of a WebSocket service.
pub(crate) fn is_socket(address: &str, _: &()) -> garde::Result {
    is_address(address, &["ws", "wss"], "ws://host:port/ or wss://host/")
}

/// Validates a base URL, to which `/audio/…` is appended.
pub(crate) fn is_base_url(address: &str, _: &()) -> garde::Result {
    is_address(address, &["http", "https"], "https://api.example.org/v1")?;
    let path = address.trim_end_matches('/');
    for end in ["/audio/transcriptions", "/audio/speech", "/audio", "/models", "/chat/completions"] {
        if path.ends_with(end) {
            return Err(garde::Error::new(format!("must end before {end}")));
        }
    }
    Ok(())
}

fn is_address(address: &str, schemes: &[&str], looks: &str) -> garde::Result {
    let fault = || garde::Error::new(format!("is not an address that can be called; it should look like {looks}"));
    let url = Url::parse(address).map_err(|_| fault())?;
    let rest = address.split_once("://").map_or("", |(_, rest)| rest);
    let hostless = rest.is_empty() || rest.starts_with(['/', '?', '#', ':']);
    if hostless || !schemes.contains(&url.scheme()) || address.contains(|c: char| c.is_whitespace()) {
        return Err(fault());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(garde::Error::new("must not hold a user or password; keys have settings of their own"));
    }
    Ok(())
}
