//! The words of each track of the contract as the runtime sees them, generated from `wit/`. Rule:
//! nothing outside this crate sees these; `convert` turns them into the contract's.
//!
//! - [`v0_1`]: `modehost:mode@0.1.0`, frozen
//! - [`v0_2`]: `modehost:mode@0.2.0`, what this version of the SDK builds

#![allow(dead_code, clippy::all, reason = "generated")]

pub(crate) mod v0_1 {
    wasmtime::component::bindgen!({
        path: "../../wit/0.1",
        world: "mode",
        // Text of an event is copied once, into the guest's memory, and not on the way there.
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
