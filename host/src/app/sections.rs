//! Validation of plugin sections against the schemas that the plugins declare.
//!
//! Rule: a section that no plugin owns is rejected, and so is one that violates its owner's schema, each at its line; a
//! section whose owner could not be loaded is let pass, so that one bad plugin file does not stop the server.

use std::collections::{BTreeMap, BTreeSet};

use crate::limits;
use jsonschema::error::ValidationErrorKind;
use modehost_config::{Diagnostic, Loaded, diagnostic, path};
use modehost_contract::CatalogTable;
use modehost_plugin::catalog::status::Misconfigured;
use modehost_plugin::{PluginCatalog, SharedSetting};
use serde_json::{Map, Value};

use crate::settings::Settings;

/// The plugins that may have a section.
#[derive(Clone, Debug, Default)]
pub struct Owners {
    /// Schema by plugin id, for loaded plugins.
    pub schemas: BTreeMap<String, Value>,
    /// Ids of plugins without a known schema: their files are rejected, or only the settings name them.
    pub names: BTreeSet<String>,
}

impl Owners {
    /// The loaded plugins.
    pub fn loaded(table: &CatalogTable) -> Self {
        let manifests = table.plugins.values().map(|entry| entry.active.manifest());
        let schemas =
            manifests.map(|manifest| (manifest.id.as_str().to_owned(), parse_schema(&manifest.config_schema)));
        Self { schemas: schemas.collect(), names: BTreeSet::new() }
    }

    /// Adds the plugins that grants and pins name.
    pub fn with_named(mut self, settings: &Settings) -> Self {
        let named = settings.plugins.grants.keys().chain(settings.plugins.pins.keys());
        self.names.extend(named.map(|name| name.to_string()));
        self
    }

    /// Adds the plugins whose files are rejected.
    pub fn with_refused(mut self, catalog: &PluginCatalog) -> Self {
        self.names.extend(catalog.known());
        for Misconfigured { id, schema, .. } in catalog.misconfigured() {
            if let Some(schema) = schema {
                self.schemas.entry(id).or_insert_with(|| parse_schema(&schema));
            }
        }
        self
    }

    /// Everything that is wrong with the sections.
    pub fn check(&self, loaded: &Loaded<Settings>) -> Vec<Diagnostic> {
        let known: BTreeSet<&str> = self.schemas.keys().chain(&self.names).map(String::as_str).collect();
        let mut diagnostics = loaded.unknown_sections(&known.into_iter().collect::<Vec<_>>());
        for (name, section) in &loaded.sections {
            if let Some(schema) = self.schemas.get(name) {
                check_section(loaded, name, schema, &section.value, &mut diagnostics);
            }
        }
        diagnostics
    }

    /// Sections that could not be checked, since their plugin is not loaded.
    pub fn unchecked<'a>(&self, loaded: &'a Loaded<Settings>) -> Vec<&'a str> {
        let sections = loaded.sections.keys().map(String::as_str);
        sections.filter(|name| !self.schemas.contains_key(*name) && self.names.contains(*name)).collect()
    }
}

/// A schema that is empty or not JSON accepts anything.
fn parse_schema(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or(Value::Bool(true))
}

/// The sections as plugins receive them, merged with the shared settings. A null section becomes an empty object.
pub fn values(loaded: &Loaded<Settings>) -> Map<String, Value> {
    let value = |value: &Value| if value.is_null() { Value::Object(Map::new()) } else { value.clone() };
    let mut sections: Map<String, Value> =
        loaded.sections.iter().map(|(name, section)| (name.clone(), value(&section.value))).collect();
    for (plugin, shared) in &loaded.document.plugins.share {
        let section = sections.entry(plugin.clone()).or_insert_with(|| Value::Object(Map::new()));
        for shared in shared {
            let (key, setting) = match shared {
                SharedSetting::DeviceAlias => ("device_alias", serde_json::to_value(&loaded.document.device_alias)),
                SharedSetting::Groups => ("groups", serde_json::to_value(&loaded.document.groups)),
            };
            if let (Some(section), Ok(Value::Object(setting))) = (section.as_object_mut(), setting) {
                merge_defaults(section, key, setting);
            }
        }
    }
    sections
}

/// Greatest number of queued messages per absent device. The setting is in a plugin's section, where its users know it,
/// but the queue is the server's.
pub fn queue_limit(loaded: &Loaded<Settings>) -> u32 {
    let section = loaded.sections.get("peers").map(|section| &section.value);
    let limit = section.and_then(|section| section.pointer("/offline/max_per_device")?.as_u64());
    limit.and_then(|limit| u32::try_from(limit).ok()).unwrap_or(limits::QUEUE_PER_DEVICE)
}

/// Adds the members of `setting` to the section's `key`; existing members win. An empty `setting` still creates `key`:
/// an empty map is not the same as a missing one.
fn merge_defaults(section: &mut Map<String, Value>, key: &str, setting: Map<String, Value>) {
    let own = section.entry(key).or_insert_with(|| Value::Object(Map::new()));
    if let Some(own) = own.as_object_mut() {
        for (name, value) in setting {
            own.entry(name).or_insert(value);
        }
    }
}

/// Greatest number of reported errors per section, and of unknown keys per error.
const SECTION_ERRORS: usize = 100;

fn check_section(
    loaded: &Loaded<Settings>,
    name: &str,
    schema: &Value,
    section: &Value,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let base = path::join("", name);
    let empty = Value::Object(Map::new());
    let section = if section.is_null() { &empty } else { section };
    let validator = match jsonschema::validator_for(schema) {
        Ok(validator) => validator,
        Err(error) => {
            let message = format!("the schema that this plugin declares cannot be used: {error}");
            diagnostics.push(loaded.diagnostic_for_key(&base, message));
            return;
        }
    };
    for error in validator.iter_errors(section).take(SECTION_ERRORS) {
        let pointer = format!("{base}{}", error.instance_path().as_str());
        if let ValidationErrorKind::AdditionalProperties { unexpected } = error.kind() {
            let known = known_keys(schema, error.schema_path().as_str());
            for key in unexpected.iter().take(SECTION_ERRORS) {
                let message = format!("unknown key{}", diagnostic::suggest(key, &known, "keys here"));
                diagnostics.push(loaded.diagnostic_for_key(&path::join(&pointer, key), message));
            }
            continue;
        }
        diagnostics.push(loaded.diagnostic_for_value(&pointer, error.masked_with("it").to_string()));
    }
}

/// The properties beside an `additionalProperties` keyword of the schema.
fn known_keys<'a>(schema: &'a Value, keyword: &str) -> Vec<&'a str> {
    let beside =
        keyword.rsplit_once('/').and_then(|(parent, _)| schema.pointer(parent)?.get("properties")?.as_object());
    beside.into_iter().flat_map(|properties| properties.keys().map(String::as_str)).collect()
}

#[cfg(test)]
mod tests {
    use modehost_config::Source;
    use serde_json::json;

    use super::*;
    use crate::settings::BUILT_IN;

    fn check(text: &str) -> Vec<String> {
        let source = Source { embedded: BUILT_IN, file: None, overrides: Vec::new() };
        let loaded =
            source.load_text::<Settings>("c.yaml", text).expect("a document without plugins' sections is good");
        let schema = json!({
            "type": "object",
            "additionalProperties": false,
            "properties": { "keep": { "type": "integer", "minimum": 1 }, "names": { "type": "object" } },
        });
        let schemas = BTreeMap::from([("alpha".to_owned(), schema)]);
        let owners = Owners { schemas, names: BTreeSet::from(["beta".to_owned()]) };
        owners
            .check(&loaded)
            .iter()
            .map(|problem| problem.to_string().lines().next().unwrap_or_default().to_owned())
            .collect()
    }

    #[test]
    fn a_section_that_breaks_its_schema_is_told_at_its_line() {
        assert_eq!(check("alpha:\n  keep: 0\n"), ["c.yaml:2:9: alpha.keep: it is less than the minimum of 1"]);
        let unknown = "c.yaml:3:3: alpha.kep: unknown key; did you mean `keep`? keys here are: keep, names";
        assert_eq!(check("alpha:\n  keep: 5\n  kep: 5\n"), [unknown]);
        assert_eq!(check("alpha:\nbeta: { x: 1 }\n"), Vec::<String>::new());
    }

    #[test]
    fn the_queue_keeps_to_the_limit_of_the_section() {
        let limit = |text: &str| {
            let source = Source { embedded: BUILT_IN, file: None, overrides: Vec::new() };
            queue_limit(&source.load_text::<Settings>("c.yaml", text).expect("a document"))
        };
        assert_eq!(limit("peers: { offline: { max_per_device: 7 } }"), 7);
        assert_eq!(limit("peers: { offline: { ttl_ms: 7 } }"), limits::QUEUE_PER_DEVICE);
        assert_eq!(limit("peers:"), limits::QUEUE_PER_DEVICE);
    }

    #[test]
    fn a_section_of_nobody_is_refused_with_the_nearest_name() {
        let diagnostics = check("server: {}\nalpah: { keep: 5 }\n");
        assert!(
            diagnostics[0].starts_with(
                "c.yaml:2:1: unknown section `alpah`; did you mean `alpha`? sections are: alpha, asr, auth, beta, "
            ),
            "{diagnostics:?}"
        );
    }
}
