//! Sessions: the state of a device that outlives its connections. Logic only.
//!
//! # Layout, in the order in which a message passes the modules
//! - [`registry`]: finds or creates the session of a device; attaches connections; migration, drain, operators
//! - `shared`, [`services`]: state shared by sessions and the registry; services that sessions use
//! - [`attachment`]: a connection's end of a session
//! - `handle`: how others reach a session; `inbox`, `activity`, `extensions` and `listener` are parts of it
//! - `event`: everything that can wake a session
//! - `actor`: the event loop of a session, which composes its parts; in its directory, the handling of each event
//!
//! The parts of a session, none of which knows another:
//! - `presence`: the connection that is served: hello, idleness, departure, backlog
//! - `input`: typed text and results of the recogniser
//! - `roles`: handlers of plugins, the current mode, open requests, instances
//! - `output`: speech and captions to the device, in turns
//! - `persistence`: when the record is saved
//! - `tools`: tools that the device offers
//! - [`turns`]: the user's turns: outcomes and timings
//!
//! What is passed to the parts:
//! - `environment`: identity, settings and services of the session
//! - `work`: the steps that follow from an event
//! - `link`: the connection that is served, and those that linger
//!
//! Beside them:
//! - `boundary`: dialogue boundaries: which messages are such, and what they cancel
//! - `requests`: open requests and their outcomes
//! - `deliver`: messages to other devices
//! - `redelivery`: draining the queue of a device, and receipts for the senders
//! - `alerts`: alerts about faults that the user notices, rate-limited
//! - `budget`: the number of live instances
//! - `clock`: the time that modes see
//! - `wake_word`: normalisation of wake words
//! - [`inspect`]: a session as operators see it
//! - [`observe`]: calls of modes and turns, shown to operators while they happen
//! - `metrics`: descriptions of the metrics of this crate
//! - [`config`]: the settings of this crate
//!
//! Rule: nothing here reads a socket, names a storage engine or runs a guest; events of one session are handled one at a
//! time, on the mode threads.

#![warn(missing_docs)]

mod activity;
mod actor;
mod alerts;
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
pub mod observe;
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
pub mod turns;
mod wake_word;
mod work;

pub use self::metrics::describe_metrics;
pub use alerts::notice;
pub use attachment::{Attachment, SessionEnded};
pub use clock::unix_ms;
pub use config::{Config, DeviceDirectory, DuplicateDevice, IdleConfig, Language, UnknownRecipients};
pub use event::{Incoming, NotPlayed};
pub use extensions::ExtensionRule;
pub use inspect::{ClientInfo, HandlerInfo, HelloFeatures, SessionDetail, SessionInfo, SessionState};
pub use modehost_mcp::{Vision, VisionToken};
pub use observe::{CallRecord, Observation, Observed, Subject, TooManyObservers};
pub use registry::{AttachError, Counts, DeviceRefusal, ForgetError, ForgetGuard, KickOutcome, Load, Registry};
pub use services::Services;
pub use turns::{TurnKind, TurnOutcome, TurnRecord};
pub use wake_word::wake_word;
