//! The startup banner on the terminal. Rule: addresses are usable from this machine, and it says what serves, what does
//! not, and one hint how to go on.

use std::time::Duration;

use modehost_contract::Catalog;
use modehost_gateway::BoundListeners;
use modehost_plugin::PluginCatalog;
use modehost_plugin::catalog::status::{PluginState, PluginStatus};

use crate::settings::Settings;
use crate::terminal::print_line;

/// Contents of the banner that are not read from the listeners or the catalog.
pub struct Announcement<'a> {
    pub settings: &'a Settings,
    /// Why no device would be answered, in one sentence; none if some are.
    pub unanswered: Option<String>,
    /// Duration of the start.
    pub took: Duration,
    /// One line with a hint for newcomers.
    pub hint: &'a str,
}

/// Prints the banner.
pub fn announce(announcement: &Announcement<'_>, bound: &BoundListeners, catalog: &PluginCatalog) {
    let Announcement { settings, unanswered, took, hint } = announcement;
    let path = settings.server.paths.first().map_or("/", String::as_str);
    let (devices, http) = (reachable(bound.device_address()), reachable(bound.http_address()));
    let table = catalog.table();
    let manifests = table.plugins.values().map(|entry| entry.active.manifest());
    let mut plugins: Vec<String> = manifests.map(|manifest| format!("{} {}", manifest.id, manifest.version)).collect();
    plugins.sort();
    let plugins = if plugins.is_empty() { "none".to_owned() } else { plugins.join(", ") };
    let (version, took) = (env!("CARGO_PKG_VERSION"), took.as_secs_f32());
    match unanswered {
        None => print_line(format_args!("modehost {version} is ready after {took:.1} s")),
        Some(why) => print_line(format_args!("modehost {version} serves after {took:.1} s, and is not ready: {why}")),
    }
    let (ws, scheme) = if settings.server.tls.is_some() { ("wss", "https") } else { ("ws", "http") };
    print_line(format_args!("  devices    {ws}://{devices}{path}"));
    match bound.operator_address().map(reachable) {
        None => print_line(format_args!("  HTTP       {scheme}://{http}/  (healthz, readyz, metrics, api/v1)")),
        Some(operators) => {
            print_line(format_args!("  HTTP       {scheme}://{http}/  (healthz, readyz)"));
            print_line(format_args!("  operators  {scheme}://{operators}/  (healthz, readyz, metrics, api/v1)"));
        }
    }
    if settings.operators.console {
        let address = bound.operator_address().map_or_else(|| http.clone(), reachable);
        print_line(format_args!("  console    {scheme}://{address}/  (open it in a browser)"));
    }
    print_line(format_args!("  OTA        {scheme}://{http}/xiaozhi/ota/"));
    print_line(format_args!("  plugins    {plugins}"));
    let listed = catalog.list().into_iter().filter(|row| row.state != PluginState::Compiling);
    for absent in listed.chain(catalog.compiling()).filter_map(|row| not_in_force(&row)) {
        print_line(format_args!("             {absent}"));
    }
    print_line(format_args!(
        "  folders    {} (plugins), {} (data)",
        settings.plugins.dir.display(),
        settings.storage.dir.display()
    ));
    print_line(format_args!("  {hint}"));
}

/// One line for a plugin that is not in force; none for one that is.
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

/// The address as usable from this machine.
fn reachable(address: std::net::SocketAddr) -> String {
    if address.ip().is_unspecified() { format!("localhost:{}", address.port()) } else { address.to_string() }
}
