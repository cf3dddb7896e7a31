//! Whether the configured default mode exists. Rule: no problem is reported as long as a plugin may still provide it.

use modehost_config::diagnostic::suggest;
use modehost_config::{Diagnostic, Loaded};
use modehost_contract::{Catalog, CatalogTable};
use modehost_plugin::PluginCatalog;

use crate::settings::Settings;

/// JSON pointer of the setting.
pub const DEFAULT_MODE: &str = "/session/default_mode";

/// The problem of a default mode that no plugin provides. None for the built-in setting, and none as long as a plugin
/// may still provide it: when a file is rejected or still compiling.
pub fn problem(loaded: &Loaded<Settings>, catalog: &PluginCatalog) -> Option<Diagnostic> {
    let table = catalog.table();
    let open = table.plugins.is_empty() || catalog.rejected_files() > 0 || !catalog.compiling().is_empty();
    if open { None } else { unknown(loaded, &modes(&table)) }
}

/// The same check against a list of known modes.
pub fn unknown(loaded: &Loaded<Settings>, modes: &[String]) -> Option<Diagnostic> {
    let mode = loaded.document.session.default_mode.as_deref().filter(|_| loaded.is_set(DEFAULT_MODE))?;
    if modes.iter().any(|known| known == mode) {
        return None;
    }
    let modes: Vec<&str> = modes.iter().map(String::as_str).collect();
    let message = format!("no plugin has this mode{}", suggest(mode, &modes, "modes"));
    Some(loaded.diagnostic_for_value(DEFAULT_MODE, message))
}

/// All names and aliases of modes, sorted.
fn modes(table: &CatalogTable) -> Vec<String> {
    let mut modes: Vec<String> = table.modes.keys().cloned().collect();
    modes.sort();
    modes
}
