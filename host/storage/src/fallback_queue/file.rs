//! The messages in the file. Rule: what is acknowledged is what the file on the disk says; it is
//! replaced as a whole, so a crash leaves the old one or the new one and never a part.

use std::collections::VecDeque;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::limits;
use modehost_ids::DeviceId;
use serde::{Deserialize, Serialize};

use crate::reply::StorageError;
use crate::traits::{Origin, Queued};

/// Ids from here on are of this file: the database counts up from 1 and never gets here.
pub(super) const FILE_IDS: u64 = 1 << 62;

/// Its name in the data folder.
pub const FILE: &str = "offline_queue.json";

/// One message as the file has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Kept {
    pub(super) device_id: DeviceId,
    pub(super) payload: Arc<str>,
    /// Unix ms.
    pub(super) queued_at: u64,
    pub(super) ttl_ms: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sender: Option<DeviceId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    notice: Option<Arc<str>>,
    /// Of this process; the file is numbered anew when it is read.
    #[serde(skip)]
    pub(super) id: u64,
    /// Its device has been handed it, and has not said whether it arrived.
    #[serde(skip)]
    pub(super) lent: bool,
}

#[derive(Serialize)]
struct Written<'a> {
    version: u32,
    messages: &'a VecDeque<Kept>,
}

#[derive(Deserialize)]
struct Read {
    messages: VecDeque<Kept>,
}

impl Kept {
    pub(super) fn new(
        origin: Option<Origin>,
        device: &DeviceId,
        payload: Arc<str>,
        queued_at: u64,
        ttl_ms: u64,
    ) -> Self {
        let (sender, notice) = origin.map(|origin| (origin.sender, origin.receipt)).unzip();
        Self { device_id: device.clone(), payload, queued_at, ttl_ms, sender, notice, id: 0, lent: false }
    }

    pub(super) fn origin(&self) -> Option<Origin> {
        let (sender, receipt) = self.sender.clone().zip(self.notice.clone())?;
        Some(Origin { sender, receipt })
    }

    pub(super) fn queued(&self) -> Queued {
        Queued {
            id: self.id,
            payload: self.payload.clone(),
            origin: self.origin(),
            queued_at: self.queued_at,
            ttl_ms: self.ttl_ms,
        }
    }

    /// Whether it is to this device, or wants to be told to it.
    pub(super) fn concerns(&self, device: &DeviceId) -> bool {
        self.device_id == *device || self.sender.as_ref() == Some(device)
    }

    pub(super) fn is_expired(&self, now: u64) -> bool {
        self.queued_at.saturating_add(self.ttl_ms) <= now
    }

    fn bytes(&self) -> usize {
        self.payload.len() + self.notice.as_ref().map_or(0, |notice| notice.len())
    }
}

/// The file and what is in it.
pub(super) struct File {
    dir: PathBuf,
    messages: VecDeque<Kept>,
    next: u64,
}

impl File {
    /// Reads what is there; a file that makes no sense is put aside.
    pub(super) fn open(dir: &Path) -> io::Result<Self> {
        let path = dir.join(FILE);
        let mut messages = match modehost_follow::read(&path, limits::SPARE_FILE_BYTES) {
            Ok(bytes) => match serde_json::from_slice::<Read>(&bytes) {
                Ok(read) => read.messages,
                Err(error) => {
                    put_aside(&path, Some(&error))?;
                    VecDeque::new()
                }
            },
            Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {
                put_aside(&path, None)?;
                VecDeque::new()
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => VecDeque::new(),
            Err(error) => return Err(error),
        };
        let mut next = FILE_IDS;
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

    pub(super) fn messages(&self) -> &VecDeque<Kept> {
        &self.messages
    }

    /// Adds a message in memory; gives how many older ones of the device had to go, so that no more
    /// than `most` wait for it.
    pub(super) fn add(&mut self, mut kept: Kept, most: u32) -> Result<u32, StorageError> {
        self.messages.retain(|message| message.device_id != kept.device_id || !message.is_expired(kept.queued_at));
        let bytes: usize = self.messages.iter().map(Kept::bytes).sum();
        let of_sender =
            self.messages.iter().filter(|message| message.sender.is_some() && message.sender == kept.sender);
        let shares = of_sender.fold((1, kept.bytes()), |(count, bytes), one| (count + 1, bytes + one.bytes()));
        if shares.0 > limits::SPARE_MESSAGES / limits::SPARE_SHARE
            || shares.1 > limits::SPARE_BYTES / limits::SPARE_SHARE
        {
            let text = format!(
                "its sender has its share of {} already, and the database cannot be used",
                self.path().display()
            );
            return Err(StorageError::Unavailable(text));
        }
        if self.messages.len() >= limits::SPARE_MESSAGES || bytes + kept.bytes() > limits::SPARE_BYTES {
            let text = format!("{} is full and the database cannot be used", self.path().display());
            return Err(StorageError::Unavailable(text));
        }
        kept.id = self.next;
        self.next += 1;
        let device = kept.device_id.clone();
        self.messages.push_back(kept);
        let of_device = self.messages.iter().filter(|message| message.device_id == device).count();
        let mut surplus = of_device.saturating_sub(most as usize);
        let dropped = u32::try_from(surplus).unwrap_or(u32::MAX);
        self.messages.retain(|message| {
            let goes = surplus > 0 && message.device_id == device;
            surplus -= usize::from(goes);
            !goes
        });
        Ok(dropped)
    }

    /// Notes that a device is being handed its messages up to this one.
    pub(super) fn lend(&mut self, device: &DeviceId, last: u64) {
        let handed = self.messages.iter_mut().filter(|message| message.device_id == *device && message.id <= last);
        handed.for_each(|message| message.lent = true);
    }

    /// Takes messages out in memory.
    pub(super) fn remove(&mut self, gone: impl Fn(&Kept) -> bool) {
        self.messages.retain(|message| !gone(message));
    }

    /// Puts memory back to what the file says.
    pub(super) fn put_back(&mut self, messages: VecDeque<Kept>) {
        self.messages = messages;
    }

    /// Brings the messages to the disk; an empty list removes the file.
    pub(super) fn write(&self) -> io::Result<()> {
        let path = self.path();
        if self.messages.is_empty() {
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => return sync(&self.dir),
            }
        }
        let mut unfinished = tempfile::Builder::new().prefix(".offline_queue-").tempfile_in(&self.dir)?;
        let text = serde_json::to_vec(&Written { version: 1, messages: &self.messages })?;
        unfinished.write_all(&text)?;
        unfinished.as_file().sync_all()?;
        unfinished.persist(&path).map_err(|error| error.error)?;
        sync(&self.dir)
    }
}

/// `why` is none where it is larger than any that is written here.
fn put_aside(path: &Path, why: Option<&serde_json::Error>) -> io::Result<()> {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let aside = path.with_extension(format!("json.damaged-{}", now.as_millis()));
    fs::rename(path, &aside)?;
    // Only the place of the fault: the text around it is somebody's message.
    let (line, column) = why.map_or((0, 0), |why| (why.line(), why.column()));
    tracing::error!(file = %path.display(), aside = %aside.display(), line, column, "a damaged queue file is put aside");
    Ok(())
}

/// Brings names that have changed in a folder to the disk.
fn sync(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { fs::File::open(folder)?.sync_all() } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(device: &str, payload: &str) -> Kept {
        Kept::new(None, &DeviceId::new(device), payload.into(), 5, 10)
    }

    #[test]
    fn p3_the_file_is_read_as_it_was_written_and_goes_when_it_is_empty() {
        let dir = tempfile::tempdir().expect("a folder");
        let mut file = File::open(dir.path()).expect("no file yet");
        file.add(kept("a", "one"), 100).expect("room");
        file.add(kept("b", "two"), 100).expect("room");
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
        let dropped: u32 = (0..103).map(|number| file.add(kept("a", &number.to_string()), 100).expect("room")).sum();
        assert_eq!((dropped, file.messages().len(), &*file.messages()[0].payload), (3, 100, "3"));
        let late = Kept { queued_at: 15, ..kept("a", "late") };
        assert_eq!(file.add(late, 100), Ok(0));
        assert_eq!(file.messages().len(), 1);
        let large = "x".repeat(limits::SPARE_BYTES);
        assert!(file.add(kept("b", &large), 100).is_err());
        // One sender leaves room for others.
        let part = "x".repeat(limits::SPARE_BYTES / limits::SPARE_SHARE / 2 - 1000);
        let of = |sender: &str| {
            let origin = Origin { sender: DeviceId::from(sender), receipt: "{}".into() };
            Kept::new(Some(origin), &DeviceId::from("c"), part.as_str().into(), 0, 10)
        };
        assert!(file.add(of("one"), 100).is_ok() && file.add(of("one"), 100).is_ok());
        assert!(file.add(of("one"), 100).is_err_and(|error| error.to_string().contains("its share")));
        assert!(file.add(of("other"), 100).is_ok());
    }
}
