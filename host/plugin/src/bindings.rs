//! Bindings generated from `wit/`, one module for each contract version. Rule: nothing outside this crate sees these
//! types; `convert` maps them to and from the types of `modehost-contract`.
//!
//! - [`v0_1`]: `modehost:mode@0.1.0`, frozen
//! - [`v0_2`]: `modehost:mode@0.2.0`, the version that the SDK builds

#![allow(dead_code, clippy::all, reason = "generated")]

pub(crate) mod v0_1 {
    wasmtime::component::bindgen!({
        path: "../../wit/0.1",
        world: "mode",
        // Event text is borrowed: it is copied once, into the guest's memory.
        ownership: Borrowing { duplicate_if_necessary: true },
    });
}

pub(crate) mod v0_2 {
    wasmtime::component::bindgen!({
        path: "../../wit/0.2",
        world: "mode",
        // As above.
        ownership: Borrowing { duplicate_if_necessary: true },
    });
}
