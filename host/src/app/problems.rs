//! What is wrong with a configuration, given the plugins that are there. Rule: the same answer for a start, a reload, a
//! check and `/readyz`.

use std::collections::BTreeSet;

use modehost_config::{Loaded, Problem};
use modehost_contract::Catalog;
use modehost_plugin::PluginCatalog;
use modehost_plugin::catalog::status::Misconfigured;

use super::default_mode;
use super::sections::Owners;
use crate::settings::Settings;

/// What is wrong with a document, given the plugins that are there.
pub fn of(loaded: &Loaded<Settings>, catalog: &PluginCatalog) -> Vec<Problem> {
    let mut problems = owners(loaded, catalog).check(loaded);
    problems.extend(default_mode::problem(loaded, catalog));
    problems
}

/// The same at a start, where plugins have had their sections already: one that refuses its section by itself says
/// so once it is given it, and not to a look at its schema.
pub fn at_start(loaded: &Loaded<Settings>, catalog: &PluginCatalog) -> Vec<Problem> {
    let mut problems = of(loaded, catalog);
    let told: BTreeSet<&str> = problems.iter().filter_map(|problem| problem.setting.split('.').next()).collect();
    let is_untold = |id: &str| loaded.sections.contains_key(id) && !told.contains(id);
    let untold: Vec<_> = catalog.misconfigured().into_iter().filter(|plugin| is_untold(&plugin.id)).collect();
    problems.extend(
        untold
            .into_iter()
            .map(|Misconfigured { id, why, .. }| loaded.problem_with_key(&modehost_config::path::join("", &id), why)),
    );
    problems
}

/// Whoever may have a section at this moment.
fn owners(loaded: &Loaded<Settings>, catalog: &PluginCatalog) -> Owners {
    Owners::loaded(&catalog.table()).with_named(&loaded.document).with_refused(catalog)
}
