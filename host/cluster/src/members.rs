//! Which nodes are alive. Rule: a node that has not been heard of for `limits::DEAD` counts as dead; whether it is, does
//! not matter for what is stored, since the log decides that.

use std::collections::HashMap;

use futures_util::StreamExt;
use modehost_storage::traits::NodeId;
use tokio::sync::watch;
use tokio::time::{Instant, interval};

use crate::engine::{ClusterError, Engine, explain};
use crate::limits;

/// Subject of heartbeats; the payload is the id of the node.
const HEARTBEATS: &str = "nodes";

/// The living nodes, this one included, sorted.
pub(crate) type Living = watch::Receiver<Vec<NodeId>>;

/// Sends heartbeats and listens to those of others, until it is dropped.
pub(crate) async fn run(engine: Engine, own: NodeId, living: watch::Sender<Vec<NodeId>>) {
    let subject = engine.subject(HEARTBEATS);
    let mut heard: HashMap<NodeId, Instant> = HashMap::new();
    let mut tick = interval(limits::HEARTBEAT);
    let mut namesake = false;
    loop {
        let subscribed = engine.client.subscribe(subject.clone()).await;
        let Ok(mut beats) = subscribed else {
            tick.tick().await;
            continue;
        };
        loop {
            tokio::select! {
                _ = tick.tick() => {
                    // Fails while there is no connection; then nobody would hear it.
                    let _ = engine.client.publish(subject.clone(), own.as_str().to_owned().into()).await;
                }
                beat = beats.next() => {
                    let Some(beat) = beat else { break };
                    let Some(node) = std::str::from_utf8(&beat.payload).ok().filter(|text| is_node(text)) else { continue };
                    let node = NodeId::new(node);
                    if node == own {
                        continue;
                    }
                    if node.name() == own.name() && !std::mem::replace(&mut namesake, true) {
                        tracing::error!("another process runs under the node name {} too; stop one of them", own.name());
                    }
                    // One that is new hears of this one at once, and not at its next beat.
                    if heard.insert(node, Instant::now()).is_none() {
                        let _ = engine.client.publish(subject.clone(), own.as_str().to_owned().into()).await;
                    }
                }
            }
            update(&mut heard, &own, &living);
        }
    }
}

/// Forgets the dead, and tells of changes.
fn update(heard: &mut HashMap<NodeId, Instant>, own: &NodeId, living: &watch::Sender<Vec<NodeId>>) {
    let now = Instant::now();
    heard.retain(|_, at| now - *at < limits::DEAD);
    let mut nodes: Vec<NodeId> = heard.keys().cloned().chain([own.clone()]).collect();
    nodes.sort_unstable();
    living.send_if_modified(|known| {
        if *known == nodes {
            return false;
        }
        for node in nodes.iter().filter(|node| !known.contains(node) && *node != own) {
            tracing::info!(%node, "a node has joined");
        }
        for node in known.iter().filter(|node| !nodes.contains(node)) {
            tracing::warn!(%node, "a node is not heard of any more; its sessions are taken over");
        }
        metrics::gauge!("modehost_cluster_nodes").set(nodes.len() as f64);
        *known = nodes;
        true
    });
}

/// What another node may call itself: it becomes part of subjects.
fn is_node(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'@');
    (1..=80).contains(&text.len()) && text.bytes().all(is_plain)
}

/// Refuses a name under which another process answers.
pub(crate) async fn check_name(engine: &Engine, name: &str) -> Result<(), ClusterError> {
    use async_nats::RequestErrorKind::{NoResponders, TimedOut};
    let asking = engine.client.request(engine.subject(&format!("name.{name}")), "".into());
    match tokio::time::timeout(limits::ANSWER, asking).await {
        // One that hangs still holds its subscription.
        Ok(Ok(_)) | Err(_) => Err(ClusterError::NameTaken(name.to_owned())),
        Ok(Err(error)) if error.kind() == NoResponders => Ok(()),
        Ok(Err(error)) if error.kind() == TimedOut => Err(ClusterError::NameTaken(name.to_owned())),
        Ok(Err(error)) => Err(ClusterError::Engine(explain(&error))),
    }
}

/// Answers whoever wants to use the name of this node.
pub(crate) async fn hold_name(engine: Engine, name: String) {
    while let Ok(mut asked) = engine.client.subscribe(engine.subject(&format!("name.{name}"))).await {
        while let Some(message) = asked.next().await {
            if let Some(reply) = message.reply {
                let _ = engine.client.publish(reply, "".into()).await;
            }
        }
    }
}
