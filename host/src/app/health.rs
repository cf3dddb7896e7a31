//! What `/readyz` says. Rule: it is about newcomers: a server that cannot keep what it is given, that would answer
//! nobody, or that is stopping, wants none. One bad look at the storage changes nothing, so that the answer does not
//! flap.

use std::sync::Arc;

use crate::limits;
use modehost_config::{LastReload, Problem};
use modehost_gateway::Readiness;
use modehost_storage::SqliteStorage;
use parking_lot::Mutex;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::service;

/// What is not ready, in sentences, for the gateway and the service manager.
#[derive(Debug, Default)]
pub struct Health {
    parts: Mutex<Parts>,
    readiness: watch::Sender<Readiness>,
}

#[derive(Debug, Default)]
struct Parts {
    stopping: bool,
    storage: Option<String>,
    plugins: Option<String>,
    configuration: Option<String>,
    reload: Option<String>,
}

impl Health {
    /// What `/readyz` says, as it changes.
    pub fn subscribe(&self) -> watch::Receiver<Readiness> {
        self.readiness.subscribe()
    }

    /// From here on the server is not ready, whatever else happens.
    pub fn stopping(&self) {
        self.change(|parts| parts.stopping = true);
    }

    fn storage(&self, trouble: Option<String>) {
        self.change(|parts| parts.storage = trouble.map(|why| format!("storage: {why}")));
    }

    /// Takes in how the last reload ended.
    pub fn reloaded(&self, last: Option<&LastReload>) {
        let note = last.and_then(|last| {
            let refused = last.refused.as_ref()?;
            let at = OffsetDateTime::from(last.at).truncate_to_second().format(&Rfc3339).unwrap_or_default();
            let setting = refused.0.first().map(|first| first.setting.as_str()).filter(|setting| !setting.is_empty());
            let setting = setting.map(|setting| format!(" ({setting})")).unwrap_or_default();
            Some(format!(
                "configuration: refused at {at}{setting}; the one before holds, and the log says what is wrong"
            ))
        });
        self.change(|parts| parts.reload = note);
    }

    /// Takes in who would be answered, and what is wrong with the settings in force.
    pub fn look(&self, mute: Option<String>, problems: &[Problem]) {
        let configuration = problems.first().map(|first| match problems.len() {
            1 => format!("configuration: {}: {}", first.setting, first.message),
            many => format!("configuration: {}: {} (and {} more)", first.setting, first.message, many - 1),
        });
        let mut told = None;
        self.change(|parts| {
            let before = [parts.plugins.clone(), parts.configuration.clone()];
            (parts.plugins, parts.configuration) = (mute, configuration);
            told = Some((before, [parts.plugins.clone(), parts.configuration.clone()]));
        });
        // The storage's own watch tells of the storage.
        let Some((before, now)) = told else { return };
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
            false => [&parts.storage, &parts.plugins, &parts.configuration].into_iter().flatten().cloned().collect(),
        };
        let readiness = Readiness { not_ready, notes: parts.reload.iter().cloned().collect() };
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

/// Tries the storage now and then, as long as the server runs.
pub async fn watch_storage(health: Arc<Health>, storage: Arc<SqliteStorage>) {
    let mut tick = interval(limits::HEALTH_LOOK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut opinion = Opinion::default();
    loop {
        tick.tick().await;
        let trouble = match timeout(limits::STORAGE_REPLY, storage.probe()).await {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some(format!("no answer within {} s; is the disk overloaded?", limits::STORAGE_REPLY.as_secs())),
        };
        // Also what befell others since the last look: a small write may still have found room.
        let trouble = trouble.or(storage.take_trouble().map(|error| error.to_string()));
        if let Some(trouble) = opinion.after(trouble) {
            match &trouble {
                Some(why) => tracing::error!("not ready: {why}"),
                None => tracing::info!("ready again: the storage writes"),
            }
            health.storage(trouble);
        }
    }
}

/// What several looks in a row agree on.
#[derive(Debug, Default)]
struct Opinion {
    troubled: bool,
    against: u32,
}

impl Opinion {
    /// Takes one look in; some where the opinion has changed, with the trouble or none.
    fn after(&mut self, look: Option<String>) -> Option<Option<String>> {
        if look.is_some() == self.troubled {
            self.against = 0;
            return None;
        }
        self.against += 1;
        if self.against < limits::HEALTH_AGREE {
            return None;
        }
        self.against = 0;
        self.troubled = look.is_some();
        Some(look)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_look_changes_nothing_and_two_do() {
        let (good, bad) = (|| None, || Some("full".to_owned()));
        let mut opinion = Opinion::default();
        assert_eq!(opinion.after(good()), None);
        assert_eq!(opinion.after(bad()), None);
        assert_eq!(opinion.after(good()), None);
        assert_eq!(opinion.after(bad()), None);
        assert_eq!(opinion.after(bad()), Some(bad()));
        assert_eq!(opinion.after(bad()), None);
        assert_eq!(opinion.after(good()), None);
        assert_eq!(opinion.after(bad()), None);
        assert_eq!(opinion.after(good()), None);
        assert_eq!(opinion.after(good()), Some(good()));
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
