//! Messages to devices. Rule: no decisions here, only the shapes of the protocol.

use modehost_sdk::{Delivered, Device};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::address::Refused;
use crate::request::Post;

/// Maximum number of devices in each list of a receipt; the others are only counted.
const LISTED: usize = 256;

/// A message as the receiver gets it.
#[derive(Debug, Serialize)]
pub struct Incoming<'a> {
    r#type: &'static str,
    event: &'static str,
    id: &'a Value,
    from: &'a str,
    /// Alias of the sender, if the operator gave one.
    #[serde(skip_serializing_if = "Option::is_none")]
    from_alias: Option<&'a str>,
    category: &'a str,
    payload: &'a RawValue,
    ts: u64,
    /// True if the message was queued for the device.
    offline: bool,
    /// True if a model has rewritten it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    relayed: bool,
    /// Shown by devices that do not know this message type; only if the payload has a text.
    #[serde(skip_serializing_if = "Option::is_none")]
    alert: Option<Alert<'a>>,
}

/// The host sends it as the ecosystem's `alert` message to devices that know no other message types.
#[derive(Debug, Serialize)]
struct Alert<'a> {
    /// The heading: the sender.
    status: &'a str,
    message: String,
    emotion: &'static str,
}

/// Maximum characters of an alert: screens are small.
const ALERT_CHARS: usize = 200;

impl<'a> Alert<'a> {
    /// None if the payload has no text.
    fn of(payload: &RawValue, sender: &'a Device) -> Option<Self> {
        #[derive(Deserialize)]
        struct Words {
            text: String,
        }
        let Words { text } = serde_json::from_str(payload.get()).ok()?;
        let text = text.trim();
        let message = text.chars().take(ALERT_CHARS).collect();
        let status = sender.alias.as_deref().unwrap_or(&sender.id);
        (!text.is_empty()).then_some(Self { status, message, emotion: "neutral" })
    }
}

impl<'a> Incoming<'a> {
    /// The message for immediate delivery, or for the queue (`offline`).
    pub fn new(post: &'a Post, payload: &'a RawValue, sender: &'a Device, offline: bool, relayed: bool) -> Self {
        Self {
            r#type: "peer",
            event: "message",
            id: &post.id,
            from: &sender.id,
            from_alias: sender.alias.as_deref(),
            category: &post.category,
            payload,
            ts: post.at,
            offline,
            relayed,
            alert: Alert::of(payload, sender),
        }
    }
}

/// Tells the sender that a device has received its queued messages; the host adds `to` and `count`.
#[derive(Debug, Serialize)]
pub struct Notice {
    r#type: &'static str,
    event: &'static str,
}

/// The only notice.
pub const REDELIVERED: Notice = Notice { r#type: "peer", event: "redelivered" };

/// The outcome of a message.
#[derive(Debug, Serialize)]
pub struct Receipt<'a> {
    r#type: &'static str,
    event: &'static str,
    id: &'a Value,
    delivered: &'a [String],
    queued: &'a [String],
    failed: &'a [Refused],
    /// The true lengths; only if a list is cut.
    #[serde(skip_serializing_if = "Option::is_none")]
    counts: Option<Counts>,
}

#[derive(Debug, Serialize)]
struct Counts {
    delivered: usize,
    queued: usize,
    failed: usize,
}

impl<'a> Receipt<'a> {
    /// The receipt of the message with this id.
    pub fn new(id: &'a Value, delivered: &'a [String], queued: &'a [String], failed: &'a [Refused]) -> Self {
        let counts = Counts { delivered: delivered.len(), queued: queued.len(), failed: failed.len() };
        let is_cut = counts.delivered.max(counts.queued).max(counts.failed) > LISTED;
        Self {
            r#type: "peer",
            event: "receipt",
            id,
            delivered: head(delivered),
            queued: head(queued),
            failed: head(failed),
            counts: is_cut.then_some(counts),
        }
    }
}

fn head<T>(items: &[T]) -> &[T] {
    items.get(..LISTED).unwrap_or(items)
}

/// The targets that the rules excluded, followed by those that the host could not reach.
pub fn failed(mut refused: Vec<Refused>, delivered: &mut Delivered) -> Vec<Refused> {
    let missed = std::mem::take(&mut delivered.failed).into_iter();
    refused.extend(missed.map(|missed| Refused { to: missed.device, reason: missed.reason }));
    refused
}

/// The `ref` of an error about a message.
#[derive(Debug, Serialize)]
pub struct Reference<'a> {
    r#type: &'static str,
    id: &'a Value,
}

impl<'a> Reference<'a> {
    /// Refers to the message with this id.
    pub fn new(id: &'a Value) -> Self {
        Self { r#type: "peer", id }
    }
}

/// Error for a message that comes too early: it may be sent again after `retry_after_ms`.
#[derive(Debug, Serialize)]
pub struct RateLimited<'a> {
    r#type: &'static str,
    code: &'static str,
    message: &'a str,
    retry_after_ms: u64,
    r#ref: Reference<'a>,
}

impl<'a> RateLimited<'a> {
    /// The error for the message with this id.
    pub fn new(id: &'a Value, message: &'a str, retry_after_ms: u64) -> Self {
        Self { r#type: "error", code: "RATE_LIMITED", message, retry_after_ms, r#ref: Reference::new(id) }
    }
}
