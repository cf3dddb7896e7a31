//! The script of a connection. Rule: a script waits for what it receives, and for time only where slowness is what it
//! simulates.

use std::time::Duration;

/// One step of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Reject the handshake with this status. Only as the first step.
    Refuse(u16),
    /// Read until this many audio packets have been received, or the end marker.
    ReceivePackets(usize),
    /// Read until the end marker has been received.
    ReceiveEnd,
    /// Send a binary message.
    SendBinary(Vec<u8>),
    /// Send a text message.
    SendText(String),
    /// Delay.
    Delay(Duration),
    /// Send the beginning of a frame and drop the connection.
    Truncate,
    /// Close with the closing handshake. A script that ends without it keeps reading.
    Close,
    /// Send this binary message until the client disconnects.
    Flood(Vec<u8>),
}
