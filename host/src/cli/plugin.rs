//! `modehost plugin …`. Rule: looks at files and at a running server through the same doors as
//! everybody else; changes nothing but what `build` builds.

mod running;

use std::path::{Path, PathBuf};

use clap::Subcommand;
use modehost_contract::Generation;
use serde_json::Value;

use super::Failure;
use super::client::{NoAnswer, Server, ServerArguments};
use crate::dev::{Builder, Workspace};
use crate::plugin_file::{self, asked, components, describe, look};
use crate::settings::Settings;
use crate::terminal::{complain, say};

#[derive(Debug, Subcommand)]
pub enum PluginCommand {
    /// Lists the plugins of the running server, or of the plugin folder if none runs
    List(ServerArguments),
    /// Has the running server load a plugin's file again, also if it was rolled back or refused
    #[command(after_help = RELOAD_HELP)]
    Reload(OrderArguments),
    /// Has the running server go back to the version before, on trial or at any time later
    #[command(after_help = ROLLBACK_HELP)]
    Rollback(OrderArguments),
    /// Builds plugins of this checkout to components
    #[command(
        after_help = "Examples:\n  modehost plugin build\n  modehost plugin build plugins/mine\n  modehost plugin build mine"
    )]
    Build {
        /// Folder, id or package of a plugin [default: all]
        #[arg(value_name = "DIR|NAME")]
        plugin: Option<String>,
    },
    /// Takes a plugin file through everything that the server would, without serving it
    Check {
        #[arg(value_name = "FILE")]
        file: PathBuf,
        #[command(flatten)]
        server: ServerArguments,
    },
    /// Shows what a plugin file is and what it wants to be allowed
    Inspect {
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, clap::Args)]
pub struct OrderArguments {
    /// Id of the plugin, as `plugin list` shows it
    #[arg(value_name = "ID")]
    id: String,
    /// Throw the state of its sessions away, that of stored ones too: they begin afresh
    #[arg(long)]
    discard_state: bool,
    #[command(flatten)]
    server: ServerArguments,
}

const RELOAD_HELP: &str = "\
A version is refused where it does not take over state that sessions have and the version before restores.
An author who means to throw that state away says so here; it works with `modehost dev`, too.

Examples:
  modehost plugin reload mine
  modehost plugin reload mine --discard-state";

const ROLLBACK_HELP: &str = "\
The version that is rolled back is not taken again, also not by a restart, until its file changes or
`plugin reload` asks for it. The last versions that did well are kept in the data folder (plugin-releases).

Examples:
  modehost plugin rollback mine
  modehost plugin rollback mine --discard-state";

/// Runs one of them.
pub fn run(command: PluginCommand) -> Result<(), Failure> {
    match command {
        PluginCommand::List(server) => list(server),
        PluginCommand::Reload(order) => carry_out(order, "reload"),
        PluginCommand::Rollback(order) => carry_out(order, "rollback"),
        PluginCommand::Build { plugin } => build(plugin.as_deref()),
        PluginCommand::Check { file, server } => check(&file, server),
        PluginCommand::Inspect { file, json } => inspect(&file, json),
    }
}

fn list(server: ServerArguments) -> Result<(), Failure> {
    let loaded = server.load()?;
    let settings = &loaded.document;
    match running::plugins(&Server::of(&settings.server)) {
        Ok(rows) => {
            for row in rows {
                say(running::line(&row));
            }
        }
        Err(NoAnswer::Refused(sentence)) => return Err(Failure::Other(sentence)),
        Err(NoAnswer::NoServer(_)) => {
            say(format_args!("no server answers; the folder {} holds:", settings.plugins.dir.display()));
            for file in components(&settings.plugins.dir) {
                match look(&file) {
                    Ok((_, package)) => say(format_args!("{} {}  {}", package.id, package.version, file.display())),
                    Err(error) => complain(error),
                }
            }
        }
    }
    Ok(())
}

/// Has the running server do it, and shows how the plugin stands then.
fn carry_out(order: OrderArguments, what: &str) -> Result<(), Failure> {
    let server = order.server.server()?;
    running::order(&server, &order.id, what, order.discard_state)?;
    for row in running::plugins(&server)?.iter().filter(|row| row["id"] == order.id.as_str()) {
        say(running::line(row));
    }
    Ok(())
}

fn build(plugin: Option<&str>) -> Result<(), Failure> {
    let here = std::env::current_dir().map_err(Failure::other)?;
    let workspace = Workspace::find(&here).map_err(Failure::other)?;
    let plugins = match plugin {
        Some(name) => vec![workspace.plugin(name).map_err(Failure::other)?],
        None => workspace.plugins().map_err(Failure::other)?,
    };
    let builder = Builder::prepare(workspace).map_err(Failure::other)?;
    let (built, error) = builder.build(&plugins);
    for built in &built {
        let bytes = std::fs::metadata(&built.file).map_or(0, |file| file.len());
        say(format_args!("{}  {}  {} KiB", built.id, built.file.display(), bytes.div_ceil(1024)));
    }
    error.map_or(Ok(()), |error| Err(Failure::other(error)))
}

fn check(file: &Path, server: ServerArguments) -> Result<(), Failure> {
    let loaded = server.load()?;
    let (_, package) = look(file).map_err(Failure::other)?;
    let granted = loaded.document.plugins.granted(&package.id);
    let section = loaded.sections.get(&package.id).map(|section| &section.value);
    let runtime = plugin_file::small_runtime(&loaded.document).map_err(Failure::other)?;
    let generation = plugin_file::probe(&runtime, file, section, granted).map_err(Failure::other)?;
    let manifest = generation.manifest();
    say(format_args!("ok: {} {} passes every check", manifest.id, manifest.version));
    say(format_args!("modes: {}", words(manifest.modes.iter().map(|mode| mode.name.to_string()))));
    say(format_args!("messages: {}", words(manifest.message_types.iter().cloned())));
    say(format_args!("may: {}", words(generation.grants().to_texts().into_iter())));
    Ok(())
}

fn inspect(file: &Path, as_json: bool) -> Result<(), Failure> {
    let (_, package) = look(file).map_err(Failure::other)?;
    let defaults = Settings::default();
    let runtime = plugin_file::small_runtime(&defaults).map_err(Failure::other)?;
    // A file that does not run is still shown, with the reason.
    let probed = plugin_file::probe(&runtime, file, None, &asked(&package));
    let generation = probed.as_ref().ok();
    let shown = describe(&package, generation.map(|generation| &**generation));
    if as_json {
        say(serde_json::to_string_pretty(&shown).map_err(Failure::other)?);
    } else {
        show(&shown);
    }
    if let Err(error) = probed {
        complain(format_args!("it would not be taken as it is: {error}"));
    }
    Ok(())
}

/// What a person wants to know first comes first; the schema is left to `--json`.
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

/// One line for each member that is there; lists with commas.
fn show(value: &Value) {
    for key in SHOWN {
        let name = key.replace('_', " ");
        match value.get(key).or_else(|| value.get("manifest")?.get(key)) {
            None | Some(Value::Null) => {}
            Some(Value::String(text)) => say(format_args!("{name}: {text}")),
            Some(Value::Array(list)) => {
                let text = |one: &Value| one.as_str().map_or_else(|| one.to_string(), str::to_owned);
                say(format_args!("{name}: {}", words(list.iter().map(text))));
            }
            Some(other) => say(format_args!("{name}: {other}")),
        }
    }
}

fn words(list: impl Iterator<Item = String>) -> String {
    let words = list.collect::<Vec<_>>().join(", ");
    if words.is_empty() { "none".to_owned() } else { words }
}
