//! The recogniser on this machine: files that are no models, and one that is.
fn main() {}
