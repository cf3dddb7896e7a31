//! A registry with real storage and real mode threads, and devices that read their outboxes.
//! Rule: a device waits for a message with a deadline, never for a time to pass.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use modehost_outbox::{Frame, OutboxReader, Text, outbox};
use modehost_protocol::{DeviceMessage, check};
use modehost_session::{Attachment, Config, DuplicateDevice, Registry, Services};
use modehost_storage::{LocalDirectory, SqliteStorage};
use modehost_task::ModeThreads;
use serde_json::Value;
use tokio::sync::watch;

use crate::native::Turned;

/// Everything that sessions need; the folder goes with it.
pub struct House {
    pub registry: Arc<Registry>,
    pub catalog: Arc<Turned>,
    pub config: watch::Sender<Arc<Config>>,
    folder: tempfile::TempDir,
}

type Furniture = (Arc<Registry>, Arc<Turned>, watch::Sender<Arc<Config>>);

fn furnish(folder: &Path, config: Config, adjust: impl FnOnce(&mut Services)) -> Furniture {
    let settings = modehost_storage::Config { dir: folder.into(), ..Default::default() };
    let storage = SqliteStorage::open(&settings).expect("storage");
    let threads = Arc::new(ModeThreads::start(2, &tokio::runtime::Handle::current()).expect("threads"));
    let catalog = Arc::new(Turned::default());
    let (config, watched) = watch::channel(Arc::new(config));
    let mut services = Services {
        threads,
        catalog: catalog.clone(),
        documents: storage.clone(),
        journals: storage.clone(),
        archives: storage.clone(),
        queue: storage.clone(),
        sessions: storage,
        directory: Arc::new(LocalDirectory::default()),
        models: None,
        hooks: None,
        config: watched,
    };
    adjust(&mut services);
    (Registry::new(services), catalog, config)
}

impl House {
    /// A house with these settings; `adjust` may add services.
    pub fn with(config: Config, adjust: impl FnOnce(&mut Services)) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (registry, catalog, config) = furnish(folder.path(), config, adjust);
        Self { registry, catalog, config, folder }
    }

    /// Stops in order and starts again on the same folder, with no plugin loaded.
    pub async fn restart(&mut self) {
        self.registry.drain(1001, "restart").await;
        let config = self.config.borrow().as_ref().clone();
        // The storage lets its folder go with the last session that holds it.
        let elsewhere = tempfile::tempdir().expect("a folder");
        let spare = furnish(elsewhere.path(), config.clone(), |_| {});
        (self.registry, self.catalog, self.config) = spare;
        let again = tokio::time::timeout(Duration::from_secs(10), async {
            let settings = modehost_storage::Config { dir: self.folder.path().into(), ..Default::default() };
            while SqliteStorage::open(&settings).is_err() {
                tokio::task::yield_now().await;
            }
        });
        again.await.expect("the folder is free");
        (self.registry, self.catalog, self.config) = furnish(self.folder.path(), config, |_| {});
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
        self.attachment.as_ref().expect("connected").message(message).await.expect("a session");
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

    /// The next message of any kind.
    pub async fn next(&mut self) -> Value {
        loop {
            match self.seen.pop_front() {
                Some(Frame::Text(Text::Own(text))) => return serde_json::from_str(&text).expect("json"),
                Some(Frame::Text(Text::Shared(text))) => return serde_json::from_str(&text).expect("json"),
                Some(Frame::Close { code, reason }) => return serde_json::json!({ "closed": code, "reason": reason }),
                Some(Frame::Audio(_)) => {}
                None => self.reader.fill(&mut self.seen).await,
            }
        }
    }

    /// Loses its connection.
    pub fn vanish(&mut self) {
        self.attachment = None;
    }
}
