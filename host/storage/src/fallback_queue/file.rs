//! The messages in the file. Rule: an acknowledged message is in the file on disk; the file is replaced atomically, so
//! a crash leaves the old or the new version.

use std::collections::VecDeque;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::limits;
use modehost_ids::DeviceId;
use serde::{Deserialize, Serialize};

use crate::reply::StorageError;
use crate::traits::{QueuedMessage, ReceiptTarget};

/// Ids from here on belong to this file: the database counts up from 1 and never gets here.
pub(super) const FIRST_FILE_ID: u64 = 1 << 62;

/// Name of the file in the data directory.
pub const FILE: &str = "offline_queue.json";

/// One message as stored in the file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct FileMessage {
    pub(super) device_id: DeviceId,
    pub(super) payload: Arc<str>,
    /// Unix ms.
    pub(super) queued_at: u64,
    pub(super) ttl_ms: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sender: Option<DeviceId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    notice: Option<Arc<str>>,
    /// Valid in this process only; messages are renumbered when the file is read.
    #[serde(skip)]
    pub(super) id: u64,
    /// It is being delivered to its device and has not been acknowledged.
    #[serde(skip)]
    pub(super) in_delivery: bool,
}

#[derive(Serialize)]
struct FileOut<'a> {
    version: u32,
    messages: &'a VecDeque<FileMessage>,
}

#[derive(Deserialize)]
struct FileIn {
    messages: VecDeque<FileMessage>,
}

impl FileMessage {
    pub(super) fn new(
        origin: Option<ReceiptTarget>,
        device: &DeviceId,
        payload: Arc<str>,
        queued_at: u64,
        ttl_ms: u64,
    ) -> Self {
        let (sender, notice) = origin.map(|origin| (origin.sender, origin.receipt)).unzip();
        Self { device_id: device.clone(), payload, queued_at, ttl_ms, sender, notice, id: 0, in_delivery: false }
    }

    pub(super) fn origin(&self) -> Option<ReceiptTarget> {
        let (sender, receipt) = self.sender.clone().zip(self.notice.clone())?;
        Some(ReceiptTarget { sender, receipt })
    }

    pub(super) fn queued(&self) -> QueuedMessage {
        QueuedMessage {
            id: self.id,
            payload: self.payload.clone(),
            origin: self.origin(),
            queued_at: self.queued_at,
            ttl_ms: self.ttl_ms,
        }
    }

    /// Whether the message is to this device, or its sender is this device.
    pub(super) fn involves(&self, device: &DeviceId) -> bool {
        self.device_id == *device || self.sender.as_ref() == Some(device)
    }

    pub(super) fn is_expired(&self, now: u64) -> bool {
        self.queued_at.saturating_add(self.ttl_ms) <= now
    }

    fn bytes(&self) -> usize {
        self.payload.len() + self.notice.as_ref().map_or(0, |notice| notice.len())
    }
}

/// The file and its messages.
pub(super) struct File {
    dir: PathBuf,
    messages: VecDeque<FileMessage>,
    next: u64,
}

impl File {
    /// Reads the file; a damaged one is moved aside.
    pub(super) fn open(dir: &Path) -> io::Result<Self> {
        let path = dir.join(FILE);
        let mut messages = match modehost_follow::read(&path, limits::FALLBACK_FILE_BYTES) {
            Ok(bytes) => match serde_json::from_slice::<FileIn>(&bytes) {
                Ok(read) => read.messages,
                Err(error) => {
                    move_aside(&path, Some(&error))?;
                    VecDeque::new()
                }
            },
            Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {
                move_aside(&path, None)?;
                VecDeque::new()
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => VecDeque::new(),
            Err(error) => return Err(error),
        };
        let mut next = FIRST_FILE_ID;
        for message in &mut messages {
            message.id = next;
            next += 1;
        }
        Ok(Self { dir: dir.into(), messages, next })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    pub(super) fn path(&self) -> PathBuf {
        self.dir.join(FILE)
    }

    pub(super) fn messages(&self) -> &VecDeque<FileMessage> {
        &self.messages
    }

    /// Adds a message in memory; returns how many older ones of the device were dropped, so that at most `max` wait for
    /// it.
    pub(super) fn add(&mut self, mut added: FileMessage, max: u32) -> Result<u32, StorageError> {
        self.messages.retain(|message| message.device_id != added.device_id || !message.is_expired(added.queued_at));
        let bytes: usize = self.messages.iter().map(FileMessage::bytes).sum();
        let of_sender =
            self.messages.iter().filter(|message| message.sender.is_some() && message.sender == added.sender);
        let sender_use = of_sender.fold((1, added.bytes()), |(count, bytes), one| (count + 1, bytes + one.bytes()));
        if sender_use.0 > limits::FALLBACK_MESSAGES / limits::FALLBACK_SENDER_SHARE
            || sender_use.1 > limits::FALLBACK_BYTES / limits::FALLBACK_SENDER_SHARE
        {
            let text = format!(
                "its sender has its share of {} already, and the database cannot be used",
                self.path().display()
            );
            return Err(StorageError::Unavailable(text));
        }
        if self.messages.len() >= limits::FALLBACK_MESSAGES || bytes + added.bytes() > limits::FALLBACK_BYTES {
            let text = format!("{} is full and the database cannot be used", self.path().display());
            return Err(StorageError::Unavailable(text));
        }
        added.id = self.next;
        self.next += 1;
        let device = added.device_id.clone();
        self.messages.push_back(added);
        let of_device = self.messages.iter().filter(|message| message.device_id == device).count();
        let mut excess = of_device.saturating_sub(max as usize);
        let dropped = u32::try_from(excess).unwrap_or(u32::MAX);
        self.messages.retain(|message| {
            let drop_it = excess > 0 && message.device_id == device;
            excess -= usize::from(drop_it);
            !drop_it
        });
        Ok(dropped)
    }

    /// Marks the messages of a device up to this id as being delivered.
    pub(super) fn mark_in_delivery(&mut self, device: &DeviceId, last: u64) {
        let delivering = self.messages.iter_mut().filter(|message| message.device_id == *device && message.id <= last);
        delivering.for_each(|message| message.in_delivery = true);
    }

    /// Removes messages in memory.
    pub(super) fn remove(&mut self, matches: impl Fn(&FileMessage) -> bool) {
        self.messages.retain(|message| !matches(message));
    }

    /// Resets memory to what the file contains.
    pub(super) fn reset(&mut self, messages: VecDeque<FileMessage>) {
        self.messages = messages;
    }

    /// Writes the messages to disk; an empty list removes the file.
    pub(super) fn write(&self) -> io::Result<()> {
        let path = self.path();
        if self.messages.is_empty() {
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => return sync(&self.dir),
            }
        }
        let mut unfinished = tempfile::Builder::new().prefix(".offline_queue-").tempfile_in(&self.dir)?;
        let text = serde_json::to_vec(&FileOut { version: 1, messages: &self.messages })?;
        unfinished.write_all(&text)?;
        unfinished.as_file().sync_all()?;
        unfinished.persist(&path).map_err(|error| error.error)?;
        sync(&self.dir)
    }
}

/// `why` is `None` if the file is larger than any that is written here.
fn move_aside(path: &Path, why: Option<&serde_json::Error>) -> io::Result<()> {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let aside = path.with_extension(format!("json.damaged-{}", now.as_millis()));
    fs::rename(path, &aside)?;
    // Only the position of the error: the text around it is a private message.
    let (line, column) = why.map_or((0, 0), |why| (why.line(), why.column()));
    tracing::error!(file = %path.display(), aside = %aside.display(), line, column, "a damaged queue file is put aside");
    Ok(())
}

/// Syncs the entries of a directory.
fn sync(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { fs::File::open(folder)?.sync_all() } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(device: &str, payload: &str) -> FileMessage {
        FileMessage::new(None, &DeviceId::new(device), payload.into(), 5, 10)
    }

    #[test]
    fn p3_the_file_is_read_as_it_was_written_and_goes_when_it_is_empty() {
        let dir = tempfile::tempdir().expect("a folder");
        let mut file = File::open(dir.path()).expect("no file yet");
        file.add(message("a", "one"), 100).expect("room");
        file.add(message("b", "two"), 100).expect("room");
        file.write().expect("written");
        let mut again = File::open(dir.path()).expect("a file");
        assert_eq!(again.messages(), file.messages());
        again.remove(|_| true);
        again.write().expect("written");
        assert!(!again.path().exists());
    }

    #[test]
    fn p3_a_damaged_file_is_put_aside() {
        let dir = tempfile::tempdir().expect("a folder");
        fs::write(dir.path().join(FILE), "{\"version\":1,\"messages\":[{").expect("written");
        assert!(File::open(dir.path()).expect("a new one").is_empty());
        let names: Vec<_> =
            fs::read_dir(dir.path()).expect("a folder").flatten().map(|entry| entry.file_name()).collect();
        assert!(names.len() == 1 && names[0].to_string_lossy().contains("damaged"), "{names:?}");
    }

    #[test]
    fn p3_a_device_has_a_hundred_at_the_most_and_expired_ones_go_first() {
        let dir = tempfile::tempdir().expect("a folder");
        let mut file = File::open(dir.path()).expect("no file yet");
        let dropped: u32 = (0..103).map(|number| file.add(message("a", &number.to_string()), 100).expect("room")).sum();
        assert_eq!((dropped, file.messages().len(), &*file.messages()[0].payload), (3, 100, "3"));
        let late = FileMessage { queued_at: 15, ..message("a", "late") };
        assert_eq!(file.add(late, 100), Ok(0));
        assert_eq!(file.messages().len(), 1);
        let large = "x".repeat(limits::FALLBACK_BYTES);
        assert!(file.add(message("b", &large), 100).is_err());
        // One sender leaves room for others.
        let part = "x".repeat(limits::FALLBACK_BYTES / limits::FALLBACK_SENDER_SHARE / 2 - 1000);
        let of = |sender: &str| {
            let origin = ReceiptTarget { sender: DeviceId::from(sender), receipt: "{}".into() };
            FileMessage::new(Some(origin), &DeviceId::from("c"), part.as_str().into(), 0, 10)
        };
        assert!(file.add(of("one"), 100).is_ok() && file.add(of("one"), 100).is_ok());
        assert!(file.add(of("one"), 100).is_err_and(|error| error.to_string().contains("its share")));
        assert!(file.add(of("other"), 100).is_ok());
    }
}
