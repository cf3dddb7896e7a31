//! Modehost SDK: a mode is a plain Rust type. Rule: an author writes a struct, its serde derives and the handlers
//! that matter; the SDK implements the rest of the contract.
//!
//! # Layout
//! - [`Mode`]: the trait that an author implements
//! - [`Cx`]: the context of one event, and the effects that a handler requests
//! - [`Request`], [`Reply`]: a request and its outcome; [`Change`]: updates of documents that several devices share
//! - [`prelude`]: items that nearly every mode imports
//! - [`Describe`]: the description of a plugin
//! - [`Fields`], [`parse`]: parsing of messages, with exact errors
//! - [`Language`]: the language of a reply
//! - [`markdown`]: escaping of untrusted text in Markdown files
//! - [`Runner`]: a mode with its state between events; used by the exports of the component and by native tests
//! - [`round_trip`](fn@round_trip): checks that restore(snapshot(s)) behaves like s
//! - [`register!`]: the exports and the embedded `plugin.toml`
//!
//! Everything except the exports also compiles natively, so a mode is tested like any other Rust code.

#![warn(missing_docs)]

// Generated and self-contained; its `unsafe` blocks implement the canonical ABI.
#[allow(unsafe_code, clippy::all, missing_docs, reason = "generated from wit/0.2")]
#[doc(hidden)]
pub mod bindings {
    wit_bindgen::generate!({
        path: "wit",
        world: "mode",
        pub_export_macro: true,
        export_macro_name: "export_mode",
        default_bindings_module: "modehost_sdk::bindings",
        additional_derives: [PartialEq],
        additional_type_attributes: {
            "modehost:mode/types@0.2.0/device": [#[derive(serde::Serialize, serde::Deserialize)]],
            "modehost:mode/types@0.2.0/mode-offer": [#[derive(serde::Serialize, serde::Deserialize)]],
            "modehost:mode/types@0.2.0/tool": [#[derive(serde::Serialize, serde::Deserialize)]],
            "modehost:mode/types@0.2.0/tool-call": [#[derive(serde::Serialize, serde::Deserialize)]],
        },
    });
}

mod alarm;
mod cx;
mod describe;
mod fields;
mod language;
mod manifest;
pub mod markdown;
mod mode;
pub mod prelude;
mod register;
mod reply;
mod round_trip;
mod runner;
mod shared;
mod watch;

pub use cx::{Cx, ModelForm, ModelQuestion, OutgoingDelivery};
pub use describe::Describe;
pub use fields::{Fields, lower_word, parse, reject, schema_invalid};
pub use language::Language;
#[doc(hidden)]
pub use manifest::member as manifest_member;
pub use mode::{Mode, Outcome};
pub use reply::{Reply, Request};
pub use round_trip::round_trip;
pub use runner::{Migrated, Runner};
pub use shared::{Change, Update, Updated, shared_value};

pub use bindings::exports::modehost::mode::lifecycle::RestoreError;
pub use bindings::exports::modehost::mode::manifest::{Subscriptions, VoicePolicy};
pub use bindings::modehost::mode::effects::{
    ArchiveEntry, Audience, ChatMessage, Effect, JournalPart, ListenCommand, ListenMode, Role,
};
pub use bindings::modehost::mode::events::{
    Aborted, Delivered, Document, EndReason, Event, Extension, Failure, JournalEntry, JournalPage, Message, ModelChunk,
    ModelDone, RequestDone, RequestFailed, Settings, Start, ToolDone, ToolList, Transcript, Undelivered, WriteDone,
};
pub use bindings::modehost::mode::types::{
    Context, Device, Fault, ModeOffer, Rejection, RequestId, Snapshot, TimerId, Tool, ToolCall,
};
#[cfg(feature = "schema")]
pub use schemars;
#[doc(hidden)]
pub use wit_bindgen;
