//! The plugin runtime with the real component, through its public interface. Rule: no test uses internals; the guests
//! are those under `tests/guests`.

mod catalog;
mod contract_version;
mod directory;
mod every_case;
mod fixture;
mod instance;
mod load;
mod mappings;
mod metrics;
