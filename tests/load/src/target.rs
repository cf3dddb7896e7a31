//! The target of a measurement: the floor or the server, as a child process or at an address.
//!
//! Rule: a child process is killed when its target is dropped, however the measurement ends.

use std::fs::File;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use tempfile::TempDir;
use tokio::net::TcpStream;

use crate::device::ConnectOptions;
use crate::{http, process};

/// Timeout for a server to become ready.
const READY_TIMEOUT: Duration = Duration::from_secs(120);
/// Poll interval of its readiness.
const POLL_INTERVAL: Duration = Duration::from_millis(2);

/// The target, and how devices connect to it.
#[derive(Clone, Debug, clap::Args)]
pub struct TargetOptions {
    /// The server's executable; it is started as `serve` on free ports.
    #[arg(long, conflicts_with = "address")]
    pub server: Option<PathBuf>,
    /// Configuration file for the server.
    #[arg(long, requires = "server")]
    pub config: Option<PathBuf>,
    /// Data directory of the server [default: a temporary one].
    #[arg(long, requires = "server")]
    pub data: Option<PathBuf>,
    /// Directory of the plugins to serve.
    #[arg(long, requires = "server")]
    pub plugins: Option<PathBuf>,
    /// Environment of the server, NAME=VALUE; may be repeated.
    #[arg(long, value_name = "NAME=VALUE", requires = "server")]
    pub env: Vec<String>,
    /// Use a running server: address of its WebSocket listener.
    #[arg(long)]
    pub address: Option<SocketAddr>,
    /// Address of its HTTP listener.
    #[arg(long, requires = "address")]
    pub http: Option<SocketAddr>,
    /// Its process id, for memory and CPU time.
    #[arg(long, requires = "address")]
    pub pid: Option<u32>,
    /// Path of the WebSocket endpoint.
    #[arg(long, default_value = "/supie/v1/")]
    pub path: String,
    /// Token that devices sign in with.
    #[arg(long)]
    pub token: Option<String>,
    /// Message sent after the hello and answered with "status":"ok", such as the start of a mode; may be
    /// repeated. Not sent to the floor.
    #[arg(long, value_name = "JSON")]
    pub setup: Vec<String>,
    /// Handshakes in progress at the same time.
    #[arg(long, default_value_t = 64)]
    pub parallel: usize,
    /// Do not measure the floor.
    #[arg(long)]
    pub no_floor: bool,
}

/// A server that is ready.
pub struct Target {
    pub name: &'static str,
    pub connect_options: ConnectOptions,
    pub parallel: usize,
    /// Address of its HTTP listener; the floor has none.
    pub http: Option<SocketAddr>,
    /// `None` for a server that was not started here, unless its id is given.
    pub pid: Option<u32>,
    _child: Option<Running>,
}

/// A child process that is killed on drop.
pub struct Running {
    child: Child,
    pub web_socket: SocketAddr,
    pub http: SocketAddr,
    log: PathBuf,
    /// Removed after the child.
    _directory: TempDir,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Target {
    /// A server that runs, of which nothing but its address for devices is known.
    pub fn at(connect_options: ConnectOptions) -> Self {
        Self { name: "server", connect_options, parallel: 64, http: None, pid: None, _child: None }
    }

    /// Starts the floor and waits until it listens.
    ///
    /// # Errors
    /// If it cannot be started.
    pub async fn floor(options: &TargetOptions) -> anyhow::Result<Self> {
        let own = std::env::current_exe().context("cannot find this program")?;
        let mut command = Command::new(own);
        let mut running = Running::start(&mut command, |command, web_socket, _| {
            command.args(["floor", "--hello", "--port", &web_socket.port().to_string()]);
        })?;
        let deadline = Instant::now() + READY_TIMEOUT;
        while TcpStream::connect(running.web_socket).await.is_err() {
            running.check(deadline)?;
            tokio::time::sleep(POLL_INTERVAL).await;
        }
        let mut connect_options = connect_options(options, running.web_socket);
        connect_options.setup.clear();
        Ok(Self {
            name: "floor",
            connect_options,
            parallel: options.parallel,
            http: None,
            pid: Some(running.child.id()),
            _child: Some(running),
        })
    }

    /// The server that the options name, once it is ready; `None` if they name none.
    ///
    /// # Errors
    /// If it cannot be started or does not become ready.
    pub async fn server(options: &TargetOptions) -> anyhow::Result<Option<Self>> {
        if let Some(address) = options.address {
            let (http, pid) = (options.http, options.pid);
            let connect_options = connect_options(options, address);
            return Ok(Some(Self {
                name: "server",
                connect_options,
                parallel: options.parallel,
                http,
                pid,
                _child: None,
            }));
        }
        if options.server.is_none() {
            return Ok(None);
        }
        let mut running = Running::server(options)?;
        running.ready().await?;
        Ok(Some(Self {
            name: "server",
            connect_options: connect_options(options, running.web_socket),
            parallel: options.parallel,
            http: Some(running.http),
            pid: Some(running.child.id()),
            _child: Some(running),
        }))
    }

    /// Resident memory in KiB, if the process is known.
    ///
    /// # Errors
    /// If the process is gone.
    pub fn resident_kib(&self) -> anyhow::Result<Option<f64>> {
        self.pid.map(process::resident_kib).transpose()
    }

    /// CPU time so far, if the process is known.
    ///
    /// # Errors
    /// If the process is gone.
    pub fn cpu_time(&self) -> anyhow::Result<Option<Duration>> {
        self.pid.map(process::cpu_time).transpose()
    }

    /// Whether this is the bare echo server.
    pub fn is_floor(&self) -> bool {
        self.name == "floor"
    }
}

impl Running {
    /// Starts the server without waiting for it.
    ///
    /// # Errors
    /// If the binary cannot be run.
    pub fn server(options: &TargetOptions) -> anyhow::Result<Self> {
        let binary = options.server.as_ref().context("this measure needs --server")?;
        let mut command = Command::new(binary);
        command.arg("serve");
        if let Some(config) = &options.config {
            command.arg("--config").arg(config);
        }
        for pair in &options.env {
            let (name, value) = pair.split_once('=').with_context(|| format!("--env {pair:?} is not NAME=VALUE"))?;
            command.env(name, value);
        }
        Self::start(&mut command, |command, web_socket, http| {
            command.env("MODEHOST__SERVER__IP", "127.0.0.1");
            command.env("MODEHOST__SERVER__PORT", web_socket.port().to_string());
            command.env("MODEHOST__SERVER__HTTP_PORT", http.port().to_string());
            if let Some(plugins) = &options.plugins {
                command.env("MODEHOST__PLUGINS__DIR", plugins);
            }
            if let Some(data) = &options.data {
                command.arg("--data").arg(data);
            }
        })
    }

    fn start(
        command: &mut Command,
        configure: impl FnOnce(&mut Command, SocketAddr, SocketAddr),
    ) -> anyhow::Result<Self> {
        let directory = tempfile::tempdir().context("cannot make a folder")?;
        let (web_socket, http) = free_addresses()?;
        let log = directory.path().join("log");
        let output = File::create(&log).context("cannot make a log")?;
        configure(command, web_socket, http);
        let is_server = command.get_args().next().is_some_and(|first| first == "serve");
        if is_server && !command.get_args().any(|argument| argument == "--data") {
            command.arg("--data").arg(directory.path().join("data"));
        }
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        let child = command.spawn().with_context(|| format!("cannot run {:?}", command.get_program()))?;
        Ok(Self { child, web_socket, http, log, _directory: directory })
    }

    /// Waits until `/readyz` answers 200.
    ///
    /// # Errors
    /// If the child exits first or takes longer than two minutes; with the last lines of its log.
    pub async fn ready(&mut self) -> anyhow::Result<()> {
        let deadline = Instant::now() + READY_TIMEOUT;
        while !matches!(http::request(self.http, "GET", "/readyz", None).await, Ok(200)) {
            self.check(deadline)?;
            tokio::time::sleep(POLL_INTERVAL).await;
        }
        Ok(())
    }

    /// An error if the child has exited or the deadline has passed.
    fn check(&mut self, deadline: Instant) -> anyhow::Result<()> {
        let state = match self.child.try_wait()? {
            Some(status) => format!("ended ({status}) before it was ready"),
            None if Instant::now() > deadline => "is not ready after 120 s".into(),
            None => return Ok(()),
        };
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        bail!("the server {state}; its last lines:\n{}", lines[lines.len().saturating_sub(12)..].join("\n"))
    }
}

fn connect_options(options: &TargetOptions, server: SocketAddr) -> ConnectOptions {
    let (path, token, setup) = (options.path.clone(), options.token.clone(), options.setup.clone());
    ConnectOptions { server, path, token, run: fastrand::u16(..), setup }
}

/// Two free ports. Another process could take them before the child does, which then reports that.
fn free_addresses() -> anyhow::Result<(SocketAddr, SocketAddr)> {
    let (one, two) = (TcpListener::bind("127.0.0.1:0")?, TcpListener::bind("127.0.0.1:0")?);
    Ok((one.local_addr()?, two.local_addr()?))
}
