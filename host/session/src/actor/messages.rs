//! Messages of the device to their handlers. Rule: the host's own message types are handled here and nowhere else;
//! every other type goes to the plugin that claims it.

use std::sync::Arc;

use modehost_contract::{Event, Fault, Rejection};
use modehost_ids::{ConnectionId, PluginId};
use modehost_protocol::reply::{self, ErrorCode, Reference};
use modehost_protocol::{DeviceMessage, Hello, Listen, ListenState};
use modehost_storage::traits::DeviceFacts;
use tokio::time::Instant;

use super::Session;
use crate::boundary::Boundary;
use crate::event::Incoming;
use crate::roles::handler::Delivered;
use crate::turns::TurnKind;
use crate::work::Work;

impl Session {
    /// Receives a message of the device. If it is a dialogue boundary, that takes effect first.
    pub(super) fn receive(&mut self, from: ConnectionId, incoming: Incoming) {
        let Incoming { message, boundary } = incoming;
        let is_typed = matches!(&message, DeviceMessage::Listen(Listen { state: ListenState::Detect, .. }));
        if is_typed && self.presence.link.is_superseded(from) && !self.roles.records(&self.env) {
            // Typed on a connection that the user has hung up since.
            return;
        }
        let boundary = match &message {
            // `abort` takes effect in `abort` itself, with the device's reason.
            DeviceMessage::Abort { .. } => None,
            DeviceMessage::Mode { start, mode } => {
                self.roles.changes_mode(&self.env, *start, mode).then_some(Boundary::ModeChange)
            }
            _ => boundary,
        };
        if let Some(boundary) = boundary.filter(|_| self.presence.link.serves(from)) {
            self.apply_boundary(boundary);
        }
        self.work.push_back(Work::Message(Some(from), message));
    }

    /// Handles a message of the device, or one that a mode dispatched as if it were.
    pub(super) async fn handle_message(&mut self, from: Option<ConnectionId>, message: DeviceMessage) {
        // Messages left by an earlier connection do not make the new one ready.
        let is_here = from.is_some_and(|from| self.presence.link.serves(from));
        if self.presence.awaits_hello() && is_here && !matches!(message, DeviceMessage::Hello(_)) {
            self.on_ready();
            // Work that follows from readiness comes before work that follows from the message.
            return self.work.push_back(Work::Message(from, message));
        }
        match message {
            DeviceMessage::Hello(_) if from.is_some() && !is_here => {}
            DeviceMessage::Hello(hello) => self.handle_hello(hello),
            DeviceMessage::Listen(listen) => self.handle_listen(listen),
            DeviceMessage::Abort { reason } => self.abort(&reason),
            DeviceMessage::Mcp { payload } => self.tools.receive(&payload),
            DeviceMessage::Mode { start, mode } => self.handle_mode_message(start, &mode).await,
            DeviceMessage::Server { .. } => {
                // The connection handles those of consoles; one that arrives here was dispatched by a mode.
                let message = "server messages are taken from the operator's console only";
                let error = reply::error(ErrorCode::Forbidden.as_str(), message, &Reference::default());
                self.presence.link.send(error);
            }
            DeviceMessage::Iot { body } => self.tools.things.receive(&body),
            DeviceMessage::Ignored => {}
            DeviceMessage::Other { kind, body } => self.handle_plugin_message(from.is_some(), kind, body).await,
        }
    }

    fn handle_hello(&mut self, hello: Hello) {
        let answer = self.output.on_hello(&self.env, &hello);
        self.presence.link.answer(answer);
        if let Some(objection) = &hello.audio_error {
            let reference = Reference::of(&hello.body);
            self.presence.link.answer(reply::error(ErrorCode::SchemaInvalid.as_str(), objection, &reference));
        }
        self.connect_tools(hello.mcp);
        if self.presence.awaits_hello() {
            self.on_ready();
        }
        self.notify_subscribers(|subscriptions| subscriptions.hello, &Event::Hello(hello.body));
    }

    fn handle_listen(&mut self, listen: Listen) {
        match (listen.state, listen.text) {
            (ListenState::Detect, Some(text)) => self.on_typed(text),
            (ListenState::Start, _) => self.input.on_listening(),
            // The audio input has got it already, in its place among the packets.
            (ListenState::Stop | ListenState::Detect, _) => {}
        }
    }

    /// Handles a message of a type that belongs to a plugin.
    async fn handle_plugin_message(&mut self, of_device: bool, kind: Arc<str>, body: Arc<str>) {
        let plugin = self.env.services().catalog.table().types.get(&*kind).cloned();
        let Some(plugin) = plugin else {
            let shown: String = kind.chars().take(64).collect();
            let message = format!("nothing handles messages of type {shown}");
            self.presence.link.send(reply::error(ErrorCode::UnknownType.as_str(), &message, &Reference::of(&body)));
            return;
        };
        if of_device {
            self.env.handle.learn(DeviceFacts { knows_extensions: true, ..DeviceFacts::default() });
        }
        let stopped = self.roles.handler_mut(&plugin).and_then(|handler| handler.stopped_until());
        if let Some(left) = stopped.and_then(|until| until.checked_duration_since(Instant::now())) {
            let message = format!("{plugin} failed repeatedly and is stopped for {} ms", left.as_millis());
            self.presence.link.send(reply::error(ErrorCode::ModeFault.as_str(), &message, &Reference::of(&body)));
            return;
        }
        let event = Event::Message { kind, body: body.clone() };
        if of_device && self.turns.may_begin() {
            self.begin_turn(TurnKind::Message, None);
        }
        let delivered = self.deliver(&plugin, event).await;
        if self.turns.is_unserved_message() {
            self.record_served_by(&plugin);
        }
        match delivered {
            Delivered::Effects(effects) => self.apply(&plugin, effects, None).await,
            other => self.send_delivery_error(&plugin, other, Some(&body)),
        }
    }

    /// Delivers an event to a plugin and applies the returned effects.
    pub(super) async fn deliver_and_apply(&mut self, plugin: &PluginId, event: Event) {
        match self.deliver(plugin, event).await {
            Delivered::Effects(effects) => self.apply(plugin, effects, None).await,
            other => self.send_delivery_error(plugin, other, None),
        }
    }

    /// Tells the device why its message was not handled.
    pub(super) fn send_delivery_error(&mut self, plugin: &PluginId, delivered: Delivered, body: Option<&str>) {
        let reference = body.map(Reference::of).unwrap_or_default();
        let (code, message) = match delivered {
            Delivered::Effects(_) => return,
            Delivered::Rejected(Rejection { code, message, retry_after_ms }) => {
                let error = reply::error_with_retry(&code, &message, &reference, retry_after_ms);
                return self.presence.link.send(error);
            }
            Delivered::Skipped(Fault::Capacity(why)) => {
                (ErrorCode::NotReady, format!("{plugin} cannot answer at the moment: {why}"))
            }
            Delivered::Skipped(Fault::Open(why)) | Delivered::Lost(Fault::Open(why), _) => {
                (ErrorCode::ModeFault, format!("{plugin} cannot run: {why}"))
            }
            Delivered::Skipped(fault) => {
                let what = fault.label();
                let message =
                    format!("{plugin} failed on this ({what}); it was skipped, and the state before it is kept");
                (ErrorCode::ModeFault, message)
            }
            Delivered::Lost(fault, _) => (ErrorCode::ModeFault, format!("{plugin} failed on this ({})", fault.label())),
        };
        self.presence.link.send(reply::error(code.as_str(), &message, &reference));
    }
}
