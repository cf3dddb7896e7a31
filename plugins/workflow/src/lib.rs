//! The workflow mode.
