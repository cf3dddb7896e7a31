//! The cargo workspace that `dev` and `plugin build` work in. Rule: a plugin is a directory with a `plugin.toml` and a
//! `Cargo.toml`: under `plugins/` where there is such a folder, else up to two levels below the root of the workspace,
//! or the root itself; nothing else about it is assumed.

use std::path::{Path, PathBuf};

use crate::limits;
use serde::Deserialize;

/// A workspace with plugins.
#[derive(Clone, Debug)]
pub struct Workspace {
    /// The directory that contains the `Cargo.toml` that cargo starts from.
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
    /// Neither this directory nor a parent is a workspace.
    #[error("no workspace with plugins at {} or above; `modehost plugin new NAME` writes one, and `modehost serve` needs none", .0.display())]
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
    /// The workspace that contains `start`: the nearest directory whose `Cargo.toml` stands beside a folder `plugins` or
    /// declares a workspace; else the nearest package that is a plugin by itself.
    ///
    /// # Errors
    /// If there is none.
    pub fn find(start: &Path) -> Result<Self, WorkspaceError> {
        let is_workspace = |directory: &&Path| {
            let manifest = directory.join("Cargo.toml");
            manifest.is_file() && (directory.join("plugins").is_dir() || declares_workspace(&manifest))
        };
        let found = start.ancestors().find(is_workspace).or_else(|| start.ancestors().find(|one| is_plugin(one)));
        match found {
            // The watcher reports changes with canonical paths.
            Some(root) => Ok(Self { root: root.canonicalize().unwrap_or_else(|_| root.to_owned()) }),
            None => Err(WorkspaceError::NotFound(start.to_owned())),
        }
    }

    /// Whether all plugins are in a folder `plugins`.
    fn has_plugins_folder(&self) -> bool {
        self.root.join("plugins").is_dir()
    }

    /// The directories that hold sources, each to be watched with all below it; build output is in none of them.
    ///
    /// # Errors
    /// If the root cannot be read.
    pub fn source_directories(&self) -> Result<Vec<PathBuf>, WorkspaceError> {
        if self.has_plugins_folder() {
            let contract = Some(self.root.join("wit")).filter(|contract| contract.is_dir());
            return Ok([self.root.join("plugins")].into_iter().chain(contract).collect());
        }
        directories(&self.root)
    }

    /// All plugins, by path.
    ///
    /// # Errors
    /// If a directory or a manifest cannot be read.
    pub fn plugins(&self) -> Result<Vec<PluginSource>, WorkspaceError> {
        let mut found = match self.has_plugins_folder() {
            true => directories(&self.root.join("plugins"))?,
            false => {
                let mut near = vec![self.root.clone()];
                for directory in directories(&self.root)? {
                    near.extend(directories(&directory)?);
                    near.push(directory);
                }
                near
            }
        };
        found.retain(|directory| is_plugin(directory));
        found.sort();
        found.into_iter().map(PluginSource::read).collect()
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

fn is_plugin(directory: &Path) -> bool {
    directory.join("plugin.toml").is_file() && directory.join("Cargo.toml").is_file()
}

fn declares_workspace(manifest: &Path) -> bool {
    let text = modehost_follow::read_text(manifest, limits::CONFIG_BYTES).unwrap_or_default();
    text.parse::<toml::Table>().is_ok_and(|manifest| manifest.contains_key("workspace"))
}

/// The directories in a directory, sorted, without hidden ones and what tools write.
fn directories(parent: &Path) -> Result<Vec<PathBuf>, WorkspaceError> {
    let unreadable = |error| WorkspaceError::Unreadable { path: parent.to_owned(), error };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(parent).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if path.is_dir() && !name.starts_with('.') && !matches!(name, "target" | "node_modules" | "data") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn read_toml<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, WorkspaceError> {
    let text = modehost_follow::read_text(path, limits::CONFIG_BYTES)
        .map_err(|error| WorkspaceError::Unreadable { path: path.to_owned(), error })?;
    toml::from_str(&text)
        .map_err(|error| WorkspaceError::BadManifest { path: path.to_owned(), message: error.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
        let directory = tempfile::tempdir().expect("a folder");
        for (file, text) in files {
            let file = directory.path().join(file);
            std::fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
            std::fs::write(file, text).expect("written");
        }
        directory
    }

    fn package(name: &str) -> String {
        format!("[package]\nname = \"{name}\"\n")
    }

    fn ids(start: &Path) -> Vec<String> {
        let workspace = Workspace::find(start).expect("a workspace");
        workspace.plugins().expect("plugins").into_iter().map(|plugin| plugin.id).collect()
    }

    #[test]
    fn plugins_are_found_wherever_a_workspace_keeps_them() {
        let (one, two) = (package("one"), package("two"));
        let flat = tree(&[
            ("Cargo.toml", "[workspace]\n"),
            ("one/Cargo.toml", &one),
            ("one/plugin.toml", "id = \"one\"\n"),
            ("one/src/lib.rs", ""),
            ("modes/two/Cargo.toml", &two),
            ("modes/two/plugin.toml", "id = \"two\"\n"),
            ("library/Cargo.toml", &package("library")),
            ("target/package/three/Cargo.toml", &one),
            ("target/package/plugin.toml", "id = \"three\"\n"),
        ]);
        assert_eq!(ids(flat.path()), ["two", "one"]);
        assert_eq!(ids(&flat.path().join("one/src")), ["two", "one"]);
        let watched = Workspace::find(flat.path()).expect("found").source_directories().expect("read");
        let names: Vec<_> = watched.iter().filter_map(|one| one.file_name()?.to_str()).collect();
        assert_eq!(names, ["library", "modes", "one"]);

        let single = tree(&[("Cargo.toml", &one), ("plugin.toml", "id = \"one\"\n"), ("src/lib.rs", "")]);
        assert_eq!(ids(&single.path().join("src")), ["one"]);

        let folder = tree(&[
            ("Cargo.toml", "[workspace]\n"),
            ("plugins/one/Cargo.toml", &one),
            ("plugins/one/plugin.toml", "id = \"one\"\n"),
            ("tests/two/Cargo.toml", &two),
            ("tests/two/plugin.toml", "id = \"two\"\n"),
        ]);
        assert_eq!(ids(&folder.path().join("plugins/one")), ["one"], "only those of the folder `plugins`");

        let nothing = tree(&[("Cargo.toml", &one)]);
        let refusal = Workspace::find(nothing.path()).expect_err("no plugins").to_string();
        assert!(refusal.contains("`modehost plugin new NAME` writes one"), "{refusal}");
    }
}
