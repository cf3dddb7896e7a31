//! The way in: listeners, handshake, identity, sign-in, the connection of a device, OTA, HTTP.
//!
//! # Layout, in the order in which a device walks
//! - [`config`]: the sections `server`, `gateway` and `auth` as they are written
//! - [`settings`]: the same as the gateway uses them, replaced as a whole while it runs
//! - [`bind`]: all listeners, before anything else starts
//! - [`handover`]: the listeners, from one program of this process to the next
//! - `accept`: takes connections from a listener
//! - `places`: how many there may be, and who gives way
//! - [`serve`]: accepts, and ends what it accepted
//! - [`tls`]: certificates, renewed while the ports are open
//! - [`handshake`]: from the first byte to the 101, or a refusal in plain words
//! - [`identity`]: who says it is calling
//! - [`origin`]: which pages may call
//! - [`proxy`]: who is calling, through proxies
//! - `log_rate`: bounds log lines that strangers cause
//! - `visits`: log lines about devices that come and go
//! - [`sign_in`]: refusals of sign-in, as callers and operators read them
//! - [`connection`]: bytes of one device to messages and back
//! - [`console`]: orders of the operator's console
//! - [`link`]: the WebSocket itself: what is written, when, and how it is closed
//! - [`pending`]: what has been received and waits for room in the session
//! - `unfinished`: messages that have begun and are not whole, over all connections
//! - `audience`: which messages a device is sent
//! - [`receipt`]: what the device's side has acknowledged
//! - [`pace`]: what is due although nothing happens
//! - [`http_port`]: health, OTA, and what the application adds
//! - `body`: what requests bring and answers take along
//! - [`ota`]: where a device learns the address to call
//! - `figures`: what the figures of this room mean
//! - [`meters`]: the figures of this room
//!
//! Rule: nothing here knows what a message means. Whether a caller may be who it says is decided in
//! `modehost_auth`; sessions are reached through `modehost_session` alone, and tungstenite is named in this crate alone.

mod accept;
mod audience;
pub mod bind;
mod body;
pub mod config;
mod connection;
pub mod console;
mod figures;
pub mod handover;
mod handshake;
mod http_port;
pub mod identity;
mod link;
mod log_rate;
mod meters;
pub mod origin;
mod ota;
mod pace;
mod pending;
mod places;
pub mod proxy;
mod receipt;
pub mod serve;
pub mod settings;
mod sign_in;
pub mod tls;
mod unfinished;
mod visits;

pub use bind::{BindError, Bound, bind};
pub use config::{GatewayConfig, OfExtensions, OnDuplicate, ServerConfig};
pub use console::{Done, Operator, Order};
pub use figures::describe_figures;
pub use handover::Ports;
pub use modehost_auth::AuthConfig;
pub use serve::{Farewell, Gateway};
pub use settings::GatewaySettings;
