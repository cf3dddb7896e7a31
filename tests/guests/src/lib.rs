//! A guest that misbehaves on request, and what native tests need to vary it. Rule: one
//! component serves all tests; a test patches settings into its bytes instead of building another.
//!
//! - `guest` (in the component): reads its settings from static data, and does what a message of
//!   type `fixture` asks for in its member `do`
//! - [`variant`] (in tests): the same component with other settings

#[cfg(target_family = "wasm")]
mod guest;

#[cfg(not(target_family = "wasm"))]
mod patch;

#[cfg(not(target_family = "wasm"))]
pub use patch::variant;

/// Bytes of the settings and of the plugin.toml in the component; both are padded with spaces.
pub(crate) const BLOCK: usize = 512;
/// Begins the settings, `key=value;` one after the other.
pub(crate) const SETTINGS_MARK: &str = "MODEHOST-FIXTURE:";
