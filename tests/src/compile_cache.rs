//! A cache of compiled plugins shared by test servers: compiling takes longer than most tests. Rule: a server gets
//! code that another server compiled from the same bytes, at the path and under the key where it would have stored it
//! itself, and decides for itself whether to accept it; on a cache miss it compiles as usual.

use std::fs::{self, DirBuilder, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// The server's directory of compiled plugins, within its data directory; the key file is next to it.
const DIRECTORY: &str = "plugins-cache";
/// Length of the key of compiled plugins (`CACHE_KEY_BYTES` of the server); its bytes are random.
const KEY_BYTES: usize = 64;

/// Copies the cached code of a plugin into the data directory of a server.
pub(crate) fn copy_into(plugin: &[u8], data: &Path) {
    // On failure the server compiles, which is also what a test that makes this directory unusable relies on.
    let _ = try_copy_into(plugin, data);
}

/// Stores what a server has compiled in the shared cache.
pub(crate) fn store_from(data: &Path) {
    let _ = try_store_from(data);
}

fn try_copy_into(plugin: &[u8], data: &Path) -> io::Result<()> {
    let shared = shared()?;
    let directory = data.join(DIRECTORY);
    DirBuilder::new().recursive(true).create(data)?;
    DirBuilder::new().recursive(true).mode(0o700).create(&directory)?;
    let server_key = directory.with_extension("key");
    if !server_key.exists() {
        copy(&shared.with_extension("key"), &server_key)?;
    }
    let sum: String = Sha256::digest(plugin).iter().map(|byte| format!("{byte:02x}")).collect();
    for entry in fs::read_dir(&shared)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default();
        if name.to_string_lossy().starts_with(&sum) && has_extension(&path, "cwasm") {
            copy(&path, &directory.join(name))?;
            copy(&path.with_extension("sum"), &directory.join(name).with_extension("sum"))?;
        }
    }
    Ok(())
}

fn try_store_from(data: &Path) -> io::Result<()> {
    let shared = shared()?;
    let directory = data.join(DIRECTORY);
    // Signed with another key, it is useless to other servers.
    if fs::read(directory.with_extension("key"))? != fs::read(shared.with_extension("key"))? {
        return Ok(());
    }
    for entry in fs::read_dir(&directory)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default();
        // The signature is written last, so an entry that has one is complete.
        if has_extension(&path, "sum") && !shared.join(name).exists() {
            let code = path.with_extension("cwasm");
            copy(&code, &shared.join(name).with_extension("cwasm"))?;
            copy(&path, &shared.join(name))?;
        }
    }
    Ok(())
}

fn has_extension(path: &Path, extension: &str) -> bool {
    path.extension().is_some_and(|found| found == extension)
}

/// The shared cache: the directory that the plugins' test kit also uses and whose size it bounds; in the target
/// directory of this executable.
fn shared() -> io::Result<PathBuf> {
    let server_key = std::env::current_exe()?;
    let target = server_key.ancestors().nth(3).ok_or(io::ErrorKind::NotFound)?;
    let shared = target.join("testkit");
    DirBuilder::new().recursive(true).mode(0o700).create(&shared)?;
    let key = shared.with_extension("key");
    if !key.exists() {
        let mut file = tempfile::NamedTempFile::new_in(target)?;
        let mut bytes = [0; KEY_BYTES];
        fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
        file.write_all(&bytes)?;
        // Another test process may have been first.
        let _ = file.persist_noclobber(&key);
    }
    Ok(shared)
}

/// Copies to a temporary file in the same directory and renames it, so that no reader finds half of it; mode 0600.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let directory = to.parent().ok_or(io::ErrorKind::NotFound)?;
    let mut file = tempfile::Builder::new().permissions(Permissions::from_mode(0o600)).tempfile_in(directory)?;
    io::copy(&mut fs::File::open(from)?, &mut file)?;
    file.persist(to).map_err(|error| error.error)?;
    Ok(())
}
