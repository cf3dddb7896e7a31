//! How a connection ends. Rule: every fault of a read has one meaning, and a close code where the device can still
//! be told.

use modehost_outbox::close;
use tokio_tungstenite::tungstenite::error::{CapacityError, Error, ProtocolError};

/// Code for the metrics where no close frame was seen.
pub(crate) const VANISHED: u16 = 1006;

/// How a connection ends.
#[derive(Debug)]
pub(crate) enum Ending {
    /// The device has gone, or has closed and been answered: there is nobody to tell.
    Gone(u16),
    /// A close frame is on its way; the device should answer it.
    Closing(u16),
    /// The device broke the protocol: nothing that it sends can be read any more.
    Fault { code: u16, reason: String },
}

impl From<&Error> for Ending {
    /// What a failed read means.
    fn from(error: &Error) -> Self {
        let fault = |code, reason: String| Self::Fault { code, reason };
        match error {
            Error::Capacity(CapacityError::MessageTooLong { size, max_size }) => {
                fault(close::TOO_LARGE, format!("a message of {size} bytes; at most {max_size} are taken"))
            }
            Error::Capacity(error) => fault(close::TOO_LARGE, error.to_string()),
            Error::Utf8(_) => fault(close::NOT_UTF8, "text must be UTF-8".to_owned()),
            Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => Self::Gone(VANISHED),
            Error::Protocol(error) => fault(close::PROTOCOL, error.to_string()),
            _ => Self::Gone(VANISHED),
        }
    }
}

/// Whether a failed read is the orderly end of the stream: of TCP, or of TLS without its farewell, which most
/// firmware leaves out.
pub(super) fn is_end_of_stream(error: &Error) -> bool {
    match error {
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => true,
        Error::Io(error) => error.kind() == std::io::ErrorKind::UnexpectedEof,
        _ => false,
    }
}
