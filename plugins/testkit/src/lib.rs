//! Modes under test, in the real runtime.
