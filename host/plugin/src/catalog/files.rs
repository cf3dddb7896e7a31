//! What has become of each plugin's file, for a cluster whose nodes have the same plugins. Rule: read from the releases as
//! they are; nothing here changes them.

use std::path::PathBuf;

use super::PluginCatalog;

/// The file of a plugin, and what its releases are made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PluginFile {
    /// Id of the plugin.
    pub plugin: String,
    /// Its path.
    pub path: PathBuf,
    /// SHA-256 in hex of the newest release that serves, be it to a share of the devices.
    pub newest: String,
    /// SHA-256 of the release that was rolled back last.
    pub rolled_back: Option<String>,
}

impl PluginCatalog {
    /// The plugins that serve.
    pub fn files(&self) -> Vec<PluginFile> {
        let releases = self.serving.releases();
        let file = |(id, slot): (&modehost_ids::PluginId, &super::slot::PluginSlot)| {
            let rolled_back = releases.rolled_back.get(id);
            let newest = slot.newest();
            PluginFile {
                plugin: id.to_string(),
                path: rolled_back.map_or_else(|| newest.file.clone(), |rolled_back| rolled_back.file.clone()),
                newest: newest.code().to_owned(),
                rolled_back: rolled_back.map(|rolled_back| rolled_back.code.clone()),
            }
        };
        releases.slots.iter().map(file).collect()
    }
}
