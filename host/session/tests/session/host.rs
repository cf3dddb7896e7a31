//! A registry with real storage and real mode threads, and devices that read their outboxes.
//! Rule: a device waits for a message with a deadline, never for a time to pass.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use modehost_outbox::{Frame, OutboxReader, Text, outbox};
use modehost_protocol::{DeviceMessage, check};
use modehost_session::{Attachment, Config, DuplicateDevice, Registry, Services};
use modehost_speech::{Parts, Speech, Words};
use modehost_storage::{LocalDirectory, SqliteStorage};
use modehost_task::{IoTask, WorkThreads, run_blocking, spawn_io};
use serde_json::Value;
use tokio::sync::watch;

use crate::native::Turned;

/// Everything that sessions need; the folder goes with it.
pub struct TestHost {
    pub registry: Arc<Registry>,
    pub catalog: Arc<Turned>,
    pub config: watch::Sender<Arc<Config>>,
    folder: tempfile::TempDir,
}

type Fittings = (Arc<Registry>, Arc<Turned>, watch::Sender<Arc<Config>>);

fn fit(folder: &Path, config: Config, adjust: impl FnOnce(&mut Services)) -> Fittings {
    let settings = modehost_storage::Config { dir: folder.into(), ..Default::default() };
    let storage = SqliteStorage::open(&settings).expect("storage");
    let threads = Arc::new(WorkThreads::start("mode", 2, &tokio::runtime::Handle::current()).expect("threads"));
    let catalog = Arc::new(Turned::default());
    let (config, watched) = watch::channel(Arc::new(config));
    let speech = Speech::new(threads.clone(), Parts::none());
    let mut services = Services {
        threads,
        catalog: catalog.clone(),
        documents: storage.clone(),
        journals: storage.clone(),
        archives: storage.clone(),
        queue: storage.clone(),
        sessions: storage.clone(),
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
    /// A host with these settings; `adjust` may add services.
    pub fn with(config: Config, adjust: impl FnOnce(&mut Services)) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (registry, catalog, config) = fit(folder.path(), config, adjust);
        Self { registry, catalog, config, folder }
    }

    /// Stops in order and starts again on the same folder, with no plugin loaded.
    pub async fn restart(&mut self) {
        self.registry.drain(1001, "restart").await;
        self.begin_again(|_| {}).await;
    }

    /// Ends without a word to anybody, as a kill does, and starts again on the same folder, with no
    /// plugin loaded; `adjust` may add services.
    pub async fn crash(&mut self, adjust: impl FnOnce(&mut Services)) {
        self.begin_again(adjust).await;
    }

    async fn begin_again(&mut self, adjust: impl FnOnce(&mut Services)) {
        let config = self.config.borrow().as_ref().clone();
        // The storage lets its folder go with the last session that holds it.
        let elsewhere = tempfile::tempdir().expect("a folder");
        let spare = fit(elsewhere.path(), config.clone(), |_| {});
        (self.registry, self.catalog, self.config) = spare;
        let again = tokio::time::timeout(Duration::from_secs(10), async {
            let settings = modehost_storage::Config { dir: self.folder.path().into(), ..Default::default() };
            while SqliteStorage::open(&settings).is_err() {
                tokio::task::yield_now().await;
            }
        });
        again.await.expect("the folder is free");
        (self.registry, self.catalog, self.config) = fit(self.folder.path(), config, adjust);
    }

    /// With default settings.
    pub fn new() -> Self {
        Self::with(Config::default(), |_| {})
    }

    /// A device that is connected.
    pub fn device(&self, id: &str) -> Device {
        let (sender, reader) = outbox();
        let attachment = self.registry.attach(&id.into(), sender, DuplicateDevice::Takeover).expect("attached");
        Device { attachment: Some(attachment), reader, seen: VecDeque::new() }
    }
}

/// Time stands still while this lives, but for what the test advances; if the test hangs, time
/// runs on after a while, so that whatever waits says what it waits for.
pub struct StandingTime {
    _task: IoTask<()>,
    _end: std::sync::mpsc::SyncSender<()>,
}

impl StandingTime {
    /// Needs a runtime of one thread whose time is paused.
    pub fn new() -> Self {
        // Time does not run by itself while blocking work does.
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
    seen: VecDeque<Frame>,
}

impl Device {
    /// Says a message as firmware would.
    pub async fn say(&self, message: Value) {
        let text = message.to_string();
        let kind = check(&text, 64).expect("well-formed").kind.into_owned();
        let message = DeviceMessage::parse(&kind, &text).expect("a message");
        let attachment = self.attachment.as_ref().expect("connected");
        attachment.message(attachment.overhear(message)).await.expect("a session");
    }

    /// Says a message that is no sign of life of anybody.
    pub async fn passes_on(&self, message: Value) {
        let text = message.to_string();
        let kind = check(&text, 64).expect("well-formed").kind.into_owned();
        let message = DeviceMessage::parse(&kind, &text).expect("a message");
        self.attachment.as_ref().expect("connected").message(message.into()).await.expect("a session");
    }

    /// Gives the sign of life that a connection gives for whatever it reads.
    pub fn touches(&self) {
        self.attachment.as_ref().expect("connected").touch();
    }

    /// The next message that `wanted` takes; others are passed over.
    pub async fn hears(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        let mut passed = Vec::new();
        let found = tokio::time::timeout(Duration::from_secs(10), async {
            loop {
                let message = self.next().await;
                if wanted(&message) {
                    return message;
                }
                passed.push(message);
            }
        });
        match found.await {
            Ok(message) => message,
            Err(_) => panic!("not heard; heard: {passed:?}"),
        }
    }

    /// All messages up to one that `wanted` takes, with it.
    pub async fn hears_all(&mut self, wanted: impl Fn(&Value) -> bool) -> Vec<Value> {
        let mut heard = Vec::new();
        let all = tokio::time::timeout(Duration::from_secs(10), async {
            loop {
                let message = self.next().await;
                let last = wanted(&message);
                heard.push(message);
                if last {
                    return;
                }
            }
        });
        if all.await.is_err() {
            panic!("not heard; heard: {heard:?}");
        }
        heard
    }

    /// All that has been said up to now: a message that nothing handles is answered last.
    pub async fn hears_up_to_now(&mut self) -> Vec<Value> {
        let mark = format!("mark-{}", fastrand::u64(..));
        self.passes_on(serde_json::json!({ "type": mark })).await;
        let mut heard = self.hears_all(|message| message["ref"]["type"] == mark.as_str()).await;
        heard.pop();
        heard
    }

    /// What is in the outbox already, of a connection that nobody answers any more.
    pub fn rest(&mut self) -> Vec<Value> {
        self.reader.take(&mut self.seen);
        let texts = self.seen.drain(..).filter_map(|frame| match frame {
            Frame::Text(Text::Own(text)) => Some(text),
            Frame::Text(Text::Shared(text)) => Some(text.to_string()),
            _ => None,
        });
        texts.map(|text| serde_json::from_str(&text).expect("json")).collect()
    }

    /// Says hello and is answered.
    pub async fn greets(&mut self, mcp: bool) {
        self.say(serde_json::json!({ "type": "hello", "features": { "mcp": mcp } })).await;
        self.hears(|message| message["type"] == "hello").await;
    }

    /// Has the mock mode of this type want something.
    pub async fn pulls(&self, mock_mode: &str, wanted: Value) {
        self.say(serde_json::json!({ "type": mock_mode, "do": wanted })).await;
    }

    /// What a recogniser makes of its sound.
    pub async fn is_understood(&self, text: &str, confirmed: bool) {
        let words = Words {
            text: text.into(),
            is_final: confirmed,
            cut: false,
            start_ms: 1,
            end_ms: 2,
            took: None,
            source: "test".into(),
        };
        self.attachment.as_ref().expect("connected").words(words).await.expect("a session");
    }

    /// The next event of this name that a mock mode was told.
    pub async fn is_told(&mut self, event: &str) -> Value {
        self.hears(|message| message["event"] == event).await
    }

    /// The next message of any kind.
    pub async fn next(&mut self) -> Value {
        loop {
            match self.seen.pop_front() {
                Some(Frame::Text(Text::Own(text))) => return serde_json::from_str(&text).expect("json"),
                Some(Frame::Text(Text::Shared(text))) => return serde_json::from_str(&text).expect("json"),
                Some(Frame::Close { code, reason }) => return serde_json::json!({ "closed": code, "reason": reason }),
                Some(Frame::Audio { .. }) => {}
                Some(Frame::Mark(mark)) => mark.reach(),
                None => self.reader.fill(&mut self.seen).await,
            }
        }
    }

    /// The epoch of the sound that comes now.
    pub fn epoch(&self) -> u64 {
        self.attachment.as_ref().expect("connected").epoch()
    }

    /// A recogniser has made this of sound of that epoch.
    pub async fn is_understood_of(&self, epoch: u64, text: &str) {
        let (start_ms, end_ms, source) = (1, 2, "test".into());
        let words = Words { text: text.into(), is_final: true, cut: false, start_ms, end_ms, took: None, source };
        self.attachment.as_ref().expect("connected").words_of(epoch, words).await.expect("a session");
    }

    /// Closes its connection.
    pub fn hangs_up(&mut self) {
        if let Some(attachment) = self.attachment.take() {
            attachment.hang_up();
        }
    }

    /// Loses its connection.
    pub fn vanish(&mut self) {
        self.attachment = None;
    }
}
