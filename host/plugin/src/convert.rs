//! Between the words of the contract and those of the component. Rule: on the way in nothing is
//! copied (a guest's memory takes the only copy); on the way out everything is checked.
//!
//! - [`event`]: the contract's events, borrowed, as the guest takes them
//! - [`effect`]: the guest's effects, checked against grants and limits
//! - [`json`]: text that has to be JSON
//! - [`old`]: the track 0.1 in the words of 0.2

pub(crate) mod effect;
pub(crate) mod event;
pub(crate) mod json;
pub(crate) mod old;

use modehost_contract::mode::{ModeOffer, Subscriptions};
use modehost_contract::{Fault, Manifest, Rejection, VoicePolicy};
use modehost_ids::PluginId;

use crate::bindings::v0_2::exports::modehost::mode::manifest as wit;

/// What a plugin says of itself, as it is; `manifest::check` judges it.
pub(crate) fn manifest(description: wit::Description) -> Manifest {
    let offer = |offer: wit::ModeOffer| ModeOffer { name: offer.name, aliases: offer.aliases };
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
        },
    }
}

/// An error for the device.
pub(crate) fn rejected(code: String, message: String) -> Fault {
    Fault::Rejected(Rejection { code, message })
}
