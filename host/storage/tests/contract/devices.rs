//! Device facts: they only add up. Rule: each case uses keys of its own, since the store may be shared.

use modehost_ids::DeviceId;
use modehost_storage::traits::{DeviceFacts, Devices};

use crate::get;

pub fn c18_facts_about_a_device_add_up(devices: &dyn Devices) {
    let device = DeviceId::new("facts");
    let none = DeviceFacts::default();
    assert_eq!(get(devices.facts(&device)), none);
    get(devices.add_facts(&device, DeviceFacts { sends_stop: true, ..none }, 1));
    get(devices.add_facts(&device, DeviceFacts { knows_extensions: true, ..none }, 2));
    get(devices.add_facts(&device, none, 3));
    assert_eq!(get(devices.facts(&device)), DeviceFacts { knows_extensions: true, sends_stop: true });
    assert_eq!(get(devices.facts(&DeviceId::new("facts-other"))), none, "of another nothing is known");
}
