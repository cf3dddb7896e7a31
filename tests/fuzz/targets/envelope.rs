//! Any bytes as a text frame of a device.
//! Rule: the promise is the one that the test of kept inputs asks, which runs with every other test.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../../host/protocol/tests/promise/messages.rs"]
mod promise;

fuzz_target!(|bytes: &[u8]| promise::keeps(bytes));
