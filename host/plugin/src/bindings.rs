//! The words of the contract `modehost:mode@0.1.0` as the runtime sees them, generated from
//! `wit/`. Rule: nothing outside this crate sees these; `convert` turns them into the contract's.

#![allow(dead_code, clippy::all, reason = "generated")]

wasmtime::component::bindgen!({
    path: "../../wit",
    world: "mode",
    // Text of an event is copied once, into the guest's memory, and not on the way there.
    ownership: Borrowing { duplicate_if_necessary: true },
});
