//! Nodes that die, stop, or hear too late. Rule: what was acknowledged is there once, and an owner that was replaced
//! writes nothing more.

use modehost_task::spawn_io;
use modehost_tests::cut::Cut;
use modehost_tests::wait::{TIMEOUT, until};
use modehost_tests::{Device, Nats, Server};
use rustix::process::{Pid, Signal};
use serde_json::json;

use super::{MOVED, append, fixture, journal, nodes};

#[tokio::test]
async fn nothing_acknowledged_dies_with_a_node() {
    let Some(nats) = Nats::start(1).await else { return };
    let mut nodes = nodes(&nats, &fixture(), &["a", "b", "c"]).await;
    let mut device = Device::join(&nodes[0], "dev-1").await;
    for round in 0..3 {
        for value in round * 10 + 1..=round * 10 + 10 {
            append(&mut device, "j", value).await.expect("appended");
        }
        if round < 2 {
            nodes.remove(0).kill9();
            device = Device::join(&nodes[0], "dev-1").await;
        }
    }
    assert_eq!(journal(&mut device, "j").await, (1..=30).collect::<Vec<_>>());
}

#[tokio::test]
async fn an_unfinished_session_of_a_dead_node_goes_on_without_its_device() {
    let Some(nats) = Nats::start(1).await else { return };
    let mut nodes = nodes(&nats, &fixture().set("session.checkpoint_ms", json!(50)), &["a", "b"]).await;
    let mut watcher = Device::join(&nodes[1], "watcher").await;
    let mut device = Device::join(&nodes[0], "dev-1").await;
    // A timer that has not run out, whose outcome the device waits for; the append makes sure that it is stored.
    device.send(json!({ "type": "fixture", "do": "timer", "request": 9, "n": 4_000 })).await;
    append(&mut device, "j", 1).await.expect("appended");
    nodes.remove(0).kill9();
    nodes[0].wait_output("is not heard of any more; its sessions are taken over").await;
    nodes[0].wait_output("took over unfinished sessions").await;
    watcher.settle().await;
    let mut device = Device::join(&nodes[0], "dev-1").await;
    device.expect("the timer of the session", |message| message["timer"] == 9).await;
}

#[tokio::test]
async fn a_node_that_was_stopped_learns_that_it_was_replaced() {
    let Some(nats) = Nats::start(1).await else { return };
    let nodes = nodes(&nats, &fixture(), &["a", "b"]).await;
    let mut device = Device::join(&nodes[0], "dev-1").await;
    append(&mut device, "j", 1).await.expect("appended");
    nodes[0].signal(Signal::STOP);
    until("every thread has stopped", TIMEOUT, async || is_stopped(nodes[0].pid()), |stopped| *stopped).await;
    // What it sends to a node that does not read is handled once that goes on.
    for value in 100..110 {
        let key = "fixture/j";
        device.send(json!({ "type": "fixture", "do": "append", "request": value, "key": key, "value": "0" })).await;
    }
    let mut there = Device::join(&nodes[1], "dev-1").await;
    append(&mut there, "j", 2).await.expect("appended");
    nodes[0].signal(Signal::CONT);
    assert_eq!(device.expect_close().await.0, MOVED);
    append(&mut there, "j", 3).await.expect("appended");
    assert_eq!(journal(&mut there, "j").await, [1, 2, 3]);
    assert!(device.seen_of_type("fixture").iter().all(|message| message["done"].as_u64().unwrap_or(0) < 100));
}

#[tokio::test]
async fn a_node_that_was_stopped_serves_no_state_of_before_to_who_comes_back() {
    let Some(nats) = Nats::start(1).await else { return };
    let nodes = nodes(&nats, &fixture(), &["a", "b"]).await;
    let (mut here, mut there) = (Vec::new(), Vec::new());
    for number in 0..20 {
        let mut device = Device::join(&nodes[0], &format!("dev-{number}")).await;
        assert_eq!(device.count().await.0, 1);
        append(&mut device, &format!("j{number}"), 1).await.expect("appended");
        here.push(device);
    }
    nodes[0].signal(Signal::STOP);
    until("every thread has stopped", TIMEOUT, async || is_stopped(nodes[0].pid()), |stopped| *stopped).await;
    for number in 0..20 {
        let mut device = Device::join(&nodes[1], &format!("dev-{number}")).await;
        assert_eq!(count(&mut device).await, 2);
        append(&mut device, &format!("j{number}"), 2).await.expect("appended");
        there.push(device);
    }
    // They come back before it has heard of anything.
    let address = nodes[0].ws();
    let back: Vec<_> = (0..20)
        .map(|number| spawn_io(async move { Device::try_join_at(address, &format!("dev-{number}"), TIMEOUT).await }))
        .collect();
    nodes[0].signal(Signal::CONT);
    for device in back {
        let mut device = device.join().await.expect("no panic").expect("a connection");
        assert_eq!(count(&mut device).await, 3);
    }
}

/// The next count; what the session says of its open requests before is of no interest.
async fn count(device: &mut Device) -> u64 {
    device.send(json!({ "type": "fixture", "do": "count" })).await;
    let counted = device.expect("a count", |message| message["count"].is_u64()).await;
    counted["count"].as_u64().expect("a number")
}

#[tokio::test]
async fn a_node_that_is_cut_off_acknowledges_nothing_more_and_learns_that_it_was_replaced() {
    let Some(nats) = Nats::start(1).await else { return };
    let way = Cut::to(nats.port(0)).await;
    let mut section = nats.section("a");
    section["nats"]["servers"] = json!([format!("nats://127.0.0.1:{}", way.port())]);
    let cut_off = Server::start(fixture().set("cluster", section)).await;
    let others = nodes(&nats, &fixture(), &["b"]).await;
    let mut device = Device::join(&cut_off, "dev-1").await;
    append(&mut device, "j", 1).await.expect("appended");
    way.cut();
    // It may be sent, and is not acknowledged: the way is cut in both directions.
    let key = "fixture/j";
    for value in 100..105 {
        device.send(json!({ "type": "fixture", "do": "append", "request": value, "key": key, "value": "0" })).await;
    }
    device.ping().await;
    others[0].wait_output("a node is not heard of any more").await;
    let mut there = Device::join(&others[0], "dev-1").await;
    for value in 2..5 {
        assert_eq!(append(&mut there, "j", value).await, Ok(value));
    }
    assert!(device.seen_of_type("fixture").iter().all(|message| message["done"].as_u64().unwrap_or(0) < 100));
    way.heal();
    assert_eq!(device.expect_close().await.0, MOVED);
    assert_eq!(append(&mut there, "j", 5).await, Ok(5));
    assert_eq!(journal(&mut there, "j").await, [1, 2, 3, 4, 5]);
    assert!(device.seen_of_type("fixture").iter().all(|message| message["done"].as_u64().unwrap_or(0) < 100));
    // It serves others again.
    let mut other = super::join(&cut_off, "dev-2").await;
    append(&mut other, "k", 1).await.expect("appended");
}

/// Whether the signal has reached every thread of a process.
fn is_stopped(pid: Pid) -> bool {
    let threads = std::fs::read_dir(format!("/proc/{}/task", pid.as_raw_nonzero())).expect("a process");
    threads.flatten().all(|thread| {
        let stat = std::fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
        // The state follows the name, which is in parentheses.
        stat.rsplit_once(") ").is_none_or(|(_, rest)| rest.starts_with('T'))
    })
}
