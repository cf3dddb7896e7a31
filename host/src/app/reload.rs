//! What a new configuration does to a running server.
//!
//! Rule: plugins come first, because they alone can still refuse; what follows cannot fail, so a
//! document holds everywhere or nowhere.

use std::sync::Arc;

use modehost_config::{Loaded, Problem};
use modehost_contract::Catalog;
use modehost_gateway::GatewaySettings;
use modehost_hooks::WebHooks;
use modehost_llm::LanguageModels;
use modehost_plugin::PluginCatalog;
use modehost_session::Config;
use modehost_speech::Speech;
use modehost_storage::SqliteStorage;
use modehost_storage::traits::OfflineQueue;
use tokio::sync::watch;

use super::sections::{self, Owners};
use crate::log::Log;
use crate::settings::{Settings, gateway_settings, renewed_gateway_settings, session_config, speech_parts};

/// The ways by which settings reach their owners.
pub struct Feeds {
    sessions: watch::Sender<Arc<Config>>,
    gateway: watch::Sender<Arc<GatewaySettings>>,
    models: Arc<LanguageModels>,
    hooks: Arc<WebHooks>,
    speech: Arc<Speech>,
    queue: Arc<dyn OfflineQueue>,
    storage: Arc<SqliteStorage>,
    log: Arc<Log>,
    live_instances: usize,
}

impl Feeds {
    /// From the settings at the start. `live_instances` is what the runtime found room for.
    pub fn new(
        settings: &Settings,
        live_instances: usize,
        (models, hooks, speech): (Arc<LanguageModels>, Arc<WebHooks>, Arc<Speech>),
        (queue, storage): (Arc<dyn OfflineQueue>, Arc<SqliteStorage>),
        log: Arc<Log>,
    ) -> (Self, watch::Receiver<Arc<Config>>, watch::Receiver<Arc<GatewaySettings>>) {
        let (sessions, for_sessions) = watch::channel(session_config(settings, live_instances));
        let (gateway, for_gateway) = watch::channel(gateway_settings(settings));
        (
            Self { sessions, gateway, models, hooks, speech, queue, storage, log, live_instances },
            for_sessions,
            for_gateway,
        )
    }

    fn send(&self, settings: &Settings) {
        self.sessions.send_replace(session_config(settings, self.live_instances));
        self.gateway.send_modify(|gateway| *gateway = renewed_gateway_settings(gateway, settings));
        self.models.apply(&settings.llm);
        self.hooks.apply(&settings.hooks);
        self.storage.apply(&settings.storage);
        self.log.apply(&settings.log);
    }
}

/// Checks the sections of plugins, hands them over, then everything else. Blocks while plugins are
/// probed.
///
/// # Errors
/// Whatever is wrong; then nothing has changed.
pub fn apply(loaded: &Loaded<Settings>, catalog: &PluginCatalog, feeds: &Feeds) -> Result<(), Vec<Problem>> {
    let problems = owners(loaded, catalog).check(loaded);
    if !problems.is_empty() {
        return Err(problems);
    }
    catalog.reconfigure(&loaded.document.plugins, sections::values(loaded)).map_err(|refusals| {
        let problem = |(id, why): (String, String)| loaded.problem_with_key(&modehost_config::path::join("", &id), why);
        refusals.into_iter().map(problem).collect::<Vec<_>>()
    })?;
    feeds.queue.limit(sections::queue_limit(loaded));
    let before = feeds.speech.parts();
    feeds.speech.apply(speech_parts(loaded, Some(&before)));
    feeds.send(&loaded.document);
    Ok(())
}

/// Whoever may have a section at this moment.
pub fn owners(loaded: &Loaded<Settings>, catalog: &PluginCatalog) -> Owners {
    Owners::loaded(&catalog.table()).with_named(&loaded.document).with_refused(catalog)
}
