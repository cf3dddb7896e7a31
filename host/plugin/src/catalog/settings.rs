//! The settings that plugins are loaded with. Rule: immutable; new settings are a new value, which takes effect once
//! every plugin has accepted it.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value};

use super::releases::TrialPolicy;
use crate::config::Config;
use crate::load::LoadError;
use crate::package::Package;

/// The section `plugins`, and the section of each plugin.
pub(super) struct Settings {
    config: Config,
    /// Plugin id to its section as JSON.
    sections: BTreeMap<String, String>,
}

impl Settings {
    /// `sections` are by plugin id.
    pub(super) fn new(config: &Config, sections: &Map<String, Value>) -> Self {
        let sections = sections.iter().map(|(id, section)| (id.clone(), section.to_string())).collect();
        Self { config: config.clone(), sections }
    }

    /// The section of a plugin, as JSON.
    pub(super) fn section(&self, id: &str) -> Option<&str> {
        self.sections.get(id).map(String::as_str)
    }

    /// The grants of a plugin.
    pub(super) fn granted(&self, package: &Package) -> Vec<String> {
        self.config.granted(package)
    }

    /// Whether plugins are granted what they request.
    pub(super) fn grants_requests(&self) -> bool {
        self.config.grant_requested
    }

    /// SHA-256 of the only content that is accepted for a plugin, if it is pinned.
    pub(super) fn pin(&self, id: &str) -> Option<&String> {
        self.config.pins.get(id)
    }

    /// Checks the content of a file against the plugin's pin.
    ///
    /// # Errors
    /// If the pin allows another content only.
    pub(super) fn check_pin(&self, id: &str, sha256: &str, file: &str) -> Result<(), LoadError> {
        match self.pin(id) {
            Some(pin) if pin != sha256 => Err(LoadError::Pinned {
                file: file.to_owned(),
                plugin: id.to_owned(),
                sha256: sha256.to_owned(),
                pin: pin.clone(),
            }),
            _ => Ok(()),
        }
    }

    /// The rules of trials.
    pub(super) fn policy(&self) -> TrialPolicy {
        TrialPolicy {
            canary_percent: self.config.canary_percent,
            max_faults: self.config.rollback.faults,
            window: Duration::from_secs(self.config.rollback.window_s),
        }
    }
}
