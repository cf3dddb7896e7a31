//! The whole configuration document, and each room's part of it.
//!
//! Rule: every room defines its own section and sees nothing else; sections that are not listed
//! here belong to plugins.

mod advice;
mod afar;
mod described;
mod device_directory;
mod document;
mod log;
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
use modehost_config::{Loaded, Problems, Source};
use modehost_gateway::{AuthConfig, GatewayConfig, GatewaySettings, ServerConfig};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use self::advice::advice;
pub use self::described::{reference, schema};
pub use self::device_directory::DeviceName;
pub use self::document::{DocumentSettings, RemoteSettings, elsewhere};
pub use self::log::{LogFormat, LogSettings};
pub use self::session::{SessionSettings, session_config};
pub use self::speech::speech_parts;
pub use self::timeouts::TimeoutSettings;
pub use self::workers::{WorkerSettings, blocking_threads};

/// The file that is read if none is named and it is there.
pub const DEFAULT_FILE: &str = "config/modehost.yaml";

/// Variables that override settings start with this and two underscores.
pub const VARIABLE_PREFIX: &str = "MODEHOST";

/// The built-in settings: the file that is handed out, so that the two cannot differ.
pub const BUILT_IN: (&str, &str) = ("built-in settings", include_str!("../../config/modehost.yaml"));

/// JSON pointers of settings that only a restart changes.
pub const COLD: &[&str] = &[
    "/server/ip",
    "/server/http_ip",
    "/server/port",
    "/server/http_port",
    "/server/operator_address",
    "/server/tls",
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

/// The configuration of modehost. Sections beside these belong to plugins and are checked against
/// the schema that the plugin declares.
#[derive(Clone, Debug, Default, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Where the server is reached.
    #[garde(dive)]
    pub server: ServerConfig,
    /// How connections are treated.
    #[garde(dive)]
    pub gateway: GatewayConfig,
    /// Who may connect.
    #[garde(dive)]
    pub auth: AuthConfig,
    /// What belongs to a device and outlives its connections.
    #[garde(dive)]
    pub session: SessionSettings,
    /// When a connection is closed that nothing is heard of.
    #[garde(dive)]
    pub timeouts: TimeoutSettings,
    /// The plugins: where they are, what they may do, what they may use.
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
    /// Voice activity: where an utterance begins and ends.
    #[garde(dive)]
    pub vad: modehost_speech::config::VadConfig,
    /// Webhooks, by the name under which plugins have them granted. Default none. Hot: the next post
    /// uses the new settings.
    #[garde(dive)]
    pub hooks: modehost_hooks::Config,
    /// What is kept on disk.
    #[garde(dive)]
    pub storage: modehost_storage::Config,
    /// Devices of each group, by device id. A device may be in several; one that is in none is in
    /// the group `default`. Default none. Hot: a session takes it over when its device connects.
    #[garde(dive)]
    pub groups: BTreeMap<String, Vec<DeviceName>>,
    /// Names of devices, by device id. Default none. Hot, as `groups`.
    #[garde(custom(device_directory::keys_are_devices))]
    pub device_alias: BTreeMap<String, String>,
    /// Threads for work that blocks.
    #[garde(skip)]
    pub workers: WorkerSettings,
    /// What is logged, and how.
    #[garde(dive)]
    pub log: LogSettings,
    /// Where further settings come from.
    #[garde(dive)]
    pub config: DocumentSettings,
}

/// Where the settings come from.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    /// The file named on the command line; none: [`DEFAULT_FILE`] if it is there.
    pub file: Option<PathBuf>,
    /// The data folder named on the command line.
    pub data: Option<PathBuf>,
    /// Settings of the way the server was started, which the environment overrides.
    pub preset: Vec<Override>,
}

impl Origin {
    /// The layers, with the environment of this process.
    pub fn source(&self) -> Source {
        let default = Path::new(DEFAULT_FILE);
        let file = self.file.clone().or_else(|| default.is_file().then(|| default.to_owned()));
        let mut overrides = self.preset.clone();
        // Names that are no valid text cannot be ours.
        let variables =
            std::env::vars_os().filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?)));
        overrides.extend(environment::collect(VARIABLE_PREFIX, variables));
        overrides.extend(self.data.iter().map(|data| preset("--data", &["storage", "dir"], data)));
        Source { embedded: BUILT_IN, file, overrides }
    }
}

/// A setting that an option of the command line stands for.
pub fn preset(option: &str, steps: &[&str], path: &Path) -> Override {
    let spelling = path.display().to_string();
    let steps = steps.iter().map(|step| (*step).to_owned()).collect();
    Override { variable: option.to_owned(), steps, value: Value::String(spelling.clone()), spelling }
}

/// Loads the settings.
///
/// # Errors
/// Everything that is wrong with them; sections of plugins are not looked at.
pub fn load(source: &Source) -> Result<Loaded<Settings>, Problems> {
    source.load()
}

/// The gateway's part at the start.
pub fn gateway_settings(settings: &Settings) -> Arc<GatewaySettings> {
    Arc::new(GatewaySettings::new(&settings.server, &settings.gateway, &settings.auth))
}

/// The gateway's part of a change; what it has learnt so far stays.
pub fn renewed_gateway_settings(before: &GatewaySettings, settings: &Settings) -> Arc<GatewaySettings> {
    Arc::new(before.renewed(&settings.server, &settings.gateway, &settings.auth))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A document with something secret wherever there may be.
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
hooks: { a: { url: "https://a.example/hush?key=hush", secret: hush } }
config: { remote: { url: "https://a.example/?key=hush", secret: hush } }
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
