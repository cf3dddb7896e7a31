//! Sessions: what belongs to a device and outlives its connections. Logic only.
//!
//! # Layout, in the order in which a message walks
//! - [`registry`]: finds or makes the session of a device; attaches connections; migration, drain
//! - [`attachment`]: a connection's end of a session
//! - `boundary`: what a person's deeds end, and which of their messages are such
//! - `presence`: whether a person is there, and speaks
//! - `extensions`: whether a device knows messages that are not the ecosystem's
//! - `inbox`: everything that can wake a session
//! - `actor`: the session's own loop, one event at a time
//! - `wake`: what it does about a wake that is not a message
//! - `route`: device messages to the handler that they are for
//! - `modes`: beginning and ending modes, atomically
//! - `handler`: the session's end of one plugin: instance, last good state, replay, trial
//! - `link`: the connection that is served, and those that linger
//! - `idle`: connections that nothing is heard of: warned, then closed
//! - `lend`: taking instances away and giving them back: hibernation, hot swap
//! - `effects`: carrying out what a mode wants, in order, durable things first
//! - `durable`: effects that are stored or read
//! - `deliver`: messages for other devices
//! - `speech`: what is said to the device, in turns
//! - `floor`: speech that waits while the person speaks
//! - `silence`: what is said no further, and who is told
//! - `hearing`: what the ear makes of the device's sound
//! - `person`: what the person is saying, and in which language
//! - `transcripts`: words to the mode that they are for
//! - `trouble`: faults that a person notices, told once in a while
//! - `tools`: what the device offers, listed and called
//! - `requests`: outcomes that are still to come
//! - `redelivery`: handing over what was kept for a device, and telling the senders
//! - `record`: what is left of a session between two processes
//! - `budget`: how many instances live at once
//! - `clock`: the time that modes are told
//! - `figures`: what the figures of this room mean
//! - [`config`]: the settings of this room
//!
//! Rule: nothing here reads a socket, names a storage engine or runs a guest; events of one
//! session are handled one at a time, on the mode threads.

mod actor;
pub mod attachment;
mod boundary;
mod budget;
mod clock;
pub mod config;
mod deliver;
mod durable;
mod effects;
mod extensions;
mod figures;
mod floor;
mod handler;
mod hearing;
mod idle;
mod inbox;
mod lend;
mod link;
mod modes;
mod person;
mod presence;
mod record;
mod redelivery;
pub mod registry;
mod requests;
mod route;
mod silence;
mod speech;
mod tools;
mod transcripts;
mod trouble;
mod wake;

pub use attachment::{Attachment, Gone, Incoming};
pub use config::{Config, DuplicateDevice, IdleConfig, Language, Roster, UnknownReceivers, Vision, VisionToken};
pub use extensions::ExtensionRule;
pub use figures::describe_figures;
pub use registry::{Refusal, Registry, Services, SessionInfo};
pub use transcripts::wake_word;
