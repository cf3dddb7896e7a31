//! TEMPORARY stand-in for modehost_plugin parts being written. Rule: gone before commit.
use garde::Validate;
use modehost_contract::{Catalog, Table};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
#[derive(Clone, Debug, Default, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    #[garde(skip)]
    pub dir: PathBuf,
    #[garde(skip)]
    pub grants: BTreeMap<String, Vec<String>>,
    #[garde(skip)]
    pub pins: BTreeMap<String, String>,
}
impl Config {
    pub fn runtime(&self, cache: Option<PathBuf>) -> modehost_plugin::RuntimeConfig {
        modehost_plugin::RuntimeConfig { cache, ..Default::default() }
    }
    pub fn granted(&self, id: &str) -> &[String] {
        self.grants.get(id).map_or(&[], Vec::as_slice)
    }
}
#[derive(Debug, thiserror::Error)]
#[error("x")]
pub struct CatalogError;
pub struct PluginCatalog {
    table: arc_swap::ArcSwap<Table>,
    c: tokio::sync::watch::Sender<u64>,
}
impl PluginCatalog {
    pub async fn open(
        _r: Arc<modehost_plugin::Runtime>,
        _c: &Config,
        _s: serde_json::Map<String, serde_json::Value>,
    ) -> Result<Arc<Self>, CatalogError> {
        Ok(Arc::new(Self { table: Default::default(), c: Default::default() }))
    }
    pub fn changes(&self) -> tokio::sync::watch::Receiver<u64> {
        self.c.subscribe()
    }
    pub fn known(&self) -> Vec<String> {
        vec![]
    }
    pub fn list(&self) -> Vec<serde_json::Value> {
        vec![]
    }
    pub fn reload(&self, _id: &str) -> Result<(), CatalogError> {
        Ok(())
    }
    pub fn rollback(&self, _id: &str) -> Result<(), CatalogError> {
        Ok(())
    }
    pub fn reconfigure(
        &self,
        _c: &Config,
        _s: serde_json::Map<String, serde_json::Value>,
    ) -> Result<(), Vec<(String, String)>> {
        Ok(())
    }
}
impl Catalog for PluginCatalog {
    fn table(&self) -> arc_swap::Guard<Arc<Table>> {
        self.table.load()
    }
    fn report(&self, _: &modehost_ids::PluginId, _: modehost_ids::GenerationId, _: modehost_contract::Report<'_>) {}
}
