//! The way in: listeners, handshake, identity, sign-in, the connection of a device, OTA, HTTP.
//!
//! # Layout, in the order in which a device walks
//! - [`config`]: the sections `server`, `gateway` and `auth` as they are written
//! - [`settings`]: the same as the gateway uses them, replaced as a whole while it runs
//! - [`serve`]: joins what follows, and ends it
//! - `accept`: listeners, and the places of what they accept
//! - `admission`: TLS, handshake, sign-in, seats
//! - [`identity`], [`origin`], [`proxy`]: who says it is calling, from which page, through which proxies
//! - `connection`: messages of one device to its session and back
//! - [`console`]: orders of the operator's console
//! - `http_port`: health, OTA, and what the application adds
//! - `ota`: where a device learns the address to call
//! - `software`: what devices say of the software that runs on them
//! - `log_rate`: bounds log lines that strangers cause
//! - `connection_metrics`, `metrics`: handles to the metrics of this crate, and their descriptions
//!
//! Rule: nothing here knows what a message means. Whether a caller may be who it says is decided in
//! `modehost_auth`; sessions are reached through `modehost_session` alone, and tungstenite is named in this crate alone.

#![warn(missing_docs)]

mod accept;
mod admission;
pub mod config;
mod connection;
mod connection_metrics;
pub mod console;
mod http_port;
pub mod identity;
/// Default times, depths and sizes.
pub mod limits;
mod log_rate;
mod metrics;
pub mod origin;
mod ota;
pub mod proxy;
pub mod serve;
pub mod settings;
mod software;

pub use self::metrics::describe_metrics;
pub use accept::bind::{BindError, Bound, bind, check_addresses, ip_key};
pub use accept::handover::Ports;
pub use config::tls::TlsConfig;
pub use config::{GatewayConfig, OfExtensions, OnDuplicate, ServerConfig};
pub use console::{Done, Operator, Order};
pub use http_port::Readiness;
pub use modehost_auth::AuthConfig;
pub use serve::{Farewell, Gateway, OpenFiles};
pub use settings::GatewaySettings;
