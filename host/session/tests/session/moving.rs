//! A session in memory of a time before others have served its device. Rule: it serves nobody and stores nothing, also
//! where this process has the device again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use modehost_contract::effect::{Output, Write};
use modehost_contract::{Effect, Event, Fault};
use modehost_ids::DeviceId;
use modehost_outbox::{close, outbox};
use modehost_session::{AttachError, Config, DuplicateDevice};
use modehost_storage::Reply;
use modehost_storage::traits::Claims;
use serde_json::{Value, json};

use crate::host::{Device, TestHost};
use crate::native::NativeMode;

/// This process has every device, in this epoch.
#[derive(Default)]
struct Epoch(AtomicU64);

impl Claims for Epoch {
    fn claim(&self, _device: &DeviceId) -> Reply<u64> {
        Reply::ready(Ok(self.0.load(Ordering::SeqCst)))
    }

    fn epoch(&self, _device: &DeviceId) -> Option<u64> {
        Some(self.0.load(Ordering::SeqCst))
    }
}

/// Counts messages; one that says `store` makes the count durable.
fn counts(count: &mut u64, event: &Event) -> Result<Vec<Effect>, Fault> {
    let Event::Message { body, .. } = event else { return Ok(vec![]) };
    *count += 1;
    let told = Effect::Output(Output::Send(json!({ "type": "told", "count": *count }).to_string()));
    let store = Write::AppendJournal { request: *count, journal: "j".into(), entry: "1".into(), notify: false };
    Ok(if body.contains("store") { vec![Effect::Write(store), told] } else { vec![told] })
}

fn host() -> (TestHost, Arc<Epoch>) {
    let epoch = Arc::new(Epoch::default());
    // Nothing is stored but by the mode.
    let config = Config { checkpoint: Duration::from_secs(600), ..Config::default() };
    let host = TestHost::with(config, |services| services.claims = epoch.clone());
    host.catalog.publish(NativeMode::new("red", 1, counts));
    (host, epoch)
}

async fn count(device: &mut Device, what: &str) -> u64 {
    device.say(json!({ "type": "red", "what": what })).await;
    let told = device.expect_message(|message| message["type"] == "told").await;
    told["count"].as_u64().expect("a number")
}

/// A device whose session has counted to 4 in memory and to 2 on disk.
async fn device_at_four(host: &TestHost) -> Device {
    let mut device = host.device("a");
    device.say_hello(false).await;
    count(&mut device, "").await;
    count(&mut device, "store").await;
    count(&mut device, "").await;
    assert_eq!(count(&mut device, "").await, 4);
    device
}

async fn expect_moved(device: &mut Device) {
    let closed = device.expect_message(|message| message["closed"] != Value::Null).await;
    assert_eq!(closed["closed"], close::MOVED);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_is_taken_up_goes_on_from_what_is_stored() {
    let (host, epoch) = host();
    let mut before = device_at_four(&host).await;
    epoch.0.store(2, Ordering::SeqCst);
    host.registry.take_up(&"a".into()).await;
    expect_moved(&mut before).await;
    let mut device = host.device("a");
    device.say_hello(false).await;
    assert_eq!(count(&mut device, "").await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_comes_back_is_served_from_what_is_stored() {
    let (host, epoch) = host();
    let mut before = device_at_four(&host).await;
    epoch.0.store(2, Ordering::SeqCst);
    let refused = host.registry.attach(&"a".into(), outbox().0, DuplicateDevice::Takeover);
    assert_eq!(refused.map(drop), Err(AttachError::Moved));
    host.registry.claim(&"a".into()).await.expect("claimed");
    expect_moved(&mut before).await;
    let mut device = host.device("a");
    device.say_hello(false).await;
    assert_eq!(count(&mut device, "").await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_of_before_ends_though_the_device_is_back_when_the_move_is_heard_of() {
    let (host, epoch) = host();
    let mut before = device_at_four(&host).await;
    // Heard of in its own epoch, nothing has moved.
    host.registry.end_moved(&"a".into());
    assert_eq!(count(&mut before, "").await, 5);
    epoch.0.store(2, Ordering::SeqCst);
    host.registry.end_moved(&"a".into());
    expect_moved(&mut before).await;
}
