//! Lists and calls tools of the device for a mode. Rule: a call is a request like any other; its result is the next
//! event of the mode that asked.

use std::time::Instant as Clock;

use crate::limits;
use modehost_contract::Event;
use modehost_contract::event::Failure;
use modehost_contract::id::RequestId;
use modehost_ids::PluginId;
use modehost_mcp::{IotCommand, McpError, ToolResult};
use modehost_protocol::reply;

use super::Session;
use crate::requests::{Outcome, request_failed};

impl Session {
    /// The device has sent `hello`: drops the tools of the previous one.
    pub(super) fn connect_tools(&mut self, announced: bool) {
        self.tools.disconnect();
        if announced && let Some(outbox) = self.presence.link.outbox() {
            let (outbox, vision) = (outbox.clone(), self.config().vision.clone());
            self.tools.connect(outbox, self.env.id.clone(), vision);
        }
    }

    /// Handles a `list-tools` effect.
    pub(super) fn list_tools(&mut self, plugin: &PluginId, request: RequestId) {
        let Some(client) = self.tools.client() else {
            if self.presence.link.is_connected() {
                let event = Event::Tools { request, tools: self.tools.things.tools().tools() };
                return self.enqueue_host_event(plugin, event);
            }
            return self.fail_request(plugin, request, Failure::Unavailable, "the device is not connected");
        };
        let Some(ticket) = self.open_request(plugin, request) else { return };
        let (plugin, serial) = (plugin.clone(), ticket.serial);
        let listed = async move {
            let event = match client.tools().await {
                Ok(list) => Event::Tools { request, tools: list.tools() },
                Err(error) => request_failed(request, failure(&error), &error.to_string()),
            };
            Outcome::with_event(plugin, request, serial, event)
        };
        self.roles.requests.open(ticket, listed);
        self.make_dirty();
    }

    /// Handles a `call-tool` effect.
    pub(super) fn call_tool(&mut self, plugin: &PluginId, request: RequestId, name: String, arguments: String) {
        let Some(client) = self.tools.client() else {
            return match self.call_thing(&name, &arguments) {
                Some(text) => {
                    self.enqueue_host_event(plugin, Event::ToolDone { request, text: text.into(), failed: false });
                }
                None => self.fail_request(plugin, request, Failure::Unavailable, "the device offers no such tool"),
            };
        };
        let Some(permit) = client.try_call() else {
            let message = format!("more than {} calls wait for the device", limits::TOOL_CALLS);
            return self.fail_request(plugin, request, Failure::TooMany, &message);
        };
        let Some(ticket) = self.open_request(plugin, request) else { return };
        let (plugin, serial) = (plugin.clone(), ticket.serial);
        let called = async move {
            let _permit = permit;
            let begun = Clock::now();
            let answer = client.call(name, arguments).await;
            let outcome = match &answer {
                Ok(ToolResult { failed: false, .. }) => "ok",
                Ok(ToolResult { failed: true, .. }) => "failed",
                Err(_) => "unanswered",
            };
            metrics::counter!("modehost_tool_calls_total", "outcome" => outcome).increment(1);
            metrics::histogram!("modehost_tool_call_seconds").record(begun.elapsed().as_secs_f64());
            let event = match answer {
                Ok(ToolResult { text, failed }) => Event::ToolDone { request, text: text.into(), failed },
                Err(error) => request_failed(request, failure(&error), &error.to_string()),
            };
            Outcome::with_event(plugin, request, serial, event)
        };
        self.roles.requests.open(ticket, called);
        self.make_dirty();
    }

    /// Calls a tool of older firmware, which sends no response. Its text; none if there is no such tool.
    pub(super) fn call_thing(&mut self, name: &str, arguments: &str) -> Option<String> {
        let IotCommand { message, text } = self.tools.things.call(name, arguments)?;
        if let Some(message) = message {
            self.presence.link.send(reply::iot(&message, self.env.id.as_str()));
        }
        Some(text)
    }
}

/// The failure that a mode gets for an error.
fn failure(error: &McpError) -> Failure {
    match error {
        McpError::Interrupted => Failure::Interrupted,
        McpError::Closing => Failure::Unavailable,
        McpError::TimedOut(_) => Failure::TimedOut,
        McpError::Rejected(..) | McpError::UnknownTool => Failure::Rejected,
    }
}
