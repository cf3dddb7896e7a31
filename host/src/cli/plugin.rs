//! `modehost plugin …`. Rule: uses the same file checks and the same admin API as everybody else; changes nothing but
//! what `build` builds, `install` and `upload` install, and `new` and `try` are told to write.

mod attempt;
mod install;
mod new;
mod running;
mod test;
mod upload;
mod watch;

use std::path::{Path, PathBuf};

use clap::Subcommand;
use modehost_contract::Generation;
use serde_json::Value;

use super::Failure;
use super::client::{ConfigArguments, RequestError, ServerArguments};
use crate::dev::{Builder, PluginSource, Workspace};
use crate::plugin_file::{self, components, describe, read_package, requested_grants};
use crate::settings::Settings;
use crate::terminal::{print_error, print_line};

#[derive(Debug, Subcommand)]
pub enum PluginCommand {
    /// Lists the plugins of the running server, or of the plugin directory if none runs
    List(ServerArguments),
    /// Has the running server reload a plugin's file, even if it was rolled back or rejected
    #[command(after_help = RELOAD_HELP)]
    Reload(TargetArguments),
    /// Has the running server roll back to the previous version, on trial or at any later time
    #[command(after_help = ROLLBACK_HELP)]
    Rollback(TargetArguments),
    /// Writes a new plugin that builds, passes its own test and is served by `dev`
    #[command(after_help = new::HELP)]
    New(new::NewArguments),
    /// Plays the scripts of plugins: tests in milliseconds, without a server
    #[command(after_help = test::HELP)]
    Test(test::TestArguments),
    /// Lets you type to a mode, without a device and a server
    #[command(after_help = attempt::HELP)]
    Try(attempt::TryArguments),
    /// Shows what a plugin of the running server does while it does it: events, effects, times, faults
    #[command(after_help = watch::HELP)]
    Watch(watch::WatchArguments),
    /// Installs a plugin from a file, an address or a registry, with checksum, signature and lock file
    #[command(after_help = install::HELP)]
    Install(install::InstallArguments),
    /// Sends a plugin file to the running server, which checks and installs it
    #[command(after_help = upload::HELP)]
    Upload(upload::UploadArguments),
    /// Builds plugins of this workspace to components
    #[command(
        after_help = "Examples:\n  modehost plugin build\n  modehost plugin build plugins/mine\n  modehost plugin build mine"
    )]
    Build {
        /// Directory, id or package of a plugin [default: all]
        #[arg(value_name = "DIR|NAME")]
        plugin: Option<String>,
    },
    /// Runs all load checks of the server on a plugin file, without serving it
    Check {
        #[arg(value_name = "FILE")]
        file: PathBuf,
        #[command(flatten)]
        server: ConfigArguments,
    },
    /// Shows what a plugin file contains and which grants it requests
    Inspect {
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, clap::Args)]
pub struct TargetArguments {
    /// Id of the plugin, as `plugin list` shows it
    #[arg(value_name = "ID")]
    id: String,
    /// Discard the state of its live and stored sessions: they start with empty state
    #[arg(long)]
    discard_state: bool,
    #[command(flatten)]
    server: ServerArguments,
}

const RELOAD_HELP: &str = "\
A version is refused where it does not take over state that sessions have and the version before restores. \
An author who means to throw that state away says so here; it works with `modehost dev`, too.

Examples:
  modehost plugin reload mine
  modehost plugin reload mine --discard-state";

const ROLLBACK_HELP: &str = "\
The version that is rolled back is not taken again, also not by a restart, until its file changes or \
`plugin reload` asks for it. The last versions that did well are kept in the data folder (plugin-releases).

Examples:
  modehost plugin rollback mine
  modehost plugin rollback mine --discard-state";

/// Runs a `plugin` subcommand.
pub fn run(command: PluginCommand) -> Result<(), Failure> {
    match command {
        PluginCommand::List(server) => list(server),
        PluginCommand::Reload(target) => run_on_server(target, "reload"),
        PluginCommand::Rollback(target) => run_on_server(target, "rollback"),
        PluginCommand::Install(arguments) => install::run(arguments),
        PluginCommand::Upload(arguments) => upload::run(arguments),
        PluginCommand::New(arguments) => new::run(&arguments),
        PluginCommand::Test(arguments) => test::run(&arguments),
        PluginCommand::Try(arguments) => attempt::run(&arguments),
        PluginCommand::Watch(arguments) => watch::run(arguments),
        PluginCommand::Build { plugin } => build(plugin.as_deref()),
        PluginCommand::Check { file, server } => check(&file, server),
        PluginCommand::Inspect { file, json } => inspect(&file, json),
    }
}

fn list(server: ServerArguments) -> Result<(), Failure> {
    let (loaded, server) = server.open()?;
    let settings = &loaded.document;
    match running::plugins(&server) {
        Ok(rows) => {
            for row in rows {
                print_line(running::line(&row));
            }
        }
        Err(RequestError::Failed(sentence)) => return Err(Failure::Other(sentence)),
        Err(RequestError::NoServer(_)) => {
            print_line(format_args!("no server answers; the folder {} holds:", settings.plugins.dir.display()));
            for file in components(&settings.plugins.dir) {
                match read_package(&file) {
                    Ok((_, package)) => {
                        print_line(format_args!("{} {}  {}", package.id, package.version, file.display()))
                    }
                    Err(error) => print_error(error),
                }
            }
        }
    }
    Ok(())
}

/// Sends the command to the running server, and shows the resulting state of the plugin.
fn run_on_server(target: TargetArguments, what: &str) -> Result<(), Failure> {
    let server = target.server.server()?;
    running::send_command(&server, &target.id, what, target.discard_state)?;
    for row in running::plugins(&server)?.iter().filter(|row| row["id"] == target.id.as_str()) {
        print_line(running::line(row));
    }
    Ok(())
}

/// A component that a command is about.
struct Target {
    id: String,
    file: PathBuf,
    /// The folder of its source, if it was built from one.
    directory: Option<PathBuf>,
}

/// The component of a file as it is, or those of plugins of the workspace, built.
fn built(plugin: Option<&str>) -> Result<Vec<Target>, Failure> {
    if let Some(file) = plugin.map(Path::new).filter(|path| path.extension().is_some_and(|end| end == "wasm")) {
        let (_, package) = read_package(file).map_err(Failure::other)?;
        return Ok(vec![Target { id: package.id, file: file.to_owned(), directory: None }]);
    }
    let (plugins, builder) = sources(plugin)?;
    let (built, error) = builder.build(&plugins);
    if let Some(error) = error {
        return Err(Failure::other(error));
    }
    let directory = |id: &str| plugins.iter().find(|plugin| plugin.id == id).map(|plugin| plugin.directory.clone());
    Ok(built
        .into_iter()
        .map(|built| Target { directory: directory(&built.id), id: built.id, file: built.file })
        .collect())
}

/// The named plugin of the workspace, or that of the current directory, or all.
fn sources(plugin: Option<&str>) -> Result<(Vec<PluginSource>, Builder), Failure> {
    let here = std::env::current_dir().map_err(Failure::other)?;
    let workspace = Workspace::find(&here).map_err(Failure::other)?;
    let plugins = match plugin {
        Some(name) => vec![workspace.plugin(name).map_err(Failure::other)?],
        None => {
            let all = workspace.plugins().map_err(Failure::other)?;
            let here = here.canonicalize().unwrap_or(here);
            let own: Vec<PluginSource> =
                all.iter().filter(|plugin| here.starts_with(&plugin.directory)).cloned().collect();
            if own.is_empty() { all } else { own }
        }
    };
    if plugins.is_empty() {
        let message =
            format!("there is no plugin in {}; `modehost plugin new NAME` writes one", workspace.root.display());
        return Err(Failure::Other(message));
    }
    Ok((plugins, Builder::prepare(workspace).map_err(Failure::other)?))
}

fn build(plugin: Option<&str>) -> Result<(), Failure> {
    let (plugins, builder) = sources(plugin)?;
    let (built, error) = builder.build(&plugins);
    for built in &built {
        let bytes = std::fs::metadata(&built.file).map_or(0, |file| file.len());
        print_line(format_args!("{}  {}  {} KiB", built.id, built.file.display(), bytes.div_ceil(1024)));
    }
    error.map_or(Ok(()), |error| Err(Failure::other(error)))
}

fn check(file: &Path, server: ConfigArguments) -> Result<(), Failure> {
    let loaded = server.load()?;
    let bytes = plugin_file::read(file).map_err(Failure::other)?;
    let name = file.display().to_string();
    let generation =
        plugin_file::probe_bytes(&loaded.document, &loaded.sections, &bytes, &name).map_err(Failure::other)?;
    let manifest = generation.manifest();
    print_line(format_args!("ok: {} {} passes every check", manifest.id, manifest.version));
    print_line(format_args!("modes: {}", comma_separated(manifest.modes.iter().map(|mode| mode.name.to_string()))));
    print_line(format_args!("messages: {}", comma_separated(manifest.message_types.iter().cloned())));
    print_line(format_args!("may: {}", comma_separated(generation.grants().to_texts().into_iter())));
    Ok(())
}

fn inspect(file: &Path, as_json: bool) -> Result<(), Failure> {
    let (_, package) = read_package(file).map_err(Failure::other)?;
    let defaults = Settings::default();
    let runtime = plugin_file::small_runtime(&defaults).map_err(Failure::other)?;
    // A file that cannot be loaded is still shown, with the reason.
    let probed = plugin_file::probe(&runtime, file, None, &requested_grants(&package));
    let generation = probed.as_ref().ok();
    let shown = describe(&package, generation.map(|generation| &**generation));
    if as_json {
        print_line(serde_json::to_string_pretty(&shown).map_err(Failure::other)?);
    } else {
        show(&shown);
    }
    if let Err(error) = probed {
        print_error(format_args!("the server would reject it: {error}"));
    }
    Ok(())
}

/// Members in order of interest; the configuration schema is left to `--json`.
const SHOWN: [&str; 13] = [
    "id",
    "version",
    "contract",
    "description",
    "modes",
    "message_types",
    "grants",
    "optional_grants",
    "imports",
    "exports",
    "snapshot_schemas",
    "size_bytes",
    "sha256",
];

/// One line for each member that is present; lists are separated by commas.
fn show(value: &Value) {
    for key in SHOWN {
        let name = key.replace('_', " ");
        match value.get(key).or_else(|| value.get("manifest")?.get(key)) {
            None | Some(Value::Null) => {}
            Some(Value::String(text)) => print_line(format_args!("{name}: {text}")),
            Some(Value::Array(list)) => {
                let text = |one: &Value| one.as_str().map_or_else(|| one.to_string(), str::to_owned);
                print_line(format_args!("{name}: {}", comma_separated(list.iter().map(text))));
            }
            Some(other) => print_line(format_args!("{name}: {other}")),
        }
    }
}

fn comma_separated(list: impl Iterator<Item = String>) -> String {
    let comma_separated = list.collect::<Vec<_>>().join(", ");
    if comma_separated.is_empty() { "none".to_owned() } else { comma_separated }
}
