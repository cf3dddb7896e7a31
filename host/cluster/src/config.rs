//! The configuration section `cluster`. Rule: without `nats` the server is alone, and nothing of this crate runs.

mod secret;

use std::path::PathBuf;

use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::secret::Secret;

/// Section `cluster`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Name of the cluster, 1 to 32 of the characters `A-Z a-z 0-9 _ -`: nodes of one name serve the same devices from
    /// the same data. Default `modehost`; needs a restart.
    #[garde(custom(is_name))]
    pub name: String,
    /// Name of this node, of the same characters, different on each node. Default none: needed where `nats` is set;
    /// needs a restart.
    #[garde(inner(custom(is_name)))]
    pub node: Option<String>,
    /// The NATS servers with JetStream, 2.12 or newer, that hold the log of the cluster. Default none: this server is
    /// alone; needs a restart.
    #[garde(dive, custom(node_has_name(&self.node)))]
    pub nats: Option<NatsConfig>,
}

impl Default for Config {
    fn default() -> Self {
        Self { name: "modehost".to_owned(), node: None, nats: None }
    }
}

/// How NATS is reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
pub struct NatsConfig {
    /// Their addresses, 1 to 16, as `nats://10.0.0.1:4222` or `tls://…`; any of them will do. Needs a restart.
    #[garde(length(min = 1, max = 16), inner(custom(is_address)))]
    pub servers: Vec<String>,
    /// Copies of the log, 1 to 5: with 3 it survives the loss of one server. Used when the log is created. Default 3;
    /// needs a restart.
    #[serde(default = "three")]
    #[garde(range(min = 1, max = 5))]
    pub replicas: u8,
    /// The NATS servers have `sync_interval: always`, so that they acknowledge what is on disk. A node cannot see that, and
    /// warns at its start unless this is set. Default false; needs a restart.
    #[serde(default)]
    #[garde(skip)]
    pub synced: bool,
    /// User, together with `password`. Default none; needs a restart.
    #[serde(default)]
    #[garde(skip)]
    pub user: Option<String>,
    /// Password of `user`. Default none; needs a restart.
    #[serde(default)]
    #[garde(skip)]
    pub password: Option<Secret>,
    /// Token, instead of user and password. Default none; needs a restart.
    #[serde(default)]
    #[garde(skip)]
    pub token: Option<Secret>,
    /// File of credentials (`.creds`), instead of user and password. Default none; needs a restart.
    #[serde(default)]
    #[garde(skip)]
    pub credentials: Option<PathBuf>,
    /// TLS. Default none; needs a restart.
    #[serde(default)]
    #[garde(skip)]
    pub tls: Option<TlsConfig>,
}

/// TLS to NATS; without `ca` nothing but the addresses decides whether it is used.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TlsConfig {
    /// Certificates that the servers' certificates must be signed by, in PEM. Needs a restart.
    pub ca: Option<PathBuf>,
    /// This node's own certificate in PEM, together with `key`, where the servers ask for one. Needs a restart.
    pub cert: Option<PathBuf>,
    /// The key of `cert` in PEM. Needs a restart.
    pub key: Option<PathBuf>,
}

fn three() -> u8 {
    3
}

fn is_name(name: &str, _context: &()) -> garde::Result {
    let is_plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    match is_plain && (1..=32).contains(&name.len()) {
        true => Ok(()),
        false => Err(garde::Error::new("must be 1 to 32 of the characters A-Z a-z 0-9 _ -")),
    }
}

fn node_has_name(node: &Option<String>) -> impl FnOnce(&Option<NatsConfig>, &()) -> garde::Result + '_ {
    move |nats, ()| match nats.is_some() && node.is_none() {
        true => Err(garde::Error::new("each node needs a name of its own: set cluster.node")),
        false => Ok(()),
    }
}

fn is_address(address: &str, _context: &()) -> garde::Result {
    let parsed = address.parse::<async_nats::ServerAddr>();
    match parsed {
        Ok(server) if server.username().is_some() || server.password().is_some() => {
            Err(garde::Error::new("must not hold credentials: use user and password beside it"))
        }
        Ok(_) => Ok(()),
        Err(_) => Err(garde::Error::new("must be an address such as nats://10.0.0.1:4222")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errors(text: serde_json::Value) -> String {
        let config: Config = serde_json::from_value(text).expect("a section");
        config.validate().map_or_else(|report| report.to_string(), |()| String::new())
    }

    #[test]
    fn a_node_needs_a_name_and_addresses() {
        use serde_json::json;
        assert_eq!(errors(json!({})), "");
        assert_eq!(errors(json!({ "node": "a", "nats": { "servers": ["nats://127.0.0.1:4222"] } })), "");
        assert!(errors(json!({ "nats": { "servers": ["nats://127.0.0.1"] } })).contains("set cluster.node"));
        assert!(errors(json!({ "node": "a b", "nats": { "servers": ["x"] } })).contains("must be 1 to 32"));
        assert!(errors(json!({ "node": "a", "nats": { "servers": [] } })).contains("servers"));
        let secret = json!({ "node": "a", "nats": { "servers": ["nats://user:hush@127.0.0.1"] } });
        let refused = errors(secret);
        assert!(refused.contains("must not hold credentials") && !refused.contains("hush"), "{refused}");
        assert!(
            errors(json!({ "node": "a", "nats": { "servers": ["nats://a"], "replicas": 9 } })).contains("replicas")
        );
    }
}
