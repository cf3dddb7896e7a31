//! All problems of a configuration, given the loaded plugins. Rule: a start, a reload, a check and `/readyz` give the
//! same answer.

use std::collections::BTreeSet;

use modehost_config::{Diagnostic, Loaded};
use modehost_contract::Catalog;
use modehost_plugin::PluginCatalog;
use modehost_plugin::catalog::status::Misconfigured;

use super::default_mode;
use super::sections::Owners;
use crate::settings::Settings;

/// All problems of a document, given the loaded plugins.
pub fn of(loaded: &Loaded<Settings>, catalog: &PluginCatalog) -> Vec<Diagnostic> {
    let mut problems = owners(loaded, catalog).check(loaded);
    problems.extend(default_mode::problem(loaded, catalog));
    problems
}

/// The same at a start, where plugins have received their sections already: a plugin that rejects its section itself
/// does so when it receives it, which a schema check cannot see.
pub fn at_start(loaded: &Loaded<Settings>, catalog: &PluginCatalog) -> Vec<Diagnostic> {
    let mut problems = of(loaded, catalog);
    let reported: BTreeSet<&str> = problems.iter().filter_map(|problem| problem.setting.split('.').next()).collect();
    let is_unreported = |id: &str| loaded.sections.contains_key(id) && !reported.contains(id);
    let unreported: Vec<_> = catalog.misconfigured().into_iter().filter(|plugin| is_unreported(&plugin.id)).collect();
    problems.extend(
        unreported
            .into_iter()
            .map(|Misconfigured { id, why, .. }| loaded.diagnostic_for_key(&modehost_config::path::join("", &id), why)),
    );
    problems
}

/// All plugins that may have a section now.
fn owners(loaded: &Loaded<Settings>, catalog: &PluginCatalog) -> Owners {
    Owners::loaded(&catalog.table()).with_named(&loaded.document).with_refused(catalog)
}
