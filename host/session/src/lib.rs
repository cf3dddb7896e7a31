//! Sessions: what belongs to a device and outlives its connections. Logic only.
//!
//! # Layout, in the order in which a message walks
//! - [`registry`]: finds or makes the session of a device; attaches connections; migration, drain, operators
//! - `shared`, [`services`]: what sessions and the registry share; what sessions use
//! - [`attachment`]: a connection's end of a session
//! - `handle`: what others hold of a session; `inbox`, `activity`, `extensions` and `listener` belong to it
//! - `event`: everything that can wake a session
//! - `actor`: the loop of a session, which joins its parts; in its folder, what it does about each event
//!
//! The parts of a session, none of which knows another:
//! - `presence`: which connection is served: arrival, idleness, departure, hand-over of the queue
//! - `input`: what the person says
//! - `roles`: handlers of plugins, the mode that runs, open requests, instances
//! - `output`: what is said to the device, in turns
//! - `persistence`: when the record is saved
//! - `tools`: what the device offers
//! - [`turns`]: turns, followed: what each came to, and how long its parts took
//!
//! What the parts are lent:
//! - `environment`: who the session is, and what it is given to work with
//! - `work`: what follows from an event, in order
//! - `link`: the connection that is served, and those that linger
//!
//! Beside them:
//! - `boundary`: what a person's deeds end, and which of their messages are such
//! - `requests`: outcomes that are still to come
//! - `deliver`: messages for other devices
//! - `redelivery`: handing over what was queued for a device, and telling the senders
//! - `trouble`: faults that a person notices, told once in a while
//! - `budget`: how many instances live at once
//! - `clock`: the time that modes are given
//! - `wake_word`: wake words as they are compared
//! - [`inspect`]: a session as operators see it
//! - `metrics`: descriptions of the metrics of this crate
//! - [`config`]: the settings of this crate
//!
//! Rule: nothing here reads a socket, names a storage engine or runs a guest; events of one
//! session are handled one at a time, on the mode threads.

mod activity;
mod actor;
pub mod attachment;
mod boundary;
mod budget;
mod clock;
pub mod config;
mod deliver;
mod environment;
mod event;
mod extensions;
mod handle;
mod inbox;
mod input;
pub mod inspect;
/// Default times, depths and sizes.
pub mod limits;
mod link;
mod listener;
mod metrics;
mod output;
mod persistence;
mod presence;
mod redelivery;
pub mod registry;
mod requests;
mod roles;
pub mod services;
mod shared;
mod tools;
mod trouble;
pub mod turns;
mod wake_word;
mod work;

pub use self::metrics::describe_metrics;
pub use attachment::{Attachment, Gone};
pub use config::{Config, DeviceDirectory, DuplicateDevice, IdleConfig, Language, UnknownReceivers};
pub use event::Incoming;
pub use extensions::ExtensionRule;
pub use inspect::{Caller, Features, HandlerInfo, Inside, SessionDetail, SessionInfo};
pub use modehost_mcp::{Vision, VisionToken};
pub use registry::{Forgetting, Kicked, NotForgotten, Refusal, Registry};
pub use services::Services;
pub use turns::{TurnKind, TurnOutcome, TurnRecord};
pub use wake_word::wake_word;
