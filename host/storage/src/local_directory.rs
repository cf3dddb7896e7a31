//! Local.
pub struct LocalDirectory;
