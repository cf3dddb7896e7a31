//! Parses a text frame. Rule: a text is validated by itself, without state; an invalid one yields an error that
//! references it, and there are no other effects.

use crate::limits;
use modehost_protocol::message::{GivenSecret, is_extension, is_heartbeat};
use modehost_protocol::{DeviceMessage, Invalid, Reference, check, reply};

use crate::connection_metrics::ConnectionMetrics;

/// A parsed text frame.
pub(super) enum Received {
    /// Answered by the connection itself, not passed to the session.
    Heartbeat,
    /// For the session.
    Message(DeviceMessage),
    /// An operator command.
    Command { action: String, secret: GivenSecret },
    /// Invalid.
    Invalid {
        /// The error that the device is sent.
        reply: String,
        /// Whether its type is an extension of this server.
        is_extension: bool,
    },
}

/// Parses and counts one text.
pub(super) fn text(text: &str, metrics: &ConnectionMetrics) -> Received {
    match parse(text, metrics) {
        Ok(received) => received,
        Err(invalid) => {
            metrics.received_invalid();
            let reference = Reference::of(text);
            Received::Invalid {
                is_extension: reference.kind.as_deref().is_some_and(is_extension),
                reply: reply::error(invalid.code.as_str(), &invalid.message, &reference),
            }
        }
    }
}

fn parse(text: &str, metrics: &ConnectionMetrics) -> Result<Received, Invalid> {
    let checked = check(text, limits::JSON_DEPTH)?;
    metrics.received(&checked.kind);
    if is_heartbeat(&checked.kind) {
        return Ok(Received::Heartbeat);
    }
    Ok(match DeviceMessage::parse(&checked.kind, text)? {
        DeviceMessage::Server { action, secret } => Received::Command { action, secret },
        message => Received::Message(message),
    })
}
