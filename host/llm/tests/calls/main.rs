//! Questions to a provider over real sockets. Rule: the provider is told what to do, and what is
//! waited for is a condition; nothing sleeps in hope. What is logged and measured stands in `traces.rs`, a process of its own.
//!
//! # Layout
//! - [`setup`]: models of a configuration, and questions
//! - [`answers`]: what good and odd providers answer
//! - [`lenient`]: what careless ones send
//! - [`thoughts`]: thoughts, and calls that are written down
//! - [`refusals`]: what models do not take
//! - [`faults`]: what bad ones do
//! - [`breakers`]: those that fail for good
//! - [`turns`]: limits, cancellation, changes of the configuration

mod answers;
mod breakers;
mod faults;
mod lenient;
mod refusals;
mod setup;
mod thoughts;
mod turns;
