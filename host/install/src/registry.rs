//! Components from OCI registries, by the distribution specification 1.1 (manifest, then blob; bearer tokens by the
//! registries' token protocol). Rule: every size is checked before its bytes are read, and every byte against the
//! digest that names it.

use http_auth::{ChallengeRef, parse_challenges};
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderValue, WWW_AUTHENTICATE};
use reqwest::{Client, Response, StatusCode, Url};
use serde::Deserialize;

use crate::error::FetchError;
use crate::http::{client, error_of, is_local, read};
use crate::reference::Reference;
use crate::{credentials, digest, limits};

/// What is read of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The component: the layer of type `application/wasm`, or whose file name ends so.
    Component,
    /// The signature of it by minisign: the layer whose file name ends in `.minisig`.
    Signature,
}

/// Types of manifests that are understood: those of OCI and of Docker, which older registries give.
const MANIFESTS: &str =
    "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json";
const WASM: &str = "application/wasm";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Manifest {
    #[serde(default)]
    layers: Vec<Layer>,
    /// An index has these in place of layers.
    #[serde(default)]
    manifests: Vec<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Layer {
    #[serde(default)]
    media_type: String,
    digest: String,
    size: u64,
    #[serde(default)]
    annotations: Annotations,
}

#[derive(Default, Deserialize)]
struct Annotations {
    /// The file name, by the tools that push files.
    #[serde(default, rename = "org.opencontainers.image.title")]
    title: String,
}

#[derive(Deserialize)]
struct Token {
    #[serde(alias = "access_token")]
    token: String,
}

/// The bytes of a part of an image, at most so many.
///
/// # Errors
/// See [`FetchError`].
pub(crate) async fn fetch(reference: &Reference, part: Part, max: usize) -> Result<Vec<u8>, FetchError> {
    let base = reference.url("")?;
    let mut registry = Registry { http: client(&base)?, reference, authorization: None };
    let url = reference.url(&format!("manifests/{}", reference.manifest()))?;
    let bytes = registry.get(&url, limits::MANIFEST_BYTES).await?;
    if reference.digest.as_ref().is_some_and(|expected| *expected != digest::of(&bytes)) {
        return Err(FetchError::Digest("manifest"));
    }
    let manifest: Manifest = serde_json::from_slice(&bytes).map_err(|_| FetchError::Registry("manifest"))?;
    let (expected, size) = layer(manifest, part)?;
    if size > max as u64 {
        return Err(FetchError::TooLarge(max));
    }
    let bytes = registry.get(&reference.url(&format!("blobs/sha256:{expected}"))?, max).await?;
    if digest::of(&bytes) == expected { Ok(bytes) } else { Err(FetchError::Digest("file")) }
}

/// Digest and size of the layer that holds a part.
fn layer(manifest: Manifest, part: Part) -> Result<(String, u64), FetchError> {
    if !manifest.manifests.is_empty() {
        return Err(FetchError::Index);
    }
    let is_signature = |layer: &Layer| layer.annotations.title.ends_with(".minisig");
    let is_component = |layer: &Layer| layer.media_type == WASM || layer.annotations.title.ends_with(".wasm");
    let is_wanted = |layer: &Layer| match part {
        Part::Signature => is_signature(layer),
        Part::Component => is_component(layer) && !is_signature(layer),
    };
    let mut found: Vec<Layer> = manifest.layers.into_iter().filter(is_wanted).collect();
    let layer = match (found.len(), part) {
        (1, _) | (2.., Part::Signature) => found.swap_remove(0),
        (0, Part::Component) => return Err(FetchError::Layer("component (a layer of type application/wasm)")),
        (0, Part::Signature) => return Err(FetchError::Layer("signature (a layer that ends in .minisig)")),
        (count, _) => return Err(FetchError::Layers(count)),
    };
    let hex = layer.digest.strip_prefix("sha256:").and_then(|hex| digest::parse(hex).ok());
    Ok((hex.ok_or(FetchError::Registry("digest"))?, layer.size))
}

/// A registry while one image is read from it.
struct Registry<'a> {
    http: Client,
    reference: &'a Reference,
    /// What it has asked for.
    authorization: Option<HeaderValue>,
}

impl Registry<'_> {
    /// The body at an address; signs in where that is asked for.
    async fn get(&mut self, url: &Url, max: usize) -> Result<Vec<u8>, FetchError> {
        let mut response = self.send(url).await?;
        if response.status() == StatusCode::UNAUTHORIZED && self.authorization.is_none() {
            self.authorization = Some(self.sign_in(&response).await?);
            response = self.send(url).await?;
        }
        match response.status() {
            StatusCode::OK => read(response, max).await,
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::NOT_FOUND => Err(FetchError::NotInRegistry),
            status => Err(FetchError::Status(status.as_u16())),
        }
    }

    async fn send(&self, url: &Url) -> Result<Response, FetchError> {
        let mut request = self.http.get(url.clone()).header(ACCEPT, MANIFESTS);
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        request.send().await.map_err(|error| error_of(&error))
    }

    /// Answers the challenge of a response.
    async fn sign_in(&self, response: &Response) -> Result<HeaderValue, FetchError> {
        const CHALLENGE: FetchError = FetchError::Registry("challenge for a login");
        let basic = credentials::basic(&self.reference.registry);
        let headers = response.headers().get_all(WWW_AUTHENTICATE).iter();
        let texts: Vec<&str> = headers.filter_map(|value| value.to_str().ok()).collect();
        let challenges: Vec<ChallengeRef<'_>> =
            texts.iter().filter_map(|text| parse_challenges(text).ok()).flatten().collect();
        let of = |scheme: &str| challenges.iter().find(|known| known.scheme.eq_ignore_ascii_case(scheme));
        let value = match (of("bearer"), of("basic"), basic) {
            (Some(challenge), _, basic) => format!("Bearer {}", self.token(challenge, basic).await?),
            (None, Some(_), Some(basic)) => basic,
            (None, Some(_), None) => return Err(FetchError::Login("docker's config.json has none for it")),
            (None, None, _) => return Err(CHALLENGE),
        };
        let mut value = HeaderValue::from_str(&value).map_err(|_| CHALLENGE)?;
        value.set_sensitive(true);
        Ok(value)
    }

    /// A token to pull, by the token protocol of registries.
    async fn token(&self, challenge: &ChallengeRef<'_>, basic: Option<String>) -> Result<String, FetchError> {
        let parameter = |name: &str| {
            let found = challenge.params.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
            found.map(|(_, value)| value.to_unescaped())
        };
        let realm = parameter("realm").and_then(|realm| Url::parse(&realm).ok());
        let mut realm = realm.ok_or(FetchError::Registry("challenge for a login"))?;
        // Only a registry of this machine may send somebody to this machine.
        let is_own = is_local(&realm) && is_local(&self.reference.url("")?);
        if realm.scheme() != "https" && !is_own {
            return Err(FetchError::Unencrypted);
        }
        let scope = format!("repository:{}:pull", self.reference.repository);
        realm.query_pairs_mut().append_pair("scope", &scope);
        if let Some(service) = parameter("service") {
            realm.query_pairs_mut().append_pair("service", &service);
        }
        let had_login = basic.is_some();
        let mut request = self.http.get(realm);
        if let Some(basic) = basic {
            request = request.header(AUTHORIZATION, basic);
        }
        let response = request.send().await.map_err(|error| error_of(&error))?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN if had_login => {
                return Err(FetchError::Login("that of docker's config.json is refused"));
            }
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::NOT_FOUND => {
                return Err(FetchError::NotInRegistry);
            }
            status => return Err(FetchError::Status(status.as_u16())),
        }
        let bytes = read(response, limits::TOKEN_BYTES).await?;
        let token: Token = serde_json::from_slice(&bytes).map_err(|_| FetchError::Registry("token"))?;
        Ok(token.token)
    }
}
