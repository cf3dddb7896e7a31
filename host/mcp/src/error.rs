//! Why a request to the MCP server of a device has no result. Rule: the text is for the mode that asked; it says what
//! to do, and contains nothing but method names and the device's own message.

/// A request without a result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum McpError {
    /// The client was closed while the request was pending, or before it was sent.
    #[error("the device has reconnected or is offline; retry once it is back")]
    Interrupted,
    /// The transport is closed.
    #[error("the connection of the device is closing")]
    Closing,
    /// No response within the timeout of the method.
    #[error("the device did not answer {0} in time")]
    TimedOut(&'static str),
    /// An error response to this method, with the device's message.
    #[error("the device refused {0}: {1}")]
    Rejected(&'static str, String),
    /// A call of a tool that is not in the list.
    #[error("the device offers no tool of this name; list its tools again")]
    UnknownTool,
}
