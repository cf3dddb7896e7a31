//! The first lines that whoever started the server reads. Rule: addresses as a person on this machine can call them,
//! what serves and what does not, and one hint on how to go on.

use std::time::Duration;

use modehost_contract::Catalog;
use modehost_gateway::Bound;
use modehost_plugin::PluginCatalog;
use modehost_plugin::catalog::status::{PluginState, PluginStatus};

use crate::settings::Settings;
use crate::terminal::say;

/// What is said of a server that serves from now on.
pub struct Announcement<'a> {
    pub settings: &'a Settings,
    /// Why no device is answered, in one sentence; none if some are.
    pub mute: Option<String>,
    /// How long the start has taken.
    pub took: Duration,
    /// One line that helps a newcomer on.
    pub hint: &'a str,
}

/// Says it.
pub fn announce(announcement: &Announcement<'_>, bound: &Bound, catalog: &PluginCatalog) {
    let Announcement { settings, mute, took, hint } = announcement;
    let path = settings.server.paths.first().map_or("/", String::as_str);
    let (devices, http) = (reachable(bound.device_address()), reachable(bound.http_address()));
    let table = catalog.table();
    let manifests = table.plugins.values().map(|entry| entry.active.manifest());
    let mut plugins: Vec<String> = manifests.map(|manifest| format!("{} {}", manifest.id, manifest.version)).collect();
    plugins.sort();
    let plugins = if plugins.is_empty() { "none".to_owned() } else { plugins.join(", ") };
    let (version, took) = (env!("CARGO_PKG_VERSION"), took.as_secs_f32());
    match mute {
        None => say(format_args!("modehost {version} is ready after {took:.1} s")),
        Some(why) => say(format_args!("modehost {version} serves after {took:.1} s, and is not ready: {why}")),
    }
    let (ws, scheme) = if settings.server.tls.is_some() { ("wss", "https") } else { ("ws", "http") };
    say(format_args!("  devices    {ws}://{devices}{path}"));
    match bound.operator_address().map(reachable) {
        None => say(format_args!("  HTTP       {scheme}://{http}/  (healthz, readyz, metrics, api/v1)")),
        Some(operators) => {
            say(format_args!("  HTTP       {scheme}://{http}/  (healthz, readyz)"));
            say(format_args!("  operators  {scheme}://{operators}/  (healthz, readyz, metrics, api/v1)"));
        }
    }
    say(format_args!("  OTA        {scheme}://{http}/xiaozhi/ota/"));
    say(format_args!("  plugins    {plugins}"));
    let listed = catalog.list().into_iter().filter(|row| row.state != PluginState::Compiling);
    for absent in listed.chain(catalog.compiling()).filter_map(|row| not_in_force(&row)) {
        say(format_args!("             {absent}"));
    }
    say(format_args!(
        "  folders    {} (plugins), {} (data)",
        settings.plugins.dir.display(),
        settings.storage.dir.display()
    ));
    say(format_args!("  {hint}"));
}

/// A row that serves nobody, in a line.
fn not_in_force(row: &PluginStatus) -> Option<String> {
    let name = if row.id.is_empty() { &row.file } else { &row.id };
    let why = match row.state {
        PluginState::Refused => "is not in force: refused",
        PluginState::Compiling => "is not in force yet: it is being compiled",
        PluginState::RolledBack => "is rolled back; the version before it serves",
        PluginState::Active | PluginState::Trial | PluginState::Candidate | PluginState::Fallback => return None,
    };
    let reason = row.reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
    Some(format!("{name} {} {why}{reason}", row.version))
}

/// An address that a person on this machine can call.
fn reachable(address: std::net::SocketAddr) -> String {
    if address.ip().is_unspecified() { format!("localhost:{}", address.port()) } else { address.to_string() }
}
