//! Sign-in: authentication of devices.
//!
//! # Layout
//! - [`config`]: the configuration section `auth`
//! - [`sign_in`]: tries the configured methods in order
//! - [`denial`]: why a sign-in is denied
//! - [`throttle`]: rate limit on failed sign-ins
//! - [`tokens`], [`device_token`]: static tokens, and tokens issued by this server
//! - [`jwt`], [`claims`]: JWTs, and validation of their claims
//! - [`keys`], [`key_set`]: public keys, cached and refreshed
//! - [`introspection`]: asks the provider about each token
//! - [`provider`]: one bounded request to an identity provider
//! - [`bounded_cache`]: a table that an attacker cannot make grow
//! - `metrics`: descriptions of the metrics of this crate
//!
//! Rule: no token, key or secret is logged, shown by `Debug` or sent to a caller; everything that a caller or a
//! provider can send is bounded; secrets are compared in constant time.

#![warn(missing_docs)]

mod bounded_cache;
mod claims;
pub mod config;
mod denial;
mod device_token;
mod introspection;
mod jwt;
mod key_set;
mod keys;
/// Default timeouts, depths and sizes.
pub mod limits;
mod metrics;
mod provider;
mod sign_in;
mod throttle;
mod tokens;

pub use self::metrics::describe_metrics;
pub use config::{AuthConfig, AuthMethod, StaticToken};
pub use denial::{Denial, DenyReason};
pub use sign_in::{Claim, SignIn};
pub use throttle::client_network;
