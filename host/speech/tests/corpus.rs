//! Kept inputs and mutations of them for the readers of sound. Rule: whatever comes, what is made of it is bounded, and
//! the reader goes on.

use modehost_corpus::Corpus;

#[path = "promise/sound.rs"]
mod sound;

#[test]
fn a6_sound_is_decoded_or_skipped() {
    Corpus::open(env!("CARGO_MANIFEST_DIR"), "sound").keeps(sound::keeps);
}
