//! Marks among what is written. Rule: a mark is reached when the device's side has what stands before it.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

use super::tests::{client, next, stage, text};

#[tokio::test]
async fn p4_a_mark_is_reached_when_what_stands_before_it_has_been_written() {
    let (device, stage) = stage(None);
    let mut client = client(device).await;
    let (progress, mut reached) = watch::channel(0);
    // The pipe holds one of them and a piece of the next.
    let large = "x".repeat(13 * 1024);
    for number in 1..=3 {
        stage.outbox.marked(large.clone(), &progress, number).expect("open");
    }
    drop(progress);
    for number in 1..=2 {
        let in_time = timeout(Duration::from_secs(10), reached.wait_for(|reached| *reached >= number)).await;
        assert_eq!(*in_time.expect("in time").expect("a mark is left"), number);
        if number == 1 {
            assert_eq!(next(&mut client).await, text(&large));
        }
    }
    drop(client);
    // The third was written in part: nobody will know of it.
    let ended = timeout(Duration::from_secs(10), reached.wait_for(|reached| *reached >= 3)).await;
    assert!(ended.expect("in time").is_err());
    assert_eq!(*reached.borrow(), 2);
    assert!(stage.connection.join().await.is_some());
}
