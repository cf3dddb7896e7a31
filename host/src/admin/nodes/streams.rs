//! The same stream on all other nodes. Rule: a node that joins is added, one that goes is told as ended, and one that is
//! only slow holds nobody up.

use std::collections::{BTreeSet, VecDeque};
use std::future::ready;
use std::pin::Pin;
use std::sync::Arc;

use futures_util::stream::{self, SelectAll};
use futures_util::{Stream, StreamExt};
use modehost_cluster::{Body, Cluster};
use modehost_storage::traits::NodeId;
use serde_json::Value;
use tokio::time::{Interval, MissedTickBehavior, interval, timeout};
use tokio_util::codec::{FramedRead, LinesCodec};
use tokio_util::io::StreamReader;

use super::super::access::Role;
use super::gather;
use crate::limits;

/// What comes from another node.
pub(in crate::admin) enum Told {
    /// A line, as JSON.
    Line(Value),
    /// Its stream has ended; it is opened again while the node lives.
    Ended,
}

type Lines = Pin<Box<dyn Stream<Item = (NodeId, Told)> + Send>>;

/// Lines of all other nodes, as they come.
pub(in crate::admin) struct OtherLines {
    cluster: Arc<Cluster>,
    role: Role,
    target: String,
    open: BTreeSet<NodeId>,
    streams: SelectAll<Lines>,
    /// What came while [`Self::begun`] waited.
    held: VecDeque<(NodeId, Told)>,
    tick: Interval,
}

impl OtherLines {
    /// The stream at this path of every other node.
    pub fn new(cluster: &Arc<Cluster>, role: Role, target: String) -> Self {
        let mut tick = interval(limits::FEED_INTERVAL);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (open, streams, held) = (BTreeSet::new(), SelectAll::new(), VecDeque::new());
        Self { cluster: cluster.clone(), role, target, open, streams, held, tick }
    }

    /// Waits until every node has sent its first line, which says that its stream has begun; not for long.
    pub async fn begun(&mut self) {
        self.open_missing();
        let mut waiting = self.open.clone();
        let begin = async {
            while !waiting.is_empty() {
                let Some((node, told)) = self.streams.next().await else { return };
                if !waiting.remove(&node) || matches!(told, Told::Ended) {
                    self.held.push_back((node, told));
                }
            }
        };
        // Whoever has not begun by then is added when it has.
        let _ = timeout(limits::NODE_ANSWER, begin).await;
    }

    /// What comes next. Cancel safe.
    pub async fn next(&mut self) -> (NodeId, Told) {
        loop {
            let (node, told) = match self.held.pop_front() {
                Some(held) => held,
                None => tokio::select! {
                    Some(next) = self.streams.next(), if !self.streams.is_empty() => next,
                    _ = self.tick.tick() => {
                        self.open_missing();
                        continue;
                    }
                },
            };
            if matches!(told, Told::Ended) {
                self.open.remove(&node);
            }
            return (node, told);
        }
    }

    fn open_missing(&mut self) {
        let living = self.cluster.members().living;
        for node in living.into_iter().filter(|node| node != self.cluster.node()) {
            if self.open.insert(node.clone()) {
                self.streams.push(self.lines(node));
            }
        }
    }

    fn lines(&self, node: NodeId) -> Lines {
        let (cluster, call) = (self.cluster.clone(), gather::call(self.role, "GET", &self.target));
        let (gone, asked, of) = (cluster.left(&node), node.clone(), node.clone());
        let body = async move {
            let response = cluster.call(&asked, call).await.ok().filter(|response| response.status == 200);
            response.map_or_else(|| stream::empty().boxed() as Body, |response| response.body)
        };
        let lines = stream::once(body).flat_map(|body| {
            FramedRead::new(StreamReader::new(body), LinesCodec::new_with_max_length(limits::STREAM_LINE_BYTES))
        });
        let lines = lines.take_while(|line| ready(line.is_ok())).take_until(gone).filter_map(move |line| {
            let value = line.ok().and_then(|line| serde_json::from_str::<Value>(&line).ok());
            // The end of a stream is not that of this one.
            let value = value.filter(|value| value["type"] != "end");
            ready(value.map(|value| (of.clone(), Told::Line(value))))
        });
        lines.chain(stream::once(async move { (node, Told::Ended) })).boxed()
    }
}
