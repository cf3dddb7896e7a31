//! The readiness behind `/readyz`. Rule: it is about new devices: a server that cannot store, that would answer nobody,
//! or that is stopping, is not ready. A single failed storage probe changes nothing, so that the state does not flap.

use std::sync::Arc;

use crate::limits;
use modehost_cluster::Cluster;
use modehost_config::{Diagnostic, LastReload};
use modehost_gateway::Readiness;
use modehost_storage::SqliteStorage;
use parking_lot::Mutex;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::service;

/// The reasons against readiness, as sentences, for the gateway and the service manager.
#[derive(Debug, Default)]
pub struct Health {
    parts: Mutex<Parts>,
    readiness: watch::Sender<Readiness>,
    stop: watch::Sender<bool>,
}

#[derive(Debug, Default)]
struct Parts {
    stopping: bool,
    evacuating: bool,
    storage: Option<String>,
    plugins: Option<String>,
    cluster_plugins: Option<String>,
    configuration: Option<String>,
    reload: Option<String>,
}

impl Health {
    /// The readiness, as it changes.
    pub fn subscribe(&self) -> watch::Receiver<Readiness> {
        self.readiness.subscribe()
    }

    /// True once the server stops.
    pub fn subscribe_stop(&self) -> watch::Receiver<bool> {
        self.stop.subscribe()
    }

    /// From here on the server is not ready, whatever else happens.
    pub fn stopping(&self) {
        self.stop.send_replace(true);
        self.change(|parts| parts.stopping = true);
    }

    /// Whether the sessions of this node are handed over to others.
    pub fn evacuating(&self, evacuating: bool) {
        self.change(|parts| parts.evacuating = evacuating);
    }

    /// Why this node has not the plugins of its cluster.
    pub fn cluster_plugins(&self, trouble: Option<String>) {
        self.change(|parts| parts.cluster_plugins = trouble.map(|why| format!("plugins: {why}")));
    }

    fn storage(&self, trouble: Option<String>) {
        self.change(|parts| parts.storage = trouble.map(|why| format!("storage: {why}")));
    }

    /// Records the outcome of the last reload.
    pub fn reloaded(&self, last: Option<&LastReload>) {
        let note = last.and_then(|last| {
            let refused = last.rejected.as_ref()?;
            let at = OffsetDateTime::from(last.at).truncate_to_second().format(&Rfc3339).unwrap_or_default();
            let setting = refused.0.first().map(|first| first.setting.as_str()).filter(|setting| !setting.is_empty());
            let setting = setting.map(|setting| format!(" ({setting})")).unwrap_or_default();
            Some(format!(
                "configuration: refused at {at}{setting}; the one before holds, and the log says what is wrong"
            ))
        });
        self.change(|parts| parts.reload = note);
    }

    /// Records why nobody would be answered, and the diagnostics of the settings in force.
    pub fn update(&self, unanswered: Option<String>, diagnostics: &[Diagnostic]) {
        let configuration = diagnostics.first().map(|first| match diagnostics.len() {
            1 => format!("configuration: {}: {}", first.setting, first.message),
            many => format!("configuration: {}: {} (and {} more)", first.setting, first.message, many - 1),
        });
        let mut transition = None;
        self.change(|parts| {
            let before = [parts.plugins.clone(), parts.configuration.clone()];
            (parts.plugins, parts.configuration) = (unanswered, configuration);
            transition = Some((before, [parts.plugins.clone(), parts.configuration.clone()]));
        });
        // Storage diagnostics are logged by `watch_storage`.
        let Some((before, now)) = transition else { return };
        for (_, new) in before.iter().zip(&now).filter(|(before, new)| before != new) {
            if let Some(new) = new {
                tracing::error!("not ready: {new}");
            }
        }
        if now == [None, None] && before != now {
            tracing::info!("ready again: devices are answered, and the settings fit");
        }
    }

    fn change(&self, change: impl FnOnce(&mut Parts)) {
        let mut parts = self.parts.lock();
        change(&mut parts);
        let not_ready = match parts.stopping {
            true => vec![STOPPING.to_owned()],
            false => {
                let evacuating = parts.evacuating.then(|| EVACUATING.to_owned());
                let others = [&parts.storage, &parts.plugins, &parts.cluster_plugins, &parts.configuration]
                    .into_iter()
                    .flatten()
                    .cloned();
                evacuating.into_iter().chain(others).collect()
            }
        };
        let readiness = Readiness { not_ready, warnings: parts.reload.iter().cloned().collect() };
        let stopping = parts.stopping;
        let changed = self.readiness.send_if_modified(|before| {
            let changed = *before != readiness;
            *before = readiness.clone();
            changed
        });
        metrics::gauge!("modehost_ready").set(if readiness.not_ready.is_empty() { 1.0 } else { 0.0 });
        if changed && !stopping {
            service::status(&readiness);
        }
    }
}

const STOPPING: &str = "server: it is stopping";
const EVACUATING: &str =
    "node: its sessions are handed over to the others (modehost node drain); devices connect elsewhere";

/// Probes the storage periodically, as long as the server runs.
/// Includes the log of the cluster, where there is one.
pub async fn watch_storage(health: Arc<Health>, storage: Arc<SqliteStorage>, cluster: Option<Arc<Cluster>>) {
    let mut tick = interval(limits::HEALTH_PROBE_INTERVAL);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut debounce = Debounce::default();
    loop {
        tick.tick().await;
        let trouble = match timeout(limits::STORAGE_TIMEOUT, storage.probe()).await {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => {
                Some(format!("no answer within {} s; is the disk overloaded?", limits::STORAGE_TIMEOUT.as_secs()))
            }
        };
        // A failed write since the last probe counts as well: the probe is small and may succeed on a full disk.
        let trouble = trouble.or(cluster.as_ref().and_then(|cluster| cluster.trouble()));
        let trouble = trouble.or(storage.take_write_failure().map(|error| error.to_string()));
        if let Some(trouble) = debounce.observe(trouble) {
            match &trouble {
                Some(why) => tracing::error!("not ready: {why}"),
                None => tracing::info!("ready again: the storage writes"),
            }
            health.storage(trouble);
        }
    }
}

/// Debounces the probes: the state changes after several equal ones in a row.
#[derive(Debug, Default)]
struct Debounce {
    failing: bool,
    streak: u32,
}

impl Debounce {
    /// Records one probe; returns the new state if it has changed.
    fn observe(&mut self, probe: Option<String>) -> Option<Option<String>> {
        if probe.is_some() == self.failing {
            self.streak = 0;
            return None;
        }
        self.streak += 1;
        if self.streak < limits::HEALTH_DEBOUNCE {
            return None;
        }
        self.streak = 0;
        self.failing = probe.is_some();
        Some(probe)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_look_changes_nothing_and_two_do() {
        let (good, bad) = (|| None, || Some("full".to_owned()));
        let mut debounce = Debounce::default();
        assert_eq!(debounce.observe(good()), None);
        assert_eq!(debounce.observe(bad()), None);
        assert_eq!(debounce.observe(good()), None);
        assert_eq!(debounce.observe(bad()), None);
        assert_eq!(debounce.observe(bad()), Some(bad()));
        assert_eq!(debounce.observe(bad()), None);
        assert_eq!(debounce.observe(good()), None);
        assert_eq!(debounce.observe(bad()), None);
        assert_eq!(debounce.observe(good()), None);
        assert_eq!(debounce.observe(good()), Some(good()));
    }

    #[test]
    fn nothing_makes_a_stopping_server_ready() {
        let health = Health::default();
        let seen = health.subscribe();
        assert!(seen.borrow().not_ready.is_empty());
        health.storage(Some("full".to_owned()));
        assert_eq!(seen.borrow().not_ready, ["storage: full"]);
        health.stopping();
        health.storage(None);
        assert_eq!(seen.borrow().not_ready, [STOPPING]);
    }
}
