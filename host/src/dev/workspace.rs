//! The checkout that `dev` and `plugin build` work in. Rule: a plugin is a folder under `plugins/`
//! with a `plugin.toml` and a `Cargo.toml`; nothing else about it is assumed.

use std::path::{Path, PathBuf};

use crate::limits;
use serde::Deserialize;

/// A checkout with plugins.
#[derive(Clone, Debug)]
pub struct Workspace {
    /// The folder that holds `Cargo.toml` and `plugins`.
    pub root: PathBuf,
}

/// The source of one plugin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PluginSource {
    /// From `plugin.toml`; also the name of its file.
    pub id: String,
    /// From `Cargo.toml`; what cargo is asked to build.
    pub package: String,
    /// Where its `plugin.toml` lies.
    pub folder: PathBuf,
}

/// What is wrong with a checkout.
#[derive(Debug, thiserror::Error)]
pub enum WorkspaceError {
    /// Neither this folder nor one above it is a checkout.
    #[error("no workspace with a `plugins` folder at {} or above; run this inside a checkout, or use `modehost serve`", .0.display())]
    NotFound(PathBuf),
    /// A manifest or a folder cannot be read.
    #[error("cannot read {}: {error}", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// The system's answer.
        error: std::io::Error,
    },
    /// A manifest lacks what is needed.
    #[error("{} cannot be used: {message}", path.display())]
    BadManifest {
        /// Which.
        path: PathBuf,
        /// What TOML says of it.
        message: String,
    },
    /// No plugin has this id.
    #[error("no plugin named `{name}`; plugins here are: {known}")]
    NoSuchPlugin {
        /// What was asked for.
        name: String,
        /// The ids that there are, with commas.
        known: String,
    },
}

impl Workspace {
    /// The checkout that `start` lies in.
    ///
    /// # Errors
    /// If there is none.
    pub fn find(start: &Path) -> Result<Self, WorkspaceError> {
        let is_root = |folder: &&Path| folder.join("Cargo.toml").is_file() && folder.join("plugins").is_dir();
        match start.ancestors().find(is_root) {
            // Changes of files are told with their real paths.
            Some(root) => Ok(Self { root: root.canonicalize().unwrap_or_else(|_| root.to_owned()) }),
            None => Err(WorkspaceError::NotFound(start.to_owned())),
        }
    }

    /// Where the plugins' folders are.
    pub fn plugins_folder(&self) -> PathBuf {
        self.root.join("plugins")
    }

    /// All plugins, by folder name.
    ///
    /// # Errors
    /// If a folder or a manifest cannot be read.
    pub fn plugins(&self) -> Result<Vec<PluginSource>, WorkspaceError> {
        let parent = self.plugins_folder();
        let unreadable = |error| WorkspaceError::Unreadable { path: parent.clone(), error };
        let mut folders = Vec::new();
        for entry in std::fs::read_dir(&parent).map_err(unreadable)? {
            let folder = entry.map_err(unreadable)?.path();
            if folder.join("plugin.toml").is_file() && folder.join("Cargo.toml").is_file() {
                folders.push(folder);
            }
        }
        folders.sort();
        folders.into_iter().map(PluginSource::read).collect()
    }

    /// One plugin, by folder, id or package name.
    ///
    /// # Errors
    /// If there is none of this name, or it cannot be read.
    pub fn plugin(&self, name: &str) -> Result<PluginSource, WorkspaceError> {
        let folder = Path::new(name);
        if folder.join("plugin.toml").is_file() {
            return PluginSource::read(folder.to_owned());
        }
        let plugins = self.plugins()?;
        let known = plugins.iter().map(|plugin| plugin.id.as_str()).collect::<Vec<_>>().join(", ");
        let called = |plugin: &PluginSource| {
            plugin.id == name
                || plugin.package == name
                || plugin.folder.file_name().is_some_and(|folder| folder == name)
        };
        plugins.into_iter().find(called).ok_or(WorkspaceError::NoSuchPlugin { name: name.to_owned(), known })
    }
}

impl PluginSource {
    fn read(folder: PathBuf) -> Result<Self, WorkspaceError> {
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
        let plugin: Plugin = read_toml(&folder.join("plugin.toml"))?;
        let cargo: Cargo = read_toml(&folder.join("Cargo.toml"))?;
        Ok(Self { id: plugin.id, package: cargo.package.name, folder })
    }
}

fn read_toml<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, WorkspaceError> {
    let text = modehost_follow::read_text(path, limits::CONFIG_BYTES)
        .map_err(|error| WorkspaceError::Unreadable { path: path.to_owned(), error })?;
    toml::from_str(&text)
        .map_err(|error| WorkspaceError::BadManifest { path: path.to_owned(), message: error.to_string() })
}
