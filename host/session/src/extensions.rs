//! Whether a device understands this server's own message types (C.18). Rule: this only holds the facts; who gets which
//! message is decided where messages are written.

use std::sync::atomic::{AtomicBool, Ordering};

use modehost_contract::event::Device;
use modehost_ids::GroupId;
use modehost_storage::traits::DeviceFacts;

/// Which devices are assumed to understand this server's own message types without having announced it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExtensionRule {
    /// All of them.
    pub always: bool,
    /// Those of these groups.
    pub groups: Vec<GroupId>,
}

impl ExtensionRule {
    fn grants(&self, device: &Device) -> bool {
        self.always || self.groups.iter().any(|group| device.groups.iter().any(|of| **of == *group.as_str()))
    }
}

/// What is known of one device. Shared by all who ask.
#[derive(Debug, Default)]
pub(crate) struct Extensions {
    /// It has sent a message of our own types at some time.
    observed: AtomicBool,
    /// Its last hello announces it.
    announced: AtomicBool,
    /// The configuration says so.
    granted: AtomicBool,
    sends_stop: AtomicBool,
}

impl Extensions {
    /// True if the device understands our own message types.
    pub(crate) fn are_supported(&self) -> bool {
        [&self.observed, &self.announced, &self.granted].iter().any(|sign| sign.load(Ordering::Relaxed))
    }

    pub(crate) fn announce(&self, announced: bool) {
        self.announced.store(announced, Ordering::Relaxed);
    }

    pub(crate) fn grant(&self, rule: &ExtensionRule, device: &Device) {
        self.granted.store(rule.grants(device), Ordering::Relaxed);
    }

    /// Adds facts; true if any is new.
    pub(crate) fn learn(&self, facts: DeviceFacts) -> bool {
        let new = |known: &AtomicBool, fact: bool| fact && !known.swap(true, Ordering::Relaxed);
        // No short circuit: both are recorded.
        new(&self.observed, facts.knows_extensions) | new(&self.sends_stop, facts.sends_stop)
    }

    /// The facts that are stored.
    pub(crate) fn facts(&self) -> DeviceFacts {
        DeviceFacts {
            knows_extensions: self.observed.load(Ordering::Relaxed),
            sends_stop: self.sends_stop.load(Ordering::Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c18_a_device_is_known_by_any_of_four_signs() {
        let device = Device { id: "a".into(), alias: None, groups: ["kitchen".into()].into() };
        let facts = DeviceFacts { knows_extensions: true, ..DeviceFacts::default() };
        let known = |tell: &dyn Fn(&Extensions)| {
            let extensions = Extensions::default();
            tell(&extensions);
            extensions.are_supported()
        };
        assert!(!known(&|_| ()));
        assert!(known(&|known| known.announce(true)));
        assert!(known(&|known| assert!(known.learn(facts) && !known.learn(facts), "news once")));
        assert!(known(&|known| known.grant(&ExtensionRule { always: true, groups: Vec::new() }, &device)));
        let groups = |group: &str| ExtensionRule { always: false, groups: vec![group.into()] };
        assert!(known(&|known| known.grant(&groups("kitchen"), &device)));
        assert!(!known(&|known| known.grant(&groups("office"), &device)));
    }
}
