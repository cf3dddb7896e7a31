//! Sign-in: whether a caller may be who it says.
//!
//! # Layout
//! - [`config`]: the section `auth` as it is written
//! - [`sign_in`]: the methods in order, and what is told where none lets the caller in
//! - [`denied`]: why somebody is not let in
//! - [`throttle`]: failures are counted, and who has too many is not heard for a while
//! - [`tokens`], [`device_token`]: what this server can judge by itself
//! - [`jwt`], [`claims`]: signed tokens, and what they say
//! - [`keys`], [`key_set`]: the keys that tokens are signed with, kept and renewed
//! - [`introspection`]: asking the provider about each token
//! - [`provider`]: one bounded request to an identity provider
//! - [`recent`]: a table that an attacker cannot make grow
//! - `metrics`: descriptions of the metrics of this crate
//!
//! Rule: no token, key or secret is logged, shown by `Debug` or told to a caller; everything that
//! a caller or a provider can send is bounded; what is compared with a secret is compared in
//! constant time.

#![warn(missing_docs)]

mod claims;
pub mod config;
mod denied;
mod device_token;
mod introspection;
mod jwt;
mod key_set;
mod keys;
/// Default times, depths and sizes.
pub mod limits;
mod metrics;
mod provider;
mod recent;
mod sign_in;
mod throttle;
mod tokens;

pub use self::metrics::describe_metrics;
pub use config::{AuthConfig, AuthMethod, StaticToken};
pub use denied::{Denied, Refused};
pub use sign_in::{Claim, SignIn};
pub use throttle::neighbourhood;
