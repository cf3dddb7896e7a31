//! The sessions of this node, as the other nodes of its cluster ask for them. Rule: it holds no session: a server that
//! stops is not kept by it.

use std::pin::Pin;
use std::sync::{Arc, Weak};

use modehost_cluster::SessionHost;
use modehost_ids::DeviceId;
use modehost_session::Registry;

/// See [`SessionHost`].
pub struct NodeSessions(Weak<Registry>);

impl NodeSessions {
    pub fn new(registry: &Arc<Registry>) -> Self {
        Self(Arc::downgrade(registry))
    }
}

impl SessionHost for NodeSessions {
    fn let_go(&self, device: DeviceId) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let registry = self.0.upgrade();
        Box::pin(async move {
            if let Some(registry) = registry {
                registry.let_go(&device).await;
            }
        })
    }

    fn on_moved(&self, device: &DeviceId) {
        if let Some(registry) = self.0.upgrade() {
            registry.end_moved(device);
        }
    }

    fn resume(&self, device: DeviceId) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let registry = self.0.upgrade();
        Box::pin(async move {
            if let Some(registry) = registry {
                registry.take_up(&device).await;
            }
        })
    }
}
