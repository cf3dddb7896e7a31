//! The track 0.1 in the words of 0.2. Rule: values are moved, never judged; what is judged is the
//! outcome, by the same rules as everything else.
//!
//! - [`effect`]: effects of an old guest
//! - [`event`]: events as an old guest takes them

pub(crate) mod effect;
pub(crate) mod event;

use crate::bindings::v0_1::exports::modehost::mode::manifest as old;
use crate::bindings::v0_2::exports::modehost::mode::manifest as new;

/// What an old plugin says of itself.
pub(crate) fn description(description: old::Description) -> new::Description {
    let offer = |old::ModeOffer { name, aliases }: old::ModeOffer| new::ModeOffer {
        name,
        aliases,
        description: String::new(),
        phrases: Vec::new(),
    };
    let mut subscriptions = new::Subscriptions::empty();
    let asked = description.subscriptions;
    for (own, meant) in [
        (old::Subscriptions::ATTACHMENT, new::Subscriptions::ATTACHMENT),
        (old::Subscriptions::HELLO, new::Subscriptions::HELLO),
        (old::Subscriptions::MODE_CHANGE, new::Subscriptions::MODE_CHANGE),
    ] {
        if asked.contains(own) {
            subscriptions |= meant;
        }
    }
    new::Description {
        id: description.id,
        version: description.version,
        modes: description.modes.into_iter().map(offer).collect(),
        message_types: description.message_types,
        voice: match description.voice {
            old::VoicePolicy::Exclusive => new::VoicePolicy::Exclusive,
            old::VoicePolicy::FirstRefusal => new::VoicePolicy::FirstRefusal,
            old::VoicePolicy::None => new::VoicePolicy::None,
        },
        snapshot_schemas: description.snapshot_schemas,
        config_schema: description.config_schema,
        subscriptions,
    }
}
