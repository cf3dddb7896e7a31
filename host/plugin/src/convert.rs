//! Conversion between the types of `modehost-contract` and the WIT bindings. Rule: inputs are borrowed, not copied (the
//! only copy goes into the guest's memory); outputs are validated.
//!
//! - [`event`]: contract events as borrowed WIT events
//! - [`effect`]: the guest's effects, checked against grants and limits
//! - [`json`]: validation of text that has to be JSON
//! - [`old`]: contract version 0.1, converted to and from 0.2

pub(crate) mod effect;
pub(crate) mod event;
pub(crate) mod json;
pub(crate) mod old;

use modehost_contract::mode::Subscriptions;
use modehost_contract::mode_info::ModeInfo;
use modehost_contract::{Manifest, VoicePolicy};
use modehost_ids::PluginId;

use crate::bindings::v0_2::exports::modehost::mode::manifest as wit;

/// The plugin's description of itself, not validated; see `manifest::check`.
pub(crate) fn manifest(description: wit::Description) -> Manifest {
    let offer = |wit::ModeOffer { name, aliases, description, phrases }: wit::ModeOffer| ModeInfo {
        name,
        aliases,
        description,
        phrases,
    };
    Manifest {
        id: PluginId::new(description.id),
        version: description.version,
        modes: description.modes.into_iter().map(offer).collect(),
        message_types: description.message_types,
        voice: match description.voice {
            wit::VoicePolicy::Exclusive => VoicePolicy::Exclusive,
            wit::VoicePolicy::FirstRefusal => VoicePolicy::FirstRefusal,
            wit::VoicePolicy::None => VoicePolicy::None,
        },
        snapshot_schemas: description.snapshot_schemas,
        config_schema: description.config_schema,
        subscriptions: Subscriptions {
            attachment: description.subscriptions.contains(wit::Subscriptions::ATTACHMENT),
            hello: description.subscriptions.contains(wit::Subscriptions::HELLO),
            mode_change: description.subscriptions.contains(wit::Subscriptions::MODE_CHANGE),
            modes: description.subscriptions.contains(wit::Subscriptions::MODES),
        },
    }
}
