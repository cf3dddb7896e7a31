//! Sign-in against identity providers on real sockets, with tokens that are really signed. Rule: a
//! provider may answer anything, late or never; what callers are told follows from that alone.

mod fake;
mod introspection;
mod keys;
mod log;

use std::future::poll_fn;
use std::task::Poll;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use modehost_auth::{AuthConfig, Claim, Denied, SignIn};
use modehost_ids::{ClientId, DeviceId};
use serde_json::Value;
use tokio::time::timeout;

/// How long something that is due may take.
const SOON: Duration = Duration::from_secs(20);

fn config(value: Value) -> AuthConfig {
    let config: AuthConfig = serde_json::from_value(value).expect("the right form");
    garde::Validate::validate(&config).expect("valid");
    config
}

fn sign_in(value: Value) -> SignIn {
    SignIn::new(&config(value))
}

/// An attempt from an address of its own, so that failures elsewhere do not count.
async fn check(sign_in: &SignIn, device: &str, token: &str) -> Result<(), Denied> {
    let (device, client) = (DeviceId::new(device), ClientId::new(""));
    static NEXT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(1);
    let address = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed).into();
    let claim = Claim { device: &device, client: &client, token: Some(token), address: std::net::IpAddr::V4(address) };
    sign_in.check(claim).await.map_err(|refused| refused.why)
}

/// Unix seconds.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs()
}

/// Asks again until the answer is there.
async fn eventually(sign_in: &SignIn, device: &str, token: &str, wanted: Result<(), Denied>) {
    let end = Instant::now() + SOON;
    loop {
        let outcome = check(sign_in, device, token).await;
        if outcome == wanted {
            return;
        }
        assert!(Instant::now() < end, "still {outcome:?}, not {wanted:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Begins all of them, drops the first, and waits for the others, all at the same time.
async fn all_but_the_first<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut waiting: Vec<_> = futures.map(Box::pin).collect();
    let mut outcomes = Vec::new();
    poll_fn(|context| {
        for future in &mut waiting {
            assert!(future.as_mut().poll(context).is_pending(), "nothing is known yet");
        }
        Poll::Ready(())
    })
    .await;
    // So that what was begun gets as far as it can.
    tokio::time::sleep(Duration::from_millis(100)).await;
    drop(waiting.remove(0));
    let rest = poll_fn(|context| {
        waiting.retain_mut(|future| match future.as_mut().poll(context) {
            Poll::Ready(outcome) => {
                outcomes.push(outcome);
                false
            }
            Poll::Pending => true,
        });
        if waiting.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    });
    timeout(SOON, rest).await.expect("in time");
    outcomes
}
