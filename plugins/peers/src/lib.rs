//! Peers: messages from device to device. Rule: a message that was taken is answered with exactly
//! one receipt, which says of every target whether it has the message, will have it, or why not.
//!
//! # Layout
//! - [`config`]: the section `peers`
//! - [`request`]: a message, read
//! - [`rules`]: who may write to whom
//! - [`address`]: from what the sender says to whom the host delivers
//! - [`relay`]: a message on its way through a model
//! - [`words`]: what devices are told
//!
//! Receivers need no instance: the host hands a message straight to their connections, or keeps
//! it. Messages of one sender keep their order, but for those that a model rewrites: they go out
//! when it is done, and nothing waits for them.

pub mod address;
pub mod config;
pub mod relay;
pub mod request;
pub mod rules;
pub mod words;

use std::time::Duration;

use modehost_sdk::{
    Cx, Delivered, Describe, EndReason, Failure, Fault, Message, Mode, ModelDone, ModelForm, Outcome, OutgoingDelivery,
    RequestFailed, RequestId, TimerId,
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

/// Messages of one device that a model may have at the same time.
const RELAYS: usize = 4;
/// Bytes of their payloads together: they are in the state until the model is done.
const RELAY_BYTES: usize = 64 * 1024;
/// Deliveries of one device whose outcome may be open.
const DELIVERIES: usize = 24;
/// What a sender is told to wait where only the server knows when there will be room, in ms.
const ROOM_MS: u64 = 1000;

/// A delivery whose outcome is open.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Open {
    request: RequestId,
    id: Value,
    /// How the receipt names the target where the outcome is not known.
    to: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    refused: Vec<Refused>,
}

/// The state of one device's handler. Between messages it is a single time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Peers {
    /// When the device last wrote to everyone, Unix ms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    broadcast_at: Option<u64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    relays: Vec<Relay>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    open: Vec<Open>,
}

impl Mode for Peers {
    type Config = Config;

    fn describe() -> Describe {
        Describe::new().message_type("peer").config_schema(include_str!("../config.schema.json"))
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
        // Before any model is asked: a message that nobody may get costs nothing.
        let found = route(&post.to, &post.category, cx.device(), cx.config());
        if found.to.is_some() && post.to == Target::Everyone {
            self.broadcast_at = Some(cx.now());
        }
        match instruction {
            Some(instruction) if found.to.is_some() => {
                let request = ask(cx, &post, &instruction);
                self.relays.push(Relay { request, instruction, post, again: false });
                Ok(())
            }
            _ => self.deliver(cx, post, found, false),
        }
    }

    fn on_delivered(&mut self, cx: &mut Cx<'_, Self>, mut delivered: Delivered) -> Outcome {
        let Some(Open { id, to, refused, .. }) = self.take_open(delivered.request) else {
            return Ok(());
        };
        let mut failed = failed(refused, &mut delivered);
        if delivered.sent.is_empty() && delivered.queued.is_empty() && failed.is_empty() {
            failed.push(Refused { to, reason: "there is no other device".to_owned() });
        }
        cx.send(&Receipt::new(&id, &delivered.sent, &delivered.queued, &failed));
        Ok(())
    }

    fn on_model_done(&mut self, cx: &mut Cx<'_, Self>, done: ModelDone) -> Outcome {
        let Some(mut relay) = self.take_relay(done.request) else {
            return Ok(());
        };
        cx.stop_timer(relay.request);
        match rewritten(&done.text, &relay.post.payload, cx.config()) {
            Ok(payload) => {
                relay.post.payload = payload;
                self.send_on(cx, relay.post, true)
            }
            Err(sentence) => self.send_as_it_was(cx, relay, "LLM_OUTPUT_NOT_JSON", &sentence),
        }
    }

    fn on_request_failed(&mut self, cx: &mut Cx<'_, Self>, lost: RequestFailed) -> Outcome {
        if let Some(Open { id, to, mut refused, .. }) = self.take_open(lost.request) {
            let reason = match lost.reason {
                Failure::Interrupted => "the server was restarted; it may have arrived or not".to_owned(),
                _ => lost.message,
            };
            refused.push(Refused { to, reason });
            cx.send(&Receipt::new(&id, &[], &[], &refused));
            return Ok(());
        }
        let Some(mut relay) = self.take_relay(lost.request) else {
            return Ok(());
        };
        cx.stop_timer(relay.request);
        match lost.reason {
            // The process ended while the model had it; once more, and only once.
            Failure::Interrupted if !relay.again => {
                relay.again = true;
                relay.request = ask(cx, &relay.post, &relay.instruction);
                self.relays.push(relay);
                Ok(())
            }
            Failure::NotJson => {
                self.send_as_it_was(cx, relay, "LLM_OUTPUT_NOT_JSON", "the model's answer is not a JSON object")
            }
            _ => self.send_as_it_was(cx, relay, "LLM_UNAVAILABLE", &lost.message),
        }
    }

    fn on_timer(&mut self, cx: &mut Cx<'_, Self>, id: TimerId) -> Outcome {
        match self.take_relay(id) {
            Some(relay) => {
                cx.cancel(relay.request);
                self.send_as_it_was(cx, relay, "LLM_UNAVAILABLE", "the model did not answer in time")
            }
            None => Ok(()),
        }
    }

    /// A plugin that is removed hears of no outcome any more, so what the model has goes out now.
    fn on_ended(&mut self, cx: &mut Cx<'_, Self>, reason: EndReason) -> Outcome {
        if reason == EndReason::Removed {
            for relay in std::mem::take(&mut self.relays) {
                cx.cancel(relay.request);
                self.send_as_it_was(cx, relay, "LLM_UNAVAILABLE", "the model is no longer waited for")?;
            }
        }
        Ok(())
    }
}

impl Peers {
    /// Why the message comes too early, and how many ms it has to wait.
    fn must_wait(&self, cx: &Cx<'_, Self>, post: &Post, relayed: bool) -> Option<(&'static str, u64)> {
        if post.to == Target::Everyone {
            let least = cx.config().broadcast_interval_s.saturating_mul(1000);
            // A time to come is one that the clock was set back behind; it says nothing of how long ago it was.
            let last = self.broadcast_at.filter(|at| *at <= cx.now());
            let left = last.map_or(0, |at| at.saturating_add(least).saturating_sub(cx.now()));
            if left > 0 {
                return Some(("messages to everyone come too fast; send this one again later", left));
            }
        }
        if self.open.len() >= DELIVERIES {
            return Some(("too many messages are on their way; send this one again in a moment", ROOM_MS));
        }
        let bytes: usize = self.relays.iter().map(|relay| relay.post.payload.len()).sum();
        let is_full = self.relays.len() >= RELAYS || bytes + post.payload.len() > RELAY_BYTES;
        // One that is too large for all the room still fits when it is alone.
        (relayed && is_full && !self.relays.is_empty())
            .then_some(("the model has too many messages already; send this one again in a moment", ROOM_MS))
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
        let request = cx.deliver_with(&OutgoingDelivery {
            to,
            except: found.except,
            message: &Incoming::new(&post, payload, sender, false, relayed),
            offline: Some(&Incoming::new(&post, payload, sender, true, relayed)),
            receipt: Some(&REDELIVERED),
            ttl: Duration::from_millis(post.ttl_ms),
        });
        self.open.push(Open { request, id: post.id, to: post.to.label(), refused: found.refused });
        Ok(())
    }

    fn take_open(&mut self, request: RequestId) -> Option<Open> {
        let place = self.open.iter().position(|open| open.request == request)?;
        Some(self.open.remove(place))
    }

    fn take_relay(&mut self, request: RequestId) -> Option<Relay> {
        let place = self.relays.iter().position(|relay| relay.request == request)?;
        Some(self.relays.remove(place))
    }
}

/// Asks the model and starts the time that it has.
fn ask(cx: &mut Cx<'_, Peers>, post: &Post, instruction: &str) -> RequestId {
    let settings = &cx.config().relay;
    let request = cx.ask_model(PURPOSE, question(post, instruction), settings.max_tokens, ModelForm::Json);
    cx.start_timer(request, Duration::from_secs(settings.timeout_s));
    request
}
