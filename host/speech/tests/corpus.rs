//! Corpus inputs and their mutations for the audio readers. Rule: any input has a bounded result, and the reader keeps
//! alive.

use modehost_corpus::Corpus;

#[path = "promise/sound.rs"]
mod sound;

#[test]
fn a6_sound_is_decoded_or_skipped() {
    Corpus::open(env!("CARGO_MANIFEST_DIR"), "sound").keeps(sound::keeps);
}
