//! Telling senders that what was kept for a device has been handed over (P.4). Rule: a notice is
//! told after its messages have left the queue, once for each sender and hand-over; a sender that
//! is away finds it on its own return.

use std::collections::BTreeMap;
use std::sync::Arc;

use modehost_ids::DeviceId;
use modehost_limits as limits;
use modehost_storage::traits::{Missed, Origin, Queued};
use serde_json::{Map, Value};

use crate::registry::Services;

/// Tells the sender of each message that wants to hear of it. What cannot be told is only logged:
/// the messages themselves have arrived.
pub(crate) async fn tell_senders(services: &Services, receiver: &DeviceId, handed: &[Queued], now: u64) {
    let mut counts: BTreeMap<&Origin, u64> = BTreeMap::new();
    for origin in handed.iter().filter_map(|message| message.origin.as_ref()) {
        *counts.entry(origin).or_default() += 1;
    }
    for (origin, count) in counts {
        let Some(notice) = written(&origin.notice, receiver, count) else { continue };
        let outcome = match services.directory.deliver(&origin.sender, &notice, None).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(Missed::Away | Missed::Refused)) => {
                let ttl = u64::try_from(limits::NOTICE_KEPT.as_millis()).unwrap_or(u64::MAX);
                services.queue.enqueue(&origin.sender, notice, now, ttl).await.map(drop)
            }
            Err(error) => Err(error),
        };
        if let Err(error) = outcome {
            tracing::warn!(device = %origin.sender, %receiver, %error, "the sender is not told of a redelivery");
        }
    }
}

/// The notice with who got how many messages.
fn written(notice: &str, receiver: &DeviceId, count: u64) -> Option<Arc<str>> {
    let mut object: Map<String, Value> = serde_json::from_str(notice).ok()?;
    object.insert("to".to_owned(), receiver.as_str().into());
    object.insert("count".to_owned(), count.into());
    Some(Value::Object(object).to_string().into())
}
