//! The device directory of a single process: which device is connected, and its mailbox.
//!
//! Rule: mailboxes are called without holding a lock, so that a mailbox may register, unregister or be slow without
//! blocking others.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use modehost_ids::DeviceId;
use parking_lot::RwLock;

use crate::reply::Reply;
use crate::traits::{Audience, DeliveryError, Directory, Mailbox, Registration};

/// Devices in different shards never contend for a lock. A power of two.
const SHARDS: usize = 16;

/// The connected devices of this process. Cloning yields another handle to the same directory.
#[derive(Clone, Default)]
pub struct LocalDirectory(Arc<Shards>);

#[derive(Default)]
struct Shards {
    hasher: RandomState,
    shards: [RwLock<Shard>; SHARDS],
}

#[derive(Default)]
struct Shard {
    /// Registration counter, to tell a replaced registration from its successor.
    next: u64,
    entries: HashMap<DeviceId, Entry>,
}

struct Entry {
    registration: u64,
    mailbox: Arc<dyn Mailbox>,
}

/// Removes a registration when dropped, unless it was replaced.
struct Guard {
    shards: Arc<Shards>,
    device: DeviceId,
    registration: u64,
}

impl Drop for Guard {
    fn drop(&mut self) {
        let mut shard = self.shards.of(&self.device).write();
        let ours = shard.entries.get(&self.device).is_some_and(|entry| entry.registration == self.registration);
        let entry = if ours { shard.entries.remove(&self.device) } else { None };
        // Dropping the mailbox runs foreign code, so it is done outside the lock.
        drop(shard);
        drop(entry);
    }
}

impl Shards {
    fn of(&self, device: &DeviceId) -> &RwLock<Shard> {
        &self.shards[self.hasher.hash_one(device) as usize % SHARDS]
    }

    fn find(&self, device: &DeviceId) -> Option<Arc<dyn Mailbox>> {
        self.of(device).read().entries.get(device).map(|entry| entry.mailbox.clone())
    }
}

impl LocalDirectory {
    /// An empty directory.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Directory for LocalDirectory {
    fn register(&self, device: &DeviceId, mailbox: Arc<dyn Mailbox>) -> Registration {
        let mut shard = self.0.of(device).write();
        shard.next += 1;
        let registration = shard.next;
        let replaced = shard.entries.insert(device.clone(), Entry { registration, mailbox });
        drop(shard);
        drop(replaced);
        Registration::new(Guard { shards: self.0.clone(), device: device.clone(), registration })
    }

    fn deliver(
        &self,
        device: &DeviceId,
        message: &Arc<str>,
        supersedes: Option<&Arc<str>>,
    ) -> Reply<Result<(), DeliveryError>> {
        let outcome = match self.0.find(device) {
            Some(mailbox) => mailbox.send_in_order(message, supersedes),
            None => Err(DeliveryError::Offline),
        };
        Reply::ready(Ok(outcome))
    }

    fn notify_queued(&self, device: &DeviceId) {
        if let Some(mailbox) = self.0.find(device) {
            mailbox.on_queued();
        }
    }

    fn broadcast(&self, wanted: Audience, message: &Arc<str>, supersedes: Option<&Arc<str>>) -> Reply<usize> {
        let hand_over = |mailbox: Arc<dyn Mailbox>| usize::from(mailbox.send(message, supersedes).is_ok());
        let delivered = match wanted {
            Audience::Only(devices) => devices.iter().filter_map(|device| self.0.find(device)).map(hand_over).sum(),
            Audience::AllBut(devices) => {
                let mut delivered = 0;
                let devices: HashSet<&DeviceId> = devices.iter().collect();
                for shard in &self.0.shards {
                    let shard = shard.read();
                    let wanted = shard.entries.iter().filter(|(device, _)| !devices.contains(*device));
                    let mailboxes: Vec<_> = wanted.map(|(_, entry)| entry.mailbox.clone()).collect();
                    drop(shard);
                    delivered += mailboxes.into_iter().map(hand_over).sum::<usize>();
                }
                delivered
            }
        };
        Reply::ready(Ok(delivered))
    }

    fn devices(&self) -> Reply<Vec<DeviceId>> {
        let mut devices = Vec::new();
        for shard in &self.0.shards {
            devices.extend(shard.read().entries.keys().cloned());
        }
        Reply::ready(Ok(devices))
    }

    fn connected(&self) -> Reply<usize> {
        Reply::ready(Ok(self.0.shards.iter().map(|shard| shard.read().entries.len()).sum()))
    }
}
