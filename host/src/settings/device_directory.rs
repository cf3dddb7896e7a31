//! Device ids in the settings, and the device directory of sessions. Rule: an id that no device could have is rejected
//! here.

use std::collections::BTreeMap;

use garde::Validate;
use modehost_ids::{DeviceId, GroupId};
use modehost_session::DeviceDirectory;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Settings;

/// A device id, as written in the settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(transparent)]
#[garde(transparent)]
pub struct DeviceName(#[garde(custom(is_device))] pub String);

fn is_device(id: &str, _: &()) -> garde::Result {
    match DeviceId::parse(id) {
        Some(_) => Ok(()),
        None => Err(garde::Error::new("has an entry that is no device id: 1 to 128 bytes without control characters")),
    }
}

pub(super) fn keys_are_devices(alias: &BTreeMap<String, String>, context: &()) -> garde::Result {
    alias.keys().try_for_each(|id| is_device(id, context))
}

/// The groups and names, with ids normalised as those of connections.
pub(super) fn device_directory(settings: &Settings) -> DeviceDirectory {
    let devices = |ids: &Vec<DeviceName>| ids.iter().filter_map(|id| DeviceId::parse(&id.0)).collect();
    let groups = settings.groups.iter().map(|(group, ids)| (GroupId::new(group.as_str()), devices(ids)));
    let alias = settings.device_alias.iter().filter_map(|(id, name)| Some((DeviceId::parse(id)?, name.clone())));
    DeviceDirectory::new(groups.collect(), alias.collect())
}
