//! The everyday scene: devices that connect to one node, then to another, and talk to each other. Rule: where a device is
//! connected makes no difference to anybody.

use modehost_task::spawn_io;
use modehost_tests::{Device, Nats};
use serde_json::json;

use super::{MOVED, append, fixture, journal, nodes};

#[tokio::test]
async fn a_conversation_goes_on_where_the_device_connects() {
    let Some(nats) = Nats::start(1).await else { return };
    let nodes = nodes(&nats, &fixture(), &["a", "b"]).await;
    let mut device = Device::join(&nodes[0], "dev-1").await;
    device.start_mode("fixture").await;
    for count in 1..=3 {
        assert_eq!(device.count().await.0, count);
    }
    assert_eq!(append(&mut device, "j", 1).await, Ok(1));
    let session = device.session_id().to_owned();

    // It was carried to another room, and the balancer sends it elsewhere.
    let mut there = Device::join(&nodes[1], "dev-1").await;
    assert_eq!(device.expect_close().await.0, MOVED);
    assert_eq!(there.session_id(), session);
    assert_eq!(there.count().await.0, 4);
    assert_eq!(append(&mut there, "j", 2).await, Ok(2));
    assert_eq!(journal(&mut there, "j").await, [1, 2]);

    // And back, with everything.
    there.close().await;
    let mut device = Device::join(&nodes[0], "dev-1").await;
    assert_eq!(device.session_id(), session);
    assert_eq!(device.count().await.0, 5);
    assert_eq!(journal(&mut device, "j").await, [1, 2]);
}

#[tokio::test]
async fn a_device_that_goes_to_and_fro_is_never_sent_away_and_keeps_its_state() {
    let Some(nats) = Nats::start(1).await else { return };
    let nodes = nodes(&nats, &fixture(), &["a", "b"]).await;
    let mut runs = Vec::new();
    for number in 0..8 {
        let addresses = [nodes[0].ws(), nodes[1].ws()];
        runs.push(spawn_io(async move {
            // The connection before is still open: the network has changed under the device.
            let mut before = Vec::new();
            for count in 1..=40 {
                let mut device = Device::join_at(addresses[count % 2], &format!("dev-{number}")).await;
                assert_eq!(device.count().await.0, count as u64);
                // Stored by that, also where the node is too slow to save it when it is asked.
                assert_eq!(append(&mut device, &format!("j{number}"), 1).await, Ok(count as u64));
                before.push(device);
            }
        }));
    }
    for run in runs {
        run.join().await.expect("every connection was served");
    }
}

#[tokio::test]
async fn devices_of_different_nodes_talk_to_each_other() {
    let Some(nats) = Nats::start(1).await else { return };
    let nodes = nodes(&nats, &fixture(), &["a", "b"]).await;
    let mut here = Device::join(&nodes[0], "here").await;
    let mut there = Device::join(&nodes[1], "there").await;
    let deliver = |value: u64| {
        let body = json!({ "type": "fixture", "value": value }).to_string();
        json!({ "type": "fixture", "do": "deliver", "request": value, "device": "there", "value": body })
    };
    here.send(deliver(7)).await;
    let sent = here.expect("the outcome", |message| message.get("now").is_some()).await;
    assert_eq!((&sent["now"], &sent["queued"]), (&json!(["there"]), &json!([])));
    there.expect("the message", |message| message["value"] == 7).await;

    // While it is away it waits, whichever node has taken it, and it gets it wherever it comes back.
    there.close().await;
    nodes[1].wait_disconnected("there").await;
    here.send(deliver(8)).await;
    let sent = here.expect("the outcome", |message| message.get("now").is_some()).await;
    assert_eq!((&sent["now"], &sent["queued"]), (&json!([]), &json!(["there"])));
    let mut there = Device::join(&nodes[0], "there").await;
    there.expect("the message", |message| message["value"] == 8).await;
}

#[tokio::test]
async fn a_document_that_one_node_changes_is_seen_on_another() {
    let Some(nats) = Nats::start(1).await else { return };
    let nodes = nodes(&nats, &fixture(), &["a", "b"]).await;
    let mut here = Device::join(&nodes[0], "here").await;
    let mut there = Device::join(&nodes[1], "there").await;
    there.send(json!({ "type": "fixture", "do": "watch", "request": 1, "key": "fixture/board" })).await;
    there.settle().await;
    here.send(json!({ "type": "fixture", "do": "write", "request": 2, "key": "fixture/board", "value": "1" })).await;
    let written = here.expect("the outcome", |message| message.get("written").is_some()).await;
    assert_eq!(written["written"]["version"], 1);
    let changed = there.expect("the change", |message| message["document"]["version"] == 1).await;
    assert_eq!(changed["document"]["value"], "1");
}

#[tokio::test]
async fn a_node_that_restarts_catches_up_and_a_new_one_gets_everything() {
    let Some(nats) = Nats::start(1).await else { return };
    let mut nodes = nodes(&nats, &fixture(), &["a", "b"]).await;
    let mut device = Device::join(&nodes[0], "dev-1").await;
    for value in 1..=20 {
        append(&mut device, "j", value).await.expect("appended");
    }
    nodes[1].terminate().await;
    for value in 21..=40 {
        append(&mut device, "j", value).await.expect("appended");
    }
    nodes[1].launch();
    nodes[1].ready().await;
    let third = super::nodes(&nats, &fixture(), &["c"]).await;
    for node in [&nodes[1], &third[0]] {
        let mut device = Device::join(node, "dev-1").await;
        assert_eq!(journal(&mut device, "j").await, (1..=40).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn the_data_of_a_single_server_becomes_that_of_a_cluster() {
    let Some(nats) = Nats::start(1).await else { return };
    let mut first = modehost_tests::Server::start(fixture()).await;
    let mut device = Device::join(&first, "dev-1").await;
    assert_eq!(device.count().await.0, 1);
    append(&mut device, "j", 1).await.expect("appended");
    device.close().await;
    first.terminate().await;
    first.configure(&nats.node(&fixture(), "a"));
    first.launch();
    first.ready().await;
    first.wait_output("a new cluster begins with the data of this server").await;
    let second = nodes(&nats, &fixture(), &["b"]).await;
    second[0].wait_output("beginning with a snapshot of the cluster").await;
    let mut device = Device::join(&second[0], "dev-1").await;
    assert_eq!(device.count().await.0, 2);
    assert_eq!(append(&mut device, "j", 2).await, Ok(2));
    device.close().await;
    let mut device = Device::join(&first, "dev-1").await;
    assert_eq!(journal(&mut device, "j").await, [1, 2]);
}
