//! What devices are told. Rule: nothing here decides; these are the shapes of the protocol.

use modehost_sdk::{Delivered, Device};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::address::Refused;
use crate::request::Post;

/// Devices named in each list of a receipt; the rest is counted.
const LISTED: usize = 256;

/// A message as the receiver gets it.
#[derive(Debug, Serialize)]
pub struct Incoming<'a> {
    r#type: &'static str,
    event: &'static str,
    id: &'a Value,
    from: &'a str,
    /// The sender's name, where the operator gave one.
    #[serde(skip_serializing_if = "Option::is_none")]
    from_alias: Option<&'a str>,
    category: &'a str,
    payload: &'a RawValue,
    ts: u64,
    /// It has waited for the device.
    offline: bool,
    /// A model has rewritten it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    relayed: bool,
    /// What devices show that do not know this type of message; only of words.
    #[serde(skip_serializing_if = "Option::is_none")]
    alert: Option<Alert<'a>>,
}

/// The host sends it as the ecosystem's `alert` to devices that know no other messages.
#[derive(Debug, Serialize)]
struct Alert<'a> {
    /// The heading: who has sent it.
    status: &'a str,
    message: String,
    emotion: &'static str,
}

/// Characters of an alert: screens are small.
const ALERT_CHARS: usize = 200;

impl<'a> Alert<'a> {
    /// None where the payload has no words.
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
    /// The message of a sender, as it is handed over or as it is kept.
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

/// For the sender, when a device has got what was kept for it; the host adds `to` and `count`.
#[derive(Debug, Serialize)]
pub struct Notice {
    r#type: &'static str,
    event: &'static str,
}

/// The one receipt that there is.
pub const REDELIVERED: Notice = Notice { r#type: "peer", event: "redelivered" };

/// What became of a message.
#[derive(Debug, Serialize)]
pub struct Receipt<'a> {
    r#type: &'static str,
    event: &'static str,
    id: &'a Value,
    delivered: &'a [String],
    queued: &'a [String],
    failed: &'a [Refused],
    /// Only where lists were cut: how many each has in truth.
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

/// What the host says of those that got nothing, behind what was refused before.
pub fn failed(mut refused: Vec<Refused>, delivered: &mut Delivered) -> Vec<Refused> {
    let missed = std::mem::take(&mut delivered.failed).into_iter();
    refused.extend(missed.map(|missed| Refused { to: missed.device, reason: missed.reason }));
    refused
}

/// An error about a message, for what the message at hand cannot be refused with.
#[derive(Debug, Serialize)]
pub struct Reference<'a> {
    r#type: &'static str,
    id: &'a Value,
}

impl<'a> Reference<'a> {
    /// The message with this id.
    pub fn new(id: &'a Value) -> Self {
        Self { r#type: "peer", id }
    }
}

/// Too early: the message may be sent again in `retry_after_ms`.
#[derive(Debug, Serialize)]
pub struct RateLimited<'a> {
    r#type: &'static str,
    code: &'static str,
    message: &'a str,
    retry_after_ms: u64,
    r#ref: Reference<'a>,
}

impl<'a> RateLimited<'a> {
    /// An error for the message with this id.
    pub fn new(id: &'a Value, message: &'a str, retry_after_ms: u64) -> Self {
        Self { r#type: "error", code: "RATE_LIMITED", message, retry_after_ms, r#ref: Reference::new(id) }
    }
}
