//! The message types that belong to the server. Rule: this is the only list of them; plugins cannot claim one, and
//! each has its own label in the metrics.

/// Declares the types, each with its word on the wire, in the order in which messages and metrics list them.
macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident = $word:literal;)+) => {
        /// The type of a message that devices send and the server itself answers.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum HostKind {
            $($(#[$doc])* $kind,)+
        }

        impl HostKind {
            /// All of them.
            pub const ALL: [Self; [$(Self::$kind),+].len()] = [$(Self::$kind),+];

            /// The word of `type` on the wire.
            pub const fn word(self) -> &'static str {
                match self {
                    $(Self::$kind => $word,)+
                }
            }

            /// The type of this word; none where it is not the server's own.
            pub fn of(word: &str) -> Option<Self> {
                match word {
                    $($word => Some(Self::$kind),)+
                    _ => None,
                }
            }
        }
    };
}

kinds! {
    /// What the device says of itself.
    Hello = "hello";
    /// The microphone: start, stop, typed words.
    Listen = "listen";
    /// The device wants silence.
    Abort = "abort";
    /// Begins or ends a mode.
    Mode = "mode";
    /// A command of the operator's console.
    Server = "server";
    /// An exchange with the device's MCP server.
    Mcp = "mcp";
    /// Things of firmware before 1.6.3.
    Iot = "iot";
    /// The device is about to leave.
    Goodbye = "goodbye";
    /// A heartbeat.
    Ping = "ping";
    /// A heartbeat.
    Keepalive = "keepalive";
}

impl HostKind {
    /// True for the heartbeats, which the connection answers itself.
    pub fn is_heartbeat(self) -> bool {
        match self {
            Self::Ping | Self::Keepalive => true,
            Self::Hello
            | Self::Listen
            | Self::Abort
            | Self::Mode
            | Self::Server
            | Self::Mcp
            | Self::Iot
            | Self::Goodbye => false,
        }
    }

    /// True for what the ecosystem does not know: a device that sends it knows this server's extensions.
    pub fn is_extension(self) -> bool {
        match self {
            Self::Mode => true,
            Self::Hello
            | Self::Listen
            | Self::Abort
            | Self::Server
            | Self::Mcp
            | Self::Iot
            | Self::Goodbye
            | Self::Ping
            | Self::Keepalive => false,
        }
    }
}
