//! The real server as a child process in its own temporary directory. Rule: a server is killed with its test, and a
//! failed test prints the server's output.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::compile_cache;
use crate::http::{self, Response};
use crate::settings::Settings;
use crate::wait::{self, TIMEOUT};

/// Start timeout: debug builds compile components with an unoptimised compiler.
const START: Duration = Duration::from_secs(60);

/// A server process and everything it has on disk.
pub struct Server {
    /// Data, plugins and the configuration file; removed on drop.
    home: TempDir,
    port: u16,
    http_port: u16,
    child: Option<Child>,
    binary: PathBuf,
    /// Configuration file; `None` means the one in `home`.
    config: Option<PathBuf>,
    /// Environment variables added to those of the test.
    environment: Vec<(String, String)>,
    /// Standard output and error, of all starts.
    output: Arc<Mutex<String>>,
}

impl Server {
    /// Starts a server and waits until it is ready.
    ///
    /// # Panics
    /// If it does not become ready, with what it wrote.
    pub async fn start(settings: Settings) -> Self {
        let mut server = Self::prepare(&settings);
        server.launch();
        server.ready().await;
        server
    }

    /// Creates the directories and files without starting anything.
    pub fn prepare(settings: &Settings) -> Self {
        let home = tempfile::Builder::new().prefix("modehost-test").tempdir().expect("a temporary directory");
        let server = Self {
            home,
            port: free_port(),
            http_port: free_port(),
            child: None,
            binary: binary().to_owned(),
            config: None,
            environment: Vec::new(),
            output: Arc::default(),
        };
        std::fs::create_dir_all(server.plugins_dir()).expect("the plugins directory");
        for (name, bytes) in settings.plugins() {
            server.install(name, bytes);
        }
        server.configure(settings);
        server
    }

    /// Sets an environment variable for the following starts.
    pub fn set_variable(&mut self, name: &str, value: &str) {
        self.environment.push((name.to_owned(), value.to_owned()));
    }

    /// Uses this configuration file for the following starts.
    pub fn use_config(&mut self, path: &Path) {
        self.config = Some(path.to_owned());
    }

    /// Runs this executable in the following starts.
    pub fn use_binary(&mut self, path: &Path) {
        self.binary = path.to_owned();
    }

    /// Starts the process on the same directories and ports; [`Server::ready`] waits for it.
    pub fn launch(&mut self) {
        let mut child = self.spawn(Stdio::piped);
        collect(child.stdout.take().expect("piped"), self.output.clone());
        collect(child.stderr.take().expect("piped"), self.output.clone());
        self.child = Some(child);
    }

    /// As [`Server::launch`], but nobody collects the output: pipes that `sink` makes are closed at once.
    pub fn launch_with_output(&mut self, sink: impl Fn() -> Stdio) {
        let mut child = self.spawn(sink);
        drop((child.stdout.take(), child.stderr.take()));
        self.child = Some(child);
    }

    fn spawn(&self, sink: impl Fn() -> Stdio) -> Child {
        assert!(self.child.is_none(), "the server already runs");
        Command::new(&self.binary)
            .args(["serve", "--config"])
            .arg(self.config_file())
            .arg("--data")
            .arg(self.data_dir())
            .env("MODEHOST__SERVER__PORT", self.port.to_string())
            .env("MODEHOST__SERVER__HTTP_PORT", self.http_port.to_string())
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .current_dir(self.home.path())
            .stdin(Stdio::null())
            .stdout(sink())
            .stderr(sink())
            .spawn()
            .expect("the server's binary")
    }

    /// Runs a CLI command of the binary with the server's own configuration; returns standard output followed by
    /// standard error.
    ///
    /// # Panics
    /// If it cannot be run.
    pub async fn command(&self, arguments: &[&str]) -> String {
        let (_, out, err) = self.run(arguments).await;
        out + &err
    }

    /// As [`Server::command`]: exit code, standard output and standard error.
    ///
    /// # Panics
    /// If it cannot be run.
    pub async fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        self.run_at(self.http_port, arguments).await
    }

    /// As [`Server::run`], with another HTTP port in its settings.
    ///
    /// # Panics
    /// If it cannot be run.
    pub async fn run_at(&self, http_port: u16, arguments: &[&str]) -> (i32, String, String) {
        let mut command = Command::new(&self.binary);
        command
            .args(arguments)
            .arg("--config")
            .arg(self.config_file())
            .env("MODEHOST__SERVER__PORT", self.port.to_string())
            .env("MODEHOST__SERVER__HTTP_PORT", http_port.to_string())
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .current_dir(self.home.path())
            .stdin(Stdio::null());
        let output = modehost_task::run_blocking(move || command.output()).await;
        let output = output.expect("not stopped").expect("the server's binary");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code().expect("an exit code"), text(&output.stdout), text(&output.stderr))
    }

    /// Waits until `/readyz` answers 200.
    ///
    /// # Panics
    /// If the process ends first or the deadline passes.
    pub async fn ready(&mut self) {
        let end = std::time::Instant::now() + START;
        loop {
            let response = http::request(self.http(), "GET", "/readyz", &[], "").await;
            if response.is_some_and(|response| response.status == 200) {
                return;
            }
            if let Some(status) = self.exit_status() {
                panic!("the server ended with {status} before it was ready");
            }
            assert!(std::time::Instant::now() < end, "the server is not ready after {START:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Kills the process with SIGKILL, as a power cut would.
    pub fn kill9(&mut self) {
        let mut child = self.child.take().expect("a running server");
        child.kill().expect("kill");
        child.wait().expect("wait");
    }

    /// Sends SIGTERM and waits for the process to exit.
    ///
    /// # Panics
    /// If it has not exited in time.
    pub async fn terminate(&mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        let status = self.wait_exit(Duration::from_secs(30)).await;
        self.child = None;
        status
    }

    /// Stops gracefully, and starts again on the same directories and ports.
    pub async fn restart(&mut self) {
        self.terminate().await;
        self.launch();
        self.ready().await;
    }

    /// Sends a signal to the process.
    pub fn signal(&self, signal: Signal) {
        rustix::process::kill_process(self.pid(), signal).expect("signal");
    }

    /// Waits for the process to exit by itself.
    ///
    /// # Panics
    /// If it still runs at the deadline.
    pub async fn wait_exit(&mut self, deadline: Duration) -> ExitStatus {
        let end = std::time::Instant::now() + deadline;
        loop {
            if let Some(status) = self.exit_status() {
                return status;
            }
            assert!(std::time::Instant::now() < end, "the server still runs after {deadline:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Drops the handle of a process that has exited by itself, so that another can be launched.
    pub fn clear_exited(&mut self) {
        self.child = None;
    }

    fn exit_status(&mut self) -> Option<ExitStatus> {
        self.child.as_mut()?.try_wait().expect("wait")
    }

    /// Process id.
    pub fn pid(&self) -> Pid {
        Pid::from_child(self.child.as_ref().expect("a running server"))
    }

    /// Writes the configuration file atomically by rename, as editors do.
    pub fn configure(&self, settings: &Settings) {
        let complete = settings.clone().set("plugins.dir", json!(self.plugins_dir()));
        self.write_config(&complete.text());
    }

    /// Writes any text as the configuration file.
    pub fn write_config(&self, text: &str) {
        replace(&self.config_file(), text.as_bytes());
    }

    /// Writes a component into the plugins directory as `<name>.wasm`, atomically.
    pub fn install(&self, name: &str, bytes: &[u8]) {
        compile_cache::copy_into(bytes, &self.data_dir());
        replace(&self.plugin_file(name), bytes);
    }

    /// Path where [`Server::install`] writes a component.
    pub fn plugin_file(&self, name: &str) -> PathBuf {
        self.plugins_dir().join(format!("{name}.wasm"))
    }

    pub fn plugins_dir(&self) -> PathBuf {
        self.home.path().join("plugins")
    }

    pub fn data_dir(&self) -> PathBuf {
        self.home.path().join("data")
    }

    pub fn config_file(&self) -> PathBuf {
        self.config.clone().unwrap_or_else(|| self.home.path().join("modehost.yaml"))
    }

    /// Address of the WebSocket listener.
    pub fn ws(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// Address of the HTTP listener: OTA, health and the admin API.
    pub fn http(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.http_port).into()
    }

    /// Sends a request to the admin API.
    ///
    /// # Panics
    /// If there is no answer.
    pub async fn admin(&self, method: &str, path: &str, body: &str) -> Response {
        let response = http::request(self.http(), method, path, &[("Content-Type", "application/json")], body).await;
        response.unwrap_or_else(|| panic!("{method} {path}: no answer"))
    }

    /// A request of an operator with a file as its body.
    ///
    /// # Panics
    /// If there is no answer.
    pub async fn send_file(&self, method: &str, path: &str, headers: &[(&str, &str)], file: &[u8]) -> Response {
        let response = http::request(self.http(), method, path, headers, file).await;
        response.unwrap_or_else(|| panic!("{method} {path}: no answer"))
    }

    /// Waits until the server has noticed that the device is disconnected: one that connects earlier takes over its
    /// connection (C.16).
    ///
    /// # Panics
    /// At the deadline.
    pub async fn wait_disconnected(&self, id: &str) {
        let gone = async || self.admin("GET", "/api/v1/sessions", "").await.body;
        let wanted = format!(r#""device":"{id}","connected":false"#);
        crate::wait::until("it is away", crate::wait::TIMEOUT, gone, |sessions| sessions.contains(&wanted)).await;
    }

    /// The row of one plugin in the admin API's list; null where it is not listed.
    pub async fn plugin(&self, id: &str) -> Value {
        let list = self.admin("GET", "/api/v1/plugins", "").await.json();
        let rows = list.as_array().or_else(|| list["plugins"].as_array()).cloned().unwrap_or_default();
        rows.into_iter().find(|row| row["id"] == id).unwrap_or(Value::Null)
    }

    /// All output so far.
    pub fn output(&self) -> String {
        self.output.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until the server has written `text`.
    ///
    /// # Panics
    /// At the deadline.
    pub async fn wait_output(&self, text: &str) {
        let probe = || std::future::ready(self.output().contains(text));
        wait::until(&format!("the server says {text:?}"), TIMEOUT, probe, |found| *found).await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
        compile_cache::store_from(&self.data_dir());
        if std::thread::panicking() {
            eprintln!("--- the server wrote:\n{}\n--- end", self.output());
        }
    }
}

/// The server's executable: `MODEHOST_BINARY`, or the one that cargo has built for the package of the test, in the
/// parent of the directory of the test's own executable.
///
/// # Panics
/// If there is none.
pub fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        if let Some(path) = std::env::var_os("MODEHOST_BINARY") {
            return path.into();
        }
        let own = std::env::current_exe().expect("a test has a binary");
        let binary = own.ancestors().nth(2).expect("it stands in target/<profile>/deps").join("modehost");
        assert!(binary.is_file(), "no {}; run the tests through cargo, or set MODEHOST_BINARY", binary.display());
        binary
    })
}

/// The root directory of the workspace.
pub fn workspace_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate stands in the workspace").to_owned()
}

/// A port outside the ephemeral range, so that the system does not give it to an outgoing connection between this
/// check and the server's start.
pub fn free_port() -> u16 {
    const FIRST: u16 = 10_000;
    const COUNT: u16 = 20_000;
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Test processes that run at the same time start at different offsets.
    let offset = (std::process::id() % 997) as u16 * 20;
    loop {
        let port = FIRST + (offset.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed))) % COUNT;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}

/// Writes a temporary file in the same directory and renames it, so that a watcher never sees half of it.
fn replace(path: &Path, bytes: &[u8]) {
    let directory = path.parent().expect("a file in a directory");
    let mut file = tempfile::Builder::new().prefix(".new").tempfile_in(directory).expect("a temporary file");
    file.write_all(bytes).expect("write");
    file.persist(path).expect("rename");
}

fn collect(pipe: impl Read + Send + 'static, into: Arc<Mutex<String>>) {
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).split(b'\n').map_while(Result::ok) {
            let mut output = into.lock().unwrap_or_else(PoisonError::into_inner);
            output.push_str(&String::from_utf8_lossy(&line));
            output.push('\n');
        }
    });
}
