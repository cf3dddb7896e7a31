//! The network front end: listeners, handshake, identity, sign-in, device connections, OTA, HTTP.
//!
//! # Layout, in the order in which a device passes the parts
//! - [`config`]: the configuration sections `server`, `gateway` and `auth`
//! - [`settings`]: the runtime form of these sections, replaced as a whole on reload
//! - [`serve`]: assembles the parts below, runs them and shuts them down
//! - `accept`: listeners and connection slots
//! - `admission`: TLS, handshake, sign-in, device limit
//! - [`identity`], [`origin`], [`proxy`]: claimed identity, browser origin, and client address behind proxies
//! - `connection`: messages of one device to its session and back
//! - [`control`]: operator commands
//! - `http_port`: health checks, OTA, and the routes of the application
//! - `ota`: tells a device the address of its WebSocket
//! - `software`: software versions that devices report
//! - `log_rate`: rate limit of log lines that clients can cause
//! - `connection_metrics`, `metrics`: metrics handles of this crate, and their descriptions
//!
//! Rule: nothing here interprets the content of a message. Authentication is decided in `modehost_auth`; sessions are
//! reached through `modehost_session` alone, and tungstenite is named in this crate alone.

#![warn(missing_docs)]

mod accept;
mod admission;
pub mod config;
mod connection;
mod connection_metrics;
pub mod control;
mod http_port;
pub mod identity;
/// Default timeouts, depths and sizes.
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
pub use accept::bind::{BindError, BoundListeners, ConfiguredAddress, address_key, bind, check_addresses};
pub use accept::handover::InheritedListeners;
pub use config::tls::TlsConfig;
pub use config::{DuplicatePolicy, ExtensionPolicy, GatewayConfig, ServerConfig};
pub use control::{CommandExecutor, CommandOutcome, OperatorCommand};
pub use http_port::Readiness;
pub use modehost_auth::AuthConfig;
pub use serve::{Gateway, OpenFiles, ShutdownNotice};
pub use settings::GatewaySettings;
