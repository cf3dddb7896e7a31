//! Validation of base addresses. Rule: an address that would not work is rejected with the fix. A corrected address is
//! shown only if it contains nothing but a host and common path words, since people put keys into addresses.

use reqwest::Url;

/// Paths of single calls, which do not belong to a base address.
const CALL_PATHS: [&str; 4] = ["chat/completions", "completions", "models", "responses"];

/// Whether requests can be sent to `address` + `/chat/completions`.
pub(crate) fn is_base_url(address: &str, _: &()) -> garde::Result {
    match fault(address) {
        Some(message) => Err(garde::Error::new(message)),
        None => Ok(()),
    }
}

/// What is wrong, and how to fix it.
fn fault(address: &str) -> Option<String> {
    // Such an address may contain a password: it is not repeated.
    if address.contains('@') {
        return Some("must not hold a user or password; give the key as `api_key`".to_owned());
    }
    let (corrected, faults) = correct(address);
    // `Url::parse` takes the host from the path if there is none.
    let hostless = corrected.split_once("://").is_some_and(|(_, rest)| rest.is_empty() || rest.starts_with('/'));
    if hostless || Url::parse(&corrected).is_err() || corrected.contains(char::is_whitespace) {
        return Some("is not an address; it should look like https://api.example.org/v1".to_owned());
    }
    let write = if is_plain(&corrected) { format!("; write {corrected}") } else { String::new() };
    if faults.is_empty() { None } else { Some(faults.join(", ") + &write) }
}

/// Path words that reveal nothing, besides versions such as `v1`.
const PLAIN_STEPS: [&str; 6] = ["api", "openai", "compatible-mode", "compatibility", "inference", "serverless"];

/// Whether no part of an address can be a key: a real host name, and a path of common words.
fn is_plain(address: &str) -> bool {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
    let last = host.rsplit_once('.').map(|(_, last)| last).unwrap_or_default();
    let named = last.len() >= 2 && last.bytes().all(|byte| byte.is_ascii_lowercase());
    let is_host = named || host == "localhost" || host.parse::<std::net::IpAddr>().is_ok();
    let is_version = |step: &str| {
        let rest = step.strip_prefix('v').unwrap_or_default().trim_end_matches("beta");
        (1..=2).contains(&rest.len()) && rest.bytes().all(|byte| byte.is_ascii_digit())
    };
    is_host && path.split('/').all(|step| step.is_empty() || PLAIN_STEPS.contains(&step) || is_version(step))
}

/// The corrected address, and what was wrong with the written one. A trailing slash is not an error.
fn correct(address: &str) -> (String, Vec<String>) {
    let mut faults = Vec::new();
    let trimmed = address.trim();
    if trimmed != address {
        faults.push("has blanks around it".to_owned());
    }
    let (scheme, rest) = match trimmed.split_once("://") {
        Some((scheme @ ("http" | "https"), rest)) => (scheme, rest),
        Some((scheme, rest)) => {
            let meant = match scheme.to_ascii_lowercase().as_str() {
                "http" | "ws" => "http",
                _ => "https",
            };
            faults.push(format!("must begin with {meant}://"));
            (meant, rest)
        }
        None => {
            let scheme = usual_scheme(trimmed);
            faults.push(format!("has no scheme, and must begin with {scheme}://"));
            (scheme, trimmed.trim_start_matches('/'))
        }
    };
    let rest = match rest.find(['?', '#']) {
        Some(at) => {
            faults.push(format!("must not contain `{}`", &rest[at..at + 1]));
            &rest[..at]
        }
        None => rest,
    };
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let mut steps: Vec<&str> = path.trim_end_matches('/').split('/').collect();
    if path.trim_end_matches('/').is_empty() {
        steps.clear();
    }
    if steps.iter().any(|step| step.is_empty()) {
        faults.push("has a doubled slash".to_owned());
        steps.retain(|step| !step.is_empty());
    }
    while let Some(end) = CALL_PATHS.iter().find(|end| ends_with(&steps, end)) {
        faults.push(format!("must end before /{end}"));
        steps.truncate(steps.len() - end.split('/').count());
    }
    while let Some(length) = doubled(&steps) {
        faults.push("repeats the end of its path".to_owned());
        steps.truncate(steps.len() - length);
    }
    let path: String = steps.iter().flat_map(|step| ["/", step]).collect();
    (format!("{scheme}://{host}{path}"), faults)
}

/// Services without TLS are on the same machine or local network.
fn usual_scheme(address: &str) -> &'static str {
    let host = address.split(['/', ':']).next().unwrap_or_default();
    let is_number = host.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if is_number || !host.contains('.') { "http" } else { "https" }
}

fn ends_with(steps: &[&str], end: &str) -> bool {
    let end: Vec<&str> = end.split('/').collect();
    steps.ends_with(&end)
}

/// Number of trailing steps that repeat the steps before them.
fn doubled(steps: &[&str]) -> Option<usize> {
    (1..=steps.len() / 2).rev().find(|length| {
        let (before, last) = steps.split_at(steps.len() - length);
        before.ends_with(last)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_addresses_pass() {
        for address in [
            "https://api.example.org/v1",
            "https://api.example.org/v1/",
            "https://api.example.org",
            "http://127.0.0.1:11434/v1",
            "http://[::1]:8080/v1",
            "https://ark.example.com/api/v3",
            "https://gateway.example.org/openai/deployments/a-model/v1",
        ] {
            assert_eq!(fault(address), None, "{address}");
        }
    }

    #[test]
    fn l1_mistakes_are_told_with_what_to_change() {
        for (mistaken, meant, expected) in [
            ("api.example.org/v1", "https://api.example.org/v1", "must begin with https://"),
            ("localhost:11434/v1", "http://localhost:11434/v1", "must begin with http://"),
            ("127.0.0.1:8080", "http://127.0.0.1:8080", "must begin with http://"),
            ("ftp://api.example.org/v1", "https://api.example.org/v1", "must begin with https://"),
            ("https://api.example.org/v1/models", "https://api.example.org/v1", "must end before /models"),
            ("https://api.example.org/v1/models/", "https://api.example.org/v1", "must end before /models"),
            ("https://api.example.org/v1/chat/completions", "https://api.example.org/v1", "before /chat/completions"),
            ("https://api.example.org/v1/v1", "https://api.example.org/v1", "repeats the end of its path"),
            ("https://api.example.org/v1/v1/chat/completions", "https://api.example.org/v1", "repeats the end"),
            ("https://api.example.org/api/v3/api/v3", "https://api.example.org/api/v3", "repeats the end"),
            ("https://api.example.org//v1", "https://api.example.org/v1", "a doubled slash"),
            ("https://api.example.org/v1?key=a", "https://api.example.org/v1", "must not contain `?`"),
            (" https://api.example.org/v1 ", "https://api.example.org/v1", "blanks around it"),
        ] {
            let message = fault(mistaken).unwrap_or_else(|| panic!("{mistaken} passes"));
            assert!(message.contains(expected), "{mistaken}: {message}");
            assert_eq!(correct(mistaken).0, meant);
            assert!(message.ends_with(&format!("; write {meant}")), "{mistaken}: {message}");
        }
    }

    #[test]
    fn what_is_no_address_is_told_without_repeating_secrets() {
        for address in ["", "https://", "https:///v1", "a b"] {
            assert!(fault(address).is_some_and(|message| message.contains("is not an address")), "{address}");
        }
        for address in ["sk-hush-hush", "https://api.example.org/hush/v1/models", "hush/v1", "https://hush/v1/models"] {
            let message = fault(address).expect("refused");
            assert!(!message.contains("hush"), "{message}");
        }
        let message = fault("https://me:hush@api.example.org/v1").expect("refused");
        assert!(message.contains("api_key") && !message.contains("hush"), "{message}");
    }
}
