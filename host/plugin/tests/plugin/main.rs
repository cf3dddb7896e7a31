//! The plugin runtime against the real component, from outside. Rule: no test knows what is behind
//! the public interface; the guest is the one under `tests/guests`.

mod catalog;
mod fixture;
mod instance;
mod load;
mod mappings;
