//! What `/readyz` says. Rule: it is about newcomers: a server that cannot keep what it is given, or
//! that is stopping, wants none. One bad look changes nothing, so that the answer does not flap.
//!
//! Plugins are no part of it: the port answers only once they have been looked at, and a plugin
//! that is refused stops nobody.

use std::sync::Arc;

use modehost_limits as limits;
use modehost_storage::SqliteStorage;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, timeout};

/// What is not ready, in sentences, for the gateway.
#[derive(Debug, Default)]
pub struct Health {
    not_ready: watch::Sender<Vec<String>>,
}

impl Health {
    /// One sentence for each part that is not ready.
    pub fn subscribe(&self) -> watch::Receiver<Vec<String>> {
        self.not_ready.subscribe()
    }

    /// From here on the server is not ready, whatever else happens.
    pub fn stopping(&self) {
        self.not_ready.send_replace(vec![STOPPING.to_owned()]);
    }

    fn storage(&self, trouble: Option<String>) {
        self.not_ready.send_if_modified(|parts| {
            let now: Vec<String> = trouble.map(|why| format!("storage: {why}")).into_iter().collect();
            let changed = parts.first().is_none_or(|first| first != STOPPING) && *parts != now;
            if changed {
                *parts = now;
            }
            changed
        });
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
        assert!(seen.borrow().is_empty());
        health.storage(Some("full".to_owned()));
        assert_eq!(*seen.borrow(), ["storage: full"]);
        health.stopping();
        health.storage(None);
        assert_eq!(*seen.borrow(), [STOPPING]);
    }
}
