//! A registry with real storage and real mode threads, and devices that read their outboxes. Rule: a device waits for a
//! message with a deadline, never for a time to pass.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use modehost_outbox::{Frame, OutboxReader, Text, outbox};
use modehost_protocol::{DeviceMessage, check};
use modehost_session::{Attachment, Config, DuplicateDevice, Registry, Services};
use modehost_speech::{AsrResult, Providers, Speech};
use modehost_storage::{LocalDirectory, SqliteStorage};
use modehost_task::{IoTask, WorkThreads, run_blocking, spawn_io};
use serde_json::Value;
use tokio::sync::watch;

use crate::native::TestCatalog;

/// Everything that sessions need; the data directory is deleted with it.
pub struct TestHost {
    pub registry: Arc<Registry>,
    pub catalog: Arc<TestCatalog>,
    pub config: watch::Sender<Arc<Config>>,
    directory: tempfile::TempDir,
}

type Built = (Arc<Registry>, Arc<TestCatalog>, watch::Sender<Arc<Config>>);

fn build(directory: &Path, config: Config, adjust: impl FnOnce(&mut Services)) -> Built {
    let settings = modehost_storage::Config { dir: directory.into(), ..Default::default() };
    let storage = SqliteStorage::open(&settings).expect("storage");
    let threads = Arc::new(WorkThreads::start("mode", 2, &tokio::runtime::Handle::current()).expect("threads"));
    let catalog = Arc::new(TestCatalog::default());
    let (config, watched) = watch::channel(Arc::new(config));
    let speech = Speech::new(threads.clone(), Providers::none());
    let mut services = Services {
        threads,
        catalog: catalog.clone(),
        documents: storage.clone(),
        journals: storage.clone(),
        archives: storage.clone(),
        queue: storage.clone(),
        sessions: storage.clone(),
        claims: Arc::new(modehost_storage::SingleNode),
        devices: storage,
        directory: Arc::new(LocalDirectory::default()),
        models: None,
        hooks: None,
        speech,
        config: watched,
    };
    adjust(&mut services);
    (Registry::new(services), catalog, config)
}

impl TestHost {
    /// A host with these settings; `adjust` may replace services.
    pub fn with(config: Config, adjust: impl FnOnce(&mut Services)) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let (registry, catalog, config) = build(directory.path(), config, adjust);
        Self { registry, catalog, config, directory }
    }

    /// Drains, and starts again on the same directory, with no plugin loaded.
    pub async fn restart(&mut self) {
        self.registry.drain(1001, "restart").await;
        self.start_again(|_| {}).await;
    }

    /// Ends without notice, as a kill does, and starts again on the same directory, with no plugin loaded; `adjust` may
    /// replace services.
    pub async fn crash(&mut self, adjust: impl FnOnce(&mut Services)) {
        self.start_again(adjust).await;
    }

    async fn start_again(&mut self, adjust: impl FnOnce(&mut Services)) {
        let config = self.config.borrow().as_ref().clone();
        // The storage releases its directory when the last session that holds it ends.
        let other_directory = tempfile::tempdir().expect("a directory");
        let placeholder = build(other_directory.path(), config.clone(), |_| {});
        (self.registry, self.catalog, self.config) = placeholder;
        let again = tokio::time::timeout(Duration::from_secs(10), async {
            let settings = modehost_storage::Config { dir: self.directory.path().into(), ..Default::default() };
            while SqliteStorage::open(&settings).is_err() {
                tokio::task::yield_now().await;
            }
        });
        again.await.expect("the directory is free");
        (self.registry, self.catalog, self.config) = build(self.directory.path(), config, adjust);
    }

    /// With default settings.
    pub fn new() -> Self {
        Self::with(Config::default(), |_| {})
    }

    /// Connects a device.
    pub fn device(&self, id: &str) -> Device {
        let (sender, reader) = outbox();
        let attachment = self.registry.attach(&id.into(), sender, DuplicateDevice::Takeover).expect("attached");
        Device { attachment: Some(attachment), reader, received: VecDeque::new() }
    }
}

/// Pauses time while this lives, except for what the test advances; if the test hangs, time continues after a while, so
/// that deadlines report what was waited for.
pub struct PausedTime {
    _task: IoTask<()>,
    _end: std::sync::mpsc::SyncSender<()>,
}

impl PausedTime {
    /// Needs a single-threaded runtime whose time is paused.
    pub fn new() -> Self {
        // Time does not auto-advance while blocking work is running.
        let (end, ended) = std::sync::mpsc::sync_channel::<()>(0);
        let task = spawn_io(async move {
            run_blocking(move || {
                let _ = ended.recv_timeout(Duration::from_secs(30));
            })
            .await;
        });
        Self { _task: task, _end: end }
    }
}

/// A connected device.
pub struct Device {
    attachment: Option<Attachment>,
    reader: OutboxReader,
    received: VecDeque<Frame>,
}

impl Device {
    /// Sends a message as firmware would.
    pub async fn say(&self, message: Value) {
        let text = message.to_string();
        let kind = check(&text, 64).expect("well-formed").kind.into_owned();
        let message = DeviceMessage::parse(&kind, &text).expect("a message");
        let attachment = self.attachment.as_ref().expect("connected");
        attachment.send(attachment.preprocess(message)).await.expect("a session");
    }

    /// Sends a message that does not count as activity of the user.
    pub async fn say_inactive(&self, message: Value) {
        let text = message.to_string();
        let kind = check(&text, 64).expect("well-formed").kind.into_owned();
        let message = DeviceMessage::parse(&kind, &text).expect("a message");
        self.attachment.as_ref().expect("connected").send(message.into()).await.expect("a session");
    }

    /// Records activity, as a connection does for whatever it reads.
    pub fn touch(&self) {
        self.attachment.as_ref().expect("connected").touch();
    }

    /// The next message that `wanted` accepts; others are skipped.
    pub async fn expect_message(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        let mut skipped = Vec::new();
        let found = tokio::time::timeout(Duration::from_secs(10), async {
            loop {
                let message = self.next().await;
                if wanted(&message) {
                    return message;
                }
                skipped.push(message);
            }
        });
        match found.await {
            Ok(message) => message,
            Err(_) => panic!("not received; received: {skipped:?}"),
        }
    }

    /// All messages up to and including one that `wanted` accepts.
    pub async fn expect_through(&mut self, wanted: impl Fn(&Value) -> bool) -> Vec<Value> {
        let mut received = Vec::new();
        let all = tokio::time::timeout(Duration::from_secs(10), async {
            loop {
                let message = self.next().await;
                let last = wanted(&message);
                received.push(message);
                if last {
                    return;
                }
            }
        });
        if all.await.is_err() {
            panic!("not received; received: {received:?}");
        }
        received
    }

    /// All messages sent so far: the error for an unknown type comes last.
    pub async fn received_so_far(&mut self) -> Vec<Value> {
        let mark = format!("mark-{}", fastrand::u64(..));
        self.say_inactive(serde_json::json!({ "type": mark })).await;
        let mut received = self.expect_through(|message| message["ref"]["type"] == mark.as_str()).await;
        received.pop();
        received
    }

    /// Messages left in the outbox of a connection that is no longer served.
    pub fn buffered(&mut self) -> Vec<Value> {
        self.reader.try_recv_batch(&mut self.received);
        let texts = self.received.drain(..).filter_map(|frame| match frame {
            Frame::Text(Text::Owned(text)) => Some(text),
            Frame::Text(Text::Shared(text)) => Some(text.to_string()),
            _ => None,
        });
        texts.map(|text| serde_json::from_str(&text).expect("json")).collect()
    }

    /// Sends hello and reads the answer.
    pub async fn say_hello(&mut self, mcp: bool) {
        self.say(serde_json::json!({ "type": "hello", "features": { "mcp": mcp } })).await;
        self.expect_message(|message| message["type"] == "hello").await;
    }

    /// Makes the mock mode of this type return these effects.
    pub async fn instruct(&self, mock_mode: &str, wanted: Value) {
        self.say(serde_json::json!({ "type": mock_mode, "do": wanted })).await;
    }

    /// Sends a result of the recogniser.
    pub async fn transcribe(&self, text: &str, confirmed: bool) {
        let words = AsrResult {
            text: text.into(),
            is_final: confirmed,
            split: false,
            start_ms: 1,
            end_ms: 2,
            latency: None,
            source: "test".into(),
        };
        self.attachment.as_ref().expect("connected").transcript(words).await.expect("a session");
    }

    /// The next event of this name that a mock mode reports.
    pub async fn expect_event(&mut self, event: &str) -> Value {
        self.expect_message(|message| message["event"] == event).await
    }

    /// The next message of any kind.
    pub async fn next(&mut self) -> Value {
        loop {
            match self.received.pop_front() {
                Some(Frame::Text(Text::Owned(text))) => return serde_json::from_str(&text).expect("json"),
                Some(Frame::Text(Text::Shared(text))) => return serde_json::from_str(&text).expect("json"),
                Some(Frame::Close { code, reason }) => return serde_json::json!({ "closed": code, "reason": reason }),
                Some(Frame::Audio { .. }) => {}
                Some(Frame::AckMarker(mark)) => mark.acknowledge(),
                None => self.reader.recv_batch(&mut self.received).await,
            }
        }
    }

    /// The current audio epoch.
    pub fn epoch(&self) -> u64 {
        self.attachment.as_ref().expect("connected").epoch()
    }

    /// Sends a result of the recogniser for audio of that epoch.
    pub async fn transcribe_at_epoch(&self, epoch: u64, text: &str) {
        let (start_ms, end_ms, source) = (1, 2, "test".into());
        let words =
            AsrResult { text: text.into(), is_final: true, split: false, start_ms, end_ms, latency: None, source };
        self.attachment.as_ref().expect("connected").transcript_at_epoch(epoch, words).await.expect("a session");
    }

    /// Closes its connection.
    pub fn hang_up(&mut self) {
        if let Some(attachment) = self.attachment.take() {
            attachment.hang_up();
        }
    }

    /// Loses its connection.
    pub fn lose_connection(&mut self) {
        self.attachment = None;
    }
}
