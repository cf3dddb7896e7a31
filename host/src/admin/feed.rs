//! The feed of the console: figures, turns and plugins as they change. Rule: it costs nothing while nobody reads it, and
//! a fixed amount a second while somebody does, however many devices talk.

use std::collections::BTreeMap;

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use modehost_cluster::Cluster;
use modehost_plugin::PluginCatalog;
use modehost_session::{Counts, Observation, Observed, Registry, Subject};
use modehost_storage::traits::NodeId;
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::access::Role;
use super::nodes::forward::ThisNode;
use super::nodes::streams::{OtherLines, Told};
use super::stream::{Lines, line, respond};
use super::view::{PluginView, Refusal};
use super::{AdminState, Shared, error_response};
use crate::limits;

/// The routes of this module.
pub(super) fn routes() -> OpenApiRouter<Arc<AdminState>> {
    OpenApiRouter::new().routes(routes!(feed))
}

/// Of a cluster all nodes: figures (type `overview`), turns that end (`turn`, without their text) and plugins (`plugins`, whenever one changes),
/// one JSON object a line. Of many turns a second the first are shown, and the others counted as `turns_left_out`. Blank
/// lines mean that nothing happened; the last line has the type `end`: ask again.
#[utoipa::path(
    get, path = "/api/v1/feed", security(("admin_token" = [])),
    responses(
        (status = 200, description = "Lines of JSON", content_type = "application/x-ndjson", body = String),
        (status = "4XX", description = "Not allowed", body = Refusal),
        (status = 503, description = "Too many watch already", body = Refusal),
    )
)]
async fn feed(State(admin): Shared, Extension(role): Extension<Role>, this: Option<Extension<ThisNode>>) -> Response {
    let observation = match admin.registry.observe(Subject::Turns, false) {
        Ok(observation) => observation,
        Err(error) => return error_response(StatusCode::SERVICE_UNAVAILABLE, error),
    };
    let mut tick = interval(limits::FEED_INTERVAL);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let nodes = admin.nodes.as_ref().filter(|_| this.is_none());
    let feed = Feed {
        node: admin.nodes.as_ref().map(|nodes| nodes.cluster.node().name().to_owned()),
        others: nodes.map(|nodes| Others::new(&nodes.cluster, role)),
        observation,
        registry: admin.registry.clone(),
        catalog: admin.catalog.clone(),
        started: admin.process.started.into(),
        tick,
        turns: TurnRate::default(),
        sent: None,
        unchanged: 0,
        plugins: String::new(),
    };
    respond(feed, admin.process.stop.clone())
}

struct Feed {
    /// Name of this node.
    node: Option<String>,
    /// In a cluster.
    others: Option<Others>,
    observation: Observation,
    registry: Arc<Registry>,
    catalog: Arc<PluginCatalog>,
    started: Instant,
    tick: Interval,
    turns: TurnRate,
    /// The figures that were sent last.
    sent: Option<Counts>,
    /// Intervals since.
    unchanged: u32,
    /// The plugins that were sent last, without their counters.
    plugins: String,
}

/// The feeds of the other nodes.
struct Others {
    lines: OtherLines,
    /// Their figures, as they said last.
    figures: BTreeMap<NodeId, Counts>,
    /// Their plugins, likewise.
    plugins: BTreeMap<NodeId, Vec<Value>>,
    /// Turns that they left out since the last line of figures.
    left_out: u64,
}

impl Others {
    fn new(cluster: &Arc<Cluster>, role: Role) -> Self {
        let lines = OtherLines::new(cluster, role, "/api/v1/feed".to_owned());
        Self { lines, figures: BTreeMap::new(), plugins: BTreeMap::new(), left_out: 0 }
    }

    /// The next turn on another node. Cancel safe.
    async fn turn(&mut self) -> Value {
        loop {
            let (node, told) = self.lines.next().await;
            match told {
                Told::Line(line) if line["type"] == "turn" => return line,
                Told::Line(line) if line["type"] == "overview" => {
                    let count = |name: &str| line[name].as_u64().unwrap_or_default();
                    self.left_out += count("turns_left_out");
                    let [connected, sessions] = ["connected", "sessions"].map(|name| count(name) as usize);
                    self.figures.insert(node, Counts { connected, sessions, turns: count("turns") });
                }
                Told::Line(mut line) => {
                    if let Value::Array(rows) = line["plugins"].take() {
                        self.plugins.insert(node, rows);
                    }
                }
                Told::Ended => {
                    self.figures.remove(&node);
                    self.plugins.remove(&node);
                }
            }
        }
    }
}

/// How many turns were shown since the last tick, and how many were not.
#[derive(Default)]
struct TurnRate {
    shown: u32,
    left_out: u64,
}

impl TurnRate {
    fn admit(&mut self) -> bool {
        let admitted = self.shown < limits::FEED_TURNS;
        match admitted {
            true => self.shown += 1,
            false => self.left_out += 1,
        }
        admitted
    }
}

impl Lines for Feed {
    async fn next(&mut self) -> Option<Vec<u8>> {
        loop {
            tokio::select! {
                observed = self.observation.next() => {
                    if let Observed::Turn(device, record) = observed?
                        && self.turns.admit()
                    {
                        return Some(line(&json!({"type": "turn", "device": device.as_str(), "record": *record})));
                    }
                }
                turn = turn_elsewhere(&mut self.others) => {
                    if self.turns.admit() {
                        return Some(line(&turn));
                    }
                }
                _ = self.tick.tick() => {
                    let mut lines = self.overview();
                    lines.extend(self.plugins());
                    if !lines.is_empty() {
                        return Some(lines);
                    }
                }
            }
        }
    }
}

async fn turn_elsewhere(others: &mut Option<Others>) -> Value {
    match others {
        Some(others) => others.turn().await,
        None => std::future::pending().await,
    }
}

impl Feed {
    /// The line of the figures, if they have changed or were sent long ago.
    fn overview(&mut self) -> Vec<u8> {
        let mut counts = self.registry.counts();
        let mut left_out = std::mem::take(&mut self.turns).left_out + self.observation.take_missed();
        if let Some(others) = &mut self.others {
            left_out += std::mem::take(&mut others.left_out);
            for more in others.figures.values() {
                counts.connected += more.connected;
                counts.sessions += more.sessions;
                counts.turns += more.turns;
            }
        }
        self.unchanged += 1;
        if self.sent == Some(counts) && left_out == 0 && self.unchanged < limits::FEED_REPEAT {
            return Vec::new();
        }
        (self.sent, self.unchanged) = (Some(counts), 0);
        let Counts { connected, sessions, turns } = counts;
        line(&json!({
            "type": "overview",
            "at": modehost_session::unix_ms(),
            "connected": connected,
            "sessions": sessions,
            "turns": turns,
            "turns_left_out": left_out,
            "uptime_s": self.started.elapsed().as_secs(),
        }))
    }

    /// The line of the plugins, if one of them has changed.
    fn plugins(&mut self) -> Vec<u8> {
        let own = self.catalog.list().into_iter();
        let mut rows: Vec<_> = own.map(|row| PluginView::from(row).of_node(self.node.as_deref())).collect();
        if let Some(others) = &self.others {
            let told = others.plugins.values().flatten();
            // What another version tells in another way is left out.
            rows.extend(told.filter_map(|row| serde_json::from_value::<PluginView>(row.clone()).ok()));
        }
        let rows = PluginView::merge(rows);
        let digest: String = rows.iter().map(PluginView::digest).collect();
        if digest == self.plugins {
            return Vec::new();
        }
        self.plugins = digest;
        line(&json!({"type": "plugins", "plugins": rows}))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_beyond_the_rate_are_a_number() {
        let mut rate = TurnRate::default();
        let admitted = (0..100).filter(|_| rate.admit()).count() as u32;
        assert_eq!((admitted, rate.left_out), (limits::FEED_TURNS, u64::from(100 - limits::FEED_TURNS)));
    }
}
