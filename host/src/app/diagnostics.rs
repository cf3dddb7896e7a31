//! All diagnostics of a configuration, given the loaded plugins. Rule: a start, a reload, a check and `/readyz` give the
//! same answer.

use std::collections::BTreeSet;

use modehost_config::{Diagnostic, Loaded};
use modehost_contract::Catalog;
use modehost_plugin::PluginCatalog;
use modehost_plugin::catalog::status::Misconfigured;

use super::default_mode;
use super::sections::Owners;
use crate::settings::Settings;

/// All diagnostics of a document, given the loaded plugins.
pub fn of(loaded: &Loaded<Settings>, catalog: &PluginCatalog) -> Vec<Diagnostic> {
    let mut diagnostics = owners(loaded, catalog).check(loaded);
    diagnostics.extend(default_mode::problem(loaded, catalog));
    diagnostics
}

/// The same at a start, where plugins have received their sections already: a plugin that rejects its section itself
/// does so when it receives it, which a schema check cannot see.
pub fn at_start(loaded: &Loaded<Settings>, catalog: &PluginCatalog) -> Vec<Diagnostic> {
    let mut diagnostics = of(loaded, catalog);
    let reported: BTreeSet<&str> = diagnostics.iter().filter_map(|problem| problem.setting.split('.').next()).collect();
    let is_unreported = |id: &str| loaded.sections.contains_key(id) && !reported.contains(id);
    let unreported: Vec<_> = catalog.misconfigured().into_iter().filter(|plugin| is_unreported(&plugin.id)).collect();
    diagnostics.extend(
        unreported
            .into_iter()
            .map(|Misconfigured { id, why, .. }| loaded.diagnostic_for_key(&modehost_config::path::join("", &id), why)),
    );
    diagnostics
}

/// All plugins that may have a section now.
fn owners(loaded: &Loaded<Settings>, catalog: &PluginCatalog) -> Owners {
    Owners::loaded(&catalog.table()).with_named(&loaded.document).with_refused(catalog)
}
