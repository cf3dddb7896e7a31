//! Compiled components: compile, look up, cache. Rule: compilation takes up to the compiler's timeout and happens
//! outside the catalog's lock; whoever holds that lock finds the component compiled.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::limits;
use parking_lot::Mutex;
use wasmtime::Engine;
use wasmtime::component::Component;

use crate::cache::Cache;
use crate::compiler::{CompileError, CompilerProcess};
use crate::engine;

/// Compiled components and the compiler.
pub(crate) struct CompiledComponents {
    cache: Option<Cache>,
    /// `None`: compiled in this process.
    compiler: Option<CompilerProcess>,
    /// By SHA-256: compile results that have not been fetched yet, failures included.
    results: Mutex<BTreeMap<String, Result<Component, CompileError>>>,
}

impl CompiledComponents {
    /// `cache`: directory of the on-disk cache and its size limit in bytes.
    pub(crate) fn open(
        cache: Option<(PathBuf, u64)>,
        compiler: Option<CompilerProcess>,
    ) -> Result<Self, (PathBuf, std::io::Error)> {
        let open = |(path, bytes): (PathBuf, u64)| Cache::open(&path, bytes).map_err(|error| (path, error));
        Ok(Self { cache: cache.map(open).transpose()?, compiler, results: Mutex::default() })
    }

    /// Whether [`Self::component`] returns at once.
    pub(crate) fn is_compiled(&self, engine: &Engine, sha256: &str) -> bool {
        let kept = || self.cache.as_ref().is_some_and(|cache| cache.contains(engine, sha256));
        self.compiler.is_none() || self.results.lock().contains_key(sha256) || kept()
    }

    /// Compiles a component unless that is done already. Blocks up to the compiler's timeout.
    pub(crate) fn ensure_compiled(&self, engine: &Engine, bytes: &[u8], sha256: &str) {
        if self.is_compiled(engine, sha256) {
            return;
        }
        let result = self.compile(engine, bytes, sha256);
        let mut results = self.results.lock();
        // Results for a file that was replaced meanwhile are never fetched.
        while results.len() >= limits::PENDING_COMPILE_RESULTS {
            results.pop_first();
        }
        results.insert(sha256.to_owned(), result);
    }

    /// The compiled component, from memory, from the cache, or compiled now, which blocks.
    ///
    /// # Errors
    /// See [`CompileError`].
    pub(crate) fn component(&self, engine: &Engine, bytes: &[u8], sha256: &str) -> Result<Component, CompileError> {
        if let Some(result) = self.results.lock().remove(sha256) {
            return result;
        }
        match self.cache.as_ref().and_then(|cache| cache.get(engine, sha256)) {
            Some(component) => Ok(component),
            None => self.compile(engine, bytes, sha256),
        }
    }

    fn compile(&self, engine: &Engine, bytes: &[u8], sha256: &str) -> Result<Component, CompileError> {
        let Some(compiler) = &self.compiler else {
            let component =
                Component::from_binary(engine, bytes).map_err(|error| CompileError::Invalid(format!("{error:#}")))?;
            match component.serialize() {
                Ok(code) => drop(self.store(engine, sha256, &code)),
                Err(error) => tracing::warn!(%error, "a compiled plugin cannot be kept"),
            }
            return Ok(component);
        };
        let code = compiler.compile(bytes, engine::fingerprint(engine))?;
        if self.store(engine, sha256, &code)
            && let Some(component) = self.cache.as_ref().and_then(|cache| cache.get(engine, sha256))
        {
            return Ok(component);
        }
        deserialize(engine, &code).map_err(|error| CompileError::Crashed(format!("{error:#}")))
    }

    /// Writes machine code to the cache; false if there is none or the write failed.
    fn store(&self, engine: &Engine, sha256: &str, code: &[u8]) -> bool {
        let Some(cache) = &self.cache else { return false };
        let kept = cache.put(engine, sha256, code);
        if let Err(error) = &kept {
            tracing::warn!(%error, "a compiled plugin cannot be kept; it is compiled again at the next start");
        }
        kept.is_ok()
    }
}

/// Loads machine code into this process.
#[allow(unsafe_code, reason = "the runtime offers no checked way to take compiled code back")]
fn deserialize(engine: &Engine, code: &[u8]) -> Result<Component, wasmtime::Error> {
    // SAFETY: these bytes came through a pipe from this same program, which this process started and which exited
    // successfully; nobody else had the other end. They are the output of `Engine::precompile_component`.
    unsafe { Component::deserialize(engine, code) }
}
