//! Tools of the device, which modes list and call. Rule: what a device offers belongs to one hello;
//! with the next one, or with the end of the connection, it is forgotten and calls in flight fail.
//!
//! # Layout
//! - `line`: questions and answers of JSON-RPC over one connection
//! - `offer`: what a device says it has, made fit for models
//! - `things`: the same for firmware that describes things instead of tools
//! - here: the exchange with the device, and the session's side of it
//!
//! The exchange is the device protocol's: `initialize`, the pages of `tools/list`, `tools/call`.
//! It begins with the hello of a device that announces tools, since clients of the ecosystem wait for it; others
//! are never asked. Firmware takes no `notifications/initialized`, so none is sent.

mod line;
mod offer;
mod things;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Instant as Clock;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared, WeakShared, ready};
use modehost_contract::Event;
use modehost_contract::event::{Failure, RequestId};
use modehost_ids::PluginId;
use modehost_limits as limits;
use modehost_task::{IoTask, spawn_io};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use self::line::{Heard, Line};
use self::offer::{Offer, text_of};
use self::things::Things;
use crate::actor::Session;
use crate::config::Vision;
use crate::requests::{Outcome, failed};

/// Why a device gave no answer that could be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ToolError {
    #[error("the device has connected anew, or is gone; ask again once it is back")]
    Interrupted,
    #[error("the connection of the device is closing")]
    Closing,
    #[error("the device did not answer {0} in time")]
    TimedOut(&'static str),
    #[error("the device refused {0}: {1}")]
    Refused(&'static str, String),
    #[error("the device offers no tool of this name; list its tools again")]
    Unknown,
}

impl ToolError {
    fn failure(&self) -> Failure {
        match self {
            Self::Interrupted => Failure::Interrupted,
            Self::Closing => Failure::Unavailable,
            Self::TimedOut(_) => Failure::TimedOut,
            Self::Refused(..) | Self::Unknown => Failure::Refused,
        }
    }
}

/// What a question about the tools comes to; those who ask at the same time share it.
type Listing = Shared<BoxFuture<'static, Result<Arc<Offer>, ToolError>>>;

enum Known {
    Nothing,
    Asking(WeakShared<BoxFuture<'static, Result<Arc<Offer>, ToolError>>>),
    All(Arc<Offer>),
    /// It says that it has tools, and did not answer: nobody waits for that again so soon.
    Silent {
        error: ToolError,
        until: Instant,
    },
}

/// What the device of a session offers, since its last hello.
#[derive(Default)]
pub(crate) struct Tools {
    /// Of a device with an MCP server.
    desk: Option<Arc<Desk>>,
    /// Of older firmware.
    things: Things,
    /// Of questions to the device: counts over the whole session.
    ids: Arc<AtomicU64>,
    /// Asks what a device offers that has just said hello.
    _greeting: Option<IoTask<()>>,
}

impl Tools {
    /// The device has described things, or told their states.
    pub(crate) fn describe(&mut self, body: &str) {
        self.things.take(body);
    }
}

/// The tools of one device with an MCP server, from one hello on.
struct Desk {
    line: Arc<Line>,
    known: Mutex<Known>,
    calls: Arc<Semaphore>,
    vision: Option<Vision>,
}

impl Desk {
    fn new(line: Line, vision: Option<Vision>) -> Arc<Self> {
        let calls = Arc::new(Semaphore::new(limits::TOOL_CALLS));
        Arc::new(Self { line: Arc::new(line), known: Mutex::new(Known::Nothing), calls, vision })
    }

    /// What the device offers: known, being asked for, or asked for now. Of failures only silence
    /// is remembered, for `TOOL_SILENCE`.
    fn offer(self: &Arc<Self>) -> Listing {
        let mut known = self.known.lock();
        let running = match &*known {
            Known::All(offer) => return ready(Ok(offer.clone())).boxed().shared(),
            Known::Asking(running) => running.upgrade(),
            Known::Silent { error, until } if *until > Instant::now() => {
                return ready(Err(error.clone())).boxed().shared();
            }
            Known::Nothing | Known::Silent { .. } => None,
        };
        running.unwrap_or_else(|| {
            let listing = self.clone().ask_for_offer().boxed().shared();
            *known = listing.downgrade().map_or(Known::Nothing, Known::Asking);
            listing
        })
    }

    async fn ask_for_offer(self: Arc<Self>) -> Result<Arc<Offer>, ToolError> {
        let asked = self.introduce_and_ask().await;
        if let Err(error @ ToolError::TimedOut(_)) = &asked {
            let until = Instant::now() + limits::TOOL_SILENCE;
            *self.known.lock() = Known::Silent { error: error.clone(), until };
        }
        asked
    }

    async fn introduce_and_ask(&self) -> Result<Arc<Offer>, ToolError> {
        // Some clients answer only if both members of `vision` are there.
        let vision = self.vision.as_ref().map(|vision| (vision.url.as_str(), vision.token.expose()));
        let (url, token) = vision.unwrap_or_default();
        let introduction = json!({
            "protocolVersion": "2024-11-05",
            "capabilities": { "vision": { "url": url, "token": token } },
            "clientInfo": { "name": "modehost", "version": env!("CARGO_PKG_VERSION") },
        });
        self.ask("initialize", Some(introduction)).await?;
        let pages = tokio::time::timeout(limits::TOOL_LIST_REPLY, self.ask_for_pages());
        let offer = pages.await.map_err(|_| ToolError::TimedOut("tools/list"))??;
        let offer = Arc::new(offer);
        let mut known = self.known.lock();
        // Else the device has said meanwhile that its tools have changed.
        if matches!(*known, Known::Asking(_)) {
            *known = Known::All(offer.clone());
        }
        Ok(offer)
    }

    async fn ask_for_pages(&self) -> Result<Offer, ToolError> {
        let mut offer = Offer::default();
        let mut cursor: Option<String> = None;
        for _ in 0..limits::TOOL_PAGES {
            let page = self.ask("tools/list", cursor.as_ref().map(|cursor| json!({ "cursor": cursor }))).await?;
            offer.add(&page["tools"], self.vision.is_some());
            let next = page["nextCursor"].as_str().filter(|next| !next.is_empty());
            // A device that gives the same page for ever has given what it has.
            match next {
                Some(next) if cursor.as_deref() != Some(next) && !offer.is_full() => cursor = Some(next.to_owned()),
                _ => break,
            }
        }
        Ok(offer)
    }

    /// A question that the device must be able to answer.
    async fn ask(&self, method: &'static str, params: Option<Value>) -> Result<Value, ToolError> {
        let answer = self.line.ask(method, params, limits::TOOL_LIST_REPLY).await?;
        answer.map_err(|why| ToolError::Refused(method, why))
    }

    /// The text of the answer, and whether the tool has failed.
    async fn call(self: Arc<Self>, name: String, arguments: String) -> Result<(String, bool), ToolError> {
        let offer = self.offer().await?;
        let real = offer.real_name(&name).ok_or(ToolError::Unknown)?;
        let arguments: Value = serde_json::from_str(&arguments).unwrap_or_else(|_| json!({}));
        let params = json!({ "name": real, "arguments": arguments });
        Ok(match self.line.ask("tools/call", Some(params), limits::TOOL_CALL_REPLY).await? {
            Ok(result) => (text_of(&result), result["isError"] == Value::Bool(true)),
            Err(why) => (offer::cut(why), true),
        })
    }
}

impl Session {
    /// The device has said hello: whatever it offered before is forgotten.
    pub(crate) fn meet_tools(&mut self, offers: bool) {
        self.part_from_tools();
        if offers && let Some(outbox) = self.link.outbox() {
            let line = Line::new(outbox.clone(), self.id.clone(), self.tools.ids.clone());
            let desk = Desk::new(line, self.config().vision.clone());
            let listing = desk.offer();
            self.tools.desk = Some(desk);
            // At once: clients of the ecosystem wait for it before they do anything else.
            self.tools._greeting = Some(spawn_io(Box::pin(async move {
                if let Err(error) = listing.await {
                    tracing::debug!(%error, "a device that announces tools has not listed them");
                }
            })));
        }
    }

    /// The connection that the tools were reached by is not served any more.
    pub(crate) fn part_from_tools(&mut self) {
        if let Some(desk) = self.tools.desk.take() {
            desk.line.close();
        }
        self.tools.things = Things::default();
    }

    /// The device's MCP server has said something. Nobody is woken who does not wait for it.
    pub(crate) fn tool_answer(&mut self, payload: &str) {
        let heard = match &self.tools.desk {
            Some(desk) => desk.line.take(payload),
            None => line::ignore("unasked"),
        };
        if heard == Heard::Changed
            && let Some(desk) = &self.tools.desk
        {
            *desk.known.lock() = Known::Nothing;
        }
    }

    /// A `list-tools` effect.
    pub(crate) fn list_tools(&mut self, plugin: &PluginId, request: RequestId) {
        let Some(desk) = self.tools.desk.clone() else {
            if self.link.is_connected() {
                let event = Event::Tools { request, tools: self.tools.things.offer().tools() };
                return self.tell_later(plugin, event);
            }
            return self.refuse_request(plugin, request, Failure::Unavailable, "the device is not connected");
        };
        let Some(ticket) = self.open_request(plugin, request) else { return };
        let (plugin, serial) = (plugin.clone(), ticket.serial);
        let listed = async move {
            let event = match desk.offer().await {
                Ok(offer) => Event::Tools { request, tools: offer.tools() },
                Err(error) => failed(request, error.failure(), &error.to_string()),
            };
            Outcome::told(plugin, request, serial, event)
        };
        self.requests.open(ticket, listed);
        self.make_dirty();
    }

    /// A `call-tool` effect.
    pub(crate) fn call_tool(&mut self, plugin: &PluginId, request: RequestId, name: String, arguments: String) {
        let Some(desk) = self.tools.desk.clone() else {
            return match self.tools.things.call(&name, &arguments, self.id.as_str()) {
                Some((command, said)) => {
                    if let Some(command) = command {
                        self.link.send(command);
                    }
                    self.tell_later(plugin, Event::ToolDone { request, text: said.into(), failed: false });
                }
                None => self.refuse_request(plugin, request, Failure::Unavailable, "the device offers no such tool"),
            };
        };
        let Ok(permit) = desk.calls.clone().try_acquire_owned() else {
            let message = format!("more than {} calls wait for the device", limits::TOOL_CALLS);
            return self.refuse_request(plugin, request, Failure::TooMany, &message);
        };
        let Some(ticket) = self.open_request(plugin, request) else { return };
        let (plugin, serial) = (plugin.clone(), ticket.serial);
        let called = async move {
            let _permit = permit;
            let begun = Clock::now();
            let answer = desk.call(name, arguments).await;
            let outcome = match &answer {
                Ok((_, false)) => "ok",
                Ok((_, true)) => "failed",
                Err(_) => "unanswered",
            };
            metrics::counter!("modehost_tool_calls_total", "outcome" => outcome).increment(1);
            metrics::histogram!("modehost_tool_call_seconds").record(begun.elapsed().as_secs_f64());
            let event = match answer {
                Ok((text, failed)) => Event::ToolDone { request, text: text.into(), failed },
                Err(error) => failed(request, error.failure(), &error.to_string()),
            };
            Outcome::told(plugin, request, serial, event)
        };
        self.requests.open(ticket, called);
        self.make_dirty();
    }
}
