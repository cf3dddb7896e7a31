//! Device messages to the handler that they are for. Rule: the host's own types are handled here
//! and nowhere else; every other type goes to the plugin that claims it.

use std::sync::Arc;

use modehost_contract::{Event, Fault, Rejection};
use modehost_ids::{ConnectionId, PluginId};
use modehost_protocol::reply::{self, ErrorCode, Reference};
use modehost_protocol::{DeviceMessage, Listen, ListenState};
use modehost_storage::traits::DeviceFacts;
use tokio::time::Instant;

use crate::actor::{Session, Work};
use crate::attachment::Incoming;
use crate::boundary::Boundary;
use crate::handler::Delivered;

impl Session {
    /// A message of the device. The boundary that it is takes effect before it does anything else.
    pub(crate) fn receive(&mut self, from: ConnectionId, incoming: Incoming) {
        let Incoming { message, boundary } = incoming;
        let is_typed = matches!(&message, DeviceMessage::Listen(Listen { state: ListenState::Detect, .. }));
        if is_typed && self.link.is_past(from) && !self.records() {
            // Nobody waits for what was typed before they hung up.
            return;
        }
        let boundary = match &message {
            // It has an answer of its own.
            DeviceMessage::Abort { .. } => None,
            DeviceMessage::Mode { start, mode } => self.changes_mode(*start, mode).then_some(Boundary::ModeChange),
            _ => boundary,
        };
        if let Some(boundary) = boundary.filter(|_| self.link.serves(from)) {
            self.pass(boundary);
        }
        self.work.push_back(Work::Message(Some(from), message));
    }

    /// One message of the device, or dispatched as if it were.
    pub(crate) async fn route(&mut self, from: Option<ConnectionId>, message: DeviceMessage) {
        // What an earlier connection has left in the queue says nothing of the one that is new.
        let is_here = from.is_some_and(|from| self.link.serves(from));
        if self.arrival.is_some() && is_here && !matches!(message, DeviceMessage::Hello(_)) {
            self.arrive().await;
            // What follows from the arrival comes before what follows from the message.
            return self.work.push_back(Work::Message(from, message));
        }
        match message {
            DeviceMessage::Hello(_) if from.is_some() && !is_here => {}
            DeviceMessage::Hello(hello) => {
                let answer = self.hello_answer(&hello);
                self.link.answer(answer);
                if let Some(objection) = &hello.objection {
                    let reference = Reference::of(&hello.body);
                    self.link.answer(reply::error(ErrorCode::SchemaInvalid.as_str(), objection, &reference));
                }
                self.meet_tools(hello.mcp);
                if self.arrival.is_some() {
                    self.arrive().await;
                }
                self.tell_subscribers(|subscriptions| subscriptions.hello, &Event::Hello(hello.body));
            }
            DeviceMessage::Listen(listen) => self.listen(listen),
            DeviceMessage::Abort { reason } => self.abort(&reason),
            DeviceMessage::Mcp { payload } => self.tool_answer(&payload),
            DeviceMessage::Mode { start, mode } => self.mode_message(start, &mode).await,
            DeviceMessage::Server { .. } => {
                // The connection takes those of consoles; what comes here was dispatched by a mode.
                let message = "server messages are taken from the operator's console only";
                self.link.send(reply::error(ErrorCode::Forbidden.as_str(), message, &Reference::default()));
            }
            DeviceMessage::Iot { body } => self.tools.describe(&body),
            DeviceMessage::Ignored => {}
            DeviceMessage::Other { kind, body } => self.claimed(from.is_some(), kind, body).await,
        }
    }

    fn listen(&mut self, listen: Listen) {
        match (listen.state, listen.text) {
            (ListenState::Detect, Some(text)) => self.typed(text),
            (ListenState::Start, _) => self.told_unheard = false,
            // The ear has heard it already, in its place among the sound.
            (ListenState::Stop | ListenState::Detect, _) => {}
        }
    }

    /// A message of a type that is not the host's.
    async fn claimed(&mut self, of_device: bool, kind: Arc<str>, body: Arc<str>) {
        let plugin = self.shared.services.catalog.table().types.get(&*kind).cloned();
        let Some(plugin) = plugin else {
            let shown: String = kind.chars().take(64).collect();
            let message = format!("nothing handles messages of type {shown}");
            self.link.send(reply::error(ErrorCode::UnknownType.as_str(), &message, &Reference::of(&body)));
            return;
        };
        if of_device {
            self.handle.learn(DeviceFacts { knows_extensions: true, ..DeviceFacts::default() });
        }
        let stopped = self.place(&plugin).and_then(|place| self.handlers[place].stopped_until);
        if let Some(left) = stopped.and_then(|until| until.checked_duration_since(Instant::now())) {
            let message = format!("{plugin} failed repeatedly and rests for {} ms", left.as_millis());
            self.link.send(reply::error(ErrorCode::ModeFault.as_str(), &message, &Reference::of(&body)));
            return;
        }
        let event = Event::Message { kind, body: body.clone() };
        self.tell(&plugin, event, Some(&body)).await;
    }

    /// Gives an event and carries out what comes back. `body` is the message that it came from.
    pub(crate) async fn tell(&mut self, plugin: &PluginId, event: Event, body: Option<&str>) {
        match self.give(plugin, event).await {
            Delivered::Effects(effects) => self.carry(plugin, effects, None).await,
            other => self.complain(plugin, other, body),
        }
    }

    /// Tells the device why its message came to nothing.
    pub(crate) fn complain(&mut self, plugin: &PluginId, delivered: Delivered, body: Option<&str>) {
        let reference = body.map(Reference::of).unwrap_or_default();
        let (code, message) = match delivered {
            Delivered::Effects(_) => return,
            Delivered::Rejected(Rejection { code, message }) => (code, message),
            Delivered::Skipped(Fault::Capacity(why)) => {
                (ErrorCode::NotReady.as_str().into(), format!("{plugin} cannot answer at the moment: {why}"))
            }
            Delivered::Skipped(Fault::Open(why)) | Delivered::Lost(Fault::Open(why), _) => {
                (ErrorCode::ModeFault.as_str().into(), format!("{plugin} cannot run: {why}"))
            }
            Delivered::Skipped(fault) => {
                let what = fault.label();
                let message =
                    format!("{plugin} failed on this ({what}); it was skipped, and the state before it is kept");
                (ErrorCode::ModeFault.as_str().into(), message)
            }
            Delivered::Lost(fault, _) => {
                (ErrorCode::ModeFault.as_str().into(), format!("{plugin} failed on this ({})", fault.label()))
            }
        };
        self.link.send(reply::error(&code, &message, &reference));
    }
}
