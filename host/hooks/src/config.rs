//! Settings of the section `hooks`. Rule: validated settings can be used without further checks, and neither `Debug`
//! nor `Serialize` shows a secret.

mod secret;

use std::collections::BTreeMap;

use crate::limits;
use garde::Validate;
use modehost_ids::Address;
use reqwest::Url;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::secret::Secret;

/// Section `hooks`: webhooks by the name under which they are granted to plugins. Default none. Hot: the next post uses
/// the new settings.
pub type Config = BTreeMap<String, HookConfig>;

/// A webhook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
pub struct HookConfig {
    /// Address to which JSON is posted, `http://…` or `https://…`. Hot.
    #[garde(custom(is_address))]
    pub url: Address,
    /// Secret that signs the bodies (HMAC-SHA256). Default none: bodies are not signed. Hot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(inner(custom(secret::is_secret)))]
    pub secret: Option<Secret>,
    /// Timeout of one attempt, in s, 1 to 60. Default 5. Hot.
    #[serde(default = "timeout_s")]
    #[garde(range(min = 1, max = 60))]
    pub timeout_s: u64,
}

fn timeout_s() -> u64 {
    limits::HOOK_TIMEOUT.as_secs()
}

/// Whether an address can be posted to. It is not repeated in the error: people put tokens into addresses.
fn is_address(address: &str, _: &()) -> garde::Result {
    let error = |words: &str| Err(garde::Error::new(words));
    let Some((scheme @ ("http" | "https"), rest)) = address.split_once("://") else {
        return error("must begin with http:// or https://");
    };
    // The parser takes the host from the path where it is missing, and drops blanks and line ends.
    let hostless = rest.is_empty() || rest.starts_with(['/', '?', '#', ':']);
    let Ok(url) = Url::parse(address) else { return error(LOOKS) };
    if hostless || url.scheme() != scheme || address.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return error(LOOKS);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return error("must not hold a user or password; the receiver knows us by the signature, see `secret`");
    }
    if url.fragment().is_some() {
        return error("must not go on with `#`, which is never sent");
    }
    Ok(())
}

const LOOKS: &str = "is not an address; it should look like https://hooks.example.org/path";

#[cfg(test)]
mod tests {
    use super::*;

    fn hook(url: &str) -> HookConfig {
        HookConfig { url: url.into(), secret: None, timeout_s: 5 }
    }

    #[test]
    fn addresses_that_cannot_be_posted_to_are_told() {
        for url in ["http://a", "https://a.example.org:8443/x/y?z=1", "http://127.0.0.1:9/", "http://[::1]:9/x"] {
            assert!(hook(url).validate().is_ok(), "{url}");
        }
        for (url, word) in [
            ("hooks.example.org/x", "http://"),
            ("ftp://hooks.example.org", "http://"),
            ("http://", "looks like"),
            ("http:///path", "looks like"),
            ("https://a b/", "looks like"),
            ("https://a.example.org/x\n", "looks like"),
            ("https://u:p@a.example.org/", "password"),
            ("https://a.example.org/#x", "#"),
        ] {
            let error = hook(url).validate().expect_err(url).to_string();
            assert!(
                error.contains("url") && error.contains(&word.replace("looks like", "look like")),
                "{url}: {error}"
            );
            assert!(!error.contains("u:p"), "{error}");
        }
        assert!(HookConfig { timeout_s: 0, ..hook("http://a") }.validate().is_err());
        assert!(HookConfig { secret: Some("".into()), ..hook("http://a") }.validate().is_err());
    }

    #[test]
    fn a_secret_is_not_shown_and_the_rest_has_defaults() {
        let read: HookConfig = serde_json::from_str(r#"{"url":"http://a","secret":"hush"}"#).expect("a hook");
        assert_eq!(read.timeout_s, 5);
        assert_eq!(read.secret, Some("hush".into()));
        assert!(!format!("{read:?}").contains("hush"));
        assert!(!serde_json::to_string(&read).expect("JSON").contains("hush"));
        assert!(serde_json::from_str::<HookConfig>(r#"{"url":"http://a","sekret":"x"}"#).is_err());
    }
}
