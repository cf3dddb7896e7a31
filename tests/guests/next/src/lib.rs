//! The fixture as of version 2.0.0, built against the contract 0.2. Rule: it carries on the state of
//! `modehost-guests`, which stays on 0.1, and does what only 0.2 has words for; nothing here is
//! patched, the settings of the other one serve for that.

#[cfg(target_family = "wasm")]
mod guest;
