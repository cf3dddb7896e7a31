//! The conversation mode.
