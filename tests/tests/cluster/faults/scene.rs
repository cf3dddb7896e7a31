//! Three nodes, three NATS servers, and what happens to them. Rule: a fault ends by itself; at any time a majority of NATS
//! servers and one node are meant to work.

use std::net::SocketAddr;
use std::time::Duration;

use modehost_tests::wait::until;
use modehost_tests::{Nats, Server, guest};
use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::devices::COUNTER;
use super::history::Copy;
use crate::{HEALED, all_applied, fixture, nodes};

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    KillNode,
    StopNode,
    RestartNode,
    DrainNode,
    KillNats,
    StopNats,
    SwapPlugin,
    ForgetNobody,
}

impl Fault {
    pub const ALL: [Self; 8] = [
        Self::KillNode,
        Self::StopNode,
        Self::RestartNode,
        Self::DrainNode,
        Self::KillNats,
        Self::StopNats,
        Self::SwapPlugin,
        Self::ForgetNobody,
    ];
}

/// The processes.
pub struct Scene {
    nats: Nats,
    nodes: Vec<Server>,
    /// Version of the fixture.
    version: u32,
}

impl Scene {
    /// `None` where there is no NATS server.
    pub async fn start() -> Option<Self> {
        let nats = Nats::start(3).await?;
        let settings = fixture().set("session.checkpoint_ms", json!(200)).set("plugins.rollback.window_s", json!(1));
        let nodes = nodes(&nats, &settings, &["a", "b", "c"]).await;
        Some(Self { nats, nodes, version: 1 })
    }

    /// Where devices connect.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.nodes.iter().map(Server::ws).collect()
    }

    /// Has something happen, and waits until it is over.
    pub async fn inflict(&mut self, fault: Fault, random: &mut fastrand::Rng) {
        let (which, pause) = (random.usize(..3), Duration::from_millis(random.u64(300..6_000)));
        match fault {
            Fault::KillNode => {
                self.nodes[which].kill9();
                sleep(pause).await;
                self.nodes[which].launch();
                self.ready(which).await;
            }
            Fault::StopNode => {
                self.nodes[which].signal(Signal::STOP);
                sleep(pause + Duration::from_secs(2)).await;
                self.nodes[which].signal(Signal::CONT);
            }
            Fault::RestartNode => {
                self.nodes[which].terminate().await;
                sleep(pause / 4).await;
                self.nodes[which].launch();
                self.ready(which).await;
            }
            Fault::DrainNode => {
                let name = ["a", "b", "c"][which];
                let asked = &self.nodes[(which + 1) % 3];
                let path = format!("/api/v1/nodes/{name}/drain?per_second=50");
                asked.admin("POST", &path, "").await;
                sleep(pause / 3).await;
                if random.bool() {
                    self.nodes[which].terminate().await;
                    self.nodes[which].launch();
                    self.ready(which).await;
                } else {
                    self.nodes[which].admin("DELETE", &format!("/api/v1/nodes/{name}/drain"), "").await;
                }
            }
            Fault::KillNats => {
                self.nats.kill9(which);
                sleep(pause).await;
                self.nats.launch(which).await;
            }
            Fault::StopNats => {
                self.nats.signal(which, Signal::STOP);
                sleep(pause).await;
                self.nats.signal(which, Signal::CONT);
            }
            Fault::SwapPlugin => {
                self.version += 1;
                let version = format!("1.0.{}", self.version);
                self.nodes[which].install("fixture", &guest::fixture_version(&version));
            }
            Fault::ForgetNobody => {
                self.nodes[which].admin("DELETE", "/api/v1/devices/nobody", "").await;
            }
        }
    }

    async fn ready(&self, which: usize) {
        let node = &self.nodes[which];
        let status = async || {
            let ready = modehost_tests::http::request(node.http(), "GET", "/readyz", &[], "").await;
            ready.map_or_else(|| "no answer".to_owned(), |ready| format!("{} {}", ready.status, ready.body))
        };
        until("a node is ready", HEALED, status, |status| status.starts_with("200")).await;
    }

    /// Waits until all nodes are ready.
    pub async fn all_ready(&self) {
        for which in 0..self.nodes.len() {
            self.ready(which).await;
        }
    }

    /// What each node has, once all have applied the same.
    pub async fn copies(&self, devices: usize) -> Vec<Copy> {
        all_applied(&self.nodes[0], self.nodes.len()).await;
        let mut copies = Vec::new();
        for (node, name) in self.nodes.iter().zip(["a", "b", "c"]) {
            let mut journals = Vec::new();
            for device in 0..devices {
                journals.push(journal(node, name, device).await);
            }
            let path = format!("/api/v1/documents/value?key={}&node={name}", COUNTER.replace('/', "%2F"));
            let document = node.admin("GET", &path, "").await.json();
            copies.push(Copy { journals, counter: number(&document["value"]) });
        }
        copies
    }
}

/// The entries of a device's journal, as this node has them.
async fn journal(node: &Server, name: &str, device: usize) -> Vec<u64> {
    let path = format!("/api/v1/devices/dev-{device}/export?node={name}");
    let export = node.admin("GET", &path, "").await;
    assert_eq!(export.status, 200, "{}", export.body);
    let kept = export.json()["kept"].clone();
    // One journal a device, and its entries in their order.
    kept["journal_entries"].as_array().expect("entries").iter().map(|row| number(&row["value"])).collect()
}

/// A number, or a text that is one.
fn number(value: &Value) -> u64 {
    value.as_u64().or_else(|| value.as_str().and_then(|text| text.parse().ok())).unwrap_or_else(|| panic!("{value}"))
}
