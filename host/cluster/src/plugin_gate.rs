//! Whether this node has the plugins that the cluster has. Rule: a session moves only to a node with the same code: a
//! claim waits here, for a bounded time.

use tokio::sync::watch;
use tokio::time::timeout;

use crate::limits;

/// Counts changes of the cluster's plugins, and how many of them this node has followed.
pub(crate) struct PluginGate {
    changes: watch::Sender<u64>,
    followed: watch::Sender<u64>,
}

impl Default for PluginGate {
    /// Closed: what the cluster has at the start is not followed yet.
    fn default() -> Self {
        Self { changes: watch::Sender::new(1), followed: watch::Sender::new(0) }
    }
}

impl PluginGate {
    /// The cluster has other plugins now.
    pub(crate) fn note_change(&self) {
        self.changes.send_modify(|changes| *changes += 1);
    }

    /// The number of changes so far, as it grows.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// This node has followed so many changes.
    pub(crate) fn follow(&self, changes: u64) {
        self.followed.send_replace(changes);
    }

    /// Whether this node has what the cluster has.
    pub(crate) fn is_open(&self) -> bool {
        *self.followed.borrow() >= *self.changes.borrow()
    }

    /// Waits until this node has what the cluster has. False if that takes too long.
    pub(crate) async fn wait(&self) -> bool {
        let changes = *self.changes.borrow();
        let mut followed = self.followed.subscribe();
        let ready = timeout(limits::COMPONENTS_READY, followed.wait_for(|followed| *followed >= changes));
        ready.await.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_change_closes_the_gate_until_it_is_followed() {
        let gate = PluginGate::default();
        assert!(!gate.wait().await);
        gate.follow(1);
        assert!(gate.wait().await);
        gate.note_change();
        let (waited, ()) = tokio::join!(gate.wait(), async { gate.follow(2) });
        assert!(waited);
        gate.note_change();
        assert!(!gate.wait().await && !gate.is_open());
    }
}
