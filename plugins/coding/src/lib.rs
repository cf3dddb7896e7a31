//! coding.
