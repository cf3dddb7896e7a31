//! Whether devices would be answered at all. Rule: a mode that the configuration names and no plugin provides is a
//! configuration problem; bad files in the plugin directory are not, since they are fixed there.

use std::sync::Arc;

use crate::limits;
use modehost_config::{Live, Loaded};
use modehost_contract::Catalog;
use modehost_plugin::PluginCatalog;
use tokio::time::{MissedTickBehavior, interval};

use super::default_mode::DEFAULT_MODE;
use super::diagnostics;
use super::health::Health;
use crate::settings::{Settings, advice};

/// Why no device would be answered, in one sentence; none if some are, or if that is intended.
pub fn why_unanswered(loaded: &Loaded<Settings>, catalog: &PluginCatalog) -> Option<String> {
    let mode = loaded.document.session.default_mode.as_deref()?;
    let table = catalog.table();
    if table.modes.contains_key(mode) || !catalog.compiling().is_empty() {
        return None;
    }
    match catalog.rejected_files() {
        0 if table.plugins.is_empty() => Some(
            "plugins: there is none, so nobody is answered; put .wasm files into the folder that plugins.dir names, or \
             say `session.default_mode: null` where that is meant"
                .to_owned(),
        ),
        refused if table.plugins.is_empty() => Some(format!(
            "plugins: none is loaded, so no device is answered; rejected files: {refused}; `modehost plugin list` \
             says why"
        )),
        _ => loaded.is_set(DEFAULT_MODE).then(|| {
            "plugins: no plugin has the mode that session.default_mode names, so nothing that is said is answered; \
             `modehost plugin list` shows what there is"
                .to_owned()
        }),
    }
}

/// Keeps `/readyz` up to date with plugins and settings, as long as the server runs.
pub async fn watch(health: Arc<Health>, catalog: Arc<PluginCatalog>, live: Arc<Live<Settings>>) {
    let (mut changes, mut settings, mut reloads) = (catalog.changes(), live.subscribe(), live.reloads());
    // Rejected files do not notify any channel, so they are polled as well.
    let mut advised = advice(&live.current());
    let mut tick = interval(limits::HEALTH_PROBE_INTERVAL);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut found = None;
    loop {
        tokio::select! {
            // The sections are checked against their schemas again only if either may have changed.
            _ = tick.tick() => {}
            changed = changes.changed() => match changed {
                Ok(()) => found = None,
                Err(_) => return,
            },
            changed = settings.changed() => match changed {
                Ok(()) => found = None,
                Err(_) => return,
            },
            changed = reloads.changed() => match changed {
                Ok(()) => found = None,
                Err(_) => return,
            },
        }
        let last = reloads.borrow_and_update().clone();
        let loaded = live.current();
        let now = advice(&loaded);
        for new in now.iter().filter(|new| !advised.contains(new)) {
            tracing::warn!("{}: {}", new.setting, new.message);
        }
        advised = now;
        // Problems that a lenient start let pass clear with the first valid document.
        let diagnostics = found.get_or_insert_with(|| diagnostics::of(&loaded, &catalog));
        health.reloaded(last.as_ref());
        health.update(why_unanswered(&loaded, &catalog), diagnostics);
    }
}
