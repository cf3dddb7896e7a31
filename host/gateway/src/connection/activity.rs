//! Activity that a connection reports to its session. Rule: a device that closes the connection is distinguished from
//! one that is lost, and traffic of the transport from user activity.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::{SinkExt, StreamExt};
use modehost_outbox::close;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use super::tests::{TestConnection, client, test_connection, test_connection_behind};

fn count(counter: &AtomicUsize) -> usize {
    counter.load(Ordering::Relaxed)
}

#[tokio::test]
async fn c17_texts_are_signs_of_the_person_and_sound_of_the_transport() {
    let (device, test) = test_connection(None);
    let mut client = client(device).await;
    let texts = [r#"{"type":"ping"}"#, "garbage"].map(|text| Message::Text(text.into()));
    for sent in texts.into_iter().chain([Message::Binary(vec![1].into()), Message::Ping("x".into())]) {
        client.send(sent).await.expect("sent");
    }
    while client.next().await.expect("open").expect("a message") != Message::Pong("x".into()) {}
    assert_eq!((count(&test.activity.user), count(&test.activity.transport)), (2, 3));
}

async fn ended(test: TestConnection) -> usize {
    let activity = test.activity.clone();
    assert!(test.connection.join().await.is_some());
    count(&activity.hung_up)
}

#[tokio::test]
async fn c16_a_close_frame_and_the_end_of_the_stream_are_a_hang_up() {
    let (device, test) = test_connection(None);
    let mut client = client(device).await;
    client.close(Some(CloseFrame { code: 1000.into(), reason: "".into() })).await.expect("sent");
    assert_eq!(ended(test).await, 1);
    let (device, test) = super::tests::test_connection(None);
    drop(device);
    assert_eq!(ended(test).await, 1);
}

#[tokio::test]
async fn c16_through_a_proxy_only_a_close_frame_is_a_hang_up() {
    let (device, test) = test_connection_behind(true, None);
    drop(device);
    assert_eq!(ended(test).await, 0);
    let (device, test) = test_connection_behind(true, None);
    client(device).await.close(None).await.expect("sent");
    assert_eq!(ended(test).await, 1);
}

#[tokio::test]
async fn c16_the_answer_to_our_own_close_is_no_hang_up() {
    let (device, test) = test_connection(None);
    let mut client = client(device).await;
    test.outbox.close(close::NORMAL, "goodbye");
    while let Some(Ok(_)) = client.next().await {}
    assert_eq!(ended(test).await, 0);
}
