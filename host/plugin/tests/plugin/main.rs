//! The plugin runtime against the real component, from outside. Rule: no test knows what is behind
//! the public interface; the guests are those under `tests/guests`.

mod catalog;
mod fixture;
mod instance;
mod load;
mod mappings;
mod metrics;
mod names;
mod track;
