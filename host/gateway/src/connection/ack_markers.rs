//! Ack markers among outgoing frames. Rule: a marker completes when the peer has acknowledged all frames before it.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

use super::tests::{client, next, test_connection, text};

#[tokio::test]
async fn p4_a_mark_is_reached_when_what_stands_before_it_has_been_written() {
    let (device, test) = test_connection(None);
    let mut client = client(device).await;
    let (progress, mut acknowledged) = watch::channel(0);
    // The pipe has capacity for one of them and a part of the next.
    let large = "x".repeat(13 * 1024);
    for number in 1..=3 {
        test.outbox.text_with_marker(large.clone(), &progress, number).expect("open");
    }
    drop(progress);
    for number in 1..=2 {
        let in_time = timeout(Duration::from_secs(10), acknowledged.wait_for(|count| *count >= number)).await;
        assert_eq!(*in_time.expect("in time").expect("a marker is left"), number);
        if number == 1 {
            assert_eq!(next(&mut client).await, text(&large));
        }
    }
    drop(client);
    // The third was written in part, so its marker never completes.
    let ended = timeout(Duration::from_secs(10), acknowledged.wait_for(|count| *count >= 3)).await;
    assert!(ended.expect("in time").is_err());
    assert_eq!(*acknowledged.borrow(), 2);
    assert!(test.connection.join().await.is_some());
}
