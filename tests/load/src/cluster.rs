//! A cluster of nodes that runs: durable appends, devices that move between nodes, a document that all write, a node that
//! is handed over. Rule: the test guest with `journals:fixture/` and `documents:fixture/` serves on all nodes; every
//! append has its answer before the next is sent.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::device::{ConnectOptions, Device};
use crate::fleet::Fleet;
use crate::http;
use crate::metrics::Metrics;
use crate::target::Target;

/// Options of `cluster`.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Addresses of the nodes for devices.
    #[arg(long, value_delimiter = ',', required = true)]
    pub nodes: Vec<SocketAddr>,
    /// HTTP address of the second node.
    #[arg(long)]
    pub http: SocketAddr,
    /// Name of the first node, which is handed over.
    #[arg(long, default_value = "a")]
    pub name: String,
    /// Path of the WebSocket.
    #[arg(long, default_value = "/supie/v1/")]
    pub path: String,
    /// Devices that move, and that are handed over.
    #[arg(long, default_value_t = 3000)]
    pub devices: usize,
    /// Devices that append, and write the document, at the same time.
    #[arg(long, default_value_t = 64)]
    pub writers: usize,
    /// Seconds of appends, of writes, and of moves.
    #[arg(long, default_value_t = 5)]
    pub seconds: u64,
}

const DOCUMENT: &str = "fixture/load";

impl Options {
    fn connect(&self, node: usize) -> ConnectOptions {
        let server = self.nodes[node % self.nodes.len()];
        ConnectOptions { server, path: self.path.clone(), token: None, run: 7, setup: Vec::new() }
    }

    fn lasting(&self) -> Duration {
        Duration::from_secs(self.seconds)
    }
}

/// Runs the measurements, one after the other.
///
/// # Errors
/// If a device cannot connect, or the node is not handed over within two minutes.
pub async fn run(options: &Options) -> anyhow::Result<Metrics> {
    ensure!(options.nodes.len() > 1, "a cluster has several nodes: --nodes A,B,C");
    let mut metrics = Metrics::default();
    metrics.add("appends_from_one_per_s", appends(options, 1).await?);
    metrics.add(format!("appends_from_{}_per_s", options.writers), appends(options, options.writers).await?);
    document(options, &mut metrics).await?;
    moves(options, &mut metrics).await?;
    hand_over(options, &mut metrics).await?;
    Ok(metrics)
}

/// Acknowledged appends a second, from devices on all nodes.
async fn appends(options: &Options, writers: usize) -> anyhow::Result<f64> {
    let mut devices = Vec::new();
    for number in 0..writers {
        devices.push(Device::connect(&options.connect(number), 100_000 + number).await?);
    }
    let mut running = JoinSet::new();
    let until = Instant::now() + options.lasting();
    for (number, mut device) in devices.into_iter().enumerate() {
        running.spawn(async move {
            let mut count = 0_u64;
            while Instant::now() < until {
                count += 1;
                let key = format!("fixture/load-{number}");
                let append = json!({ "type": "fixture", "do": "append", "request": count, "key": key, "value": "1" });
                device.send(append.to_string().into()).await?;
                device.await_text(|text| text.contains("\"done\"")).await?;
            }
            anyhow::Ok(count)
        });
    }
    let begun = Instant::now();
    let mut sum = 0;
    while let Some(count) = running.join_next().await {
        sum += count.context("a device panicked")??;
    }
    Ok(sum as f64 / begun.elapsed().as_secs_f64())
}

/// Writers on all nodes increment one document; a device on another node than the writer sees the change.
async fn document(options: &Options, metrics: &mut Metrics) -> anyhow::Result<()> {
    let watch = json!({ "type": "fixture", "do": "watch", "request": 1, "key": DOCUMENT }).to_string();
    let mut watcher = Device::connect(&options.connect(0), 200_000).await?;
    watcher.send(watch.into()).await?;
    let mut devices = Vec::new();
    for number in 0..options.writers {
        // None on the node of the watcher.
        let node = 1 + number % (options.nodes.len() - 1);
        devices.push(Device::connect(&options.connect(node), 201_000 + number).await?);
    }
    let until = Instant::now() + options.lasting();
    let (sender, mut written) = mpsc::channel::<(u64, Instant)>(65_536);
    let mut running = JoinSet::new();
    for (number, mut device) in devices.into_iter().enumerate() {
        let sender = sender.clone();
        running.spawn(async move {
            let (mut version, mut count) = (0_u64, 0_u64);
            while Instant::now() < until {
                let write = json!({ "type": "fixture", "do": "write", "request": 2, "key": DOCUMENT, "expected": version,
                                    "value": format!("{number}") });
                device.send(write.to_string().into()).await?;
                let text = device.await_text(|text| text.contains("\"written\"") || text.contains("\"conflict\"")).await?;
                let answer: Value = serde_json::from_str(&text)?;
                match answer["written"]["version"].as_u64() {
                    Some(new) => {
                        let _ = sender.try_send((new, Instant::now()));
                        (version, count) = (new, count + 1);
                    }
                    None => version = answer["conflict"]["version"].as_u64().unwrap_or_default(),
                }
            }
            anyhow::Ok(count)
        });
    }
    drop(sender);
    let mut seen: Vec<(u64, Instant)> = Vec::new();
    while Instant::now() < until {
        let Ok(text) = timeout(Duration::from_millis(100), watcher.receive()).await else { continue };
        let change: Value = serde_json::from_str(&text?)?;
        if let Some(version) = change["document"]["version"].as_u64() {
            seen.push((version, Instant::now()));
        }
    }
    let mut writes = 0;
    while let Some(count) = running.join_next().await {
        writes += count.context("a device panicked")??;
    }
    let mut delays = Vec::new();
    while let Ok((version, at)) = written.try_recv() {
        // The watcher may be told of a later version instead, which contains this one.
        if let Some((_, seen)) = seen.iter().find(|(seen, _)| *seen >= version) {
            delays.push(seen.saturating_duration_since(at));
        }
    }
    metrics.add("document_writes_per_s", writes as f64 / options.seconds as f64);
    metrics.add_percentiles("change_seen_elsewhere", delays);
    Ok(())
}

/// Devices go from node to node: from the connect to the first answer of the mode there.
async fn moves(options: &Options, metrics: &mut Metrics) -> anyhow::Result<()> {
    let count = |_: usize| json!({ "type": "fixture", "do": "count" }).to_string();
    let until = Instant::now() + options.lasting();
    let mut running = JoinSet::new();
    for number in 0..16 {
        let ways: Arc<[ConnectOptions]> = (0..options.nodes.len()).map(|node| options.connect(node)).collect();
        running.spawn(async move {
            let (mut times, mut node) = (Vec::new(), number);
            let mut before: Option<Device> = None;
            while Instant::now() < until {
                node += 1;
                let begun = Instant::now();
                let mut device = Device::connect(&ways[node % ways.len()], 300_000 + number).await?;
                device.send(count(number).into()).await?;
                device.await_text(|text| text.contains("\"count\"")).await?;
                if before.replace(device).is_some() {
                    times.push(begun.elapsed());
                }
            }
            anyhow::Ok(times)
        });
    }
    let mut times = Vec::new();
    while let Some(more) = running.join_next().await {
        times.extend(more.context("a device panicked")??);
    }
    metrics.add("moves_per_s", times.len() as f64 / options.seconds as f64);
    metrics.add_percentiles("move_to_first_answer", times);
    Ok(())
}

/// All sessions of the first node go to the others.
async fn hand_over(options: &Options, metrics: &mut Metrics) -> anyhow::Result<()> {
    let mut target = Target::at(options.connect(0));
    target.connect_options.setup = Vec::new();
    let mut devices = Fleet::connect_all(&target, 400_000, options.devices).await?;
    let count = json!({ "type": "fixture", "do": "count" }).to_string();
    for device in &mut devices {
        device.send(count.as_str().into()).await?;
    }
    for device in &mut devices {
        device.await_text(|text| text.contains("\"count\"")).await?;
    }
    let begun = Instant::now();
    let path = format!("/api/v1/nodes/{}/drain?per_second=10000", options.name);
    let status = http::request(options.http, "POST", &path, None).await?;
    ensure!(status == 200, "POST {path} was answered {status}");
    let closed = async {
        let mut running = JoinSet::new();
        for mut device in devices {
            running.spawn(async move { while device.receive().await.is_ok() {} });
        }
        while running.join_next().await.is_some() {}
    };
    timeout(Duration::from_secs(120), closed).await.context("the node is not handed over")?;
    metrics.add("devices", options.devices as f64);
    metrics.add("all_handed_over_s", begun.elapsed().as_secs_f64());
    // The last of them may still be on its way to the disk.
    sleep(Duration::from_millis(500)).await;
    let status = http::request(options.http, "DELETE", &path, None).await?;
    ensure!(status == 200, "DELETE {path} was answered {status}");
    Ok(())
}
