//! What a new connection hears first. Rule: hello is answered before anything else is said, to
//! whatever it is the answer.

use std::sync::Barrier;

use modehost_contract::{Effect, Event, Fault};
use modehost_task::run_blocking;
use serde_json::{Value, json};

use crate::host::TestHost;
use crate::native::Native;

static HELD: Barrier = Barrier::new(2);

/// Is held up by one message while others come.
fn held_up(_: &mut u64, event: &Event) -> Result<Vec<Effect>, Fault> {
    if matches!(event, Event::Message { .. }) {
        HELD.wait();
        HELD.wait();
    }
    Ok(vec![])
}

#[tokio::test(flavor = "multi_thread")]
async fn c13_what_an_earlier_connection_left_does_not_come_before_the_answer_to_hello() {
    let host = TestHost::new();
    host.catalog.publish(Native::new("red", 1, held_up));
    let mut device = host.device("a");
    device.greets(false).await;
    device.say(json!({ "type": "red" })).await;
    run_blocking(|| HELD.wait()).await;
    device.say(json!({ "type": "nobody's" })).await;
    device.say(json!({ "type": "hello" })).await;
    device.vanish();
    let mut again = host.device("a");
    again.say(json!({ "type": "hello" })).await;
    run_blocking(|| HELD.wait()).await;
    assert_eq!(again.next().await["type"], "hello");
    assert_eq!(again.next().await["code"], "UNKNOWN_TYPE", "and it is not lost");
    assert_eq!(again.hears_up_to_now().await, Vec::<Value>::new(), "one answer to one hello");
}
