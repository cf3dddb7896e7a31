//! The first messages of a new connection. Rule: hello is answered before anything else is sent, whatever that is.

use std::sync::Barrier;

use modehost_contract::{Effect, Event, Fault};
use modehost_task::run_blocking;
use serde_json::{Value, json};

use crate::host::TestHost;
use crate::native::NativeMode;

static BLOCKED: Barrier = Barrier::new(2);

/// Blocks on one message while others arrive.
fn block_on_message(_: &mut u64, event: &Event) -> Result<Vec<Effect>, Fault> {
    if matches!(event, Event::Message { .. }) {
        BLOCKED.wait();
        BLOCKED.wait();
    }
    Ok(vec![])
}

#[tokio::test(flavor = "multi_thread")]
async fn c13_what_an_earlier_connection_left_does_not_come_before_the_answer_to_hello() {
    let host = TestHost::new();
    host.catalog.publish(NativeMode::new("red", 1, block_on_message));
    let mut device = host.device("a");
    device.say_hello(false).await;
    device.say(json!({ "type": "red" })).await;
    run_blocking(|| BLOCKED.wait()).await;
    device.say(json!({ "type": "nobody's" })).await;
    device.say(json!({ "type": "hello" })).await;
    device.lose_connection();
    let mut again = host.device("a");
    again.say(json!({ "type": "hello" })).await;
    run_blocking(|| BLOCKED.wait()).await;
    assert_eq!(again.next().await["type"], "hello");
    assert_eq!(again.next().await["code"], "UNKNOWN_TYPE", "and it is not lost");
    assert_eq!(again.received_so_far().await, Vec::<Value>::new(), "one answer to one hello");
}
