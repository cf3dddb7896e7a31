//! Modes as plain Rust.
