//! Questions to a provider over real sockets. Rule: the provider is scripted, and waits have a condition; nothing
//! sleeps in hope. Logs and metrics are tested in `traces.rs`, a process of its own.
//!
//! # Layout
//! - [`setup`]: models of a configuration, and questions
//! - [`answers`]: answers of normal and unusual providers
//! - [`lenient`]: malformed responses
//! - [`thoughts`]: reasoning, and calls that are written as text
//! - [`refusals`]: rejected requests
//! - [`faults`]: failing providers
//! - [`breakers`]: permanently failing providers
//! - [`turns`]: limits, cancellation, configuration changes

mod answers;
mod breakers;
mod faults;
mod lenient;
mod refusals;
mod setup;
mod thoughts;
mod turns;
