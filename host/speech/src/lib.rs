//! Hearing and speaking: a device's sound to text, text to a device's sound.
//!
//! # Layout, in the order in which sound walks
//! - `recognise`: sound to text, by a provider
//! - `speak`: text to sound, by a provider
//! - [`fault`]: what can go wrong with a provider
//! - [`config`]: the settings of this room
//!
//! Rule: nothing here knows modes or sessions; what a session needs of it are an ear and a mouth.

pub mod config;
pub mod fault;
pub mod recognise;
pub mod speak;
