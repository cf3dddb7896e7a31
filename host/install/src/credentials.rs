//! Logins for registries, as other tools keep them: `auths` of docker's `config.json`. Rule: read only; credential helpers
//! are programs and are not run; a login is sent to the registry that it is for, and to the realm that this names.

use std::collections::HashMap;
use std::env;
use std::path::PathBuf;

use serde::Deserialize;

use crate::limits;

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    auths: HashMap<String, Entry>,
}

#[derive(Deserialize)]
struct Entry {
    /// Base64 of `name:password`.
    #[serde(default)]
    auth: String,
}

/// The value of a Basic `Authorization` header for a registry, if there is a login for it.
pub(crate) fn basic(registry: &str) -> Option<String> {
    let text = modehost_follow::read_text(&path()?, limits::CREDENTIALS_BYTES).ok()?;
    find(&text, registry)
}

fn path() -> Option<PathBuf> {
    let variable = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    variable("REGISTRY_AUTH_FILE")
        .or_else(|| Some(variable("DOCKER_CONFIG")?.join("config.json")))
        .or_else(|| Some(variable("HOME")?.join(".docker/config.json")))
}

fn find(text: &str, registry: &str) -> Option<String> {
    let file: File = serde_json::from_str(text).ok()?;
    let host = |key: &str| {
        let rest = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://")).unwrap_or(key);
        rest.split('/').next().unwrap_or_default().to_owned()
    };
    let (_, entry) = file.auths.iter().find(|(key, _)| host(key) == registry)?;
    (!entry.auth.is_empty()).then(|| format!("Basic {}", entry.auth))
}

#[cfg(test)]
mod tests {
    use super::find;

    #[test]
    fn a_login_is_for_one_registry() {
        let text = r#"{ "auths": { "https://r.example/v1/": { "auth": "bWU6aHVzaA==" }, "s.example": {} } }"#;
        assert_eq!(find(text, "r.example").as_deref(), Some("Basic bWU6aHVzaA=="));
        for other in ["s.example", "example", "evil.r.example", ""] {
            assert_eq!(find(text, other), None, "{other}");
        }
        assert_eq!(find("no JSON", "r.example"), None);
    }
}
