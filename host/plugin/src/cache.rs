//! Compiled plugins on disk, so that a start compiles nothing. Rule: only files that this process
//! or an earlier one wrote whole are run; anything else is deleted and compiled anew.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use modehost_limits as limits;
use sha2::{Digest, Sha256};
use wasmtime::component::Component;

/// Compiled files of one folder, which belongs to this user alone.
#[derive(Debug)]
pub(crate) struct Cache {
    folder: PathBuf,
}

impl Cache {
    /// Opens the folder, making it if need be.
    pub(crate) fn open(folder: &Path) -> io::Result<Self> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let cache = Self { folder: folder.to_owned() };
        cache.check()?;
        Ok(cache)
    }

    /// Whether what the name leads to now may be trusted: it may be another folder than before.
    fn check(&self) -> io::Result<()> {
        let metadata = fs::metadata(&self.folder)?;
        // Whoever can write here can run code as this process.
        if metadata.mode() & 0o022 != 0 {
            return Err(io::Error::new(
                io::ErrorKind::PermissionDenied,
                "others may write to it; it must be for its owner alone (mode 0700)",
            ));
        }
        if metadata.uid() != rustix::process::geteuid().as_raw() {
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, "it belongs to another user"));
        }
        Ok(())
    }

    /// The compiled file of a plugin, or none if it has to be compiled.
    pub(crate) fn get(&self, engine: &wasmtime::Engine, sha256: &str) -> Option<Component> {
        self.check().ok()?;
        let path = self.path(engine, sha256);
        let sum = modehost_follow::read_text(&sum_path(&path), limits::CHECKSUM_BYTES).ok()?;
        let compiled = modehost_follow::read(&path, limits::COMPILED_PLUGIN_BYTES).ok()?;
        if hex::encode(Sha256::digest(&compiled)) != sum.trim() {
            tracing::warn!(file = %path.display(), "a compiled plugin is damaged and is compiled anew");
            remove(&path);
            return None;
        }
        drop(compiled);
        match load(engine, &path) {
            Ok(component) => Some(component),
            Err(error) => {
                tracing::warn!(file = %path.display(), %error, "a compiled plugin does not load and is compiled anew");
                remove(&path);
                None
            }
        }
    }

    /// Writes the compiled file of a plugin. The checksum goes last, so a file without one is
    /// never taken.
    pub(crate) fn put(&self, engine: &wasmtime::Engine, sha256: &str, component: &Component) -> io::Result<()> {
        // It may have been removed; what is above it is not made anew.
        match fs::DirBuilder::new().mode(0o700).create(&self.folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => self.check()?,
        }
        let path = self.path(engine, sha256);
        let compiled = component.serialize().map_err(io::Error::other)?;
        self.write(&path, &compiled)?;
        self.write(&sum_path(&path), hex::encode(Sha256::digest(&compiled)).as_bytes())
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
        file.write_all(bytes)?;
        file.as_file().sync_data()?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    }

    /// Named after the plugin's content and the engine's settings and version.
    fn path(&self, engine: &wasmtime::Engine, sha256: &str) -> PathBuf {
        let fits = format!("{:016x}", fingerprint(engine));
        self.folder.join(format!("{sha256}-{fits}.cwasm"))
    }
}

/// A number that changes with whatever makes compiled files unfit for this engine.
fn fingerprint(engine: &wasmtime::Engine) -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut hasher);
    hasher.finish()
}

fn sum_path(path: &Path) -> PathBuf {
    path.with_extension("sum")
}

fn remove(path: &Path) {
    let _ = fs::remove_file(sum_path(path));
    let _ = fs::remove_file(path);
}

/// Maps a compiled file into this process.
#[allow(unsafe_code, reason = "the runtime offers no checked way to take compiled code back")]
fn load(engine: &wasmtime::Engine, path: &Path) -> Result<Component, wasmtime::Error> {
    // SAFETY: the file holds what `Component::serialize` gave to this program. Only its owner can
    // write to the folder (checked in `get`), its content was just compared with the checksum
    // that is written after it, and files are replaced by renaming, never changed in place.
    unsafe { Component::deserialize_file(engine, path) }
}
