//! The way in: listeners, handshake, identity, sign-in, the connection of a device, OTA, HTTP.
//!
//! # Layout, in the order in which a device walks
//! - [`config`]: the sections `server`, `gateway` and `auth` as they are written
//! - [`settings`]: the same as the gateway uses them, replaced as a whole while it runs
//! - [`bind`]: both listeners, before anything else starts
//! - [`serve`]: accepts, and ends what it accepted
//! - [`tls`]: certificates, renewed while the ports are open
//! - [`handshake`]: from the first byte to the 101, or a refusal in plain words
//! - [`identity`]: who says it is calling
//! - [`origin`]: which pages may call
//! - [`sign_in`]: whether the caller may be who it says
//! - [`connection`]: bytes of one device to messages and back
//! - [`link`]: the WebSocket itself: what is written, when, and how it is closed
//! - [`pending`]: what has been received and waits for room in the session
//! - [`pace`]: what is due although nothing happens
//! - [`http_port`]: health, OTA, and what the application adds
//! - [`ota`]: where a device learns the address to call
//! - [`meters`]: the figures of this room
//!
//! Rule: nothing here knows what a message means. Sessions are reached through
//! `modehost_session` alone, and tungstenite is named in this crate alone.

pub mod bind;
pub mod config;
mod connection;
mod handshake;
mod http_port;
pub mod identity;
mod link;
mod meters;
pub mod origin;
mod ota;
mod pace;
mod pending;
pub mod serve;
pub mod settings;
pub mod sign_in;
pub mod tls;

pub use bind::{BindError, Bound, bind};
pub use config::{AuthConfig, GatewayConfig, OnDuplicate, ServerConfig};
pub use serve::{Farewell, Gateway};
pub use settings::GatewaySettings;
