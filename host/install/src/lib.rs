//! Plugin files from elsewhere: fetched from a file, an address or a registry, checked against a checksum and a signature, and
//! remembered in a lock file.
//!
//! Rule: nothing is written before all checks have passed, and then atomically; what is read is bounded in size and
//! time; errors name the source without the query of its address, which may be a secret.
//!
//! # Layout
//! - [`Source`]: where a plugin comes from; [`FetchError`]: why it is not there
//! - `http`: the client of a fetch
//! - [`Reference`], `registry`, `credentials`: images of OCI registries
//! - [`digest`], [`signature`]: what its bytes are checked against
//! - [`Lock`]: what was installed from where
//! - [`limits`]: sizes and times

#![warn(missing_docs)]

mod credentials;
pub mod digest;
mod error;
mod fetch;
mod http;
pub mod limits;
mod lock;
mod reference;
mod registry;
pub mod signature;

use std::path::Path;

pub use error::FetchError;
pub use fetch::Source;
pub use lock::{Lock, LockError, Locked};
pub use reference::Reference;
pub use registry::Part;

/// Writes a component as `file`, atomically.
///
/// # Errors
/// If the directory cannot be written; the old file stays.
pub fn write(file: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let directory = file.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(directory)?;
    // The server, which may run as somebody else, reads what an operator has installed.
    use std::os::unix::fs::PermissionsExt;
    let readable = std::fs::Permissions::from_mode(0o644);
    let mut part = tempfile::Builder::new().prefix(".").suffix(".part").permissions(readable).tempfile_in(directory)?;
    std::io::Write::write_all(&mut part, bytes)?;
    part.as_file().sync_all()?;
    part.persist(file).map_err(|error| error.error)?;
    std::fs::File::open(directory)?.sync_all()
}
