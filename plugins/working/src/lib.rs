//! The working mode.
