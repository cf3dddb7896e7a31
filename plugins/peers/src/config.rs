//! The section `peers` of the configuration. Rule: device ids and categories are normalised here, so that they can be
//! compared directly.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

use crate::rules::{Rule, Selector};

/// The group of devices that are in no configured group.
pub const DEFAULT_GROUP: &str = "default";
/// Advice on how to share the groups with this plugin.
const SHARE: &str = "share the server's groups with `plugins: { share: { peers: [groups, device_alias] } }`";
/// The category of a message without one.
pub const GENERAL: &str = "general";

/// The section.
#[derive(Debug, Deserialize)]
#[serde(default)]
pub struct Config {
    /// The access rules; the first matching one decides.
    pub acl: Vec<Rule>,
    /// The known categories; empty: any.
    #[serde(deserialize_with = "words")]
    pub categories: Vec<String>,
    /// Minimum time between two messages of a device to everyone, in seconds.
    pub broadcast_interval_s: u64,
    /// Maximum size of a payload in bytes.
    pub max_payload_bytes: usize,
    pub offline: Offline,
    pub relay: Relaying,
    /// Devices of each group; none if the groups are not shared with this plugin, which differs from having no groups.
    #[serde(deserialize_with = "members")]
    pub(crate) groups: Option<BTreeMap<String, Vec<String>>>,
    /// Aliases by device id.
    #[serde(deserialize_with = "names")]
    pub device_alias: BTreeMap<String, String>,
}

/// Messages for devices that are not connected.
#[derive(Debug, Deserialize)]
#[serde(default)]
pub struct Offline {
    /// Time that a message is queued if it does not specify one, in ms.
    pub ttl_ms: u64,
}

/// Messages that a model rewrites.
#[derive(Debug, Deserialize)]
#[serde(default)]
pub struct Relaying {
    /// Timeout of the model in seconds.
    pub timeout_s: u64,
    /// Maximum tokens of its answer.
    pub max_tokens: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            acl: Vec::new(),
            categories: Vec::new(),
            broadcast_interval_s: 5,
            max_payload_bytes: 32 * 1024,
            offline: Offline::default(),
            relay: Relaying::default(),
            groups: None,
            device_alias: BTreeMap::new(),
        }
    }
}

impl Default for Offline {
    fn default() -> Self {
        Self { ttl_ms: 24 * 60 * 60 * 1000 }
    }
}

impl Default for Relaying {
    fn default() -> Self {
        Self { timeout_s: 20, max_tokens: 512 }
    }
}

impl Config {
    /// Devices of each group, as far as they are known here.
    pub fn groups(&self) -> &BTreeMap<String, Vec<String>> {
        static NONE: BTreeMap<String, Vec<String>> = BTreeMap::new();
        self.groups.as_ref().unwrap_or(&NONE)
    }

    /// Checks what the schema cannot express. A rule for receivers of an unknown group never matches, so one that
    /// forbids would forbid nothing. Without the groups, every receiver would count as a member of the group `default`,
    /// whatever the server knows.
    ///
    /// # Errors
    /// A sentence that names the rule and the group.
    pub fn check(&self) -> Result<(), String> {
        for (index, rule) in self.acl.iter().enumerate() {
            for selector in rule.receivers() {
                let (what, is_known) = match selector {
                    Selector::SameGroup => ("`same-group`".to_owned(), self.groups.is_some()),
                    Selector::Group(name) if name == DEFAULT_GROUP => {
                        (format!("the group {name}"), self.groups.is_some())
                    }
                    Selector::Group(name) => (format!("the group {name}"), self.groups().contains_key(name)),
                    Selector::Any | Selector::Everyone | Selector::Device(_) => continue,
                };
                if is_known {
                    continue;
                }
                return Err(match &self.groups {
                    Some(_) => format!(
                        "acl/{index}/to names {what}, which `groups` does not list; {SHARE}, or correct the name"
                    ),
                    None => format!(
                        "acl/{index}/to names {what}, but which device is in which group is not known here; {SHARE}, \
                         or say `peers: {{ groups: {{}} }}` where the server has no groups"
                    ),
                });
            }
        }
        Ok(())
    }

    /// The device that a word of a message names: an id, or an alias of exactly one device.
    ///
    /// # Errors
    /// A sentence, if several devices have the alias.
    pub fn device_called(&self, word: &str) -> Result<String, String> {
        let id = device_id(word);
        let is_id = self.device_alias.contains_key(&id) || self.groups().values().any(|devices| devices.contains(&id));
        if is_id {
            return Ok(id);
        }
        let called = word.trim().to_lowercase();
        let mut found = self.device_alias.iter().filter(|(_, name)| name.trim().to_lowercase() == called);
        match (found.next(), found.next()) {
            (Some((device, _)), None) => Ok(device.clone()),
            (Some(_), Some(_)) => Err("several devices have this name; write to a device id".to_owned()),
            (None, _) => Ok(id),
        }
    }
}

/// A device id, normalised as in the server's handshake.
pub fn device_id(word: &str) -> String {
    word.trim_matches(|letter: char| letter.is_whitespace() || matches!(letter, '"' | '\'')).to_lowercase()
}

/// A normalised category.
pub fn category(word: &str) -> String {
    word.trim().to_lowercase()
}

fn words<'de, D: Deserializer<'de>>(reader: D) -> Result<Vec<String>, D::Error> {
    Ok(Vec::<String>::deserialize(reader)?.iter().map(|word| category(word)).collect())
}

fn members<'de, D: Deserializer<'de>>(reader: D) -> Result<Option<BTreeMap<String, Vec<String>>>, D::Error> {
    let mut groups = BTreeMap::<String, Vec<String>>::deserialize(reader)?;
    for device in groups.values_mut().flatten() {
        *device = device_id(device);
    }
    Ok(Some(groups))
}

fn names<'de, D: Deserializer<'de>>(reader: D) -> Result<BTreeMap<String, String>, D::Error> {
    let names = BTreeMap::<String, String>::deserialize(reader)?;
    Ok(names.into_iter().map(|(device, name)| (device_id(&device), name)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Config {
        serde_json::from_str(json).expect("a section")
    }

    #[test]
    fn names_and_ids_lead_to_devices() {
        let config = read(
            r#"{"device_alias":{"AA:01":"Desk","aa:02":"Door","aa:03":"door","lamp":"aa:01","x":"Lamp"},
                "groups":{"g":["DEV-7"]}}"#,
        );
        assert_eq!(config.device_called(" 'AA:01' ").as_deref(), Ok("aa:01"));
        assert_eq!(config.device_called("desk").as_deref(), Ok("aa:01"));
        assert_eq!(config.device_called("Dev-7").as_deref(), Ok("dev-7"));
        assert_eq!(config.device_called("Unknown-1").as_deref(), Ok("unknown-1"));
        assert_eq!(config.device_called("lamp").as_deref(), Ok("lamp"), "an id goes before a name");
        assert!(config.device_called("door").is_err());
    }

    #[test]
    fn rules_for_unknown_groups_are_refused() {
        let rule = |to: &str| format!(r#"{{"acl":[{{"to":"{to}","allow":false}}],"groups":{{"a":["x"]}}}}"#);
        assert_eq!(read(&rule("group:a")).check(), Ok(()));
        assert_eq!(read(&rule("group:default")).check(), Ok(()));
        let complaint = read(&rule("group:b")).check().expect_err("refused");
        assert!(complaint.starts_with("acl/0/to names the group b, which `groups` does not list"), "{complaint}");
    }

    #[test]
    fn p1_rules_for_groups_of_receivers_are_refused_where_nobody_knows_the_groups() {
        let rule = |to: &str, groups: &str| {
            read(&format!(r#"{{"acl":[{{"allow":true}},{{"to":["x","{to}"],"allow":false}}]{groups}}}"#)).check()
        };
        for to in ["same-group", "group:default", "group:b"] {
            let complaint = rule(to, "").expect_err(to);
            assert!(complaint.starts_with("acl/1/to names ") && complaint.contains("is not known here"), "{complaint}");
            assert!(complaint.contains("peers: [groups, device_alias]"), "{complaint}");
        }
        // Empty groups are known: every device is in the group `default` then.
        for to in ["same-group", "group:default"] {
            assert_eq!(rule(to, r#","groups":{}"#), Ok(()), "{to}");
        }
        assert!(rule("group:b", r#","groups":{}"#).is_err());
        for to in ["*", "everyone", "y"] {
            assert_eq!(rule(to, ""), Ok(()), "{to}");
        }
        // The groups of the sender come with its session, shared or not.
        assert_eq!(read(r#"{"acl":[{"from":["group:b","group:default"],"allow":false}]}"#).check(), Ok(()));
        assert_eq!(read("{}").check(), Ok(()));
    }
}
