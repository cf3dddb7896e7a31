//! What devices say of the software that runs on them. Rule: nothing of it is proven, so it is for the log alone; it
//! is cleaned and cut before it is kept, and kept for a bounded number of devices.

use std::collections::HashMap;

use crate::limits;
use modehost_ids::{DeviceId, shown};
use parking_lot::Mutex;

/// What a device says of what runs on it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Software {
    /// Its `User-Agent`: firmware names the board there, and libraries themselves.
    pub agent: Option<String>,
    pub version: Option<String>,
}

impl Software {
    /// As it may be shown.
    pub fn new(agent: Option<&str>, version: Option<&str>) -> Self {
        let shown = |text: Option<&str>| text.and_then(|text| shown(text, limits::AGENT_CHARACTERS));
        Self { agent: shown(agent), version: shown(version) }
    }
}

/// What devices have said of themselves when they asked for the address: stock firmware says it there, and not when it
/// connects.
#[derive(Debug, Default)]
pub(crate) struct KnownSoftware(Mutex<HashMap<DeviceId, Software>>);

impl KnownSoftware {
    /// Keeps what a device says, in place of another device's where there are too many.
    pub fn note(&self, device: &DeviceId, software: &Software) {
        let mut known = self.0.lock();
        if known.len() >= limits::FIRMWARE_KNOWN
            && !known.contains_key(device)
            && let Some(other) = known.keys().next().cloned()
        {
            known.remove(&other);
        }
        known.insert(device.clone(), software.clone());
    }

    /// What a device has said; nothing where it is not known.
    pub fn find(&self, device: &DeviceId) -> Software {
        self.0.lock().get(device).cloned().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_devices_say_of_themselves_is_kept_for_so_many() {
        let known = KnownSoftware::default();
        let firmware = Software::new(Some("bread-compact/1.9.0\n"), Some("1.9.0"));
        for number in 0..limits::FIRMWARE_KNOWN + 10 {
            known.note(&DeviceId::new(format!("dev-{number}")), &firmware);
        }
        assert_eq!(known.0.lock().len(), limits::FIRMWARE_KNOWN);
        let last = DeviceId::new(format!("dev-{}", limits::FIRMWARE_KNOWN + 9));
        assert_eq!(known.find(&last).agent.as_deref(), Some("bread-compact/1.9.0"));
    }
}
