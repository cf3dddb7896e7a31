//! What a connection does. Rule: a script waits for what it is sent and never for time alone, but
//! where slowness is what it plays.

use std::time::Duration;

/// One step of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Answer the handshake with this status. Only as the first step.
    Refuse(u16),
    /// Read until so many packets of sound have come, or the end.
    Hear(usize),
    /// Read until the end marker has come.
    HearEnd,
    /// Send a binary message.
    Send(Vec<u8>),
    /// Send a text message.
    Say(String),
    /// Be slow.
    Wait(Duration),
    /// Send the beginning of a frame and drop the connection.
    Cut,
    /// Close in order. A script that ends without it goes on reading.
    Close,
    /// Send this binary message until the other side goes.
    Flood(Vec<u8>),
}
