//! Kept inputs and mutations of them for the reader of handshakes. Rule: whatever comes, ids that can be used or an error
//! come of it.

use modehost_corpus::Corpus;

#[path = "promise/handshake.rs"]
mod handshake;

#[test]
fn c2_handshakes_are_read_or_refused() {
    Corpus::open(env!("CARGO_MANIFEST_DIR"), "handshake").keeps(handshake::keeps);
}
