//! Software versions that devices report. Rule: they are unverified and used for the log only; text is sanitised and
//! truncated before it is stored, and stored for a bounded number of devices.

use std::collections::HashMap;

use crate::limits;
use modehost_ids::{DeviceId, sanitize_for_log};
use parking_lot::Mutex;

/// The software of one device, as reported.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Software {
    /// Its `User-Agent`: firmware puts the board there, and libraries their own name.
    pub agent: Option<String>,
    pub version: Option<String>,
}

impl Software {
    /// Sanitises and truncates both texts.
    pub fn new(agent: Option<&str>, version: Option<&str>) -> Self {
        let sanitize = |text: Option<&str>| text.and_then(|text| sanitize_for_log(text, limits::SOFTWARE_CHARACTERS));
        Self { agent: sanitize(agent), version: sanitize(version) }
    }
}

/// What devices reported in their OTA requests: stock firmware reports it there, and not when it connects.
#[derive(Debug, Default)]
pub(crate) struct SoftwareTable(Mutex<HashMap<DeviceId, Software>>);

impl SoftwareTable {
    /// Stores the software of a device; evicts another device if the table is full.
    pub fn record(&self, device: &DeviceId, software: &Software) {
        let mut known = self.0.lock();
        if known.len() >= limits::SOFTWARE_TABLE_DEVICES
            && !known.contains_key(device)
            && let Some(other) = known.keys().next().cloned()
        {
            known.remove(&other);
        }
        known.insert(device.clone(), software.clone());
    }

    /// The software of a device; empty if unknown.
    pub fn get(&self, device: &DeviceId) -> Software {
        self.0.lock().get(device).cloned().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_devices_say_of_themselves_is_kept_for_so_many() {
        let known = SoftwareTable::default();
        let firmware = Software::new(Some("bread-compact/1.9.0\n"), Some("1.9.0"));
        for number in 0..limits::SOFTWARE_TABLE_DEVICES + 10 {
            known.record(&DeviceId::new(format!("dev-{number}")), &firmware);
        }
        assert_eq!(known.0.lock().len(), limits::SOFTWARE_TABLE_DEVICES);
        let last = DeviceId::new(format!("dev-{}", limits::SOFTWARE_TABLE_DEVICES + 9));
        assert_eq!(known.get(&last).agent.as_deref(), Some("bread-compact/1.9.0"));
    }
}
