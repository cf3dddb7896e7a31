//! Corpus inputs and mutations of them for the handshake reader. Rule: any input yields valid ids or an error.

use modehost_corpus::Corpus;

#[path = "promise/handshake.rs"]
mod handshake;

#[test]
fn c2_handshakes_are_read_or_refused() {
    Corpus::open(env!("CARGO_MANIFEST_DIR"), "handshake").keeps(handshake::keeps);
}
