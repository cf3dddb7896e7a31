//! NATS that is away, or loses a server. Rule: devices stay connected, what cannot be stored is refused, and nothing that
//! was acknowledged is lost.

use modehost_tests::wait::{TIMEOUT, until};
use modehost_tests::{Device, Nats, Server, http};

use super::{append, fixture, join, journal, nodes};

async fn status(node: &Server) -> u16 {
    http::request(node.http(), "GET", "/readyz", &[], "").await.map_or(0, |response| response.status)
}

#[tokio::test]
async fn devices_stay_while_nats_is_away() {
    let Some(mut nats) = Nats::start(1).await else { return };
    let nodes = nodes(&nats, &fixture(), &["a", "b"]).await;
    let mut device = Device::join(&nodes[0], "dev-1").await;
    append(&mut device, "j", 1).await.expect("appended");
    nats.kill9(0);
    nodes[0].wait_output("the connection to NATS is lost").await;
    assert!(append(&mut device, "j", 2).await.is_err());
    let error = device.seen_of_type("error").last().expect("an error")["code"].clone();
    assert_eq!(error, "STORAGE_UNAVAILABLE");
    device.ping().await;
    until("it is not ready", TIMEOUT, async || status(&nodes[0]).await, |status| *status == 503).await;

    nats.launch(0).await;
    until("it is ready", TIMEOUT, async || status(&nodes[0]).await, |status| *status == 200).await;
    append(&mut device, "j", 3).await.expect("appended");
    assert_eq!(journal(&mut device, "j").await, [1, 3]);
    device.close().await;
    let mut there = Device::join(&nodes[1], "dev-1").await;
    assert_eq!(journal(&mut there, "j").await, [1, 3]);
}

#[tokio::test]
async fn one_of_three_servers_may_die() {
    let Some(mut nats) = Nats::start(3).await else { return };
    let nodes = nodes(&nats, &fixture(), &["a", "b"]).await;
    let mut device = join(&nodes[0], "dev-1").await;
    let (mut acknowledged, mut value) = (Vec::new(), 0);
    for dead in 0..2 {
        for _ in 0..20 {
            value += 1;
            if append(&mut device, "j", value).await.is_ok() {
                acknowledged.push(value);
            }
        }
        nats.kill9(dead);
        for _ in 0..20 {
            value += 1;
            if append(&mut device, "j", value).await.is_ok() {
                acknowledged.push(value);
            }
        }
        nats.launch(dead).await;
        until("it is ready", TIMEOUT, async || status(&nodes[0]).await, |status| *status == 200).await;
        // How many are refused until there is a leader again is a matter of time; that it goes on is not.
        loop {
            value += 1;
            if append(&mut device, "j", value).await.is_ok() {
                acknowledged.push(value);
                break;
            }
        }
    }
    device.close().await;
    let mut there = join(&nodes[1], "dev-1").await;
    let stored = journal(&mut there, "j").await;
    // At most a hundred, which are one page.
    let missing: Vec<_> = acknowledged.iter().filter(|value| !stored.contains(value)).collect();
    assert_eq!(missing, [] as [&u64; 0], "of {} acknowledged", acknowledged.len());
    let mut once = stored.clone();
    once.dedup();
    assert_eq!(stored, once);
}

#[tokio::test]
async fn a_node_that_begins_while_nats_has_no_majority_waits_for_it() {
    let Some(mut nats) = Nats::start(3).await else { return };
    let mut node = nodes(&nats, &fixture(), &["a"]).await.remove(0);
    node.terminate().await;
    for number in [1, 2] {
        nats.kill9(number);
    }
    node.launch();
    node.wait_output("waiting for JetStream: the NATS servers have no majority yet").await;
    nats.launch(1).await;
    node.ready().await;
    let mut device = join(&node, "dev-1").await;
    append(&mut device, "j", 1).await.expect("appended");
}
