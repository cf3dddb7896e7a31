//! Any bytes as binary frames of a device, as packets of Opus and PCM, and as frames of a recogniser.
//! Rule: the promise is the one that the test of kept inputs asks, which runs with every other test.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../../host/speech/tests/promise/sound.rs"]
mod promise;

fuzz_target!(|bytes: &[u8]| promise::keeps(bytes));
