//! Compiled components: made, found again, kept. Rule: whoever holds the catalog's lock finds them here ready
//! made; making one takes up to the bound of the compiler and happens beside.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::limits;
use parking_lot::Mutex;
use wasmtime::Engine;
use wasmtime::component::Component;

use crate::cache::Cache;
use crate::compiler::{CompileError, Helper};
use crate::engine;

/// What has been compiled, and who compiles.
pub(crate) struct Compiled {
    cache: Option<Cache>,
    /// None: this process compiles itself.
    helper: Option<Helper>,
    /// By SHA-256: made, and not asked for so far; also what was found not to compile.
    ready: Mutex<BTreeMap<String, Result<Component, CompileError>>>,
}

impl Compiled {
    /// `folder`: where they are kept for the next start, up to `bytes` in all.
    pub(crate) fn open(
        folder: Option<(PathBuf, u64)>,
        helper: Option<Helper>,
    ) -> Result<Self, (PathBuf, std::io::Error)> {
        let open = |(path, bytes): (PathBuf, u64)| Cache::open(&path, bytes).map_err(|error| (path, error));
        Ok(Self { cache: folder.map(open).transpose()?, helper, ready: Mutex::default() })
    }

    /// Whether [`Self::component`] gives this at once.
    pub(crate) fn is_ready(&self, engine: &Engine, sha256: &str) -> bool {
        let kept = || self.cache.as_ref().is_some_and(|cache| cache.holds(engine, sha256));
        self.helper.is_none() || self.ready.lock().contains_key(sha256) || kept()
    }

    /// Compiles what is not ready. Blocks as long as the compiler may take.
    pub(crate) fn make_ready(&self, engine: &Engine, bytes: &[u8], sha256: &str) {
        if self.is_ready(engine, sha256) {
            return;
        }
        let made = self.make(engine, bytes, sha256);
        let mut ready = self.ready.lock();
        // Of a file that was replaced meanwhile nobody asks any more.
        while ready.len() >= limits::COMPILED_WAITING {
            ready.pop_first();
        }
        ready.insert(sha256.to_owned(), made);
    }

    /// The compiled component: ready made, or made now, which blocks.
    ///
    /// # Errors
    /// See [`CompileError`].
    pub(crate) fn component(&self, engine: &Engine, bytes: &[u8], sha256: &str) -> Result<Component, CompileError> {
        if let Some(made) = self.ready.lock().remove(sha256) {
            return made;
        }
        match self.cache.as_ref().and_then(|cache| cache.get(engine, sha256)) {
            Some(component) => Ok(component),
            None => self.make(engine, bytes, sha256),
        }
    }

    fn make(&self, engine: &Engine, bytes: &[u8], sha256: &str) -> Result<Component, CompileError> {
        let Some(helper) = &self.helper else {
            let component =
                Component::from_binary(engine, bytes).map_err(|error| CompileError::Invalid(format!("{error:#}")))?;
            match component.serialize() {
                Ok(code) => drop(self.keep(engine, sha256, &code)),
                Err(error) => tracing::warn!(%error, "a compiled plugin cannot be kept"),
            }
            return Ok(component);
        };
        let code = helper.compile(bytes, engine::fingerprint(engine))?;
        if self.keep(engine, sha256, &code)
            && let Some(component) = self.cache.as_ref().and_then(|cache| cache.get(engine, sha256))
        {
            return Ok(component);
        }
        load(engine, &code).map_err(|error| CompileError::Broken(format!("{error:#}")))
    }

    /// False where it cannot be kept.
    fn keep(&self, engine: &Engine, sha256: &str, code: &[u8]) -> bool {
        let Some(cache) = &self.cache else { return false };
        let kept = cache.put(engine, sha256, code);
        if let Err(error) = &kept {
            tracing::warn!(%error, "a compiled plugin cannot be kept; it is compiled again at the next start");
        }
        kept.is_ok()
    }
}

/// Takes machine code into this process.
#[allow(unsafe_code, reason = "the runtime offers no checked way to take compiled code back")]
fn load(engine: &Engine, code: &[u8]) -> Result<Component, wasmtime::Error> {
    // SAFETY: these bytes came through a pipe from this very program, which this process has started and which has
    // ended well; nobody else had the other end. It is what `Engine::precompile_component` gave there.
    unsafe { Component::deserialize(engine, code) }
}
