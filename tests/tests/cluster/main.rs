//! Several real nodes on real NATS servers, as devices and operators see them. Rule: what a node has acknowledged to a
//! device is on every other node, once, whatever dies, stops or is cut off.

mod death;
mod engine;
mod evacuation;
mod everyday;
mod example;
mod faults;
mod operators;
mod plugins;
mod start;
mod withdrawn;

use std::time::Duration;

use modehost_task::spawn_io;
use modehost_tests::wait::until;
use modehost_tests::{Device, Nats, Server, Settings, guest};
use serde_json::{Value, json};

/// Close code of a connection whose device another node serves.
const MOVED: u16 = 4001;

/// How long a node may take to be as the others are, after everything that has happened.
const HEALED: Duration = Duration::from_secs(60);

/// The settings of a node with the fixture.
fn fixture() -> Settings {
    Settings::new().plugin("fixture", guest::fixture(&[]))
}

/// Starts nodes with these names.
async fn nodes(nats: &Nats, settings: &Settings, names: &[&str]) -> Vec<Server> {
    let mut nodes = Vec::new();
    for name in names {
        nodes.push(Server::start(nats.node(settings, name)).await);
    }
    nodes
}

/// Waits until a node knows of so many, itself included, and all of them have applied the same.
async fn all_applied(asked: &Server, count: usize) {
    let applied = async || {
        let rows = asked.admin("GET", "/api/v1/nodes", "").await.json();
        let rows = rows.as_array().cloned().unwrap_or_default();
        rows.iter().map(|row| row["own"]["applied"].as_u64()).collect::<Vec<_>>()
    };
    let all_same = |applied: &Vec<Option<u64>>| {
        applied.len() == count && applied.iter().all(|one| one.is_some() && *one == applied[0])
    };
    until("all nodes have applied the same", HEALED, applied, all_same).await;
}

/// Connects as a device does: again, if it is told to try later.
async fn join(node: &Server, id: &str) -> Device {
    for _ in 0..5 {
        let (address, id) = (node.ws(), id.to_owned());
        // A refusal is a panic of the harness.
        if let Some(device) = spawn_io(async move { Device::join_at(address, &id).await }).join().await {
            return device;
        }
    }
    panic!("{id} is refused again and again");
}

/// Has the fixture append to a journal; the reply is the number of the entry, or the error that the device got.
async fn append(device: &mut Device, journal: &str, value: u64) -> Result<u64, Value> {
    let key = format!("fixture/{journal}");
    device
        .send(json!({ "type": "fixture", "do": "append", "request": value, "key": key, "value": value.to_string() }))
        .await;
    let is_answer = |message: &Value| message["done"] == value || message["failed"] == value;
    let answer = device.expect("the outcome of an append", is_answer).await;
    if answer["done"] == value { Ok(answer["value"].as_u64().expect("a number")) } else { Err(answer) }
}

/// The entries of a journal, as the fixture reads them.
async fn journal(device: &mut Device, journal: &str) -> Vec<u64> {
    let key = format!("fixture/{journal}");
    device.send(json!({ "type": "fixture", "do": "journal", "request": 1, "key": key })).await;
    let page = device.expect("a journal", |message| message["journal"] == key).await;
    let entries = page["entries"].as_array().expect("entries").iter();
    entries.map(|entry| entry.as_str().and_then(|text| text.parse().ok()).expect("a number")).collect()
}
