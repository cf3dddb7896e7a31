//! Nodes that must not start. Rule: each is refused with a sentence that names the setting and what to do.

use std::time::Duration;

use modehost_task::spawn_io;
use modehost_tests::{Device, Nats, Server, Settings};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::{all_applied, append, fixture, nodes};

/// Starts a server that has to refuse, and returns what it said.
async fn refused(settings: &Settings) -> String {
    let mut server = Server::prepare(settings);
    refused_again(&mut server).await
}

async fn refused_again(server: &mut Server) -> String {
    server.launch();
    let status = server.wait_exit(Duration::from_secs(30)).await;
    assert!(!status.success(), "{status}");
    server.clear_exited();
    server.output()
}

fn at(port: u16) -> Settings {
    let servers = [format!("nats://127.0.0.1:{port}")];
    fixture().set("cluster", json!({ "node": "a", "nats": { "servers": servers, "replicas": 1 } }))
}

#[tokio::test]
async fn a_server_that_is_too_old_or_away_is_refused() {
    let said = refused(&at(modehost_tests::server::free_port())).await;
    assert!(said.contains("no NATS server of cluster.nats.servers can be used"), "{said}");
    // As Debian's 2.9.10 presents itself.
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let old = spawn_io(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let info = format!(
                "INFO {{\"server_id\":\"x\",\"server_name\":\"old\",\"version\":\"2.9.10\",\"host\":\"127.0.0.1\",\"port\":{port},\
                 \"headers\":true,\"max_payload\":8388608,\"proto\":1}}\r\n"
            );
            stream.write_all(info.as_bytes()).await.expect("sent");
            let mut buffer = [0; 4096];
            while let Ok(1..) = stream.read(&mut buffer).await {
                let _ = stream.write_all(b"PONG\r\n").await;
            }
        }
    });
    let said = refused(&at(port)).await;
    assert!(said.contains("the NATS server old has version 2.9.10; 2.12 or newer is needed"), "{said}");
    drop(old);
}

#[tokio::test]
async fn nats_without_jetstream_or_with_too_few_servers_is_refused() {
    let Some(nats) = Nats::start_with(1, "").await else { return };
    let said = refused(&nats.node(&fixture(), "a")).await;
    assert!(said.contains("the NATS servers have no JetStream for this user"), "{said}");
    let Some(nats) = Nats::start(1).await else { return };
    let said = refused(&nats.node(&fixture(), "a").set("cluster.nats.replicas", json!(3))).await;
    assert!(said.contains("set cluster.nats.replicas to the number of NATS servers"), "{said}");
    let Some(nats) =
        Nats::start_with(1, "jetstream { store_dir: DIR }\nauthorization { user: u, password: hush }").await
    else {
        return;
    };
    let said = refused(&nats.node(&fixture(), "a")).await;
    assert!(said.contains("authorization violation") || said.contains("uthoriz"), "{said}");
    let with = |password: &str| {
        nats.node(&fixture(), "a").set("cluster.nats.user", json!("u")).set("cluster.nats.password", json!(password))
    };
    let said = refused(&with("wrong-one")).await;
    assert!(!said.contains("wrong-one"), "{said}");
    Server::start(with("hush")).await;
}

#[tokio::test]
async fn a_name_is_used_once() {
    let Some(nats) = Nats::start(1).await else { return };
    let nodes = nodes(&nats, &fixture(), &["a"]).await;
    let said = refused(&nats.node(&fixture(), "a")).await;
    assert!(said.contains("the node name a is in use by another process of this cluster"), "{said}");
    drop(nodes);
    Server::start(nats.node(&fixture(), "a")).await;
}

#[tokio::test]
async fn data_of_somebody_else_is_not_mixed_in() {
    let Some(nats) = Nats::start(1).await else { return };
    let mut nodes = nodes(&nats, &fixture(), &["a"]).await;
    // A server that was alone, with data of its own.
    let mut alone = Server::start(fixture()).await;
    let mut device = Device::join(&alone, "dev-1").await;
    append(&mut device, "j", 1).await.expect("appended");
    alone.terminate().await;
    alone.configure(&nats.node(&fixture(), "b"));
    let said = refused_again(&mut alone).await;
    assert!(said.contains("holds data of a single server, and the cluster has data already"), "{said}");

    // A node that is to be alone, or in another cluster.
    nodes[0].terminate().await;
    nodes[0].configure(&fixture());
    let said = refused_again(&mut nodes[0]).await;
    assert!(said.contains("is that of a node of a cluster"), "{said}");
    let other = Nats::start(1).await.expect("another");
    nodes[0].configure(&other.node(&fixture(), "a"));
    let said = refused_again(&mut nodes[0]).await;
    assert!(said.contains("the log of the cluster (modehost-modehost) is gone"), "{said}");
    let begun = super::nodes(&other, &fixture(), &["x"]).await;
    let said = refused_again(&mut nodes[0]).await;
    assert!(said.contains("belongs to another cluster, or to a log of this one that was deleted"), "{said}");
    drop(begun);
    nodes[0].configure(&nats.node(&fixture(), "a"));
    nodes[0].launch();
    nodes[0].ready().await;
}

#[tokio::test]
async fn what_a_node_cannot_see_is_warned_of_unless_somebody_vouches_for_it() {
    let Some(nats) = Nats::start(1).await else { return };
    let warning = "set it there, and cluster.nats.synced here";
    for (node, synced) in [("a", false), ("b", true)] {
        let mut section = nats.section(node);
        section["nats"]["synced"] = json!(synced);
        let server = Server::start(fixture().set("cluster", section)).await;
        assert_eq!(server.output().contains(warning), !synced, "{}", server.output());
    }
}

#[tokio::test]
async fn a_backup_begins_a_new_cluster_or_a_server_of_its_own() {
    let Some(nats) = Nats::start(1).await else { return };
    let first = nodes(&nats, &fixture(), &["a"]).await;
    let mut device = Device::join(&first[0], "dev-1").await;
    append(&mut device, "j", 1).await.expect("appended");
    let copies = tempfile::tempdir().expect("a folder");
    let copy = copies.path().join("copy");
    let (data, target) = (first[0].data_dir(), copy.display().to_string());
    first[0].command(&["backup", &target, "--data", &data.display().to_string()]).await;
    // A running one is not detached.
    let (code, _, why) = first[0].run(&["node", "detach", "--data", &data.display().to_string()]).await;
    assert!(code != 0 && why.contains("in use"), "{code} {why}");

    // All is lost but the copy.
    drop(first);
    let other = Nats::start(1).await.expect("another");
    let mut node = Server::prepare(&other.node(&fixture(), "a"));
    std::fs::create_dir_all(node.data_dir()).expect("a folder");
    std::fs::copy(copy.join("modehost.db"), node.data_dir().join("modehost.db")).expect("copied");
    let said = refused_again(&mut node).await;
    assert!(said.contains("modehost node detach"), "{said}");
    let dir = node.data_dir().display().to_string();
    let detached = node.command(&["node", "detach", "--data", &dir]).await;
    assert!(detached.contains("it is the data of a server of its own"), "{detached}");
    node.launch();
    node.ready().await;
    let second = nodes(&other, &fixture(), &["b"]).await;
    let mut device = Device::join(&second[0], "dev-1").await;
    assert_eq!(append(&mut device, "j", 2).await, Ok(2));

    // And alone again, with what it has by then.
    all_applied(&second[0], 2).await;
    node.terminate().await;
    let said = {
        node.configure(&fixture());
        refused_again(&mut node).await
    };
    assert!(said.contains("make it that of a server of its own with `modehost node detach`"), "{said}");
    node.command(&["node", "detach", "--data", &dir]).await;
    node.launch();
    node.ready().await;
    let mut device = Device::join(&node, "dev-1").await;
    assert_eq!(append(&mut device, "j", 3).await, Ok(3));
}
