//! Kept inputs and mutations of them for the plugins that come with the server. Rule: whatever their messages say, each
//! plugin takes or refuses it, and its state can be moved.

use modehost_corpus::Corpus;

#[path = "promise/plugins.rs"]
mod plugins;

#[test]
fn h1_messages_of_plugins_are_taken_or_refused_and_their_state_can_be_moved() {
    Corpus::open(env!("CARGO_MANIFEST_DIR"), "plugins").keeps(plugins::keeps);
}
