//! Floods from clients that do not read the responses. Rule: a client that leaves responses unread is not read either,
//! and is disconnected in time.

use std::time::Duration;

use crate::limits;
use futures_util::SinkExt;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

use super::tests::{client, test_connection};

#[tokio::test(start_paused = true)]
async fn c8_pings_whose_pongs_nobody_reads_are_left_unread_and_the_device_let_go() {
    let (device, test) = test_connection(None);
    let mut client = client(device).await;
    let mut sent = 0_u32;
    let flood = async {
        while sent < 20_000 && client.send(Message::Ping(vec![0; 125].into())).await.is_ok() {
            sent += 1;
        }
    };
    timeout(limits::WRITE_TIMEOUT * 3, flood).await.expect("it ends");
    // The capacity of the pipe in both directions, with a margin.
    assert!(sent < 2_000, "{sent} pings were taken");
    assert!(timeout(Duration::from_secs(1), test.connection.join()).await.is_ok());
}
