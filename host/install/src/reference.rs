//! Names of images in registries: `oci://host[:port]/path[:tag][@sha256:digest]`. Rule: the grammar of the OCI
//! distribution specification 1.1; a host is always written, since a name without one means a registry of somebody else.

use std::fmt;

use reqwest::Url;

use crate::error::FetchError;
use crate::http::is_local;

/// What an address of an image begins with.
pub(crate) const SCHEME: &str = "oci://";

/// The name of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// Host and port.
    pub(crate) registry: String,
    pub(crate) repository: String,
    /// `latest` where neither tag nor digest is given.
    pub(crate) tag: Option<String>,
    /// 64 hexadecimal digits of the SHA-256 of the manifest.
    pub(crate) digest: Option<String>,
}

impl Reference {
    /// From `oci://…`.
    pub(crate) fn parse(text: &str) -> Result<Self, FetchError> {
        let bad = FetchError::Reference;
        let rest = text.strip_prefix(SCHEME).ok_or(bad("it does not begin with oci://"))?;
        if rest.contains(['?', '#', '%']) || !rest.is_ascii() {
            return Err(bad("it has a character that names do not have"));
        }
        let (registry, rest) = rest.split_once('/').ok_or(bad("it has no name behind the registry"))?;
        if registry.contains('@') {
            return Err(FetchError::Password);
        }
        let (rest, digest) = match rest.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest.strip_prefix("sha256:").ok_or(bad("its digest is no sha256"))?)),
            None => (rest, None),
        };
        let (repository, tag) = match rest.rsplit_once(':') {
            Some((repository, tag)) => (repository, Some(tag)),
            None => (rest, None),
        };
        if digest.is_some_and(|digest| digest.len() != 64 || !digest.bytes().all(is_lower_hex)) {
            return Err(bad("its digest has not 64 hexadecimal digits"));
        }
        if tag.is_some_and(|tag| !is_tag(tag)) {
            return Err(bad("its tag is not valid"));
        }
        if repository.len() > 255 || !repository.split('/').all(is_component) {
            return Err(bad("its name has small letters, digits and single separators only"));
        }
        let reference = Self {
            registry: registry.to_owned(),
            repository: repository.to_owned(),
            tag: tag.or_else(|| digest.is_none().then_some("latest")).map(str::to_owned),
            digest: digest.map(str::to_owned),
        };
        // A host that is no host does not survive the parser of addresses.
        let is_host = reference.url("").is_ok_and(|url| url.path() == format!("/v2/{repository}/"));
        if is_host { Ok(reference) } else { Err(bad("its registry is no host")) }
    }

    /// An address below the repository. Registries of this machine speak plain HTTP, as other tools assume too.
    pub(crate) fn url(&self, below: &str) -> Result<Url, FetchError> {
        let url = |scheme: &str| Url::parse(&format!("{scheme}://{}/v2/{}/{below}", self.registry, self.repository));
        let secure = url("https").map_err(|_| FetchError::Address)?;
        if is_local(&secure) { url("http").map_err(|_| FetchError::Address) } else { Ok(secure) }
    }

    /// What the manifest is asked for by: the digest if there is one.
    pub(crate) fn manifest(&self) -> String {
        match (&self.digest, &self.tag) {
            (Some(digest), _) => format!("sha256:{digest}"),
            (None, tag) => tag.clone().unwrap_or_else(|| "latest".to_owned()),
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { registry, repository, tag, digest } = self;
        write!(f, "{SCHEME}{registry}/{repository}")?;
        tag.iter().try_for_each(|tag| write!(f, ":{tag}"))?;
        digest.iter().try_for_each(|digest| write!(f, "@sha256:{digest}"))
    }
}

fn is_lower_hex(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

fn is_tag(tag: &str) -> bool {
    let is_first = |sign: char| sign.is_ascii_alphanumeric() || sign == '_';
    tag.len() <= 128 && tag.starts_with(is_first) && tag.chars().all(|sign| is_first(sign) || matches!(sign, '.' | '-'))
}

/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`
fn is_component(component: &str) -> bool {
    let is_word = |sign: char| sign.is_ascii_lowercase() || sign.is_ascii_digit();
    let separators = component.split(is_word).filter(|between| !between.is_empty());
    component.starts_with(is_word)
        && component.ends_with(is_word)
        && separators
            .into_iter()
            .all(|between| matches!(between, "." | "_" | "__") || between.bytes().all(|b| b == b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_specification() {
        let digest = "ab".repeat(32);
        for (text, shown) in [
            ("oci://ghcr.io/team/pomodoro:1.2.0", "oci://ghcr.io/team/pomodoro:1.2.0".to_owned()),
            ("oci://localhost:5000/a", "oci://localhost:5000/a:latest".to_owned()),
            ("oci://r.example/a-b/c__d.e", "oci://r.example/a-b/c__d.e:latest".to_owned()),
            (&format!("oci://[::1]:5000/a@sha256:{digest}"), format!("oci://[::1]:5000/a@sha256:{digest}")),
            (&format!("oci://r.example/a:1@sha256:{digest}"), format!("oci://r.example/a:1@sha256:{digest}")),
        ] {
            let reference = Reference::parse(text).unwrap_or_else(|error| panic!("{text} {error}"));
            assert_eq!(reference.to_string(), shown);
        }
        for bad in [
            "oci://r.example",
            "oci://r.example/",
            "oci:///a",
            "oci://r.example/A",
            "oci://r.example/../a",
            "oci://r.example/a//b",
            "oci://r.example/a..b",
            "oci://r.example/a:",
            "oci://r.example/a:b/c",
            "oci://r.example/a@sha512:00",
            "oci://r.example/a@sha256:00",
            "oci://r.example/a?x=1",
            "oci://r example/a",
            "oci://r.example\\@evil.example/a",
            "oci://me:hush@r.example/a",
        ] {
            assert!(Reference::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn only_registries_of_this_machine_speak_plain_http() {
        let url = |text: &str| Reference::parse(text).expect(text).url("tags").expect(text).to_string();
        assert_eq!(url("oci://r.example/a"), "https://r.example/v2/a/tags");
        assert_eq!(url("oci://127.0.0.1:5000/a/b"), "http://127.0.0.1:5000/v2/a/b/tags");
        assert_eq!(url("oci://127.0.0.1.evil.example/a"), "https://127.0.0.1.evil.example/v2/a/tags");
    }
}
