//! Which nodes are alive. Rule: a node that has not been heard of for `limits::DEAD` counts as dead; whether it is, does
//! not matter for what is stored, since the log decides that.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::SystemTime;

use futures_util::StreamExt;
use modehost_storage::traits::NodeId;
use tokio::sync::watch;
use tokio::time::{Instant, interval};

use crate::engine::{ClusterError, Engine, explain};
use crate::limits;
use crate::plugin_gate::PluginGate;

/// Subject of heartbeats; the payload is the id of the node, followed by the word of its [`Standing`] if it has one.
const HEARTBEATS: &str = "nodes";

/// What a node does with sessions.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    Serving,
    /// It hands its sessions over.
    Draining,
    /// It has not got all plugins of the cluster.
    Lacking,
}

impl Standing {
    fn word(self) -> &'static str {
        match self {
            Self::Serving => "",
            Self::Draining => " draining",
            Self::Lacking => " lacking",
        }
    }

    /// The id of the node and its standing. The word of a newer server says nothing to this one.
    fn parse(beat: &str) -> (&str, Self) {
        let (node, word) = beat.split_at(beat.find(' ').unwrap_or(beat.len()));
        let known = [Self::Draining, Self::Lacking].into_iter().find(|standing| standing.word() == word);
        (node, known.unwrap_or(Self::Serving))
    }
}

/// The nodes of a cluster, as one of them has heard of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Members {
    /// The living ones, this one included, sorted.
    pub living: Vec<NodeId>,
    /// Those of them that take no sessions, since they hand theirs over.
    pub draining: Vec<NodeId>,
    /// Those of them that take no sessions, since they lack plugins of the cluster.
    pub lacking: Vec<NodeId>,
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
        let takes = |node: &&NodeId| !self.draining.contains(node) && !self.lacking.contains(node);
        self.living.iter().filter(takes).cloned().collect()
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
    pub(crate) fn begin(
        engine: Engine,
        own: NodeId,
        gate: Arc<PluginGate>,
    ) -> (Self, impl Future<Output = ()> + Send + use<>) {
        let (members, living) = watch::channel(Members::alone(&own));
        let (draining, drains) = watch::channel(false);
        (Self { living, draining }, run(engine, own, members, (drains, gate)))
    }
}

/// What was heard of a node last.
struct Heard {
    at: Instant,
    standing: Standing,
}

/// Sends heartbeats and listens to those of others, until it is dropped.
async fn run(
    engine: Engine,
    own: NodeId,
    members: watch::Sender<Members>,
    (mut draining, gate): (watch::Receiver<bool>, Arc<PluginGate>),
) {
    let subject = engine.subject(HEARTBEATS);
    let mut heard: HashMap<NodeId, Heard> = HashMap::new();
    let mut tick = interval(limits::HEARTBEAT);
    let mut namesake = false;
    // Plugins that have just changed are followed within a moment, which is not worth telling.
    let mut lacked = 0;
    loop {
        let subscribed = engine.client.subscribe(subject.clone()).await;
        let Ok(mut beats) = subscribed else {
            tick.tick().await;
            continue;
        };
        loop {
            let standing = match *draining.borrow_and_update() {
                true => Standing::Draining,
                false if lacked > 1 => Standing::Lacking,
                false => Standing::Serving,
            };
            let own_beat = || format!("{own}{}", standing.word());
            tokio::select! {
                _ = tick.tick() => {
                    lacked = if gate.is_open() { 0 } else { lacked + 1 };
                    // Fails while there is no connection; then nobody would hear it.
                    let _ = engine.client.publish(subject.clone(), own_beat().into()).await;
                }
                Ok(()) = draining.changed() => tick.reset_immediately(),
                beat = beats.next() => {
                    let Some(beat) = beat else { break };
                    let Ok(text) = std::str::from_utf8(&beat.payload) else { continue };
                    let (node, standing) = Standing::parse(text);
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
                    if heard.insert(node, Heard { at: Instant::now(), standing }).is_none() {
                        let _ = engine.client.publish(subject.clone(), own_beat().into()).await;
                    }
                }
            }
            update(&mut heard, (&own, standing), &members);
        }
    }
}

/// Forgets the dead, and tells of changes.
fn update(heard: &mut HashMap<NodeId, Heard>, (own, standing): (&NodeId, Standing), members: &watch::Sender<Members>) {
    let now = Instant::now();
    heard.retain(|_, heard| now - heard.at < limits::DEAD);
    let mut living: Vec<NodeId> = heard.keys().cloned().chain([own.clone()]).collect();
    living.sort_unstable();
    let of = |node: &NodeId| heard.get(node).map_or(standing, |heard| heard.standing);
    let those = |wanted| living.iter().filter(|node| of(node) == wanted).cloned().collect::<Vec<_>>();
    let (draining, lacking) = (those(Standing::Draining), those(Standing::Lacking));
    members.send_if_modified(|known| {
        if known.living == living && known.draining == draining && known.lacking == lacking {
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
        (known.living, known.draining, known.lacking) = (living, draining, lacking);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_heartbeat_is_read_as_it_is_written_and_words_of_newer_servers_are_passed_over() {
        for standing in [Standing::Serving, Standing::Draining, Standing::Lacking] {
            let beat = format!("a@1{}", standing.word());
            assert!(Standing::parse(&beat) == ("a@1", standing), "{beat}");
        }
        assert!(Standing::parse("a@1 resting since noon") == ("a@1", Standing::Serving));
    }
}
