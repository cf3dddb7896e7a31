//! On-disk cache of compiled plugins, so that a start compiles nothing. Rule: only files signed with this
//! installation's key, which lies beside the cache directory, are loaded; any other file is deleted and its plugin
//! recompiled. The cache is bounded in size with LRU eviction.

use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::limits;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use wasmtime::component::Component;

use crate::engine;

/// Compiled files in one directory, which is writable by its owner alone.
pub(crate) struct Cache {
    directory: PathBuf,
    /// Size limit of the directory, in bytes.
    max_bytes: u64,
    key: [u8; limits::CACHE_KEY_BYTES],
}

impl Cache {
    /// Opens the directory; creates it and the signing key if they are missing.
    pub(crate) fn open(directory: &Path, max_bytes: u64) -> io::Result<Self> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        let cache = Self {
            directory: directory.to_owned(),
            max_bytes,
            key: load_or_create_key(&directory.with_extension("key"))?,
        };
        cache.check_permissions()?;
        Ok(cache)
    }

    /// Checks owner and mode of the directory. Done before each use, because the path may lead to another directory by
    /// now.
    fn check_permissions(&self) -> io::Result<()> {
        let metadata = fs::metadata(&self.directory)?;
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

    /// Whether the cache has a compiled file and its signature. Does not verify either.
    pub(crate) fn contains(&self, engine: &wasmtime::Engine, sha256: &str) -> bool {
        let path = self.path(engine, sha256);
        signature_path(&path).exists() && path.exists()
    }

    /// The compiled component of a plugin; `None` if it has to be compiled.
    pub(crate) fn get(&self, engine: &wasmtime::Engine, sha256: &str) -> Option<Component> {
        self.check_permissions().ok()?;
        let path = self.path(engine, sha256);
        let sum = modehost_follow::read_text(&signature_path(&path), limits::CHECKSUM_BYTES).ok()?;
        let compiled = modehost_follow::read(&path, limits::COMPILED_PLUGIN_BYTES).ok()?;
        let signature = hex::decode(sum.trim()).unwrap_or_default();
        if self.sign(&path, &compiled).verify_slice(&signature).is_err() {
            tracing::warn!(file = %path.display(), "a compiled plugin is damaged or from another installation; it is recompiled");
            remove(&path);
            return None;
        }
        drop(compiled);
        match map_file(engine, &path) {
            Ok(component) => {
                // The modification time is the time of last use, for LRU eviction.
                let _ = fs::File::open(&path).and_then(|file| file.set_modified(SystemTime::now()));
                Some(component)
            }
            Err(error) => {
                tracing::warn!(file = %path.display(), %error, "a compiled plugin does not load and is compiled anew");
                remove(&path);
                None
            }
        }
    }

    /// Stores the compiled file of a plugin. The signature is written last; a file without one is never loaded.
    pub(crate) fn put(&self, engine: &wasmtime::Engine, sha256: &str, compiled: &[u8]) -> io::Result<()> {
        // Recreates the directory if it was removed, but not its parents.
        match fs::DirBuilder::new().mode(0o700).create(&self.directory) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => self.check_permissions()?,
        }
        let path = self.path(engine, sha256);
        self.evict(compiled.len() as u64)?;
        self.write(&path, compiled)?;
        let signature = self.sign(&path, compiled).finalize().into_bytes();
        self.write(&signature_path(&path), hex::encode(signature).as_bytes())
    }

    /// Evicts the least recently used files until `bytes` more fit within the limit.
    fn evict(&self, bytes: u64) -> io::Result<()> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.directory)? {
            let path = entry?.path();
            // The file may have been removed since the listing.
            if let Ok(metadata) = fs::metadata(&path)
                && path.extension().is_some_and(|extension| extension == "cwasm")
            {
                files.push((metadata.modified()?, metadata.len(), path));
            }
        }
        files.sort();
        let mut total: u64 = files.iter().map(|(_, size, _)| size).sum();
        for (_, size, path) in files {
            if total.saturating_add(bytes) <= self.max_bytes {
                break;
            }
            // A process that has the file mapped keeps its own reference to it.
            remove(&path);
            total -= size;
        }
        Ok(())
    }

    /// The HMAC covers the file name too, so that one plugin's code cannot pass for another's.
    fn sign(&self, path: &Path, compiled: &[u8]) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new(&self.key.into());
        mac.update(path.file_name().unwrap_or_default().as_encoded_bytes());
        mac.update(&[0]);
        mac.update(compiled);
        mac
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(&self.directory)?;
        file.write_all(bytes)?;
        file.as_file().sync_data()?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    }

    /// The name contains the plugin's hash and a fingerprint of engine version and settings.
    fn path(&self, engine: &wasmtime::Engine, sha256: &str) -> PathBuf {
        let fingerprint = format!("{:016x}", engine::fingerprint(engine));
        self.directory.join(format!("{sha256}-{fingerprint}.cwasm"))
    }
}

/// The signing key of this installation; created if it is missing. Whoever can read it can forge compiled code that is
/// run, so it must be private to its owner (mode 0600).
fn load_or_create_key(path: &Path) -> io::Result<[u8; limits::CACHE_KEY_BYTES]> {
    let mut key = [0; limits::CACHE_KEY_BYTES];
    match fs::File::open(path) {
        Ok(mut file) => {
            let metadata = file.metadata()?;
            let own = metadata.uid() == rustix::process::geteuid().as_raw() && metadata.mode() & 0o077 == 0;
            if own && metadata.len() == key.len() as u64 {
                file.read_exact(&mut key)?;
                return Ok(key);
            }
            tracing::warn!(file = %path.display(), "the key of compiled plugins is not as it was made; a new one is made, and plugins are compiled anew");
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    fs::File::open("/dev/urandom")?.read_exact(&mut key)?;
    let directory = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().permissions(fs::Permissions::from_mode(0o600)).tempfile_in(directory)?;
    file.write_all(&key)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(key)
}

fn signature_path(path: &Path) -> PathBuf {
    path.with_extension("sum")
}

fn remove(path: &Path) {
    let _ = fs::remove_file(signature_path(path));
    let _ = fs::remove_file(path);
}

/// Maps a compiled file into this process.
#[allow(unsafe_code, reason = "the runtime offers no checked way to take compiled code back")]
fn map_file(engine: &wasmtime::Engine, path: &Path) -> Result<Component, wasmtime::Error> {
    // SAFETY: the file holds the output of `Component::serialize` of this program. Only its owner can write to the
    // directory (checked in `get`), its content was just verified against this installation's signature, and files are
    // replaced by renaming, never modified in place.
    unsafe { Component::deserialize_file(engine, path) }
}
