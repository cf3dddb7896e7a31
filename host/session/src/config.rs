//! The settings of sessions. Rule: values here are valid; whoever reads them does not check again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use modehost_contract::event::Device;
use modehost_ids::{DeviceId, GroupId};
use modehost_limits as limits;

/// The group of devices that no configured group lists.
pub const DEFAULT_GROUP: &str = "default";

/// What a second connection of a device does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum DuplicateDevice {
    /// It takes the session over; the old connection is told and closed.
    #[default]
    Takeover,
    /// It is refused.
    Reject,
}

/// Settings of all sessions; replaced as a whole while the server runs.
#[derive(Clone, Debug)]
pub struct Config {
    /// How long a session waits for its device to come back.
    pub resume_window: Duration,
    /// How long an idle session keeps its instances.
    pub hibernate_after: Duration,
    /// The mode that runs where no other does; none: typed and spoken words go nowhere.
    pub default_mode: Option<Arc<str>>,
    /// Texts of `listen` `detect` that only wake the device, lower-cased.
    pub wake_words: Vec<String>,
    /// Whether unconfirmed state may be at most this old on a kill.
    pub checkpoint: Duration,
    /// Live instances over all sessions.
    pub live_instances: usize,
    /// Instances moved to a new generation per second.
    pub migrations_per_second: u32,
    pub roster: Roster,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            resume_window: limits::RESUME_WINDOW,
            hibernate_after: limits::HIBERNATE_AFTER,
            default_mode: None,
            wake_words: Vec::new(),
            checkpoint: limits::CHECKPOINT,
            live_instances: limits::LIVE_INSTANCES,
            migrations_per_second: limits::MIGRATIONS_PER_SECOND,
            roster: Roster::default(),
        }
    }
}

/// Groups and names of devices.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roster {
    /// Group to its devices, as configured.
    pub groups: BTreeMap<GroupId, Arc<[DeviceId]>>,
    pub alias: BTreeMap<DeviceId, Arc<str>>,
}

impl Roster {
    /// What modes are told of a device.
    pub fn device(&self, id: &DeviceId) -> Device {
        let mut groups: Vec<Arc<str>> = Vec::new();
        for (group, devices) in &self.groups {
            if devices.contains(id) {
                groups.push(group.as_str().into());
            }
        }
        if groups.is_empty() {
            groups.push(DEFAULT_GROUP.into());
        }
        Device { id: id.as_str().into(), alias: self.alias.get(id).cloned(), groups: groups.into() }
    }
}
