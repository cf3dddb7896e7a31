//! Items that nearly every mode imports: `use modehost_sdk::prelude::*;`. Rule: re-exports only.

pub use crate::{
    Aborted, ChatMessage, Cx, Describe, Device, Document, EndReason, Failure, Fault, Language, Message, Migrated, Mode,
    ModeOffer, ModelForm, ModelQuestion, Outcome, Reply, Role, Start, Tool, Transcript, VoicePolicy, reject,
};
pub use serde::{Deserialize, Serialize};
pub use std::time::Duration;
