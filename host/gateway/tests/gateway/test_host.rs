//! A gateway on free ports, with minimal clients. Rule: everything a test starts ends with its [`TestHost`].

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::{ArcSwap, Guard};
use futures_util::future::BoxFuture;
use modehost_contract::{Catalog, CatalogTable, GenerationReport};
use modehost_gateway::{
    AuthConfig, CommandExecutor, CommandOutcome, Gateway, GatewayConfig, GatewaySettings, InheritedListeners,
    OperatorCommand, Readiness, ServerConfig, ShutdownNotice, bind,
};
use modehost_ids::{DeviceId, GenerationId, PluginId};
use modehost_session::{Config, Registry, Services};
use modehost_speech::{Providers, Speech};
use modehost_storage::{LocalDirectory, SqliteStorage};
use modehost_task::{IoTask, WorkThreads, spawn_io};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{oneshot, watch};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};

/// A wait that takes longer fails the test.
pub const DEADLINE: Duration = Duration::from_secs(20);

/// The WebSocket of a device.
pub type Client = WebSocketStream<TcpStream>;

/// A catalog without plugins.
#[derive(Default)]
struct NoPlugins(ArcSwap<CatalogTable>);

impl Catalog for NoPlugins {
    fn table(&self) -> Guard<Arc<CatalogTable>> {
        self.0.load()
    }

    fn report(&self, _: &PluginId, _: GenerationId, _: &DeviceId, _: GenerationReport<'_>) {}
}

/// Rejects every operator command.
struct RejectCommands;

impl CommandExecutor for RejectCommands {
    fn execute(&self, _: OperatorCommand) -> BoxFuture<'static, Result<CommandOutcome, String>> {
        Box::pin(async { Err("not here".to_owned()) })
    }
}

/// The configuration sections of a test.
#[derive(Default)]
pub struct Sections {
    pub server: ServerConfig,
    pub gateway: GatewayConfig,
    pub auth: AuthConfig,
}

/// A running gateway.
pub struct TestHost {
    pub devices: SocketAddr,
    pub http: SocketAddr,
    pub settings: watch::Sender<Arc<GatewaySettings>>,
    pub readiness: watch::Sender<Readiness>,
    pub registry: Arc<Registry>,
    stop: Option<oneshot::Sender<ShutdownNotice>>,
    served: Option<IoTask<Option<InheritedListeners>>>,
    _config: watch::Sender<Arc<Config>>,
    _data: tempfile::TempDir,
}

/// A gateway with the default configuration.
pub async fn test_host() -> TestHost {
    TestHost::start(Sections::default()).await
}

impl TestHost {
    /// Binds free ports on loopback and serves.
    pub async fn start(sections: Sections) -> Self {
        let data = tempfile::tempdir().expect("a directory");
        let storage_config = modehost_storage::Config { dir: data.path().to_owned(), ..Default::default() };
        let storage = SqliteStorage::open(&storage_config).expect("storage");
        let (config_sender, config) = watch::channel(Arc::new(Config::default()));
        let threads = WorkThreads::start("mode", 1, &tokio::runtime::Handle::current()).expect("threads");
        let threads = Arc::new(threads);
        let speech = Speech::new(threads.clone(), Providers::none());
        let registry = Registry::new(Services {
            threads,
            catalog: Arc::new(NoPlugins::default()),
            documents: storage.clone(),
            journals: storage.clone(),
            archives: storage.clone(),
            queue: storage.clone(),
            sessions: storage.clone(),
            devices: storage,
            claims: Arc::new(modehost_storage::SingleNode),
            directory: Arc::new(LocalDirectory::default()),
            models: None,
            hooks: None,
            speech,
            config,
        });
        let server = ServerConfig { ip: "127.0.0.1".to_owned(), port: 0, http_port: 0, ..sections.server };
        let bound = bind(&server, None).expect("ports");
        let settings = GatewaySettings::new(&server, &sections.gateway, &sections.auth);
        let (settings_sender, settings) = watch::channel(Arc::new(settings));
        let (readiness_sender, readiness) = watch::channel(Readiness::default());
        let (stop, stopped) = oneshot::channel();
        let (devices, http) = (bound.device_address(), bound.http_address());
        let routes = axum::Router::new().route("/added", axum::routing::get(async || "added"));
        let gateway = Gateway {
            registry: registry.clone(),
            settings,
            readiness,
            files: None,
            routes,
            command_executor: Arc::new(RejectCommands),
        };
        let shutdown = async { stopped.await.unwrap_or_else(|_| ShutdownNotice::stopping()) };
        let served = spawn_io(gateway.serve(bound, shutdown));
        Self {
            devices,
            http,
            settings: settings_sender,
            readiness: readiness_sender,
            registry,
            stop: Some(stop),
            served: Some(served),
            _config: config_sender,
            _data: data,
        }
    }

    /// Connects with this query string, such as `device-id=x`.
    pub async fn connect(&self, query: &str) -> Client {
        self.dial(&format!("/supie/v1/?{query}"), &[]).await.expect("a connection")
    }

    /// Connects with headers; a rejection is returned as the error.
    pub async fn dial(&self, path: &str, headers: &[(&'static str, &str)]) -> Result<Client, Error> {
        let stream = TcpStream::connect(self.devices).await?;
        let mut request = format!("ws://{}{path}", self.devices).into_client_request()?;
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().expect("a header"));
        }
        let (client, _) =
            timeout(DEADLINE, tokio_tungstenite::client_async(request, stream)).await.expect("in time")?;
        Ok(client)
    }

    /// Stops the gateway and waits until it has stopped.
    pub async fn stop(&mut self, farewell: ShutdownNotice) {
        let _ = self.stop.take().expect("running").send(farewell);
        let served = self.served.take().expect("running");
        assert!(timeout(DEADLINE, served.join()).await.expect("in time").is_some(), "the gateway panicked");
    }
}

/// The next message.
pub async fn next(client: &mut Client) -> Message {
    use futures_util::StreamExt;
    timeout(DEADLINE, client.next()).await.expect("in time").expect("open").expect("a message")
}

/// The next text message, as JSON.
pub async fn next_json(client: &mut Client) -> serde_json::Value {
    let message = next(client).await;
    serde_json::from_str(message.to_text().expect("text")).unwrap_or_else(|_| panic!("no JSON: {message:?}"))
}

/// Skips messages up to the next close frame: its code and reason.
pub async fn next_close(client: &mut Client) -> (u16, String) {
    loop {
        if let Message::Close(frame) = next(client).await {
            let frame = frame.expect("a code");
            return (frame.code.into(), frame.reason.to_string());
        }
    }
}

/// Sends a text.
pub async fn send_text(client: &mut Client, text: &str) {
    use futures_util::SinkExt;
    client.send(Message::Text(text.into())).await.expect("sent");
}

/// Writes `bytes` and reads until the server closes; returns the whole response as text.
pub async fn exchange(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    stream.write_all(bytes).await.expect("written");
    read_all(&mut stream).await
}

/// Reads until the server closes. A reset counts as a close.
pub async fn read_all(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let _ = timeout(DEADLINE, stream.read_to_end(&mut answer)).await.expect("the server closes");
    String::from_utf8_lossy(&answer).into_owned()
}

/// An HTTP/1.1 request with `Connection: close`.
pub async fn request(address: SocketAddr, method: &str, path: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    let text = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
    );
    exchange(address, text.as_bytes()).await
}

/// The body of a response.
pub fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").map_or("", |(_, body)| body)
}
