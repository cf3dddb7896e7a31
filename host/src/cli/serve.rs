//! `modehost serve` and `modehost dev`. Rule: both start the same server; `dev` differs in its data directory, its
//! plugin directory and the builder beside it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::limits;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use modehost_config::InitialLoad;
use modehost_gateway::BindError;
use modehost_storage::PermanentError;
use modehost_task::{run_blocking, run_on_io};

use super::{BAD_DATA, Failure, NO_PERMISSION, Paths};
use crate::app::signals::Signals;
use crate::app::{self, Ended, Program, Start, StartError};
use crate::dev::{self, Builder, DevWatch, PluginSource, Workspace};
use crate::log::Log;
use crate::settings::{self, Origin, Settings, preset};
use crate::terminal::{self, print_error, print_line};

#[derive(Debug, clap::Args)]
pub struct ServeArguments {
    #[command(flatten)]
    paths: Paths,
}

#[derive(Debug, clap::Args)]
pub struct DevArguments {
    #[command(flatten)]
    paths: Paths,
}

type Prepare = Box<dyn FnOnce(&Settings) -> Result<Box<dyn Send>, String> + Send>;

/// Serves until a signal stops it.
pub fn serve(arguments: ServeArguments) -> Result<(), Failure> {
    let Paths { config, data } = arguments.paths;
    let origin = Origin { file: config, data, preset: Vec::new() };
    let hint = "stop with Ctrl-C; put .wasm files into the plugin folder and they are served at once";
    start(&origin, Box::new(|_| Ok(Box::new(()))), hint)
}

/// Builds, serves and rebuilds until a signal stops it.
pub fn dev(arguments: DevArguments) -> Result<(), Failure> {
    let here = std::env::current_dir().map_err(Failure::other)?;
    let workspace = Workspace::find(&here).map_err(Failure::other)?;
    let Paths { config, data } = arguments.paths;
    let data = data.unwrap_or_else(|| workspace.root.join(dev::DATA));
    let directory = data.join("plugins");
    let mut presets = vec![preset("dev", &["plugins", "dir"], directory.display().to_string())];
    // An author's broken plugin must not end the server, and what it requests is the author's to say.
    presets.push(preset("dev", &["plugins", "strict_start"], false));
    presets.push(preset("dev", &["plugins", "grant_requested"], true));
    presets.push(preset("dev", &["operators", "show_dialogue"], true));
    let has_file = config.is_some() || Path::new(settings::DEFAULT_FILE).is_file();
    let plugins = workspace.plugins().map_err(Failure::other)?;
    if let Some(mode) = default_mode(&plugins).filter(|_| !has_file) {
        print_line(format_args!("new devices begin in the mode {mode}"));
        presets.push(preset("dev", &["session", "default_mode"], mode));
    }
    let origin = Origin { file: config, data: Some(data), preset: presets };
    let hint = "edit a file under plugins/ and save: it is rebuilt and swapped under live connections";
    start(&origin, Box::new(move |settings| build_and_watch(workspace, settings)), hint)
}

/// The mode that devices begin in where the built-in default mode is not in this workspace: that of the first plugin,
/// which has the plugin's id as `plugin new` writes it.
fn default_mode(plugins: &[PluginSource]) -> Option<&str> {
    let has_bundled = plugins.iter().any(|plugin| settings::is_bundled(&plugin.id));
    plugins.first().map(|plugin| plugin.id.as_str()).filter(|_| !has_bundled)
}

/// Starts the first build and the watcher; returns once new devices would be answered. That is known early only of a
/// default mode that has the name of its plugin; otherwise all are waited for.
fn build_and_watch(workspace: Workspace, settings: &Settings) -> Result<Box<dyn Send>, String> {
    let builder = Builder::prepare(workspace.clone()).map_err(|error| error.to_string())?;
    let directory: PathBuf = settings.plugins.dir.clone();
    std::fs::create_dir_all(&directory).map_err(|error| format!("cannot make {}: {error}", directory.display()))?;
    match DevWatch::start(workspace, builder, directory, settings.session.default_mode.as_deref()) {
        Ok(watch) => Ok(Box::new(watch)),
        Err(error) => {
            print_error(&error);
            Ok(Box::new(()))
        }
    }
}

fn start(origin: &Origin, prepare: Prepare, hint: &'static str) -> Result<(), Failure> {
    let program = Program::of_this_process();
    let source = origin.source();
    terminal::set_format(terminal::configured_format(source.file.as_deref()));
    let Some(first) = run_unless_stopped({
        let source = source.clone();
        move || settings::remote_config().initial_load(&source)
    })?
    else {
        return Ok(());
    };
    let InitialLoad { loaded, fetched, warning: remote_warning } = first?;
    let log = Arc::new(Log::start(&loaded.document.log, &loaded.document.storage.dir).map_err(Failure::other)?);
    match &source.file {
        Some(file) => print_line(format_args!("settings from {}", file.display())),
        None => print_line("settings built in; no configuration file is used"),
    }
    let (blocking, warning) = settings::blocking_threads(&loaded);
    for warning in remote_warning.into_iter().chain(warning) {
        tracing::warn!("{warning}");
    }
    for advice in settings::advice(&loaded) {
        tracing::warn!("{}: {}", advice.setting, advice.message);
    }
    let metrics = start_metrics()?;
    let start =
        Start { source, settings: loaded, fetched, program: program.clone(), log: log.clone(), metrics, prepare, hint };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .thread_name("io")
        .max_blocking_threads(blocking)
        .enable_all()
        .build()
        .map_err(Failure::other)?;
    let outcome = run_on_io(&runtime, app::run(start));
    // Bounded, so that a plugin compilation, or cargo in `dev`, does not delay the exit.
    runtime.shutdown_timeout(limits::SHUTDOWN_GRACE);
    drop(log);
    let outcome = outcome.ok_or_else(|| Failure::Other("the server panicked; the lines above say where".to_owned()))?;
    match outcome {
        Ok(Ended::Stopped) => Ok(()),
        Ok(Ended::Failed(why)) => Err(Failure::Other(format!("the node stopped: {why}"))),
        // Only the listening sockets are left of this program.
        Ok(Ended::Restart(ports)) => Err(Failure::Other(format!("no restart: {}", program.execute(ports.as_ref())))),
        Err(StartError::Settings(problems)) => Err(problems.into()),
        Err(StartError::Bind(error)) if error.is_configuration_error() => {
            Err(Failure::Configuration(format!("modehost: {error}")))
        }
        Err(error @ StartError::Bind(BindError::NotAllowed { .. })) => {
            Err(Failure::Permanent(NO_PERMISSION, error.to_string()))
        }
        Err(StartError::PluginDirectory(error)) if error.is_permission() => {
            Err(Failure::Permanent(NO_PERMISSION, error.to_string()))
        }
        Err(StartError::Storage(error)) => Err(match error.permanent() {
            Some(PermanentError::Data) => Failure::Permanent(BAD_DATA, error.to_string()),
            Some(PermanentError::Permission) => Failure::Permanent(NO_PERMISSION, error.to_string()),
            None => Failure::other(error),
        }),
        Err(other) => Err(Failure::other(other)),
    }
}

/// Runs work before the server exists, which may query another machine; `None` if the process is told to stop
/// meanwhile. The unfinished work is then abandoned.
fn run_unless_stopped<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<Option<T>, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .max_blocking_threads(1)
        .thread_stack_size(limits::WORKER_STACK_BYTES)
        .build()
        .map_err(Failure::other)?;
    let done = runtime.block_on(async {
        let signals = Signals::listen().map_err(Failure::other)?;
        tokio::select! {
            done = run_blocking(work) => match done {
                Some(done) => Ok(Some(done)),
                None => Err(Failure::Other("reading the settings broke off; the lines above say where".to_owned())),
            },
            reason = signals.stop() => {
                print_error(format_args!("{reason} before the settings were read"));
                Ok(None)
            }
        }
    });
    runtime.shutdown_background();
    done
}

/// Installs the metrics recorder of the process.
fn start_metrics() -> Result<PrometheusHandle, Failure> {
    let builder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)
        .and_then(|builder| builder.set_buckets_for_metric(Matcher::Suffix("_bytes".to_owned()), &COUNTS))
        .and_then(|builder| builder.set_buckets_for_metric(Matcher::Suffix("_operations".to_owned()), &COUNTS))
        .and_then(|builder| {
            builder.set_buckets_for_metric(Matcher::Prefix("modehost_model_".to_owned()), &MODEL_SECONDS)
        });
    let handle = builder.and_then(PrometheusBuilder::install_recorder).map_err(Failure::other)?;
    crate::metrics::describe();
    Ok(handle)
}

/// Buckets from a guest call to a slow disk.
const SECONDS: [f64; 12] = [2e-6, 1e-5, 5e-5, 2e-4, 1e-3, 5e-3, 2e-2, 0.1, 0.5, 2.0, 10.0, 60.0];

/// Buckets for what people wait for: models and their first token.
const MODEL_SECONDS: [f64; 12] = [0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.5, 4.0, 7.0, 12.0, 30.0, 60.0];

/// Buckets for sizes and batches.
const COUNTS: [f64; 10] = [1.0, 4.0, 16.0, 64.0, 256.0, 1024.0, 4096.0, 16_384.0, 262_144.0, 1_048_576.0];
