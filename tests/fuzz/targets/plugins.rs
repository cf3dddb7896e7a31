//! Any bytes as messages of every type that a plugin claims.
//! Rule: the promise is the one that the test of kept inputs asks, which runs with every other test.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../../tests/tests/promise/plugins.rs"]
mod promise;

fuzz_target!(|bytes: &[u8]| promise::keeps(bytes));
