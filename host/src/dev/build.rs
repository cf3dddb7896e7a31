//! Builds plugins with cargo and installs the components.
//!
//! Rule: a component is installed atomically under its name, and a failed build leaves the existing file alone.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use crate::limits;
use parking_lot::Mutex;
use serde::Deserialize;

use super::workspace::{PluginSource, Workspace};
use crate::terminal::print_line;

/// The Rust target of modes.
pub const TARGET: &str = "wasm32-wasip2";

/// Why a build failed.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The program cannot be started.
    #[error("cannot run {}: {error}; install Rust (https://rustup.rs) or set CARGO to the path of cargo", program.display())]
    NoCargo {
        /// The program that was started.
        program: PathBuf,
        /// The system's error.
        error: std::io::Error,
    },
    /// The target is missing and cannot be installed; the text is rustup's.
    #[error(
        "the Rust target {TARGET} is not installed and cannot be added: {0}.\n\
         Run `rustup target add {TARGET}` where rustup is; without rustup, modes can be built with a distribution's \
         own toolchain for wasm32-unknown-unknown (on Debian rustc-web, cargo-web, rust-web-src and lld, with \
         `-Z build-std=std,panic_abort`) and turned into components with wit-component's ComponentEncoder"
    )]
    NoTarget(String),
    /// These packages do not compile.
    #[error("cargo could not build: {}; its messages stand above", .0.join(", "))]
    Failed(Vec<String>),
    /// A built component cannot be installed.
    #[error("cannot write {}: {error}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's error.
        error: std::io::Error,
    },
}

/// A built component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Built {
    /// The plugin's id, from its `plugin.toml`.
    pub id: String,
    /// Path of cargo's output file.
    pub file: PathBuf,
}

/// The cargo process that runs now, so that [`Builder::stop`] can kill it.
#[derive(Debug, Default)]
struct Running {
    child: Option<Child>,
    stopped: bool,
}

/// Runs cargo in a workspace.
#[derive(Clone, Debug)]
pub struct Builder {
    workspace: Workspace,
    cargo: PathBuf,
    running: Arc<Mutex<Running>>,
}

impl Builder {
    /// Checks that the target is installed; installs it otherwise and prints that.
    ///
    /// # Errors
    /// If there is no cargo, or the target cannot be installed.
    pub fn prepare(workspace: Workspace) -> Result<Self, BuildError> {
        let cargo = std::env::var_os("CARGO").map_or_else(|| PathBuf::from("cargo"), PathBuf::from);
        let builder = Self { workspace, cargo, running: Arc::default() };
        if !builder.has_target() {
            builder.add_target()?;
        }
        Ok(builder)
    }

    /// Kills a running build; every later one fails at once.
    pub fn stop(&self) {
        let mut running = self.running.lock();
        running.stopped = true;
        if let Some(child) = running.child.as_mut() {
            // The process may just have ended by itself.
            let _ = child.kill();
        }
    }

    /// True once [`stop`](Self::stop) was called.
    pub fn is_stopped(&self) -> bool {
        self.running.lock().stopped
    }

    fn has_target(&self) -> bool {
        // The rustc of the workspace's own toolchain, which depends on the current directory.
        let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
        let answer = Command::new(rustc)
            .args(["--print", "target-libdir", "--target", TARGET])
            .current_dir(&self.workspace.root)
            .stderr(Stdio::null())
            .output();
        answer.is_ok_and(|answer| {
            let directory = String::from_utf8_lossy(&answer.stdout).trim().to_owned();
            answer.status.success() && std::fs::read_dir(directory).is_ok_and(|mut files| files.next().is_some())
        })
    }

    fn add_target(&self) -> Result<(), BuildError> {
        print_line(format_args!("the Rust target {TARGET} is missing; running: rustup target add {TARGET}"));
        let added = Command::new("rustup")
            .args(["target", "add", TARGET])
            .current_dir(&self.workspace.root)
            .status()
            .map_err(|error| BuildError::NoTarget(format!("rustup cannot be run ({error})")))?;
        if added.success() && self.has_target() {
            return Ok(());
        }
        Err(BuildError::NoTarget("rustup said no, see above".to_owned()))
    }

    /// Builds `plugins` with one cargo call, whose progress and messages go to standard error. Returns the built
    /// components, and the error if something failed.
    pub fn build(&self, plugins: &[PluginSource]) -> (Vec<Built>, Option<BuildError>) {
        self.build_each(plugins, |_| {})
    }

    /// As [`build`](Self::build); `on_built` gets each component as soon as it is there, while others still build.
    pub fn build_each(
        &self,
        plugins: &[PluginSource],
        on_built: impl FnMut(&Built),
    ) -> (Vec<Built>, Option<BuildError>) {
        let outcome = self.run_cargo(plugins, on_built);
        let (built, succeeded) = match outcome {
            Ok(outcome) => outcome,
            Err(error) => return (Vec::new(), Some(BuildError::NoCargo { program: self.cargo.clone(), error })),
        };
        let missing = plugins.iter().filter(|plugin| !built.iter().any(|built| built.id == plugin.id));
        let missing: Vec<String> = missing.map(|plugin| plugin.id.clone()).collect();
        let failed = !missing.is_empty() || !succeeded;
        (built, failed.then_some(BuildError::Failed(missing)))
    }

    fn run_cargo(&self, plugins: &[PluginSource], on_built: impl FnMut(&Built)) -> std::io::Result<(Vec<Built>, bool)> {
        let mut command = Command::new(&self.cargo);
        command.args(["build", "--keep-going", "--profile", "plugin", "--target", TARGET]);
        command.args(missing_settings(&self.workspace.root));
        // Diagnostics for people go to standard error as usual; standard output lists the artifacts as JSON.
        command.arg("--message-format=json-render-diagnostics");
        for plugin in plugins {
            command.args(["-p", &plugin.package]);
        }
        command.current_dir(&self.workspace.root).stdin(Stdio::null()).stdout(Stdio::piped());
        let output = {
            let mut running = self.running.lock();
            if running.stopped {
                return Ok((Vec::new(), false));
            }
            let mut child = command.spawn()?;
            let output = child.stdout.take();
            running.child = Some(child);
            output
        };
        let lines = output.into_iter().flat_map(|output| BufReader::new(output).lines().map_while(Result::ok));
        let built = lines.filter_map(|line| artifact(&line, plugins)).inspect(on_built).collect();
        // Take the child out of the lock first, so that `stop` does not wait for its exit.
        let child = self.running.lock().child.take();
        let succeeded = child.is_some_and(|mut child| child.wait().is_ok_and(|status| status.success()));
        Ok((built, succeeded))
    }
}

/// What a build of plugins needs and a workspace that `plugin new` has not made does not have: the profile, and the
/// stack of plugins. Given for this build only.
fn missing_settings(root: &Path) -> Vec<String> {
    let text = modehost_follow::read_text(&root.join("Cargo.toml"), limits::CONFIG_BYTES).unwrap_or_default();
    let manifest: toml::Table = text.parse().unwrap_or_default();
    if manifest.get("profile").is_some_and(|profiles| profiles.get("plugin").is_some()) {
        return Vec::new();
    }
    let ours = |file: &str, path: &[&str]| {
        let mut value = file.parse::<toml::Table>().ok().map(toml::Value::Table)?;
        for key in path {
            value = value.get(*key)?.clone();
        }
        Some(value)
    };
    let profile = ours(include_str!("../../../Cargo.toml"), &["profile", "plugin"]);
    let flags = ours(include_str!("../../../.cargo/config.toml"), &["target", TARGET, "rustflags"]);
    let profile = profile.as_ref().and_then(toml::Value::as_table).into_iter().flatten();
    let profile = profile.map(|(key, value)| format!("profile.plugin.{key}={value}"));
    let flags = flags.map(|flags| format!("target.{TARGET}.rustflags={flags}"));
    profile.chain(flags).flat_map(|setting| ["--config".to_owned(), setting]).collect()
}

/// The component that a line of cargo's JSON output reports.
fn artifact(line: &str, plugins: &[PluginSource]) -> Option<Built> {
    #[derive(Deserialize)]
    struct Line {
        reason: String,
        #[serde(default)]
        manifest_path: PathBuf,
        #[serde(default)]
        filenames: Vec<PathBuf>,
    }
    let line: Line = serde_json::from_str(line).ok().filter(|line: &Line| line.reason == "compiler-artifact")?;
    let directory = line.manifest_path.parent()?.canonicalize().ok()?;
    let plugin = plugins.iter().find(|plugin| plugin.directory.canonicalize().is_ok_and(|own| own == directory))?;
    let file = line.filenames.into_iter().find(|file| file.extension().is_some_and(|end| end == "wasm"))?;
    Some(Built { id: plugin.id.clone(), file })
}

/// Installs a component as `<id>.wasm` in `directory`, atomically. `false` if the same bytes are installed already.
///
/// # Errors
/// If the directory cannot be written.
pub fn install(built: &Built, directory: &Path) -> Result<bool, BuildError> {
    let target = directory.join(format!("{}.wasm", built.id));
    let write = || -> std::io::Result<bool> {
        let read = |file: &Path| modehost_follow::read(file, limits::PLUGIN_FILE_BYTES as usize);
        let bytes = read(&built.file)?;
        if read(&target).is_ok_and(|present| present == bytes) {
            return Ok(false);
        }
        std::fs::create_dir_all(directory)?;
        let mut file = tempfile::Builder::new().prefix(".").suffix(".part").tempfile_in(directory)?;
        std::io::Write::write_all(&mut file, &bytes)?;
        file.persist(&target).map_err(|error| error.error)?;
        Ok(true)
    };
    write().map_err(|error| BuildError::Write { path: target.clone(), error })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workspace_without_our_profile_is_built_with_it_nevertheless() {
        let directory = tempfile::tempdir().expect("a folder");
        let manifest = directory.path().join("Cargo.toml");
        std::fs::write(&manifest, "[workspace]\n").expect("written");
        let given = missing_settings(directory.path()).join(" ");
        for setting in [
            "--config profile.plugin.inherits=\"release\"",
            "--config profile.plugin.panic=\"abort\"",
            "--config target.wasm32-wasip2.rustflags=[\"-C\", \"link-arg=-zstack-size=131072\"]",
        ] {
            assert!(given.contains(setting), "{setting}: {given}");
        }
        std::fs::write(&manifest, "[workspace]\n[profile.plugin]\ninherits = \"release\"\n").expect("written");
        assert!(missing_settings(directory.path()).is_empty(), "its own settings stay");
    }
}
