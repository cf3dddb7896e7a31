//! Every reason to reject a plugin file. Rule: each names the file and what to do about it; this is the only place that
//! knows whether a retry of the same file may succeed.

use modehost_contract::Fault;

use crate::compiler::CompileError;
use crate::grants::Grant;
use crate::package::PackageError;

/// Why a plugin file was rejected. Each names the file and what to do.
#[expect(missing_docs, reason = "the messages say what each is, and name its members")]
#[derive(Clone, Debug, thiserror::Error)]
pub enum LoadError {
    #[error("{file} has {size} bytes; a plugin file may have {limit} at the most")]
    TooLarge { file: String, size: u64, limit: u64 },
    #[error("{file} {error}")]
    Package { file: String, error: PackageError },
    #[error("{file} imports {import}, which no grant allows; build it without, or do it by an effect")]
    Import { file: String, import: String },
    #[error(
        "{file} asks for the {named}, which {verb} not configured; \
         add {listed} to the list plugins.grants.{plugin}"
    )]
    Grants { file: String, plugin: String, named: String, verb: &'static str, listed: String },
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
    Config {
        file: String,
        plugin: String,
        why: String,
        /// JSON Schema of the section.
        schema: String,
    },
    #[error("{file} fails its trial at {step}: {fault}")]
    Probe { file: String, step: &'static str, fault: Fault },
    #[error(
        "{file} has the content {sha256}, but plugins.pins.{plugin} allows {pin} only; write the checksum of the file there to have it taken"
    )]
    Pinned { file: String, plugin: String, sha256: String, pin: String },
    #[error("{file} claims the {what} `{name}`, which the plugin {other} has already; remove one of the two")]
    Conflict { file: String, what: &'static str, name: String, other: String },
    #[error("{file} holds the plugin {plugin}, and so does {other}; remove one of the two files")]
    DuplicatePlugin { file: String, plugin: String, other: String },
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
    /// The required grants that are not configured, all at once.
    pub(crate) fn grants(file: &str, plugin: &str, missing: &[Grant]) -> Self {
        let (noun, verb) = if missing.len() == 1 { ("grant", "is") } else { ("grants", "are") };
        let each =
            |quote: char| missing.iter().map(|grant| format!("{quote}{grant}{quote}")).collect::<Vec<_>>().join(", ");
        Self::Grants {
            file: file.to_owned(),
            plugin: plugin.to_owned(),
            named: format!("{noun} {}", each('`')),
            verb,
            listed: each('"'),
        }
    }

    /// Whether the plugin's configuration section is the cause.
    pub(crate) fn is_config_error(&self) -> bool {
        matches!(self, Self::Config { .. } | Self::Probe { fault: Fault::Configure(_), .. })
    }

    /// The schema that the section does not fit.
    pub(crate) fn schema(&self) -> Option<&str> {
        match self {
            Self::Config { schema, .. } => Some(schema),
            _ => None,
        }
    }

    /// Whether a retry of the same file may succeed: the host lacked a resource.
    pub(crate) fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Probe { fault: Fault::Capacity(_), .. } | Self::Compile { error: CompileError::Unavailable(_), .. }
        )
    }
}
