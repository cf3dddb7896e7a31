//! Questions to a provider over real sockets. Rule: the provider is told what to do, and what is
//! waited for is a condition; nothing sleeps in hope. What is logged and measured stands in `traces.rs`, a process of its own.
//!
//! # Layout
//! - [`setup`]: models of a configuration, and questions
//! - [`answers`]: what good and odd providers answer
//! - [`faults`]: what bad ones do
//! - [`turns`]: limits, cancellation, changes of the configuration

mod answers;
mod faults;
mod setup;
mod turns;
