//! Compiled plugins on disk, so that a start compiles nothing. Rule: only files that this installation wrote whole
//! are run, which it knows by a key of its own beside the folder; anything else is deleted and compiled anew. The
//! folder is bounded: the least recently used go.

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

/// Compiled files of one folder, which belongs to this user alone.
pub(crate) struct Cache {
    folder: PathBuf,
    /// What the folder may hold, in bytes.
    bound: u64,
    key: [u8; limits::CACHE_KEY_BYTES],
}

impl Cache {
    /// Opens the folder, making it and its key if need be.
    pub(crate) fn open(folder: &Path, bound: u64) -> io::Result<Self> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let cache = Self { folder: folder.to_owned(), bound, key: key(&folder.with_extension("key"))? };
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

    /// Whether there seems to be a compiled file of a plugin.
    pub(crate) fn holds(&self, engine: &wasmtime::Engine, sha256: &str) -> bool {
        let path = self.path(engine, sha256);
        sum_path(&path).exists() && path.exists()
    }

    /// The compiled file of a plugin, or none if it has to be compiled.
    pub(crate) fn get(&self, engine: &wasmtime::Engine, sha256: &str) -> Option<Component> {
        self.check().ok()?;
        let path = self.path(engine, sha256);
        let sum = modehost_follow::read_text(&sum_path(&path), limits::CHECKSUM_BYTES).ok()?;
        let compiled = modehost_follow::read(&path, limits::COMPILED_PLUGIN_BYTES).ok()?;
        let signature = hex::decode(sum.trim()).unwrap_or_default();
        if self.sign(&path, &compiled).verify_slice(&signature).is_err() {
            tracing::warn!(file = %path.display(), "a compiled plugin is damaged, or of another installation, and is compiled anew");
            remove(&path);
            return None;
        }
        drop(compiled);
        match load(engine, &path) {
            Ok(component) => {
                // The time says when it was used last.
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

    /// Writes the compiled file of a plugin. The signature goes last, so a file without one is
    /// never taken.
    pub(crate) fn put(&self, engine: &wasmtime::Engine, sha256: &str, compiled: &[u8]) -> io::Result<()> {
        // It may have been removed; what is above it is not made anew.
        match fs::DirBuilder::new().mode(0o700).create(&self.folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => self.check()?,
        }
        let path = self.path(engine, sha256);
        self.make_room(compiled.len() as u64)?;
        self.write(&path, compiled)?;
        let signature = self.sign(&path, compiled).finalize().into_bytes();
        self.write(&sum_path(&path), hex::encode(signature).as_bytes())
    }

    /// Removes what was used least recently, until this many bytes more stay within the bound.
    fn make_room(&self, bytes: u64) -> io::Result<()> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            // It may have gone meanwhile.
            if let Ok(about) = fs::metadata(&path)
                && path.extension().is_some_and(|extension| extension == "cwasm")
            {
                files.push((about.modified()?, about.len(), path));
            }
        }
        files.sort();
        let mut held: u64 = files.iter().map(|(_, size, _)| size).sum();
        for (_, size, path) in files {
            if held.saturating_add(bytes) <= self.bound {
                break;
            }
            // Whoever runs it holds it open.
            remove(&path);
            held -= size;
        }
        Ok(())
    }

    /// Over the file's name as well: one plugin's code is not another's.
    fn sign(&self, path: &Path, compiled: &[u8]) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new(&self.key.into());
        mac.update(path.file_name().unwrap_or_default().as_encoded_bytes());
        mac.update(&[0]);
        mac.update(compiled);
        mac
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
        let fits = format!("{:016x}", engine::fingerprint(engine));
        self.folder.join(format!("{sha256}-{fits}.cwasm"))
    }
}

/// The key of this installation, made if there is none. Whoever can read it can write compiled code that is run, so
/// it is for its owner alone.
fn key(path: &Path) -> io::Result<[u8; limits::CACHE_KEY_BYTES]> {
    let mut key = [0; limits::CACHE_KEY_BYTES];
    match fs::File::open(path) {
        Ok(mut file) => {
            let about = file.metadata()?;
            let own = about.uid() == rustix::process::geteuid().as_raw() && about.mode() & 0o077 == 0;
            if own && about.len() == key.len() as u64 {
                file.read_exact(&mut key)?;
                return Ok(key);
            }
            tracing::warn!(file = %path.display(), "the key of compiled plugins is not as it was made; a new one is made, and plugins are compiled anew");
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    fs::File::open("/dev/urandom")?.read_exact(&mut key)?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().permissions(fs::Permissions::from_mode(0o600)).tempfile_in(folder)?;
    file.write_all(&key)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(key)
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
    // write to the folder (checked in `get`), its content was just compared with the signature
    // of this installation that is written after it, and files are replaced by renaming, never changed in place.
    unsafe { Component::deserialize_file(engine, path) }
}
