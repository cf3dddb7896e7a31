//! From bytes to a generation: prepare, then probe. Rule: off the hot path, and in throw-away
//! stores; nobody is served by what has not gone through all of it.

use std::sync::Arc;

use modehost_contract::{Fault, Manifest};
use modehost_limits as limits;
use wasmtime::component::Component;

use crate::code::{Code, Metrics};
use crate::compiler::CompileError;
use crate::convert::effect::Rules;
use crate::exports::Prepared;
use crate::generation::{Terms, WasmGeneration};
use crate::grants::{Grant, Grants};
use crate::log::PluginLog;
use crate::manifest;
use crate::package::{self, Package, PackageError};
use crate::probe;
use crate::runtime::Runtime;
use crate::track::Track;
use crate::wasi;

/// Why a plugin file is not taken. Each names the file and what to do.
#[derive(Clone, Debug, thiserror::Error)]
pub enum LoadError {
    #[error("{file} has {size} bytes; a plugin file may have {limit} at the most")]
    TooLarge { file: String, size: u64, limit: u64 },
    #[error("{file} {error}")]
    Package { file: String, error: PackageError },
    #[error("{file} imports {import}, which no grant allows; build it without, or do it by an effect")]
    Import { file: String, import: String },
    #[error(
        "{file} asks for the grant `{grant}`, which is not configured; \
         add \"{grant}\" to the list plugins.grants.{plugin}"
    )]
    Grant { file: String, plugin: String, grant: String },
    #[error("the configured grant for {plugin} cannot be used: {why}; correct plugins.grants.{plugin}")]
    BadGrant { plugin: String, why: String },
    #[error("{file} does not compile: {error}")]
    Compile { file: String, error: CompileError },
    #[error("{file} is not a plugin of this server: {why}; build it against modehost:mode@0.2.0 (0.1.0 is taken too)")]
    Contract { file: String, why: String },
    #[error(
        "{file} says `{described}` for its {what} in describe(), but `{packaged}` in its plugin.toml; make them equal"
    )]
    Mismatch { file: String, what: &'static str, packaged: String, described: String },
    #[error("{file} describes itself in a way that cannot be used: {why}")]
    Manifest { file: String, why: String },
    #[error("the section `{plugin}` of the configuration does not fit what {file} accepts: {why}")]
    Config { file: String, plugin: String, why: String },
    #[error("{file} fails its trial at {step}: {fault}")]
    Probe { file: String, step: &'static str, fault: Fault },
    #[error("{file} has the content {sha256}, but plugins.pins.{plugin} allows {pin} only")]
    Pinned { file: String, plugin: String, sha256: String, pin: String },
    #[error("{file} claims the {what} `{name}`, which the plugin {other} has already; remove one of the two")]
    Conflict { file: String, what: &'static str, name: String, other: String },
    #[error("{file} holds the plugin {plugin}, and so does {other}; remove one of the two files")]
    Twice { file: String, plugin: String, other: String },
    #[error("{file} was rolled back ({why}); it is taken again once the file changes, or by a reload")]
    RolledBack { file: String, why: String },
    #[error(
        "{file} does not take over state that sessions have and {older} restores ({why}); {older} serves on. \
         Keep a way to read it, or throw that state away: modehost plugin reload {plugin} --discard-state"
    )]
    State { file: String, plugin: String, older: String, why: String },
    #[error("{file} cannot be read: {why}")]
    Unreadable { file: String, why: String },
}

impl LoadError {
    /// Whether the same file may be taken a moment later: the host had no room to try it.
    pub(crate) fn passes(&self) -> bool {
        matches!(
            self,
            Self::Probe { fault: Fault::Capacity(_), .. } | Self::Compile { error: CompileError::Unavailable(_), .. }
        )
    }
}

impl Runtime {
    /// Prepares and probes a plugin: reads and compiles it (or takes the compiled file), checks
    /// imports, grants, exports and manifest, and lets it go through configure, start, snapshot
    /// and restore in throw-away stores. Takes 0.1 s to seconds and blocks: never call it from an
    /// IO thread ([`modehost_task::run_blocking`] is the place).
    ///
    /// `file` names it in errors; `config` is its section as JSON (none: `{}`); `granted` are the
    /// configured grants.
    ///
    /// # Errors
    /// See [`LoadError`].
    pub fn load(
        &self,
        bytes: &[u8],
        file: &str,
        config: Option<&str>,
        granted: &[String],
    ) -> Result<Arc<WasmGeneration>, LoadError> {
        let (code, manifest) = self.prepare(bytes, file)?;
        self.configure(code, manifest, file, config, granted)
    }

    /// The same code with other settings: only the probe is run again.
    ///
    /// # Errors
    /// See [`LoadError`].
    pub fn reload(
        &self,
        generation: &WasmGeneration,
        file: &str,
        config: Option<&str>,
        granted: &[String],
    ) -> Result<Arc<WasmGeneration>, LoadError> {
        let (code, manifest) = generation.shared();
        self.configure(code, manifest, file, config, granted)
    }

    /// What can be said of a file without compiling it.
    pub(crate) fn examine(&self, bytes: &[u8], file: &str) -> Result<Package, LoadError> {
        let named = || file.to_owned();
        let size = bytes.len() as u64;
        if size > limits::PLUGIN_FILE_BYTES {
            return Err(LoadError::TooLarge { file: named(), size, limit: limits::PLUGIN_FILE_BYTES });
        }
        let package = package::read(bytes).map_err(|error| LoadError::Package { file: named(), error })?;
        if let Some(import) = package.imports.iter().find(|import| !wasi::may_import(import)) {
            return Err(LoadError::Import { file: named(), import: import.clone() });
        }
        Track::of(&package.exports).map_err(|why| LoadError::Contract { file: named(), why })?;
        Ok(package)
    }

    /// Everything that does not depend on the configuration.
    pub(crate) fn prepare(&self, bytes: &[u8], file: &str) -> Result<(Arc<Code>, Arc<Manifest>), LoadError> {
        let package = self.examine(bytes, file)?;
        let track = Track::of(&package.exports).map_err(|why| LoadError::Contract { file: file.to_owned(), why })?;
        let component = self.compile(bytes, &package, file)?;
        let contract =
            |error: wasmtime::Error| LoadError::Contract { file: file.to_owned(), why: format!("{error:#}") };
        let linked = self.engine.linker.instantiate_pre(&component).map_err(contract)?;
        let code = Arc::new(Code {
            mode: Prepared::new(linked, track).map_err(contract)?,
            track,
            engine: self.engine.clone(),
            budget: self.budget,
            log: PluginLog::new(package.id.clone()),
            metrics: Metrics::new(&package.id, self.live.clone()),
            package,
        });
        let manifest = probe::describe(&code, file)?;
        manifest::check(&manifest, &code.package, file)?;
        Ok((code, Arc::new(manifest)))
    }

    /// Grants, settings and the trial.
    fn configure(
        &self,
        code: Arc<Code>,
        manifest: Arc<Manifest>,
        file: &str,
        config: Option<&str>,
        granted: &[String],
    ) -> Result<Arc<WasmGeneration>, LoadError> {
        let package = &code.package;
        let mut configured = Vec::with_capacity(granted.len());
        for text in granted {
            let bad = |why| LoadError::BadGrant { plugin: package.id.clone(), why };
            configured.push(Grant::parse(text).map_err(bad)?);
        }
        let grants = Grants::intersect(&package.grants, &package.optional_grants, &configured).map_err(|missing| {
            LoadError::Grant { file: file.to_owned(), plugin: package.id.clone(), grant: missing.to_string() }
        })?;
        let config = config.unwrap_or("{}");
        manifest::check_config(&manifest, config).map_err(|why| LoadError::Config {
            file: file.to_owned(),
            plugin: package.id.clone(),
            why,
        })?;
        let terms = Terms::new(Rules { grants, count: self.effects });
        let generation = WasmGeneration::new(code, manifest, config.into(), terms);
        probe::run(&generation, file)?;
        Ok(Arc::new(generation))
    }

    fn compile(&self, bytes: &[u8], package: &Package, file: &str) -> Result<Component, LoadError> {
        let compiled = self.compiled.component(&self.engine.wasmtime, bytes, &package.sha256);
        compiled.map_err(|error| LoadError::Compile { file: file.to_owned(), error })
    }
}
