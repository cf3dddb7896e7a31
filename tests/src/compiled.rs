//! Compiled plugins that servers of tests share: compiling takes longer than most tests. Rule: a server gets what
//! another one has made of the same bytes, in the place where it would have kept it itself and under the same key,
//! and decides for itself whether it takes it; what does not come is compiled as ever.

use std::fs::{self, DirBuilder, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// Where a server keeps compiled plugins, within its data folder; its key stands beside it.
const FOLDER: &str = "plugins-cache";
/// The key of compiled plugins: any bytes, of this length (`CACHE_KEY_BYTES` of the server).
const KEY_BYTES: usize = 64;

/// Puts what is there of a plugin into the data folder of a server.
pub(crate) fn lend(plugin: &[u8], data: &Path) {
    // Without it the server compiles, and a test that has made this folder unusable wants just that.
    let _ = try_lend(plugin, data);
}

/// Keeps what a server has compiled.
pub(crate) fn keep(data: &Path) {
    let _ = try_keep(data);
}

fn try_lend(plugin: &[u8], data: &Path) -> io::Result<()> {
    let shared = shared()?;
    let folder = data.join(FOLDER);
    DirBuilder::new().recursive(true).create(data)?;
    DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
    let own = folder.with_extension("key");
    if !own.exists() {
        copy(&shared.with_extension("key"), &own)?;
    }
    let sum: String = Sha256::digest(plugin).iter().map(|byte| format!("{byte:02x}")).collect();
    for entry in fs::read_dir(&shared)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default();
        if name.to_string_lossy().starts_with(&sum) && is(&path, "cwasm") {
            copy(&path, &folder.join(name))?;
            copy(&path.with_extension("sum"), &folder.join(name).with_extension("sum"))?;
        }
    }
    Ok(())
}

fn try_keep(data: &Path) -> io::Result<()> {
    let shared = shared()?;
    let folder = data.join(FOLDER);
    // Signed with another key, it is of no use to others.
    if fs::read(folder.with_extension("key"))? != fs::read(shared.with_extension("key"))? {
        return Ok(());
    }
    for entry in fs::read_dir(&folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default();
        // The signature is written last, so what has one is whole.
        if is(&path, "sum") && !shared.join(name).exists() {
            let code = path.with_extension("cwasm");
            copy(&code, &shared.join(name).with_extension("cwasm"))?;
            copy(&path, &shared.join(name))?;
        }
    }
    Ok(())
}

fn is(path: &Path, extension: &str) -> bool {
    path.extension().is_some_and(|found| found == extension)
}

/// The folder that the kit of modes keeps its own in, which bounds it; in the target folder of this binary.
fn shared() -> io::Result<PathBuf> {
    let own = std::env::current_exe()?;
    let target = own.ancestors().nth(3).ok_or(io::ErrorKind::NotFound)?;
    let shared = target.join("testkit");
    DirBuilder::new().recursive(true).mode(0o700).create(&shared)?;
    let key = shared.with_extension("key");
    if !key.exists() {
        let mut file = tempfile::NamedTempFile::new_in(target)?;
        let mut bytes = [0; KEY_BYTES];
        fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
        file.write_all(&bytes)?;
        // Another test may have been first.
        let _ = file.persist_noclobber(&key);
    }
    Ok(shared)
}

/// Beside it and renamed, so that nobody finds half of it; for its owner alone.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let folder = to.parent().ok_or(io::ErrorKind::NotFound)?;
    let mut file = tempfile::Builder::new().permissions(Permissions::from_mode(0o600)).tempfile_in(folder)?;
    io::copy(&mut fs::File::open(from)?, &mut file)?;
    file.persist(to).map_err(|error| error.error)?;
    Ok(())
}
