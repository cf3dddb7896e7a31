//! The section `config`: where the rest of the configuration is, and older names of settings. Rule:
//! what is said here is said by the file or the environment; a configuration from elsewhere cannot
//! move itself.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use crate::limits;
use garde::Validate;
use modehost_config::remote::{RemoteSecret, is_open};
use modehost_config::{Elsewhere, Loaded, Remote, Switch};
use modehost_ids::Address;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Settings;
use super::afar::{AFAR, sign_in};

/// Section `config`: where further settings come from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DocumentSettings {
    /// A configuration that another machine keeps, laid over the file: read at the start, on SIGHUP and
    /// when an operator says so (`update_config`). Default none. Hot.
    #[garde(dive)]
    pub remote: Option<RemoteSettings>,
    /// Older names of settings, as `section.key: section.key`: where a plugin's section still has the
    /// first one and nobody has set the second, the value of the first counts. Needs a restart.
    #[garde(skip)]
    pub older_names: BTreeMap<String, String>,
}

/// A configuration that another machine keeps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RemoteSettings {
    /// Address that answers GET with YAML or JSON, such as `https://console.example.org/modehost.yaml`;
    /// `https://` unless it is on this machine.
    /// The last good answer is kept in `storage.dir`, for a start at which the address is away.
    #[garde(custom(is_address))]
    pub url: Address,
    /// Secret, sent as `Authorization: Bearer`. Default none.
    #[serde(default)]
    #[garde(inner(custom(is_secret)))]
    pub secret: Option<RemoteSecret>,
    /// Time for one fetch in all, in s, 1 to 60. Default 5.
    #[serde(default = "fetch_time")]
    #[garde(range(min = 1, max = 60))]
    pub timeout_s: u64,
    /// Whether what comes from there may say who may connect (section `auth`). Default none: in versions
    /// before 0.3 it may, with a warning; from 0.3 on it may not.
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
    let fault = |words: &str| Err(garde::Error::new(words));
    let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
    let Some(rest) = rest.filter(|rest| !rest.is_empty() && !rest.starts_with('/')) else {
        return fault("must be a whole address that begins with `https://` (or `http://` on this machine)");
    };
    if rest.split(['/', '?', '#']).next().is_some_and(|host| host.contains('@')) {
        return fault("must not hold a user or password; give what this server is known by as `secret`");
    }
    if is_open(url) {
        return fault(
            "must begin with `https://` unless it is on this machine: whoever is on the way would decide what this \
             server does",
        );
    }
    Ok(())
}

/// How the remote part of a configuration is found.
pub fn elsewhere() -> Elsewhere<Settings> {
    Elsewhere { setting: "config.remote.url", own: "/config", afar: AFAR, locate }
}

fn locate(settings: &Settings) -> Option<(Remote, Switch)> {
    let remote = settings.config.remote.as_ref()?;
    let place = Remote {
        url: remote.url.as_str().to_owned(),
        secret: remote.secret.clone(),
        time: Duration::from_secs(remote.timeout_s),
        folder: Path::new(&settings.storage.dir).to_owned(),
    };
    Some((place, sign_in(remote.sign_in)))
}

/// What an older name of `setting` says, with that name, if nobody has set `setting` itself.
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
