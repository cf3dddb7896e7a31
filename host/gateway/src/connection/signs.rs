//! What a connection tells its session of the person. Rule: a device that hangs up is told from one that is
//! lost, and what it sends by itself from what a person does.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::{SinkExt, StreamExt};
use modehost_outbox::close;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use super::tests::{Stage, client, stage, stage_behind};

fn count(sign: &AtomicUsize) -> usize {
    sign.load(Ordering::Relaxed)
}

#[tokio::test]
async fn c17_texts_are_signs_of_the_person_and_sound_of_the_transport() {
    let (device, stage) = stage(None);
    let mut client = client(device).await;
    let texts = [r#"{"type":"ping"}"#, "garbage"].map(|text| Message::Text(text.into()));
    for sent in texts.into_iter().chain([Message::Binary(vec![1].into()), Message::Ping("x".into())]) {
        client.send(sent).await.expect("sent");
    }
    while client.next().await.expect("open").expect("a message") != Message::Pong("x".into()) {}
    assert_eq!((count(&stage.signs.person), count(&stage.signs.transport)), (2, 3));
}

async fn ended(stage: Stage) -> usize {
    let signs = stage.signs.clone();
    assert!(stage.connection.join().await.is_some());
    count(&signs.hung_up)
}

#[tokio::test]
async fn c16_a_close_frame_and_the_end_of_the_stream_are_a_hang_up() {
    let (device, stage) = stage(None);
    let mut client = client(device).await;
    client.close(Some(CloseFrame { code: 1000.into(), reason: "".into() })).await.expect("sent");
    assert_eq!(ended(stage).await, 1);
    let (device, stage) = super::tests::stage(None);
    drop(device);
    assert_eq!(ended(stage).await, 1);
}

#[tokio::test]
async fn c16_through_a_proxy_only_a_close_frame_is_a_hang_up() {
    let (device, stage) = stage_behind(true, None);
    drop(device);
    assert_eq!(ended(stage).await, 0);
    let (device, stage) = stage_behind(true, None);
    client(device).await.close(None).await.expect("sent");
    assert_eq!(ended(stage).await, 1);
}

#[tokio::test]
async fn c16_the_answer_to_our_own_close_is_no_hang_up() {
    let (device, stage) = stage(None);
    let mut client = client(device).await;
    stage.outbox.close(close::NORMAL, "goodbye");
    while let Some(Ok(_)) = client.next().await {}
    assert_eq!(ended(stage).await, 0);
}
