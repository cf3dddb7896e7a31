//! The whole configuration document, and the section of each crate.
//!
//! Rule: every crate defines its own section and sees no other; sections that are not listed here belong to plugins.

mod advice;
mod device_directory;
mod document;
mod log;
mod operators;
pub mod providers;
mod remote_allowlist;
pub mod schema;
mod session;
pub mod shown;
mod speech;
mod timeouts;
mod workers;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use garde::Validate;
use modehost_config::environment::{self, Override};
use modehost_config::{Diagnostics, Loaded, Source};
use modehost_gateway::{AuthConfig, GatewayConfig, GatewaySettings, ServerConfig};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use self::advice::advice;
pub use self::device_directory::DeviceName;
pub use self::document::{DocumentSettings, RemoteSettings, remote_config};
pub use self::log::{LogFormat, LogSettings};
pub use self::operators::OperatorSettings;
pub use self::schema::{reference, schema};
pub use self::session::{SessionSettings, session_config};
pub use self::speech::speech_parts;
pub use self::timeouts::TimeoutSettings;
pub use self::workers::{WorkerSettings, blocking_threads};

/// Read if no file is named on the command line and this one exists.
pub const DEFAULT_FILE: &str = "config/modehost.yaml";

/// Prefix of environment variables that override settings; two underscores follow.
pub const VARIABLE_PREFIX: &str = "MODEHOST";

/// The built-in settings: the same file that is distributed, so that the two cannot differ.
pub const BUILT_IN: (&str, &str) = ("built-in settings", include_str!("../../config/modehost.yaml"));

/// JSON pointers of settings that only a restart changes.
pub const COLD: &[&str] = &[
    "/server/ip",
    "/server/http_ip",
    "/server/port",
    "/server/http_port",
    "/server/operator_address",
    "/server/tls",
    "/cluster",
    "/storage/dir",
    "/storage/orphan_days",
    "/plugins/dir",
    "/plugins/limits",
    "/plugins/strict_start",
    "/plugins/start_wait_s",
    "/plugins/cache_mib",
    "/workers",
    "/config/older_names",
    "/log/format",
    "/log/dir",
    "/log/max_message_length",
];

/// The configuration of modehost. Sections beside these belong to plugins and are validated against the schema that the
/// plugin declares.
#[derive(Clone, Debug, Default, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Addresses, ports and TLS of the server.
    #[garde(dive)]
    pub server: ServerConfig,
    /// Connection handling.
    #[garde(dive)]
    pub gateway: GatewayConfig,
    /// Which devices may connect.
    #[garde(dive)]
    pub auth: AuthConfig,
    /// Sessions: the state of a device that outlives its connections.
    #[garde(dive)]
    pub session: SessionSettings,
    /// When an inactive connection is closed.
    #[garde(dive)]
    pub timeouts: TimeoutSettings,
    /// The plugins: where they are, what they are granted, what resources they may use.
    #[garde(dive)]
    pub plugins: modehost_plugin::Config,
    /// Language models, by the purposes that modes ask for.
    #[garde(dive)]
    pub llm: modehost_llm::Config,
    /// Speech recognition.
    #[garde(dive)]
    pub asr: modehost_speech::config::AsrConfig,
    /// Speech synthesis.
    #[garde(dive)]
    pub tts: modehost_speech::config::TtsConfig,
    /// Voice activity detection: where an utterance begins and ends.
    #[garde(dive)]
    pub vad: modehost_speech::config::VadConfig,
    /// Webhooks, by the name under which they are granted to plugins. Default none. Hot: the next request uses the new
    /// settings.
    #[garde(dive)]
    pub hooks: modehost_hooks::Config,
    /// Storage on disk.
    #[garde(dive)]
    pub storage: modehost_storage::Config,
    /// Several servers that serve the same devices from the same data.
    #[garde(dive)]
    pub cluster: modehost_cluster::Config,
    /// Devices of each group, by device id. A device may be in several groups; one in no group belongs to the group
    /// `default`. Default none. Hot: a session applies it when its device connects.
    #[garde(dive)]
    pub groups: BTreeMap<String, Vec<DeviceName>>,
    /// Names of devices, by device id. Default none. Hot, as `groups`.
    #[garde(custom(device_directory::keys_are_devices))]
    pub device_alias: BTreeMap<String, String>,
    /// The console, and what operators may see.
    #[garde(dive)]
    pub operators: OperatorSettings,
    /// Thread pools.
    #[garde(skip)]
    pub workers: WorkerSettings,
    /// Log level, format and files.
    #[garde(dive)]
    pub log: LogSettings,
    /// Sources of further settings.
    #[garde(dive)]
    pub config: DocumentSettings,
}

/// Where the settings come from.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    /// The file named on the command line; none: [`DEFAULT_FILE`] if it exists.
    pub file: Option<PathBuf>,
    /// The data directory named on the command line.
    pub data: Option<PathBuf>,
    /// Settings implied by the command; the environment overrides them.
    pub preset: Vec<Override>,
}

impl Origin {
    /// The configuration layers, with the environment of this process.
    pub fn source(&self) -> Source {
        let default = Path::new(DEFAULT_FILE);
        let file = self.file.clone().or_else(|| default.is_file().then(|| default.to_owned()));
        let mut overrides = self.preset.clone();
        // Variables that are not valid UTF-8 cannot be ours.
        let variables =
            std::env::vars_os().filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?)));
        overrides.extend(environment::collect(VARIABLE_PREFIX, variables));
        overrides
            .extend(self.data.iter().map(|data| preset("--data", &["storage", "dir"], data.display().to_string())));
        Source { embedded: BUILT_IN, file, overrides }
    }
}

/// The override that a command line option stands for.
pub fn preset(option: &str, steps: &[&str], value: impl Into<Value>) -> Override {
    let value = value.into();
    let spelling = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let steps = steps.iter().map(|step| (*step).to_owned()).collect();
    Override { variable: option.to_owned(), steps, value, spelling }
}

/// Whether the built-in settings know a plugin of this id: one that comes with the server.
pub fn is_bundled(id: &str) -> bool {
    let built_in = Source { embedded: BUILT_IN, file: None, overrides: Vec::new() };
    load(&built_in).is_ok_and(|loaded| loaded.document.plugins.grants.contains_key(id))
}

/// Loads the settings.
///
/// # Errors
/// Everything that is wrong with them; sections of plugins are not validated.
pub fn load(source: &Source) -> Result<Loaded<Settings>, Diagnostics> {
    source.load()
}

/// The gateway's settings at the start.
pub fn gateway_settings(settings: &Settings) -> Arc<GatewaySettings> {
    Arc::new(GatewaySettings::new(&settings.server, &settings.gateway, &settings.auth))
}

/// The gateway's settings after a reload; learnt state such as sign-in throttling is kept.
pub fn renewed_gateway_settings(before: &GatewaySettings, settings: &Settings) -> Arc<GatewaySettings> {
    Arc::new(before.updated(&settings.server, &settings.gateway, &settings.auth))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A document with a secret everywhere one may be.
    pub(super) const EVERY_SECRET: &str = r#"
server: { secret: hush, admin_token: hush, public_url: "wss://a.example/hush" }
auth:
  methods: [tokens]
  tokens: [{ token: hush }]
  device_token: { key: hush }
  jwt: { secret: hush, jwks_url: "https://a.example/hush" }
  introspection: { url: "https://a.example/?key=hush", client_secret: hush }
session: { vision: { url: "https://a.example/hush", token: hush } }
llm: { aliases: { a: { base_url: "https://a.example/hush", api_key: hush } } }
asr:
  doubao: { url: "wss://a.example/hush", app_key: hush, access_key: hush }
  funasr: { url: "ws://a.example/hush" }
  openai: { base_url: "https://a.example/hush", api_key: hush, model: m }
tts: { openai: { base_url: "https://a.example/hush", api_key: hush, model: m } }
cluster: { node: a, nats: { servers: ["nats://a.example"], user: u, password: hush, token: hush } }
hooks: { a: { url: "https://a.example/hush?key=hush", secret: hush } }
config: { remote: { url: "https://a.example/?key=hush", secret: hush } }
operators: { viewer_token: hush }
"#;

    #[test]
    fn what_says_that_it_needs_a_restart_is_kept_until_then() {
        let page = reference(&[]);
        let rows = page.lines().filter(|line| line.starts_with("| `"));
        let mut seen = 0;
        for row in rows.filter(|row| row.to_lowercase().contains("needs a restart")) {
            seen += 1;
            let setting = row.split('`').nth(1).unwrap_or_default().replace('.', "/");
            let is_cold = COLD.iter().any(|cold| format!("/{setting}/").starts_with(&format!("{cold}/")));
            assert!(is_cold, "{setting} says that it needs a restart, and is taken over at once");
        }
        assert!(seen > 10, "the table has another shape: {seen} rows");
    }

    #[test]
    fn c14_settings_show_neither_secrets_nor_what_is_in_addresses() {
        let text = EVERY_SECRET;
        let source = Source { embedded: BUILT_IN, file: None, overrides: Vec::new() };
        let loaded = source.load_text::<Settings>("c.yaml", text).expect("a document");
        let shown = format!("{:?}", loaded.document);
        assert!(shown.contains("a.example") && !shown.contains("hush"), "{shown}");
    }
}
