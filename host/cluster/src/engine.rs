//! The connection to NATS. Rule: a server that would not keep what it acknowledges is refused at the start, with what to
//! do about it; whether it answers at present is known without asking it.

use std::sync::Arc;

use async_nats::jetstream::stream::{self, Stream};
use async_nats::jetstream::{self, Context, ErrorCode};
use async_nats::{Client, ConnectOptions, Event, ServerAddr};
use modehost_storage::StorageError;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use crate::config::{Config, NatsConfig};
use crate::limits;

/// Member of the stream's metadata that holds the identity of the log.
const IDENTITY: &str = "modehost-log";

/// Why a node cannot join its cluster.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// No server answers.
    #[error("no NATS server of cluster.nats.servers can be used ({servers}): {reason}")]
    Unreachable {
        /// The configured addresses.
        servers: String,
        /// What the client says.
        reason: String,
    },
    /// A file of the configuration cannot be read.
    #[error("cannot read {file}, the file of cluster.nats.credentials: {reason}")]
    Credentials {
        /// The file.
        file: String,
        /// The error of the operating system.
        reason: String,
    },
    /// It would ignore what this server relies on.
    #[error("the NATS server {server} has version {version}; 2.12 or newer is needed")]
    TooOld {
        /// Its name.
        server: String,
        /// Its version.
        version: String,
    },
    /// It takes no large commands.
    #[error(
        "the NATS server {server} takes messages up to {max} bytes; set max_payload in its configuration to {needed} or more"
    )]
    SmallMessages {
        /// Its name.
        server: String,
        /// Its `max_payload`.
        max: usize,
        /// What is needed.
        needed: usize,
    },
    /// JetStream is off, or this user may not use it.
    #[error("the NATS servers have no JetStream for this user ({0}); set `jetstream` in their configuration")]
    NoJetStream(String),
    /// The log cannot be created.
    #[error(
        "the log of the cluster cannot be created with {replicas} copies: {reason}; set cluster.nats.replicas to the number of NATS servers with JetStream, or fewer"
    )]
    Replicas {
        /// `cluster.nats.replicas`.
        replicas: u8,
        /// What the server says.
        reason: String,
    },
    /// A stream of this name is not ours.
    #[error("the stream {0} is there and is not the log of such a cluster; set cluster.name to another name")]
    ForeignStream(String),
    /// Another process runs under the same name.
    #[error("the node name {0} is in use by another process of this cluster; set cluster.node to a name of its own")]
    NameTaken(String),
    /// The data is of another log.
    #[error(
        "the data folder {dir} belongs to another cluster, or to a log of this one that was deleted; set storage.dir to an empty folder, and this node gets its data from the others"
    )]
    OtherLog {
        /// `storage.dir`.
        dir: String,
    },
    /// The log was deleted.
    #[error(
        "the log of the cluster ({stream}) is gone, and {dir} holds data made from it; restore the stream, or begin a new log with the newest data of all nodes: `modehost node detach` on that node, start it first, and the others with empty folders"
    )]
    LogGone {
        /// The stream.
        stream: String,
        /// `storage.dir`.
        dir: String,
    },
    /// The log is older than the data.
    #[error(
        "the log of the cluster ends at {last}, and {dir} contains it up to {applied}: it was restored from an older copy; what is behind {last} is on this node only: begin a new log with it (`modehost node detach`), or set storage.dir to an empty folder"
    )]
    OlderLog {
        /// Position of the last entry.
        last: u64,
        /// What this node has applied.
        applied: u64,
        /// `storage.dir`.
        dir: String,
    },
    /// The data is not of a cluster.
    #[error(
        "the data folder {dir} holds data of a single server, and the cluster has data already; set storage.dir to an empty folder, or begin a new cluster with this data under another cluster.name"
    )]
    OwnData {
        /// `storage.dir`.
        dir: String,
    },
    /// The log lacks what this node has not applied yet, and no snapshot replaces it.
    #[error(
        "the log begins behind what this node has applied, and there is no snapshot of it; copy the data folder of another node to {dir}"
    )]
    NoSnapshot {
        /// `storage.dir`.
        dir: String,
    },
    /// NATS did not do what it was asked.
    #[error("NATS: {0}")]
    Engine(String),
    /// The storage cannot be opened.
    #[error("{0}")]
    Open(#[from] modehost_storage::OpenError),
    /// The storage cannot be read or written.
    #[error("{0}")]
    Storage(#[from] StorageError),
    /// A file of the data folder cannot be replaced.
    #[error("cannot put the snapshot of the cluster into the data folder: {0}")]
    Folder(#[from] std::io::Error),
    /// The log cannot be applied.
    #[error("{0}")]
    Apply(#[from] modehost_storage::ApplyError),
}

/// NATS, as a node uses it.
#[derive(Clone)]
pub(crate) struct Engine {
    pub(crate) client: Client,
    pub(crate) jetstream: Context,
    /// Name of the cluster.
    pub(crate) cluster: Arc<str>,
    /// Whether there is a connection.
    pub(crate) connected: watch::Receiver<bool>,
}

impl Engine {
    /// Connects, and checks the server.
    pub(crate) async fn connect(config: &Config, nats: &NatsConfig) -> Result<Self, ClusterError> {
        let unreachable = |reason: String| ClusterError::Unreachable { servers: nats.servers.join(", "), reason };
        let servers: Result<Vec<ServerAddr>, _> = nats.servers.iter().map(|server| server.parse()).collect();
        let servers = servers.map_err(|error| unreachable(error.to_string()))?;
        let (changes, connected) = watch::channel(true);
        let options = options(nats).await?.name(format!("modehost {}", config.node.as_deref().unwrap_or_default()));
        let options = options.event_callback(move |event| {
            match &event {
                Event::Connected => drop(changes.send_replace(true)),
                Event::Disconnected | Event::Closed => drop(changes.send_replace(false)),
                _ => {}
            }
            let connected = *changes.borrow();
            async move { log(&event, connected) }
        });
        let client = match timeout(limits::CONNECT, options.connect(servers)).await {
            Ok(client) => client.map_err(|error| unreachable(explain(&error)))?,
            Err(_) => return Err(unreachable(format!("no answer within {} s", limits::CONNECT.as_secs()))),
        };
        check(&client)?;
        let jetstream = jetstream::context::ContextBuilder::new()
            .timeout(limits::ENGINE_ANSWER)
            .ack_timeout(limits::ACKNOWLEDGE)
            .max_ack_inflight(limits::IN_FLIGHT)
            .build(client.clone());
        wait_for_jetstream(&jetstream).await?;
        Ok(Self { client, jetstream, cluster: config.name.as_str().into(), connected })
    }

    /// Name of the stream that is the log.
    pub(crate) fn stream(&self) -> String {
        format!("modehost-{}", self.cluster)
    }

    /// Subject of the log's entries.
    pub(crate) fn entries(&self) -> String {
        format!("modehost.{}.log", self.cluster)
    }

    /// Subject below which nodes talk to each other.
    pub(crate) fn subject(&self, of: &str) -> String {
        format!("modehost.{}.{of}", self.cluster)
    }

    /// As [`Self::log`], at the start: servers that start together with this one answer within seconds.
    pub(crate) async fn log_at_start(&self) -> Result<Option<(Stream, String)>, ClusterError> {
        let mut patience = Patience::new(NO_MAJORITY);
        loop {
            match self.log().await {
                Err(ClusterError::Engine(_)) if patience.wait().await => {}
                found => return found,
            }
        }
    }

    /// The log and its identity; `None` if there is none yet.
    pub(crate) async fn log(&self) -> Result<Option<(Stream, String)>, ClusterError> {
        let name = self.stream();
        match self.jetstream.get_stream(&name).await {
            Ok(stream) => match stream.cached_info().config.metadata.get(IDENTITY).cloned() {
                Some(identity) => Ok(Some((stream, identity))),
                None => Err(ClusterError::ForeignStream(name)),
            },
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(ClusterError::Engine(explain(&error))),
        }
    }

    /// Creates the log under an identity; of several nodes that do, one succeeds, and all get that one.
    pub(crate) async fn create_log(&self, identity: &str, replicas: u8) -> Result<(Stream, String), ClusterError> {
        let config = stream::Config {
            name: self.stream(),
            subjects: vec![self.entries()],
            num_replicas: usize::from(replicas),
            storage: stream::StorageType::File,
            // A full log refuses new entries; it never drops those that a node has not applied.
            discard: stream::DiscardPolicy::New,
            duplicate_window: limits::DUPLICATES,
            deny_delete: true,
            metadata: [(IDENTITY.to_owned(), identity.to_owned())].into(),
            ..Default::default()
        };
        let mut patience = Patience::new("waiting for as many NATS servers with JetStream as the log has copies");
        loop {
            let created = self.jetstream.create_stream(config.clone()).await;
            let found = self.log().await;
            if let Ok(Some(found)) = found {
                return Ok(found);
            }
            // Servers that start together with this one find each other within seconds.
            if !patience.wait().await {
                let reason = created.err().map_or_else(|| "it is gone again".to_owned(), |error| explain(&error));
                return Err(ClusterError::Replicas { replicas, reason });
            }
        }
    }
}

/// Returns when JetStream answers; without a leader it does not, or says so, which is over within seconds.
async fn wait_for_jetstream(jetstream: &Context) -> Result<(), ClusterError> {
    use jetstream::context::AccountErrorKind::{JetStream, TimedOut};
    let mut patience = Patience::new(NO_MAJORITY);
    loop {
        let Err(error) = jetstream.query_account().await else { return Ok(()) };
        let passes = match error.kind() {
            TimedOut => true,
            JetStream(error) => is_temporary(&error),
            _ => false,
        };
        if !passes || !patience.wait().await {
            return Err(ClusterError::NoJetStream(explain(&error)));
        }
    }
}

const NO_MAJORITY: &str = "waiting for JetStream: the NATS servers have no majority yet";

/// The patience of the start with NATS servers that have not found each other yet. What waits says so, once.
struct Patience {
    ends: Instant,
    /// What is said, until it has been.
    notice: Option<&'static str>,
}

impl Patience {
    fn new(notice: &'static str) -> Self {
        Self { ends: Instant::now() + limits::ENGINE_START, notice: Some(notice) }
    }

    /// Waits for a moment; false once it is at its end.
    async fn wait(&mut self) -> bool {
        if Instant::now() >= self.ends {
            return false;
        }
        if let Some(notice) = self.notice.take() {
            tracing::warn!("{notice}");
        }
        sleep(limits::RETRY).await;
        true
    }
}

/// Whether a server says only that there is no leader at present.
pub(crate) fn is_temporary(error: &jetstream::Error) -> bool {
    [ErrorCode::CLUSTER_NOT_LEADER, ErrorCode::CLUSTER_NOT_AVAILABLE].contains(&error.error_code())
}

fn is_missing(error: &jetstream::context::GetStreamError) -> bool {
    use jetstream::context::GetStreamErrorKind::JetStream;
    matches!(error.kind(), JetStream(error) if error.error_code() == ErrorCode::STREAM_NOT_FOUND)
}

async fn options(nats: &NatsConfig) -> Result<ConnectOptions, ClusterError> {
    let mut options = ConnectOptions::new()
        .connection_timeout(limits::ENGINE_ANSWER)
        .reconnect_delay_callback(|attempts| limits::RETRY * u32::try_from(attempts.min(8)).unwrap_or(8));
    if let Some(file) = &nats.credentials {
        let unreadable = |error: std::io::Error| ClusterError::Credentials {
            file: file.display().to_string(),
            reason: error.to_string(),
        };
        options = options.credentials_file(file).await.map_err(unreadable)?;
    }
    if let (Some(user), Some(password)) = (&nats.user, &nats.password) {
        options = options.user_and_password(user.clone(), password.expose().to_owned());
    }
    if let Some(token) = &nats.token {
        options = options.token(token.expose().to_owned());
    }
    if let Some(tls) = &nats.tls {
        options = options.require_tls(true);
        if let Some(ca) = &tls.ca {
            options = options.add_root_certificates(ca.clone());
        }
        if let (Some(cert), Some(key)) = (&tls.cert, &tls.key) {
            options = options.add_client_certificate(cert.clone(), key.clone());
        }
    }
    Ok(options)
}

/// Refuses a server that lacks what this one relies on.
fn check(client: &Client) -> Result<(), ClusterError> {
    let info = client.server_info();
    let mut numbers = info.version.split(['.', '-']).map(|number| number.parse::<u32>().unwrap_or(0));
    if (numbers.next(), numbers.next()) < (Some(2), Some(12)) {
        return Err(ClusterError::TooOld { server: info.server_name, version: info.version });
    }
    if info.max_payload < limits::ENTRY_BYTES {
        let (server, max, needed) = (info.server_name, info.max_payload, limits::ENTRY_BYTES);
        return Err(ClusterError::SmallMessages { server, max, needed });
    }
    Ok(())
}

fn log(event: &Event, connected: bool) {
    metrics::gauge!("modehost_cluster_connected").set(f64::from(u8::from(connected)));
    match event {
        Event::Connected => tracing::info!("connected to NATS"),
        Event::Disconnected => tracing::error!(
            "the connection to NATS is lost: devices stay connected, and what has to be stored is refused until it is back"
        ),
        Event::ServerError(error) => tracing::warn!(%error, "NATS reports an error"),
        Event::ClientError(error) => tracing::debug!(%error, "NATS client"),
        Event::SlowConsumer(_) => tracing::warn!("messages between nodes were dropped: this node is too slow"),
        _ => {}
    }
}

/// An error with its causes.
pub(crate) fn explain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let more = cause.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        source = cause.source();
    }
    text
}
