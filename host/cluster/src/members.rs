//! Which nodes are alive. Rule: a node that has not been heard of for `limits::DEAD` counts as dead; whether it is, does
//! not matter for what is stored, since the log decides that.

use std::collections::HashMap;
use std::time::SystemTime;

use futures_util::StreamExt;
use modehost_storage::traits::NodeId;
use tokio::sync::watch;
use tokio::time::{Instant, interval};

use crate::engine::{ClusterError, Engine, explain};
use crate::limits;

/// Subject of heartbeats; the payload is the id of the node, and [`DRAINING`] where that is so.
const HEARTBEATS: &str = "nodes";

/// Follows the id of a node that hands its sessions over.
const DRAINING: &str = " draining";

/// The nodes of a cluster, as one of them has heard of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Members {
    /// The living ones, this one included, sorted.
    pub living: Vec<NodeId>,
    /// Those of them that take no sessions, since they hand theirs over.
    pub draining: Vec<NodeId>,
    /// Those that are not heard of any more, and since when; without those that began again under their name.
    pub gone: Vec<(NodeId, SystemTime)>,
}

impl Members {
    /// Of a cluster of one.
    pub(crate) fn alone(own: &NodeId) -> Self {
        Self { living: vec![own.clone()], ..Self::default() }
    }

    /// Whether a node lives.
    pub fn lives(&self, node: &NodeId) -> bool {
        self.living.contains(node)
    }

    /// The living nodes that take sessions.
    pub fn taking(&self) -> Vec<NodeId> {
        self.living.iter().filter(|node| !self.draining.contains(node)).cloned().collect()
    }
}

/// [`Members`] as they change.
pub(crate) type Living = watch::Receiver<Members>;

/// What this node knows of the others, and tells them.
pub(crate) struct Membership {
    pub(crate) living: Living,
    /// Whether this node hands its sessions over.
    pub(crate) draining: watch::Sender<bool>,
}

impl Membership {
    /// That of a node which has heard of nobody; the second part keeps it.
    pub(crate) fn begin(engine: Engine, own: NodeId) -> (Self, impl Future<Output = ()> + Send + use<>) {
        let (members, living) = watch::channel(Members::alone(&own));
        let (draining, drains) = watch::channel(false);
        (Self { living, draining }, run(engine, own, members, drains))
    }
}

/// What was heard of a node last.
struct Heard {
    at: Instant,
    draining: bool,
}

/// Sends heartbeats and listens to those of others, until it is dropped.
async fn run(engine: Engine, own: NodeId, members: watch::Sender<Members>, mut draining: watch::Receiver<bool>) {
    let subject = engine.subject(HEARTBEATS);
    let mut heard: HashMap<NodeId, Heard> = HashMap::new();
    let mut tick = interval(limits::HEARTBEAT);
    let mut namesake = false;
    loop {
        let subscribed = engine.client.subscribe(subject.clone()).await;
        let Ok(mut beats) = subscribed else {
            tick.tick().await;
            continue;
        };
        loop {
            let is_draining = *draining.borrow_and_update();
            let own_beat = || if is_draining { format!("{own}{DRAINING}") } else { own.to_string() };
            tokio::select! {
                _ = tick.tick() => {
                    // Fails while there is no connection; then nobody would hear it.
                    let _ = engine.client.publish(subject.clone(), own_beat().into()).await;
                }
                Ok(()) = draining.changed() => tick.reset_immediately(),
                beat = beats.next() => {
                    let Some(beat) = beat else { break };
                    let Ok(text) = std::str::from_utf8(&beat.payload) else { continue };
                    let id = text.strip_suffix(DRAINING);
                    let (node, draining) = (id.unwrap_or(text), id.is_some());
                    if !is_node(node) {
                        continue;
                    }
                    let node = NodeId::new(node);
                    if node == own {
                        continue;
                    }
                    if node.name() == own.name() && !std::mem::replace(&mut namesake, true) {
                        tracing::error!("another process runs under the node name {} too; stop one of them", own.name());
                    }
                    // One that is new hears of this one at once, and not at its next beat.
                    if heard.insert(node, Heard { at: Instant::now(), draining }).is_none() {
                        let _ = engine.client.publish(subject.clone(), own_beat().into()).await;
                    }
                }
            }
            update(&mut heard, (&own, is_draining), &members);
        }
    }
}

/// Forgets the dead, and tells of changes.
fn update(heard: &mut HashMap<NodeId, Heard>, (own, is_draining): (&NodeId, bool), members: &watch::Sender<Members>) {
    let now = Instant::now();
    heard.retain(|_, heard| now - heard.at < limits::DEAD);
    let mut living: Vec<NodeId> = heard.keys().cloned().chain([own.clone()]).collect();
    living.sort_unstable();
    let drains =
        |node: &&NodeId| if *node == own { is_draining } else { heard.get(*node).is_some_and(|heard| heard.draining) };
    let draining: Vec<NodeId> = living.iter().filter(drains).cloned().collect();
    members.send_if_modified(|known| {
        if known.living == living && known.draining == draining {
            return false;
        }
        for node in living.iter().filter(|node| !known.lives(node) && *node != own) {
            tracing::info!(%node, "a node has joined");
        }
        for node in draining.iter().filter(|node| !known.draining.contains(node)) {
            tracing::info!(%node, "a node hands its sessions over");
        }
        for node in known.living.iter().filter(|node| !living.contains(node)) {
            tracing::warn!(%node, "a node is not heard of any more; its sessions are taken over");
            known.gone.push((node.clone(), SystemTime::now()));
        }
        metrics::gauge!("modehost_cluster_nodes").set(living.len() as f64);
        known.gone.retain(|(gone, _)| living.iter().all(|node| node.name() != gone.name()));
        let too_many = known.gone.len().saturating_sub(limits::GONE);
        known.gone.drain(..too_many);
        (known.living, known.draining) = (living, draining);
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
