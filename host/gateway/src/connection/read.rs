//! What a text of the device is. Rule: a text is judged by itself; what cannot be taken is answered with an error
//! that points back at it, and nothing else is done here.

use crate::limits;
use modehost_protocol::message::{GivenSecret, is_extension, is_heartbeat};
use modehost_protocol::{DeviceMessage, Invalid, Reference, check, reply};

use crate::connection_metrics::ConnectionMetrics;

/// A text, read.
pub(super) enum Received {
    /// To be answered, and of no interest to the session.
    Heartbeat,
    /// For the session.
    Message(DeviceMessage),
    /// For the operator's console.
    Command { action: String, secret: GivenSecret },
    /// It cannot be taken.
    Invalid {
        /// The error that the device is sent.
        reply: String,
        /// Whether its type is one of our own.
        is_extension: bool,
    },
}

/// Reads and counts one text.
pub(super) fn text(text: &str, meters: &ConnectionMetrics) -> Received {
    match parse(text, meters) {
        Ok(received) => received,
        Err(invalid) => {
            meters.received_invalid();
            let reference = Reference::of(text);
            Received::Invalid {
                is_extension: reference.kind.as_deref().is_some_and(is_extension),
                reply: reply::error(invalid.code.as_str(), &invalid.message, &reference),
            }
        }
    }
}

fn parse(text: &str, meters: &ConnectionMetrics) -> Result<Received, Invalid> {
    let checked = check(text, limits::JSON_DEPTH)?;
    meters.received(&checked.kind);
    if is_heartbeat(&checked.kind) {
        return Ok(Received::Heartbeat);
    }
    Ok(match DeviceMessage::parse(&checked.kind, text)? {
        DeviceMessage::Server { action, secret } => Received::Command { action, secret },
        message => Received::Message(message),
    })
}
