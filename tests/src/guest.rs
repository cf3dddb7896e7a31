//! The components that tests install. Rule: temporary until the guests crate is there.

/// A plugin that comes with the server, by its package name.
pub fn bundled(package: &str) -> Vec<u8> {
    package.as_bytes().to_vec()
}

/// The guest that misbehaves on request, with markers changed.
pub fn fixture(markers: &[(&str, &str)]) -> Vec<u8> {
    format!("{markers:?}").into_bytes()
}

/// The fixture as of another version, otherwise the same.
pub fn fixture_version(version: &str) -> Vec<u8> {
    fixture(&[("version", version)])
}
