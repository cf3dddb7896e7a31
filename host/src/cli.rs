//! The command line.
//!
//! Rule: the help teaches with examples; the exit code is 0 after a clean stop, a specific one for permanent errors
//! that a retry cannot fix, 1 otherwise; an error is one sentence that says what to do.

mod backup;
mod check;
mod client;
mod config;
mod device;
mod health;
mod kept;
mod logs;
mod manual;
mod node;
mod plugin;
mod provider;
mod serve;
mod session;
mod storage;
mod version;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use crate::app::signals;
use crate::terminal::print_error;

/// Exit code for an invalid configuration or invalid arguments.
pub const BAD_CONFIGURATION: u8 = 64;
/// Exit code for unusable data: a damaged database, or one of a newer server (`EX_DATAERR`).
pub const BAD_DATA: u8 = 65;
/// Exit code for missing permissions: directories, low ports (`EX_NOPERM`).
pub const NO_PERMISSION: u8 = 77;

/// A server for talking devices whose modes are swapped while they run.
#[derive(Debug, Parser)]
#[command(name = "modehost", version, long_version = version::long(), after_help = EXAMPLES, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  modehost dev                              build the plugins of this checkout, serve, rebuild on change
  modehost serve                            serve with config/modehost.yaml, or with built-in settings
  modehost serve --config my.yaml --data /var/lib/modehost
  MODEHOST__SERVER__PORT=9000 modehost serve   any setting by environment: the path in capitals, with __
  modehost check my.yaml                    say what is wrong with a configuration, and where
  modehost backup /backup/today             copy what is kept, while the server runs
  modehost health --ready                   whether the running server takes newcomers
  modehost config show                      the settings that hold, each with where it was said
  modehost session kick aa:bb:cc:00:11:22   close the connection of a device
  modehost device export aa:bb:cc:00:11:22  everything that is kept of a device; `device forget` removes it
  modehost storage                          what takes the room on the disk
  modehost plugin inspect my.wasm           what a plugin file is, and what it wants to be allowed

Signals: SIGTERM and SIGINT save all sessions and stop; SIGHUP reloads the configuration. \
Exit codes: 0 after a clean stop; what no further try mends: 64 for a bad configuration, 65 for a database \
that is damaged or of a newer server, 77 for what this user may not do; 1 otherwise.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Builds every plugin of this checkout, serves, and rebuilds and swaps on changes
    #[command(after_help = DEV_HELP)]
    Dev(serve::DevArguments),
    /// Serves devices
    #[command(after_help = SERVE_HELP)]
    Serve(serve::ServeArguments),
    /// Reports what is wrong with a configuration file, and where
    #[command(after_help = CHECK_HELP)]
    Check(check::CheckArguments),
    /// Backs up the data of a server, running or not
    #[command(after_help = BACKUP_HELP)]
    Backup(backup::BackupArguments),
    /// Reports whether the running server is healthy: for containers and scripts
    #[command(after_help = health::HELP)]
    Health(health::HealthArguments),
    /// The settings in force in the running server, and where each comes from
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// Exports or erases what the running server stores about a device
    #[command(subcommand)]
    Device(device::DeviceCommand),
    /// Finished work that modes of the running server have archived
    #[command(after_help = kept::ARCHIVE_HELP)]
    Archive(kept::ArchiveArguments),
    /// Documents that modes of the running server keep
    #[command(after_help = kept::DOCUMENT_HELP)]
    Document(kept::DocumentArguments),
    /// The last lines of the running server's log, or of its audit
    #[command(after_help = logs::HELP)]
    Logs(logs::LogsArguments),
    /// Lists and tries the recogniser, the voice and the language models of the running server
    #[command(subcommand)]
    Provider(provider::ProviderCommand),
    /// Disk usage of the running server, and freeing space
    #[command(after_help = storage::HELP)]
    Storage(storage::StorageArguments),
    /// Sessions of devices on the running server
    #[command(subcommand)]
    Session(session::SessionCommand),
    /// The nodes of the running server's cluster
    #[command(subcommand)]
    Node(node::NodeCommand),
    /// Builds, inspects and manages plugins
    #[command(subcommand)]
    Plugin(plugin::PluginCommand),
    /// Prints the completion script of a shell
    #[command(after_help = manual::COMPLETIONS_HELP)]
    Completions(manual::CompletionsArguments),
    /// Prints the manual page, or writes a page for each command
    #[command(after_help = manual::MANUAL_HELP)]
    Manual(manual::ManualArguments),
    /// Compiles the component on standard input; a server runs this as a helper process
    #[command(name = crate::app::COMPILE_PLUGIN, hide = true)]
    CompilePlugin { fingerprint: String, memory_bytes: u64 },
}

const DEV_HELP: &str = "\
Needs nothing but Rust: a missing wasm target is installed with rustup. Data is kept between runs in \
target/modehost-dev unless --data says otherwise. Edit a file under plugins/ while a device is \
connected: the plugin is rebuilt and swapped, and the device keeps its connection and its state.

Examples:
  modehost dev
  modehost dev --config config/modehost.yaml --data /tmp/modehost";

const SERVE_HELP: &str = "\
Plugins are .wasm files in the folder that plugins.dir names; dropping one in, replacing or removing \
it takes effect at once. The configuration file is watched, too.

Examples:
  modehost serve
  modehost serve --config my.yaml --data /var/lib/modehost";

const BACKUP_HELP: &str = "\
Copies the database (documents, journals, finished work, sessions, messages for absent devices). Files \
of finished work and plugins are ordinary files beside it: copy them with any tool. To restore, stop \
the server, put modehost.db (and offline_queue.json, if there is one) into the empty data folder, and start.

Examples:
  modehost backup /backup/2026-11-21
  modehost backup /backup/2026-11-21 --data /var/lib/modehost";

const CHECK_HELP: &str = "\
Sections of plugins, the default mode and grants are checked against the plugins in plugins.dir, addresses \
against those of this machine. Give the environment that the service has, and the folders where its file does \
not name them. Exit code 0 if a server would begin with it, else 64; warnings are no errors.

Examples:
  modehost check config/modehost.yaml
  modehost check /etc/modehost/modehost.yaml --plugins /var/lib/modehost/plugins
  modehost check --schema > config/schema.json
  modehost check --reference plugins/*/config.schema.json > config/REFERENCE.md";

/// Paths of settings and data.
#[derive(Debug, clap::Args)]
struct Paths {
    /// Configuration file [default: config/modehost.yaml if it is there, else built-in settings]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Data directory; overrides the setting storage.dir
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

/// Why a command failed.
enum Failure {
    /// The configuration is invalid; the text says where.
    Configuration(String),
    /// A permanent error that a retry cannot fix; with its exit code.
    Permanent(u8, String),
    Other(String),
}

impl Failure {
    fn other(error: impl std::fmt::Display) -> Self {
        Self::Other(error.to_string())
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (Self::Configuration(text) | Self::Permanent(_, text) | Self::Other(text)) = self;
        f.write_str(text)
    }
}

impl From<modehost_config::Diagnostics> for Failure {
    fn from(problems: modehost_config::Diagnostics) -> Self {
        Self::Configuration(problems.to_string())
    }
}

impl From<modehost_config::InitialLoadError> for Failure {
    fn from(error: modehost_config::InitialLoadError) -> Self {
        match error {
            modehost_config::InitialLoadError::Problems(problems) => problems.into(),
            other => Self::other(other),
        }
    }
}

/// Runs the command of this process and returns its exit code.
pub fn run() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are reported as errors, too; a closed terminal is not one.
            let _ = error.print();
            return if error.use_stderr() { ExitCode::from(BAD_CONFIGURATION) } else { ExitCode::SUCCESS };
        }
    };
    if !matches!(arguments.command, Command::Dev(_) | Command::Serve(_)) {
        // Short commands end on a signal, as any program does.
        let _ = signals::unblock();
    }
    let outcome = match arguments.command {
        Command::Dev(arguments) => serve::dev(arguments),
        Command::Serve(arguments) => serve::serve(arguments),
        Command::Check(arguments) => check::run(&arguments),
        Command::Backup(arguments) => backup::run(arguments),
        Command::Health(arguments) => health::run(arguments),
        Command::Config(command) => config::run(command),
        Command::Device(command) => device::run(command),
        Command::Archive(arguments) => kept::archive(arguments),
        Command::Document(arguments) => kept::document(arguments),
        Command::Logs(arguments) => logs::run(arguments),
        Command::Provider(command) => provider::run(command),
        Command::Storage(arguments) => storage::run(arguments),
        Command::Session(command) => session::run(command),
        Command::Node(command) => node::run(command),
        Command::Plugin(command) => plugin::run(command),
        Command::Completions(arguments) => {
            manual::completions(&arguments, Arguments::command());
            Ok(())
        }
        Command::Manual(arguments) => manual::manual(arguments, Arguments::command()),
        Command::CompilePlugin { fingerprint, memory_bytes } => {
            return ExitCode::from(modehost_plugin::compiler::compile_stdin(&fingerprint, memory_bytes));
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Configuration(text)) => {
            print_error(text);
            ExitCode::from(BAD_CONFIGURATION)
        }
        Err(Failure::Permanent(code, text)) => {
            print_error(format_args!("modehost: {text}"));
            ExitCode::from(code)
        }
        Err(Failure::Other(text)) => {
            print_error(format_args!("modehost: {text}"));
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A line of prose, which the terminal's width wraps; examples are indented.
    fn is_prose(line: &str) -> bool {
        !line.is_empty() && !line.starts_with(' ') && !line.ends_with(':')
    }

    fn check(command: &clap::Command, broken: &mut Vec<String>) {
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        let lines: Vec<&str> = help.lines().collect();
        let pairs = lines.windows(2).filter(|pair| is_prose(pair[0]) && is_prose(pair[1]));
        broken.extend(pairs.map(|pair| format!("{}: {}", command.get_name(), pair[0])));
        command.get_subcommands().for_each(|command| check(command, broken));
    }

    #[test]
    fn paragraphs_of_help_are_wrapped_by_the_terminal() {
        let mut broken = Vec::new();
        check(&Arguments::command(), &mut broken);
        assert!(broken.is_empty(), "broken by hand, ragged on a narrow terminal:\n{}", broken.join("\n"));
    }
}
