//! The message types that the server handles itself. Rule: this is the only list of them; plugins cannot claim one, and
//! each has its own metrics label.

/// Declares the types, each with its name on the wire, in the order in which messages and metrics list them.
macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident = $word:literal;)+) => {
        /// The type of a device message that the server handles itself.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum HostKind {
            $($(#[$doc])* $kind,)+
        }

        impl HostKind {
            /// All of them.
            pub const ALL: [Self; [$(Self::$kind),+].len()] = [$(Self::$kind),+];

            /// The value of `type` on the wire.
            pub const fn word(self) -> &'static str {
                match self {
                    $(Self::$kind => $word,)+
                }
            }

            /// The type with this name; `None` if the server does not handle it.
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
    /// Capabilities of the device.
    Hello = "hello";
    /// Microphone: start, stop, typed text.
    Listen = "listen";
    /// Stop speaking.
    Abort = "abort";
    /// Starts or ends a mode.
    Mode = "mode";
    /// An operator command.
    Server = "server";
    /// JSON-RPC with the device's MCP server.
    Mcp = "mcp";
    /// IoT things of firmware before 1.6.3.
    Iot = "iot";
    /// The device is about to disconnect.
    Goodbye = "goodbye";
    /// A heartbeat.
    Ping = "ping";
    /// A heartbeat.
    Keepalive = "keepalive";
}

impl HostKind {
    /// True for heartbeats, which the connection answers itself.
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

    /// True for types unknown to the ecosystem: a device that sends one supports this server's extensions.
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
