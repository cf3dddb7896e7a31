//! Whether the mode that devices begin with is there. Rule: nothing is said of it as long as a plugin may still bring
//! it.

use modehost_config::problem::suggest;
use modehost_config::{Loaded, Problem};
use modehost_contract::{Catalog, Table};
use modehost_plugin::PluginCatalog;

use crate::settings::Settings;

/// The setting.
pub const DEFAULT_MODE: &str = "/session/default_mode";

/// A default mode that no plugin has. Nothing is said of the one that is built in, nor as long as a plugin may still
/// bring it: where a file is refused, or is being compiled.
pub fn problem(loaded: &Loaded<Settings>, catalog: &PluginCatalog) -> Option<Problem> {
    let table = catalog.table();
    let open = table.plugins.is_empty() || catalog.refused_files() > 0 || !catalog.compiling().is_empty();
    if open { None } else { unknown(loaded, &modes(&table)) }
}

/// The same for plugins that have these modes.
pub fn unknown(loaded: &Loaded<Settings>, modes: &[String]) -> Option<Problem> {
    let mode = loaded.document.session.default_mode.as_deref().filter(|_| loaded.is_set(DEFAULT_MODE))?;
    if modes.iter().any(|known| known == mode) {
        return None;
    }
    let modes: Vec<&str> = modes.iter().map(String::as_str).collect();
    let message = format!("no plugin has this mode{}", suggest(mode, &modes, "modes"));
    Some(loaded.problem_with_value(DEFAULT_MODE, message))
}

/// All words that name a mode, sorted.
fn modes(table: &Table) -> Vec<String> {
    let mut modes: Vec<String> = table.modes.keys().cloned().collect();
    modes.sort();
    modes
}
