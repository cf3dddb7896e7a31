//! The section `config`: remote configuration, and older names of settings. Rule: this section itself comes from the
//! file or the environment only; a remote configuration cannot redirect itself.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use crate::limits;
use garde::Validate;
use modehost_config::remote_fetch::{RemoteSecret, is_unencrypted};
use modehost_config::{Loaded, Remote, RemoteConfig, Switch};
use modehost_ids::Address;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Settings;
use super::remote_allowlist::{REMOTE_ALLOWLIST, sign_in};

/// Section `config`: sources of further settings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DocumentSettings {
    /// Remote configuration, merged over the file: fetched at the start, on SIGHUP and when an operator orders it
    /// (`update_config`). Default none. Hot.
    #[garde(dive)]
    pub remote: Option<RemoteSettings>,
    /// Older names of settings, as `section.key: section.key`: if a plugin's section still has the first one and the
    /// second is not set, the value of the first is used. Needs a restart.
    #[garde(skip)]
    pub older_names: BTreeMap<String, String>,
}

/// Remote configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RemoteSettings {
    /// Address that answers GET with YAML or JSON, such as `https://console.example.org/modehost.yaml`; `https://`
    /// unless it is on this machine. The last valid answer is stored in `storage.dir`, for a start while the address is
    /// unreachable.
    #[garde(custom(is_address))]
    pub url: Address,
    /// Secret, sent as `Authorization: Bearer`. Default none.
    #[serde(default)]
    #[garde(inner(custom(is_secret)))]
    pub secret: Option<RemoteSecret>,
    /// Total time of one fetch, in s, 1 to 60. Default 5.
    #[serde(default = "fetch_time")]
    #[garde(range(min = 1, max = 60))]
    pub timeout_s: u64,
    /// Whether the remote configuration may set who may connect (section `auth`). Default none: in versions before 0.3
    /// it may, with a warning; from 0.3 on it may not.
    #[serde(default)]
    #[garde(skip)]
    pub sign_in: Option<bool>,
}

fn is_secret(secret: &RemoteSecret, _: &()) -> garde::Result {
    let secret = secret.expose();
    if secret.is_empty() || !secret.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(garde::Error::new("must consist of visible ASCII characters without spaces"));
    }
    Ok(())
}

fn fetch_time() -> u64 {
    limits::REMOTE_CONFIG.as_secs()
}

fn is_address(url: &str, _: &()) -> garde::Result {
    let error = |words: &str| Err(garde::Error::new(words));
    let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
    let Some(rest) = rest.filter(|rest| !rest.is_empty() && !rest.starts_with('/')) else {
        return error("must be a whole address that begins with `https://` (or `http://` on this machine)");
    };
    if rest.split(['/', '?', '#']).next().is_some_and(|host| host.contains('@')) {
        return error("must not hold a user or password; give what this server is known by as `secret`");
    }
    if is_unencrypted(url) {
        return error(
            "must begin with `https://` unless it is on this machine: whoever is on the way would decide what this \
             server does",
        );
    }
    Ok(())
}

/// How the remote part of the configuration is found.
pub fn remote_config() -> RemoteConfig<Settings> {
    RemoteConfig { setting: "config.remote.url", file_only: "/config", policy: REMOTE_ALLOWLIST, locate }
}

fn locate(settings: &Settings) -> Option<(Remote, Switch)> {
    let remote = settings.config.remote.as_ref()?;
    let source = Remote {
        url: remote.url.as_str().to_owned(),
        secret: remote.secret.clone(),
        timeout: Duration::from_secs(remote.timeout_s),
        directory: Path::new(&settings.storage.dir).to_owned(),
    };
    Some((source, sign_in(remote.sign_in)))
}

/// The value under an older name of `setting`, with that name, if `setting` itself is not set.
pub fn from_older_name<'a>(loaded: &'a Loaded<Settings>, setting: &str) -> Option<(&'a str, &'a Value)> {
    if loaded.is_set(&format!("/{}", setting.replace('.', "/"))) {
        return None;
    }
    let older = loaded.document.config.older_names.iter().filter(|(_, new)| new.as_str() == setting);
    older.into_iter().find_map(|(older, _)| {
        let (section, key) = older.split_once('.')?;
        let value = loaded.sections.get(section)?.value.pointer(&format!("/{}", key.replace('.', "/")))?;
        Some((older.as_str(), value))
    })
}
