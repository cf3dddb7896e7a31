//! The command line. Rule: each measurement declares its own options; this file only lists the commands.

use anyhow::Context;
use clap::{Parser, Subcommand};

use crate::metrics::{Metrics, Report};
use crate::target::{Target, TargetOptions};
use crate::{
    cluster, converse, echo, feed, floor, hold, hostile, listen, ping, process, soak, speak, start, swap, vanish,
};

/// Measures a server of talking devices from outside, beside a bare WebSocket echo server.
#[derive(Debug, Parser)]
#[command(name = "modehost-load", version)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
    /// Print one JSON object instead of a table.
    #[arg(long, global = true)]
    pub json: bool,
    /// Threads of the load generator.
    #[arg(long, global = true, default_value_t = 2)]
    pub threads: usize,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Open connections: connect rate, memory per device, CPU time when idle.
    Hold(Measure<hold::Options>),
    /// Heartbeats: latency, and CPU time per ping.
    Ping(Measure<ping::Options>),
    /// Closed-loop messages: messages per second, and CPU time per message.
    Echo(Measure<echo::Options>),
    /// Connect and hello of a new device while many devices vanish at once.
    Vanish(Measure<vanish::Options>),
    /// A hot swap under load: messages lost or duplicated, sockets closed, pauses.
    Swap(Measure<swap::Options>),
    /// Turns with a language model that answers at once: time to the first sentence, and CPU time
    /// per turn.
    Converse(Measure<converse::Options>),
    /// The CPU time of the console's event feed while devices talk.
    Feed(Measure<feed::Options>),
    /// Live audio streams: CPU time of each, and latency of captions, with a recogniser that answers
    /// at once.
    Listen(Measure<listen::Options>),
    /// Speech output: time to the first audio of an answer, and CPU time per frame, with a model and a TTS service
    /// that answer at once.
    Speak(Measure<speak::Options>),
    /// A bystander's heartbeats during attacks.
    Hostile(Measure<hostile::Options>),
    /// Churn for an hour: whether the memory stays flat after the warm-up.
    Soak(Measure<soak::Options>),
    /// From exec to ready.
    Start(Measure<start::Options>),
    /// Nodes of a cluster that run: appends, moves between nodes, a document that all write, a node handed over.
    Cluster(cluster::Options),
    /// Runs the bare echo server.
    Floor(floor::Options),
    /// Runs the language model and the TTS service of `converse` and `speak`.
    Provider,
    /// Runs the recogniser of `listen`.
    Recogniser,
    /// Runs the attackers of `hostile`.
    Attack(hostile::Attackers),
    /// Builds the test guest for `echo` and `swap`: a plugins directory with its first version, and next to it a
    /// second version, which answers with `"build":"second"`.
    Fixture {
        /// Directory to write `plugins/fixture.wasm` and `second.wasm` to.
        #[arg(value_name = "DIR")]
        directory: std::path::PathBuf,
    },
}

/// A measurement and its target.
#[derive(Debug, clap::Args)]
pub struct Measure<O: clap::Args> {
    #[command(flatten)]
    pub target: TargetOptions,
    #[command(flatten)]
    pub options: O,
}

/// Runs the command; returns the text to print.
///
/// # Errors
/// Says what could not be measured and why.
pub fn run(cli: Cli) -> anyhow::Result<String> {
    process::raise_file_limit();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(cli.threads.max(1))
        .enable_all()
        .build()
        .context("cannot start the threads")?;
    let report = runtime.block_on(measure(cli.command))?;
    Ok(if cli.json { report.json() } else { report.table() })
}

async fn measure(command: Command) -> anyhow::Result<Report> {
    match command {
        Command::Hold(m) => compare("hold", &m.target, async |target| hold::run(target, &m.options).await).await,
        Command::Ping(m) => compare("ping", &m.target, async |target| ping::run(target, &m.options).await).await,
        Command::Echo(m) => compare("echo", &m.target, async |target| echo::run(target, &m.options).await).await,
        Command::Vanish(m) => compare("vanish", &m.target, async |target| vanish::run(target, &m.options).await).await,
        Command::Swap(m) => {
            let target = Target::server(&m.target).await?.context("swap needs --server or --address")?;
            Ok(Report::of("swap", target.name, swap::run(&target, &m.options).await?))
        }
        Command::Hostile(m) => {
            compare("hostile", &m.target, async |target| hostile::run(target, &m.options).await).await
        }
        Command::Soak(m) => soak::run(&m.target, &m.options).await,
        Command::Converse(m) => converse::run(&m.target, &m.options).await,
        Command::Feed(m) => feed::run(&m.target, &m.options).await,
        Command::Listen(m) => listen::run(&m.target, &m.options).await,
        Command::Speak(m) => speak::run(&m.target, &m.options).await,
        Command::Provider => {
            converse::serve_provider()?;
            Ok(Report::default())
        }
        Command::Recogniser => {
            listen::serve_recogniser()?;
            Ok(Report::default())
        }
        Command::Attack(options) => {
            hostile::attack(options).await?;
            Ok(Report::default())
        }
        Command::Start(m) => Ok(Report::of("start", "server", start::run(&m.target, &m.options).await?)),
        Command::Cluster(options) => Ok(Report::of("cluster", "cluster", cluster::run(&options).await?)),
        Command::Fixture { directory } => {
            let first = modehost_guest_build::guest_wasm("modehost-guests");
            let second = modehost_guests::variant(&first, &[("version", "2.0.0"), ("build", "second")]);
            let plugins = directory.join("plugins");
            std::fs::create_dir_all(&plugins).with_context(|| format!("cannot make {}", plugins.display()))?;
            std::fs::write(plugins.join("fixture.wasm"), first).context("cannot write the first version")?;
            std::fs::write(directory.join("second.wasm"), second).context("cannot write the second version")?;
            Ok(Report::default())
        }
        Command::Floor(options) => {
            floor::serve(&options).await?;
            Ok(Report::default())
        }
    }
}

/// Measures the floor, then the server, one after the other so that they do not share the machine.
async fn compare(
    name: &str,
    options: &TargetOptions,
    measure: impl AsyncFn(&Target) -> anyhow::Result<Metrics>,
) -> anyhow::Result<Report> {
    let mut report = Report::named(name);
    if !options.no_floor {
        let floor = Target::floor(options).await?;
        report.add(floor.name, measure(&floor).await.context("on the floor")?);
    }
    if let Some(server) = Target::server(options).await? {
        report.add(server.name, measure(&server).await.context("on the server")?);
    }
    Ok(report)
}
