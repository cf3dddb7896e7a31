//! The settings of sessions. Rule: values here are valid; readers do not check again.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use crate::limits;
use modehost_contract::event::Device;
use modehost_ids::{DeviceId, GroupId};
use modehost_mcp::Vision;
use modehost_storage::traits::Audience;

use crate::extensions::ExtensionRule;

/// The group of devices that no configured group lists.
pub const DEFAULT_GROUP: &str = "default";

/// The languages that the server itself speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Language {
    /// `zh`.
    #[default]
    Chinese,
    /// `en`.
    English,
}

impl Language {
    /// The language tag.
    pub fn tag(self) -> &'static str {
        match self {
            Self::Chinese => "zh",
            Self::English => "en",
        }
    }

    /// The language of a text: Chinese if it contains a Chinese character, English if it contains other letters; none
    /// for digits and punctuation.
    pub fn of(text: &str) -> Option<Self> {
        let chinese =
            |letter| matches!(letter, '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}');
        if text.chars().any(chinese) {
            return Some(Self::Chinese);
        }
        text.chars().any(char::is_alphabetic).then_some(Self::English)
    }

    /// The variant for this language.
    pub fn pick<T>(self, chinese: T, english: T) -> T {
        match self {
            Self::Chinese => chinese,
            Self::English => english,
        }
    }
}

/// What a second connection of a device does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum DuplicateDevice {
    /// It takes the session over; the old connection gets a message and is closed.
    #[default]
    Takeover,
    /// It is rejected.
    Reject,
}

/// What happens to a message for a device that has never connected and that the configuration does not name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum UnknownRecipients {
    /// It is rejected, and the sender gets an error.
    #[default]
    Reject,
    /// It is stored.
    Store,
}

/// Settings of all sessions; replaced as a whole while the server runs.
#[derive(Clone, Debug)]
pub struct Config {
    /// How long a session waits for its device to reconnect.
    pub resume_window: Duration,
    /// How long an idle session keeps its instances.
    pub hibernate_after: Duration,
    /// The mode that runs where no other does; without one, typed and spoken text goes nowhere.
    pub default_mode: Option<Arc<str>>,
    /// Texts of `listen` `detect` that only wake the device, normalised by `wake_word`.
    pub wake_words: Vec<String>,
    /// The reply to a wake word, if any.
    pub greeting: Option<String>,
    /// The language of the server's own sentences before the user has said anything.
    pub language: Language,
    /// How old unsaved state may be when the process is killed.
    pub checkpoint: Duration,
    /// Live instances over all sessions.
    pub live_instances: usize,
    /// Sessions migrated to a new generation per second.
    pub migrations_per_second: u32,
    /// Groups and aliases of devices.
    pub device_directory: DeviceDirectory,
    /// None where no vision service is configured: then cameras are not offered to modes.
    pub vision: Option<Vision>,
    /// Which devices are assumed to understand this server's own message types.
    pub extensions: ExtensionRule,
    /// What happens to messages for devices that have never connected.
    pub unknown_recipients: UnknownRecipients,
    /// Number of sessions above which sessions without handlers are not kept for their devices.
    pub idle_sessions_soft_limit: usize,
    /// When idle connections are closed.
    pub idle: IdleConfig,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            resume_window: limits::RESUME_WINDOW,
            hibernate_after: limits::HIBERNATE_AFTER,
            default_mode: None,
            wake_words: Vec::new(),
            greeting: None,
            language: Language::default(),
            checkpoint: limits::CHECKPOINT,
            live_instances: limits::LIVE_INSTANCES,
            migrations_per_second: limits::MIGRATIONS_PER_SECOND,
            device_directory: DeviceDirectory::default(),
            vision: None,
            extensions: ExtensionRule::default(),
            unknown_recipients: UnknownRecipients::default(),
            idle_sessions_soft_limit: limits::SESSION_SOFT_LIMIT,
            idle: IdleConfig::default(),
        }
    }
}

/// When an idle connection is closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdleConfig {
    /// Idle time without a message, a heartbeat or audio; zero: connections are never closed for it.
    pub idle: Duration,
    /// Added to it in every mode.
    pub buffer: Duration,
    /// How long before closing the device is warned, longest first.
    pub warn_before: Vec<Duration>,
    /// Factor of `idle` in a mode; 0: never closed in it.
    pub multiplier: BTreeMap<Arc<str>, u32>,
}

impl Default for IdleConfig {
    fn default() -> Self {
        Self {
            idle: limits::IDLE_TIMEOUT,
            buffer: limits::IDLE_BUFFER,
            warn_before: limits::IDLE_WARNINGS.to_vec(),
            multiplier: BTreeMap::new(),
        }
    }
}

impl IdleConfig {
    /// How long a device may be idle in a mode; `None`: for ever.
    pub(crate) fn total(&self, mode: Option<&str>) -> Option<Duration> {
        let times = mode.and_then(|mode| self.multiplier.get(mode)).copied().unwrap_or(1);
        let silence = self.idle.saturating_mul(times);
        (!silence.is_zero()).then(|| silence.saturating_add(self.buffer))
    }
}

/// The devices of a group.
pub(crate) enum Members {
    Listed(Arc<[DeviceId]>),
    /// All devices that no group lists.
    Ungrouped,
    /// There is no such group.
    None,
}

/// Groups and aliases of devices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceDirectory {
    groups: BTreeMap<GroupId, Arc<[DeviceId]>>,
    alias: BTreeMap<DeviceId, Arc<str>>,
    /// Every device that some group lists, sorted: all others form the default group.
    grouped: Arc<[DeviceId]>,
    /// The groups of each device, so that a lookup does not scan all groups.
    groups_of: HashMap<DeviceId, Arc<[Arc<str>]>>,
}

impl Default for DeviceDirectory {
    fn default() -> Self {
        Self::new(BTreeMap::new(), BTreeMap::new())
    }
}

impl DeviceDirectory {
    /// Groups with their devices, and aliases of devices, as configured.
    pub fn new(groups: BTreeMap<GroupId, Vec<DeviceId>>, alias: BTreeMap<DeviceId, String>) -> Self {
        let mut of: BTreeMap<DeviceId, Vec<Arc<str>>> = BTreeMap::new();
        for (group, devices) in &groups {
            let name: Arc<str> = group.as_str().into();
            for device in devices {
                let names = of.entry(device.clone()).or_default();
                // A group that lists a device twice yields it twice in a row.
                if names.last() != Some(&name) {
                    names.push(name.clone());
                }
            }
        }
        let grouped: Vec<DeviceId> = of.keys().cloned().collect();
        Self {
            groups_of: of.into_iter().map(|(device, names)| (device, names.into())).collect(),
            groups: groups.into_iter().map(|(group, devices)| (group, devices.into())).collect(),
            alias: alias.into_iter().map(|(device, name)| (device, name.into())).collect(),
            grouped: grouped.into(),
        }
    }

    /// The description of a device that modes get.
    pub fn device(&self, id: &DeviceId) -> Device {
        let groups = self.groups_of.get(id).cloned().unwrap_or_else(|| [DEFAULT_GROUP.into()].into());
        Device { id: id.as_str().into(), alias: self.alias.get(id).cloned(), groups }
    }

    /// The devices of a group, as the configuration lists them.
    pub(crate) fn members(&self, group: &str) -> Members {
        match self.groups.get(group) {
            Some(devices) => Members::Listed(devices.clone()),
            None if group == DEFAULT_GROUP => Members::Ungrouped,
            None => Members::None,
        }
    }

    /// Whether the configuration names the device, in a group or with an alias.
    pub(crate) fn names(&self, device: &DeviceId) -> bool {
        self.groups_of.contains_key(device) || self.alias.contains_key(device)
    }

    /// Whether some group lists the device.
    pub(crate) fn is_grouped(&self, device: &DeviceId) -> bool {
        self.groups_of.contains_key(device)
    }

    /// Devices that the configuration names, in groups or with an alias; may contain duplicates.
    pub(crate) fn named(&self) -> impl Iterator<Item = &DeviceId> {
        self.grouped.iter().chain(self.alias.keys())
    }

    /// The recipients of a message to a group. A group that is not configured has none.
    pub fn audience(&self, group: &str) -> Audience {
        match self.groups.get(group) {
            Some(devices) => Audience::Only(devices.clone()),
            None if group == DEFAULT_GROUP => Audience::AllBut(self.grouped.clone()),
            None => Audience::Only(Arc::new([])),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_in_no_group_is_in_the_default_group() {
        let groups = BTreeMap::from([("red".into(), vec!["a".into(), "b".into()])]);
        let device_directory = DeviceDirectory::new(groups, BTreeMap::from([("a".into(), "Ann".into())]));
        assert_eq!(*device_directory.device(&"a".into()).groups, ["red".into()]);
        assert_eq!(device_directory.device(&"a".into()).alias.as_deref(), Some("Ann"));
        assert_eq!(*device_directory.device(&"c".into()).groups, ["default".into()]);
        assert_eq!(device_directory.audience("default"), Audience::AllBut(Arc::new(["a".into(), "b".into()])));
        assert_eq!(device_directory.audience("blue"), Audience::Only(Arc::new([])));
    }

    #[test]
    fn a_roster_four_times_as_large_takes_about_four_times_as_long() {
        let time = |count: usize| {
            let device = |number: usize| DeviceId::new(format!("device-{number}"));
            let groups = (0..count).map(|number| (GroupId::new(format!("g{number}")), vec![device(number)]));
            let groups: BTreeMap<GroupId, Vec<DeviceId>> = groups.collect();
            let once = |_| {
                let began = std::time::Instant::now();
                let device_directory = DeviceDirectory::new(groups.clone(), BTreeMap::new());
                // As sessions do, each for its own device.
                let found =
                    (0..count).filter(|number| device_directory.device(&device(*number)).groups.len() == 1).count();
                assert_eq!(found, count);
                began.elapsed()
            };
            (0..9).map(once).min().unwrap_or_default()
        };
        let (few, many) = (time(4_000), time(16_000));
        // Quadratic growth would be sixteenfold.
        assert!(many < few * 8, "{few:?}, then {many:?}");
    }
}
