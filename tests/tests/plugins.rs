//! The corpus of hostile messages and its mutations against the bundled plugins. Rule: a plugin accepts or rejects any
//! message, and its state can be migrated afterwards.

use modehost_corpus::Corpus;

#[path = "promise/plugins.rs"]
mod plugins;

#[test]
fn h1_messages_of_plugins_are_taken_or_refused_and_their_state_can_be_moved() {
    Corpus::open(env!("CARGO_MANIFEST_DIR"), "plugins").keeps(plugins::keeps);
}
