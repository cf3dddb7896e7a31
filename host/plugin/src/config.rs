//! The settings of the plugin runtime. Rule: values are validated; each doc comment says whether the setting reloads
//! hot.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::limits;
use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::compiler::CompilerProcess;
use crate::grants::Grant;
use crate::package::Package;
use crate::runtime::RuntimeConfig;

/// A server setting that can be shared with plugins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SharedSetting {
    /// Names of devices.
    DeviceAlias,
    /// Devices of each group.
    Groups,
}

/// Section `plugins`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Folder of the plugins, one `.wasm` file each. Created if missing; watched, so that a file that is added,
    /// replaced or removed takes effect at once. Default `data/plugins`; needs a restart.
    #[garde(custom(not_empty))]
    pub dir: PathBuf,
    /// Grants of each plugin by its id, out of those it asks for: `model`, `documents:<prefix>`, `journals:<prefix>`,
    /// `archive:<kind>`, `hook:<name>`, `broadcast`, `deliver`, `dispatch:<type>`, `switch-mode`; `documents:*` for
    /// all. A plugin that requires more is refused. Default: what the bundled plugins ask for; reloads hot.
    #[garde(custom(are_grants))]
    pub grants: BTreeMap<String, Vec<String>>,
    /// Whether plugins are granted what they require without being listed under `grants`, and what is optional, too,
    /// where they are not listed at all. For development: on a server, `grants` says what each may. Default false, and
    /// true for `modehost dev`; reloads hot.
    #[garde(skip)]
    pub grant_requested: bool,
    /// Server settings that are merged into a plugin's own section, by the plugin's id: device_alias, groups. Keys of
    /// the section itself take precedence. Default: what the bundled plugins use; reloads hot.
    #[garde(skip)]
    pub share: BTreeMap<String, Vec<SharedSetting>>,
    /// Limits of an instance and of compiling a plugin.
    #[garde(dive)]
    pub limits: Limits,
    /// How long a start waits for plugins that have to be compiled, in seconds, 0 to 3600; after that the server starts
    /// with those that are ready, and the others follow. Default 60; needs a restart.
    #[garde(range(max = 3600))]
    pub start_wait_s: u64,
    /// Whether a start is as strict as a reload: with a section that does not fit its plugin, or a default mode that no
    /// plugin has, the server exits with 64. Otherwise it starts, is not ready, and says why. Default true, and false
    /// for `modehost dev`; needs a restart.
    #[garde(skip)]
    pub strict_start: bool,
    /// Size limit of the cache of compiled plugins in the data folder, in MiB; the least recently used are evicted.
    /// Default 2048; needs a restart.
    #[garde(range(min = 16, max = 1_048_576))]
    pub cache_mib: u64,
    /// Share of the devices that get a new version first, in percent; the others follow after `rollback.window_s` if it
    /// does well. 0 and 100: all at once. Default 0; reloads hot.
    #[garde(range(max = 100))]
    pub canary_percent: u8,
    /// When a new version is rolled back.
    #[garde(dive)]
    pub rollback: Rollback,
    /// The only content that is accepted for a plugin: its id and the SHA-256 of the file in hex. Pin and file may be
    /// changed in any order: the active version stays until both fit. Default none; reloads hot.
    #[garde(custom(are_checksums))]
    pub pins: BTreeMap<String, String>,
    /// Public keys of minisign. If there are any, `modehost plugin install` takes only files that one of them has
    /// signed; files that are put into the folder by other means are not affected, see `pins`. Default none.
    #[garde(custom(are_keys))]
    pub signing_keys: Vec<String>,
}

/// Limits of an instance and of compiling a plugin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Memory of one instance, in MiB. Default 16; needs a restart.
    #[garde(range(min = 1, max = 1024))]
    pub memory_mib: u32,
    /// Time budget of one call, in ms; counted in steps of 10 ms. Default 100; needs a restart.
    #[garde(range(min = 10, max = 10_000))]
    pub call_ms: u64,
    /// Maximum number of effects of one event. Default 64; needs a restart.
    #[garde(range(min = 1, max = 10_000))]
    pub effects: usize,
    /// Maximum number of live instances over all sessions; beyond it the sessions that were idle longest hibernate.
    /// Capped by `vm.max_map_count` at start. Default 14000; needs a restart.
    #[garde(range(min = 1, max = 1_000_000))]
    pub live_instances: usize,
    /// Timeout for compiling one plugin, in seconds. Default 120; needs a restart.
    #[garde(range(min = 1, max = 3600))]
    pub compile_s: u64,
    /// Memory for compiling one plugin, in MiB of address space. Default 2048; needs a restart.
    #[garde(range(min = 256, max = 65_536))]
    pub compile_mib: u64,
}

/// When a new version is rolled back. At once if it rejects state that the previous version restores, or if half of the
/// sessions that it served, or the only one, went back to the previous version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields, default)]
pub struct Rollback {
    /// Sessions that went back from a new version on trial after which it is rolled back, however many it has served.
    /// Default 3; reloads hot.
    #[garde(range(min = 1))]
    pub faults: u32,
    /// How long a new version is on trial, in seconds; longer if nothing has called it yet, or while sessions that went
    /// back from it have to try it again. Default 30; reloads hot.
    #[garde(range(min = 1, max = 86_400))]
    pub window_s: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            dir: PathBuf::from("data/plugins"),
            grants: BTreeMap::new(),
            grant_requested: false,
            share: BTreeMap::new(),
            limits: Limits::default(),
            start_wait_s: limits::START_COMPILE_TIMEOUT.as_secs(),
            strict_start: true,
            cache_mib: limits::PLUGIN_CACHE_BYTES >> 20,
            canary_percent: 0,
            rollback: Rollback::default(),
            pins: BTreeMap::new(),
            signing_keys: Vec::new(),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_mib: u32::try_from(limits::GUEST_MEMORY_BYTES >> 20).unwrap_or(16),
            call_ms: u64::try_from(limits::CALL_BUDGET.as_millis()).unwrap_or(100),
            effects: limits::EFFECTS,
            live_instances: limits::LIVE_INSTANCES,
            compile_s: limits::COMPILE_TIMEOUT.as_secs(),
            compile_mib: limits::COMPILER_MEMORY_BYTES >> 20,
        }
    }
}

impl Default for Rollback {
    fn default() -> Self {
        Self { faults: limits::ROLLBACK_FAULTS, window_s: limits::ROLLBACK_WINDOW.as_secs() }
    }
}

impl Config {
    /// The configuration of a runtime. `cache`: directory of compiled plugins, if they are cached; `compiler`: program
    /// and arguments of the compiler process, if it is not this process that compiles.
    pub fn runtime(&self, cache: Option<PathBuf>, compiler: Option<(PathBuf, Vec<String>)>) -> RuntimeConfig {
        let compiler = compiler.map(|(program, arguments)| CompilerProcess {
            program,
            arguments,
            timeout: Duration::from_secs(self.limits.compile_s),
            memory_bytes: self.limits.compile_mib << 20,
        });
        RuntimeConfig {
            memory_bytes: (self.limits.memory_mib as usize) << 20,
            call_timeout: Duration::from_millis(self.limits.call_ms),
            max_effects: self.limits.effects,
            live_instances: self.limits.live_instances,
            cache,
            cache_bytes: self.cache_mib << 20,
            compiler,
        }
    }

    /// The grants of a plugin: the configured ones, and with `grant_requested` what it requests.
    pub fn granted(&self, package: &Package) -> Vec<String> {
        let listed = self.grants.get(&package.id);
        let mut granted = listed.cloned().unwrap_or_default();
        if self.grant_requested {
            let optional = if listed.is_none() { package.optional_grants.as_slice() } else { &[] };
            granted.extend(package.grants.iter().chain(optional).map(ToString::to_string));
        }
        granted
    }

    /// The grants that a plugin requires and does not have.
    pub fn missing_grants(&self, package: &Package) -> Vec<Grant> {
        let granted = self.granted(package);
        let granted: Vec<Grant> = granted.iter().filter_map(|text| Grant::parse(text).ok()).collect();
        let is_missing = |grant: &&Grant| !granted.iter().any(|have| have.covers(grant));
        package.grants.iter().filter(is_missing).cloned().collect()
    }
}

fn not_empty(dir: &std::path::Path, _context: &()) -> garde::Result {
    if dir.as_os_str().is_empty() {
        return Err(garde::Error::new("must name a folder, such as data/plugins"));
    }
    Ok(())
}

fn are_grants(grants: &BTreeMap<String, Vec<String>>, _context: &()) -> garde::Result {
    for (plugin, texts) in grants {
        for (number, text) in texts.iter().enumerate() {
            let masked = |why: String| why.replace(&format!("`{text}`"), &format!("number {}", number + 1));
            Grant::parse(text).map_err(|why| garde::Error::new(format!("for {plugin}: {}", masked(why))))?;
        }
    }
    Ok(())
}

fn are_keys(keys: &[String], _context: &()) -> garde::Result {
    // The algorithm (2 bytes, `Ed`), the key's id (8) and the key (32) in base64; see minisign, "Public key format".
    let is_key = |key: &str| {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
        key.len() == 56 && key.starts_with("RW") && key.bytes().all(fits)
    };
    match keys.iter().position(|key| !is_key(key)) {
        Some(index) => Err(garde::Error::new(format!(
            "number {} is no minisign public key: 56 characters that begin with RW, as in minisign.pub",
            index + 1
        ))),
        None => Ok(()),
    }
}

fn are_checksums(pins: &BTreeMap<String, String>, _context: &()) -> garde::Result {
    let is_checksum =
        |pin: &str| pin.len() == 64 && pin.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    match pins.iter().find(|(_, pin)| !is_checksum(pin)) {
        None => Ok(()),
        Some((plugin, _)) => Err(garde::Error::new(format!(
            "for {plugin}: it is not a SHA-256 in lower-case hex, as `modehost plugin inspect` prints it"
        ))),
    }
}
