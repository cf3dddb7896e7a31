//! How a connection ends. Rule: every read error maps to one ending, with a close code if the device can still receive
//! one.

use modehost_outbox::close;
use tokio_tungstenite::tungstenite::error::{CapacityError, Error, ProtocolError};

/// Close code of the metric if no close frame was received (RFC 6455, 7.4.1).
pub(crate) const ABNORMAL_CLOSURE: u16 = 1006;

/// How a connection ends.
#[derive(Debug)]
pub(crate) enum Ending {
    /// The device has disconnected, or its close frame has been answered: nothing can be sent.
    Gone(u16),
    /// A close frame is queued; the device should answer it.
    Closing(u16),
    /// Protocol violation: nothing more can be read.
    Fault { code: u16, reason: String },
}

impl From<&Error> for Ending {
    /// Maps a read error to an ending.
    fn from(error: &Error) -> Self {
        let fault = |code, reason: String| Self::Fault { code, reason };
        match error {
            Error::Capacity(CapacityError::MessageTooLong { size, max_size }) => {
                fault(close::TOO_LARGE, format!("message of {size} bytes; at most {max_size} are accepted"))
            }
            Error::Capacity(error) => fault(close::TOO_LARGE, error.to_string()),
            Error::Utf8(_) => fault(close::NOT_UTF8, "text must be UTF-8".to_owned()),
            Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => Self::Gone(ABNORMAL_CLOSURE),
            Error::Protocol(error) => fault(close::PROTOCOL, error.to_string()),
            _ => Self::Gone(ABNORMAL_CLOSURE),
        }
    }
}

/// Whether a read error is the regular end of the stream: of TCP, or of TLS without `close_notify`, which most firmware
/// omits.
pub(super) fn is_end_of_stream(error: &Error) -> bool {
    match error {
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => true,
        Error::Io(error) => error.kind() == std::io::ErrorKind::UnexpectedEof,
        _ => false,
    }
}
