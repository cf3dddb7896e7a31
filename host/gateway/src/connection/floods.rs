//! Floods that nobody reads the answers of. Rule: whoever leaves answers unread is not read either, and
//! let go in time.

use std::time::Duration;

use crate::limits;
use futures_util::SinkExt;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

use super::tests::{client, stage};

#[tokio::test(start_paused = true)]
async fn c8_pings_whose_pongs_nobody_reads_are_left_unread_and_the_device_let_go() {
    let (device, stage) = stage(None);
    let mut client = client(device).await;
    let mut taken = 0_u32;
    let flood = async {
        while taken < 20_000 && client.send(Message::Ping(vec![0; 125].into())).await.is_ok() {
            taken += 1;
        }
    };
    timeout(limits::WRITE * 3, flood).await.expect("it ends");
    // What the pipe holds in both directions, and a little.
    assert!(taken < 2_000, "{taken} pings were taken");
    assert!(timeout(Duration::from_secs(1), stage.connection.join()).await.is_ok());
}
