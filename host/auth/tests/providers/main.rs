//! Sign-in against identity providers on real sockets, with really signed tokens. Rule: a provider may respond with
//! anything, late or never; the outcome for callers depends on that alone.

mod fake;
mod introspection;
mod keys;
mod log;

use std::future::poll_fn;
use std::task::Poll;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use modehost_auth::{AuthConfig, Claim, DenyReason, SignIn};
use modehost_ids::{ClientId, DeviceId};
use serde_json::Value;
use tokio::time::timeout;

/// Deadline of an expected event.
const SOON: Duration = Duration::from_secs(20);

fn config(value: Value) -> AuthConfig {
    let config: AuthConfig = serde_json::from_value(value).expect("the right form");
    garde::Validate::validate(&config).expect("valid");
    config
}

fn sign_in(value: Value) -> SignIn {
    SignIn::new(&config(value))
}

/// An attempt from an address of its own, so that the rate limit does not interfere.
async fn check(sign_in: &SignIn, device: &str, token: &str) -> Result<(), DenyReason> {
    let (device, client) = (DeviceId::new(device), ClientId::new(""));
    static NEXT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(1);
    let address = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed).into();
    let claim = Claim { device: &device, client: &client, token: Some(token), address: std::net::IpAddr::V4(address) };
    sign_in.check(claim).await.map_err(|denial| denial.reason)
}

/// Unix seconds.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs()
}

/// Retries until the expected outcome.
async fn eventually(sign_in: &SignIn, device: &str, token: &str, expected: Result<(), DenyReason>) {
    let end = Instant::now() + SOON;
    loop {
        let outcome = check(sign_in, device, token).await;
        if outcome == expected {
            return;
        }
        assert!(Instant::now() < end, "still {outcome:?}, not {expected:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Starts all futures, drops the first, and waits for the others concurrently.
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
    // Let the started requests proceed as far as they can.
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
