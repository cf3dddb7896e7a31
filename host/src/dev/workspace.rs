//! The checkout that `dev` and `plugin build` work in. Rule: a plugin is a directory under `plugins/` with a
//! `plugin.toml` and a `Cargo.toml`; nothing else about it is assumed.

use std::path::{Path, PathBuf};

use crate::limits;
use serde::Deserialize;

/// A checkout with plugins.
#[derive(Clone, Debug)]
pub struct Workspace {
    /// The directory that contains `Cargo.toml` and `plugins`.
    pub root: PathBuf,
}

/// The source of one plugin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PluginSource {
    /// From `plugin.toml`; also the name of the installed file.
    pub id: String,
    /// From `Cargo.toml`; the package that cargo builds.
    pub package: String,
    /// The directory with its `plugin.toml`.
    pub directory: PathBuf,
}

/// Why a checkout cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum WorkspaceError {
    /// Neither this directory nor a parent is a checkout.
    #[error("no workspace with a `plugins` folder at {} or above; `modehost plugin new NAME` writes one, and `modehost serve` needs none", .0.display())]
    NotFound(PathBuf),
    /// A manifest or a directory cannot be read.
    #[error("cannot read {}: {error}", path.display())]
    Unreadable {
        /// Its path.
        path: PathBuf,
        /// The system's error.
        error: std::io::Error,
    },
    /// A manifest is invalid or incomplete.
    #[error("{} cannot be used: {message}", path.display())]
    BadManifest {
        /// Its path.
        path: PathBuf,
        /// The TOML error.
        message: String,
    },
    /// No plugin has this id.
    #[error("no plugin named `{name}`; plugins here are: {known}")]
    NoSuchPlugin {
        /// The requested name.
        name: String,
        /// The known ids, separated by commas.
        known: String,
    },
}

impl Workspace {
    /// The checkout that contains `start`.
    ///
    /// # Errors
    /// If there is none.
    pub fn find(start: &Path) -> Result<Self, WorkspaceError> {
        let is_root = |directory: &&Path| directory.join("Cargo.toml").is_file() && directory.join("plugins").is_dir();
        match start.ancestors().find(is_root) {
            // The watcher reports changes with canonical paths.
            Some(root) => Ok(Self { root: root.canonicalize().unwrap_or_else(|_| root.to_owned()) }),
            None => Err(WorkspaceError::NotFound(start.to_owned())),
        }
    }

    /// The directory with the plugins' directories.
    pub fn plugins_directory(&self) -> PathBuf {
        self.root.join("plugins")
    }

    /// All plugins, by directory name.
    ///
    /// # Errors
    /// If a directory or a manifest cannot be read.
    pub fn plugins(&self) -> Result<Vec<PluginSource>, WorkspaceError> {
        let parent = self.plugins_directory();
        let unreadable = |error| WorkspaceError::Unreadable { path: parent.clone(), error };
        let mut directories = Vec::new();
        for entry in std::fs::read_dir(&parent).map_err(unreadable)? {
            let directory = entry.map_err(unreadable)?.path();
            if directory.join("plugin.toml").is_file() && directory.join("Cargo.toml").is_file() {
                directories.push(directory);
            }
        }
        directories.sort();
        directories.into_iter().map(PluginSource::read).collect()
    }

    /// One plugin, by directory, id or package name.
    ///
    /// # Errors
    /// If there is none of this name, or it cannot be read.
    pub fn plugin(&self, name: &str) -> Result<PluginSource, WorkspaceError> {
        let directory = Path::new(name);
        if directory.join("plugin.toml").is_file() {
            return PluginSource::read(directory.to_owned());
        }
        let plugins = self.plugins()?;
        let known = plugins.iter().map(|plugin| plugin.id.as_str()).collect::<Vec<_>>().join(", ");
        let called = |plugin: &PluginSource| {
            plugin.id == name
                || plugin.package == name
                || plugin.directory.file_name().is_some_and(|directory| directory == name)
        };
        plugins.into_iter().find(called).ok_or(WorkspaceError::NoSuchPlugin { name: name.to_owned(), known })
    }
}

impl PluginSource {
    fn read(directory: PathBuf) -> Result<Self, WorkspaceError> {
        #[derive(Deserialize)]
        struct Plugin {
            id: String,
        }
        #[derive(Deserialize)]
        struct Cargo {
            package: Package,
        }
        #[derive(Deserialize)]
        struct Package {
            name: String,
        }
        let plugin: Plugin = read_toml(&directory.join("plugin.toml"))?;
        let cargo: Cargo = read_toml(&directory.join("Cargo.toml"))?;
        Ok(Self { id: plugin.id, package: cargo.package.name, directory })
    }
}

fn read_toml<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, WorkspaceError> {
    let text = modehost_follow::read_text(path, limits::CONFIG_BYTES)
        .map_err(|error| WorkspaceError::Unreadable { path: path.to_owned(), error })?;
    toml::from_str(&text)
        .map_err(|error| WorkspaceError::BadManifest { path: path.to_owned(), message: error.to_string() })
}
