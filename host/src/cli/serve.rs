//! `modehost serve` and `modehost dev`. Rule: both start the same server; `dev` differs in its
//! data folder, its plugin folder and the builder beside it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::limits;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use modehost_config::First;
use modehost_config::environment::Override;
use modehost_gateway::BindError;
use modehost_storage::Lasting;
use modehost_task::{run_blocking, run_on_io};

use super::{BAD_DATA, Failure, NO_PERMISSION, Places};
use crate::app::signals::Signals;
use crate::app::{self, Ended, Program, Start, StartError};
use crate::dev::{self, Builder, DevWatch, Workspace};
use crate::log::Log;
use crate::settings::{self, Origin, Settings, preset};
use crate::terminal::{self, complain, say};

#[derive(Debug, clap::Args)]
pub struct ServeArguments {
    #[command(flatten)]
    places: Places,
}

#[derive(Debug, clap::Args)]
pub struct DevArguments {
    #[command(flatten)]
    places: Places,
}

type Prepare = Box<dyn FnOnce(&Settings) -> Result<Box<dyn Send>, String> + Send>;

/// Serves until told to stop.
pub fn serve(arguments: ServeArguments) -> Result<(), Failure> {
    let Places { config, data } = arguments.places;
    let origin = Origin { file: config, data, preset: Vec::new() };
    let hint = "stop with Ctrl-C; put .wasm files into the plugin folder and they are served at once";
    start(&origin, Box::new(|_| Ok(Box::new(()))), hint)
}

/// Builds, serves and rebuilds until told to stop.
pub fn dev(arguments: DevArguments) -> Result<(), Failure> {
    let here = std::env::current_dir().map_err(Failure::other)?;
    let workspace = Workspace::find(&here).map_err(Failure::other)?;
    let Places { config, data } = arguments.places;
    let data = data.unwrap_or_else(|| workspace.root.join(dev::DATA));
    let folder = data.join("plugins");
    // An author's half-done plugin must not end the server.
    let lenient = Override {
        variable: "dev".to_owned(),
        steps: vec!["plugins".to_owned(), "strict_start".to_owned()],
        value: false.into(),
        spelling: "false".to_owned(),
    };
    let presets = vec![preset("dev", &["plugins", "dir"], &folder), lenient];
    let origin = Origin { file: config, data: Some(data), preset: presets };
    let hint = "edit a file under plugins/ and save: it is rebuilt and swapped under live connections";
    start(&origin, Box::new(move |settings| build_and_watch(workspace, &settings.plugins.dir)), hint)
}

/// The first build, then the watch.
fn build_and_watch(workspace: Workspace, folder: &Path) -> Result<Box<dyn Send>, String> {
    let builder = Builder::prepare(workspace.clone()).map_err(|error| error.to_string())?;
    let plugins = workspace.plugins().map_err(|error| error.to_string())?;
    let folder: PathBuf = folder.to_owned();
    std::fs::create_dir_all(&folder).map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
    dev::sweep(&plugins, &folder);
    dev::refresh(&builder, &plugins, &folder);
    match DevWatch::start(workspace, builder, folder) {
        Ok(watch) => Ok(Box::new(watch)),
        Err(error) => {
            complain(&error);
            Ok(Box::new(()))
        }
    }
}

fn start(origin: &Origin, prepare: Prepare, hint: &'static str) -> Result<(), Failure> {
    let program = Program::of_this_process();
    let source = origin.source();
    terminal::set_format(terminal::wanted_format(source.file.as_deref()));
    let Some(first) = unless_stopped({
        let source = source.clone();
        move || settings::elsewhere().load_first(&source)
    })?
    else {
        return Ok(());
    };
    let First { loaded, held, warning: from_elsewhere } = first?;
    let log = Arc::new(Log::start(&loaded.document.log, &loaded.document.storage.dir).map_err(Failure::other)?);
    match &source.file {
        Some(file) => say(format_args!("settings from {}", file.display())),
        None => say("settings built in; no configuration file is used"),
    }
    let (blocking, warning) = settings::blocking_threads(&loaded);
    for warning in from_elsewhere.into_iter().chain(warning) {
        tracing::warn!("{warning}");
    }
    for advice in settings::advice(&loaded) {
        tracing::warn!("{}: {}", advice.setting, advice.message);
    }
    let metrics = start_metrics()?;
    let start =
        Start { source, settings: loaded, held, program: program.clone(), log: log.clone(), metrics, prepare, hint };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .thread_name("io")
        .max_blocking_threads(blocking)
        .enable_all()
        .build()
        .map_err(Failure::other)?;
    let outcome = run_on_io(&runtime, app::run(start));
    // A plugin that is being compiled, or cargo in `dev`, must not hold up the end.
    runtime.shutdown_timeout(limits::STOP);
    drop(log);
    let outcome = outcome.ok_or_else(|| Failure::Other("the server panicked; the lines above say where".to_owned()))?;
    match outcome {
        Ok(Ended::Stopped) => Ok(()),
        // All that is left of this program are the sockets.
        Ok(Ended::Restart(ports)) => Err(Failure::Other(format!("no restart: {}", program.execute(ports.as_ref())))),
        Err(StartError::Settings(problems)) => Err(problems.into()),
        Err(StartError::Bind(error)) if error.is_of_configuration() => {
            Err(Failure::Configuration(format!("modehost: {error}")))
        }
        Err(error @ StartError::Bind(BindError::NotAllowed { .. })) => {
            Err(Failure::Lasting(NO_PERMISSION, error.to_string()))
        }
        Err(StartError::PluginFolder(error)) if error.is_permission() => {
            Err(Failure::Lasting(NO_PERMISSION, error.to_string()))
        }
        Err(StartError::Storage(error)) => Err(match error.lasts() {
            Some(Lasting::Data) => Failure::Lasting(BAD_DATA, error.to_string()),
            Some(Lasting::Permission) => Failure::Lasting(NO_PERMISSION, error.to_string()),
            None => Failure::other(error),
        }),
        Err(other) => Err(Failure::other(other)),
    }
}

/// Work before there is anything to serve with, which may ask another machine; none if the process is told to stop
/// meanwhile. What it has not done then is left behind.
fn unless_stopped<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<Option<T>, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .max_blocking_threads(1)
        .thread_stack_size(limits::APART_STACK_BYTES)
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
                complain(format_args!("{reason} before the settings were read"));
                Ok(None)
            }
        }
    });
    runtime.shutdown_background();
    done
}

/// Figures of the whole process, from here on.
fn start_metrics() -> Result<PrometheusHandle, Failure> {
    let builder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)
        .and_then(|builder| builder.set_buckets_for_metric(Matcher::Suffix("_bytes".to_owned()), &COUNTS))
        .and_then(|builder| builder.set_buckets_for_metric(Matcher::Suffix("_operations".to_owned()), &COUNTS))
        .and_then(|builder| builder.set_buckets_for_metric(Matcher::Prefix("modehost_model_".to_owned()), &ANSWERS));
    let handle = builder.and_then(PrometheusBuilder::install_recorder).map_err(Failure::other)?;
    crate::metrics::describe();
    Ok(handle)
}

/// From a guest's call to a slow disk.
const SECONDS: [f64; 12] = [2e-6, 1e-5, 5e-5, 2e-4, 1e-3, 5e-3, 2e-2, 0.1, 0.5, 2.0, 10.0, 60.0];

/// What people wait for: models and their first words.
const ANSWERS: [f64; 12] = [0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.5, 4.0, 7.0, 12.0, 30.0, 60.0];

/// Sizes and batches.
const COUNTS: [f64; 10] = [1.0, 4.0, 16.0, 64.0, 256.0, 1024.0, 4096.0, 16_384.0, 262_144.0, 1_048_576.0];
