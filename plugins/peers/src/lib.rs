//! Peers: messages between devices. Rule: each accepted message gets exactly one receipt, which says for every target
//! whether the message has been delivered, is queued, or why it failed.
//!
//! # Layout
//! - [`config`]: the section `peers`
//! - [`request`]: parses a message
//! - [`rules`]: the access rules
//! - [`address`]: resolves the target to an audience of the host
//! - [`relay`]: a message that a model rewrites
//! - [`words`]: messages to devices
//!
//! Receivers need no instance: the host sends a message directly to their connections, or queues it. Messages of one
//! sender keep their order, except for relayed ones: these are delivered when the model is done, and no other message
//! waits for them.

pub mod address;
pub mod config;
pub mod relay;
pub mod request;
pub mod rules;
pub mod words;

use std::time::Duration;

use modehost_sdk::{
    Cx, Delivered, Describe, EndReason, Failure, Fault, Message, Migrated, Mode, ModelForm, Outcome, OutgoingDelivery,
    Reply, RequestFailed,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::address::{Refused, Route, route};
use crate::config::Config;
use crate::relay::{PURPOSE, Relay, question, rewritten};
use crate::request::{Post, Request, Target};
use crate::words::{Incoming, REDELIVERED, RateLimited, Receipt, Reference, failed};

modehost_sdk::register!(Peers);

/// Maximum number of pending relays of one device.
const RELAYS: usize = 4;
/// Maximum size of their payloads in bytes; they are in the state until the model is done.
const RELAY_BYTES: usize = 64 * 1024;
/// Maximum number of pending deliveries of one device.
const DELIVERIES: usize = 24;
/// `retry_after_ms` if only the server knows when there will be room.
const ROOM_MS: u64 = 1000;

/// The tags of requests: messages without a receipt so far.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Next {
    /// A delivery whose outcome is pending.
    Receipt(Delivery),
    /// A message that the model is rewriting.
    Rewritten(Relay),
}

/// What the receipt needs besides the outcome of the delivery.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Delivery {
    id: Value,
    /// The target in the receipt if the outcome names no device.
    to: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    refused: Vec<Refused>,
}

/// The state of one session. Between messages it is only a time and a count.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Peers {
    /// When the device last sent a message to everyone, Unix ms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    broadcast_at: Option<u64>,
    /// Number of relays so far, which identifies the next one.
    #[serde(default)]
    relayed: u64,
}

impl Mode for Peers {
    type Config = Config;
    type Next = Next;

    /// 1 kept deliveries and relays, with their request ids, in the state.
    const SCHEMA: u32 = 2;
    const OLD_SCHEMAS: &'static [u32] = &[1];

    fn describe() -> Describe {
        Describe::new().message_type("peer").config_schema(include_str!("../config.schema.json"))
    }

    fn migrate(_schema: u32, state: &str) -> Result<Migrated<Self>, String> {
        migrate(state).map_err(|error| error.to_string())
    }

    fn check_config(config: &Config) -> Result<(), String> {
        config.check()
    }

    fn on_message(&mut self, cx: &mut Cx<'_, Self>, message: Message) -> Outcome {
        let Request { post, instruction } = Request::read(&message, cx.config(), cx.now(), cx.seed())?;
        if let Some((sentence, wait)) = self.must_wait(cx, &post, instruction.is_some()) {
            cx.send(&RateLimited::new(&post.id, sentence, wait));
            return Ok(());
        }
        // Applies the rules before the model is asked: a message that no device may get costs nothing.
        let found = route(&post.to, &post.category, cx.device(), cx.config());
        if found.to.is_some() && post.to == Target::Everyone {
            self.broadcast_at = Some(cx.now());
        }
        match instruction {
            Some(instruction) if found.to.is_some() => {
                self.relayed += 1;
                ask(cx, Relay { number: self.relayed, instruction, post, again: false });
                Ok(())
            }
            _ => self.deliver(cx, post, found, false),
        }
    }

    fn on_reply(&mut self, cx: &mut Cx<'_, Self>, next: Next, reply: Reply) -> Outcome {
        match (next, reply) {
            (Next::Receipt(delivery), Reply::Delivered(delivered)) => {
                send_receipt(cx, delivery, delivered);
                Ok(())
            }
            (Next::Receipt(delivery), Reply::Failed(lost)) => {
                send_failed_receipt(cx, delivery, lost);
                Ok(())
            }
            (Next::Rewritten(relay), reply) => {
                cx.stop_alarm(&relay.alarm());
                self.on_rewritten(cx, relay, reply)
            }
            (Next::Receipt(_), _) => Ok(()),
        }
    }

    fn on_alarm(&mut self, cx: &mut Cx<'_, Self>, name: &str) -> Outcome {
        match take_relay(cx, |relay| relay.alarm() == name) {
            Some(relay) => self.send_as_it_was(cx, relay, "LLM_UNAVAILABLE", "the model did not answer in time"),
            None => Ok(()),
        }
    }

    /// A plugin that is removed gets no more outcomes, so the pending relays are delivered now.
    fn on_ended(&mut self, cx: &mut Cx<'_, Self>, reason: EndReason) -> Outcome {
        if reason == EndReason::Removed {
            while let Some(relay) = take_relay(cx, |_| true) {
                self.send_as_it_was(cx, relay, "LLM_UNAVAILABLE", "the model is no longer waited for")?;
            }
        }
        Ok(())
    }
}

impl Peers {
    /// Why the message comes too early, and the time to wait in ms.
    fn must_wait(&self, cx: &Cx<'_, Self>, post: &Post, relayed: bool) -> Option<(&'static str, u64)> {
        if post.to == Target::Everyone {
            let least = cx.config().broadcast_interval_s.saturating_mul(1000);
            // A time in the future means that the clock was set back, so the elapsed time is unknown.
            let last = self.broadcast_at.filter(|at| *at <= cx.now());
            let left = last.map_or(0, |at| at.saturating_add(least).saturating_sub(cx.now()));
            if left > 0 {
                return Some(("messages to everyone come too fast; send this one again later", left));
            }
        }
        if cx.waiting().filter(|next| matches!(next, Next::Receipt(_))).count() >= DELIVERIES {
            return Some(("too many messages are on their way; send this one again in a moment", ROOM_MS));
        }
        let (relays, bytes) =
            relays(cx).fold((0, 0), |(count, bytes), relay| (count + 1, bytes + relay.post.payload.len()));
        let is_full = relays >= RELAYS || bytes + post.payload.len() > RELAY_BYTES;
        // A payload larger than the limit is accepted if no other relay is pending.
        (relayed && is_full && relays > 0)
            .then_some(("the model has too many messages already; send this one again in a moment", ROOM_MS))
    }

    /// The model has answered or failed.
    fn on_rewritten(&mut self, cx: &mut Cx<'_, Self>, mut relay: Relay, reply: Reply) -> Outcome {
        match reply {
            Reply::Model(done) => match rewritten(&done.text, &relay.post.payload, cx.config()) {
                Ok(payload) => {
                    relay.post.payload = payload;
                    self.send_on(cx, relay.post, true)
                }
                Err(sentence) => self.send_as_it_was(cx, relay, "LLM_OUTPUT_NOT_JSON", &sentence),
            },
            Reply::Failed(lost) => match lost.reason {
                // The process ended during the request: repeats it once.
                Failure::Interrupted if !relay.again => {
                    ask(cx, Relay { again: true, ..relay });
                    Ok(())
                }
                Failure::NotJson => {
                    self.send_as_it_was(cx, relay, "LLM_OUTPUT_NOT_JSON", "the model's answer is not a JSON object")
                }
                _ => self.send_as_it_was(cx, relay, "LLM_UNAVAILABLE", &lost.message),
            },
            _ => Ok(()),
        }
    }

    /// Delivers by the rules as they are now.
    fn send_on(&mut self, cx: &mut Cx<'_, Self>, post: Post, relayed: bool) -> Outcome {
        let found = route(&post.to, &post.category, cx.device(), cx.config());
        self.deliver(cx, post, found, relayed)
    }

    fn send_as_it_was(&mut self, cx: &mut Cx<'_, Self>, relay: Relay, code: &str, sentence: &str) -> Outcome {
        let sentence = format!("{sentence}; the message was sent as it was");
        cx.send_error(code, &sentence, &Reference::new(&relay.post.id));
        self.send_on(cx, relay.post, false)
    }

    fn deliver(&mut self, cx: &mut Cx<'_, Self>, post: Post, found: Route, relayed: bool) -> Outcome {
        let Some(to) = found.to else {
            cx.send(&Receipt::new(&post.id, &[], &[], &found.refused));
            return Ok(());
        };
        let payload: &RawValue =
            serde_json::from_str(&post.payload).map_err(|error| Fault::Failed(format!("a stored payload: {error}")))?;
        let sender = cx.device();
        let delivery = OutgoingDelivery {
            to,
            except: found.except,
            message: &Incoming::new(&post, payload, sender, false, relayed),
            offline: Some(&Incoming::new(&post, payload, sender, true, relayed)),
            receipt: Some(&REDELIVERED),
            ttl: Duration::from_millis(post.ttl_ms),
        };
        let receipt = Delivery { id: post.id.clone(), to: post.to.label(), refused: found.refused };
        cx.deliver_with(&delivery).then(Next::Receipt(receipt));
        Ok(())
    }
}

fn send_receipt(cx: &mut Cx<'_, Peers>, delivery: Delivery, mut delivered: Delivered) {
    let Delivery { id, to, refused } = delivery;
    let mut failed = failed(refused, &mut delivered);
    if delivered.sent.is_empty() && delivered.queued.is_empty() && failed.is_empty() {
        failed.push(Refused { to, reason: "there is no other device".to_owned() });
    }
    cx.send(&Receipt::new(&id, &delivered.sent, &delivered.queued, &failed));
}

fn send_failed_receipt(cx: &mut Cx<'_, Peers>, delivery: Delivery, lost: RequestFailed) {
    let Delivery { id, to, mut refused } = delivery;
    let reason = match lost.reason {
        Failure::Interrupted => "the server was restarted; it may have arrived or not".to_owned(),
        _ => lost.message,
    };
    refused.push(Refused { to, reason });
    cx.send(&Receipt::new(&id, &[], &[], &refused));
}

fn relays<'c>(cx: &'c Cx<'_, Peers>) -> impl Iterator<Item = &'c Relay> {
    cx.waiting().filter_map(|next| match next {
        Next::Rewritten(relay) => Some(relay),
        Next::Receipt(_) => None,
    })
}

/// Cancels the first matching relay and returns it.
fn take_relay(cx: &mut Cx<'_, Peers>, fits: impl Fn(&Relay) -> bool) -> Option<Relay> {
    let found = relays(cx).find(|relay| fits(relay))?.clone();
    cx.stop_alarm(&found.alarm());
    cx.cancel(|next| matches!(next, Next::Rewritten(relay) if relay.number == found.number));
    Some(found)
}

/// Asks the model and starts its timeout.
fn ask(cx: &mut Cx<'_, Peers>, relay: Relay) {
    let (settings, alarm) = (&cx.config().relay, relay.alarm());
    let question = question(&relay.post, &relay.instruction);
    cx.ask_model(PURPOSE, question, settings.max_tokens, ModelForm::Json).then(Next::Rewritten(relay));
    cx.start_alarm(alarm, Duration::from_secs(settings.timeout_s));
}

/// Migrates a state of schema 1, in which the timer of a relay had the id of its request.
fn migrate(state: &str) -> Result<Migrated<Peers>, serde_json::Error> {
    #[derive(Deserialize)]
    struct Before {
        broadcast_at: Option<u64>,
        #[serde(default)]
        relays: Vec<OpenRelay>,
        #[serde(default)]
        open: Vec<OpenDelivery>,
    }
    #[derive(Deserialize)]
    struct OpenRelay {
        request: u64,
        instruction: String,
        post: Post,
        #[serde(default)]
        again: bool,
    }
    #[derive(Deserialize)]
    struct OpenDelivery {
        request: u64,
        #[serde(flatten)]
        delivery: Delivery,
    }
    let before: Before = serde_json::from_str(state)?;
    let relayed = before.relays.len() as u64;
    let mut migrated = Migrated::from(Peers { broadcast_at: before.broadcast_at, relayed });
    for (number, OpenRelay { request, instruction, post, again }) in (1..).zip(before.relays) {
        let relay = Relay { number, instruction, post, again };
        migrated = migrated.alarm(request, relay.alarm()).waiting(request, Next::Rewritten(relay));
    }
    for OpenDelivery { request, delivery } in before.open {
        migrated = migrated.waiting(request, Next::Receipt(delivery));
    }
    Ok(migrated)
}
