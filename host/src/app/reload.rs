//! Applies a new configuration to the running server.
//!
//! Rule: plugins come first, because only they can still reject it; what follows cannot fail, so a document is applied
//! everywhere or nowhere.

use std::sync::Arc;

use modehost_config::{Diagnostic, Loaded};
use modehost_gateway::GatewaySettings;
use modehost_hooks::WebHooks;
use modehost_llm::LanguageModels;
use modehost_plugin::{PluginCatalog, SettingsRejected};
use modehost_session::Config;
use modehost_speech::Speech;
use modehost_storage::SqliteStorage;
use modehost_storage::traits::OfflineQueue;
use tokio::sync::watch;

use super::backends::Backends;
use super::{diagnostics, sections};
use crate::log::Log;
use crate::settings::{Settings, gateway_settings, renewed_gateway_settings, session_config, speech_parts};

/// Distributes settings to their owners.
pub struct Distributor {
    sessions: watch::Sender<Arc<Config>>,
    gateway: watch::Sender<Arc<GatewaySettings>>,
    targets: Targets,
}

/// Owners that receive settings by a method call.
pub struct Targets {
    models: Arc<LanguageModels>,
    hooks: Arc<WebHooks>,
    speech: Arc<Speech>,
    queue: Arc<dyn OfflineQueue>,
    storage: Arc<SqliteStorage>,
    log: Arc<Log>,
    /// Limit of live instances, as the runtime could reserve memory for them.
    live_instances: usize,
}

/// Channels for owners that follow their settings themselves.
pub struct Subscriptions {
    pub sessions: watch::Receiver<Arc<Config>>,
    pub gateway: watch::Receiver<Arc<GatewaySettings>>,
}

impl Targets {
    /// The owners of this server.
    pub fn of(backends: &Backends, log: Arc<Log>) -> Self {
        Self {
            models: backends.models.clone(),
            hooks: backends.hooks.clone(),
            speech: backends.speech.clone(),
            queue: backends.queue.clone(),
            storage: backends.storage.clone(),
            log,
            live_instances: backends.runtime.instance_limit(),
        }
    }
}

impl Distributor {
    /// Starts from the initial settings.
    pub fn new(settings: &Settings, targets: Targets) -> (Self, Subscriptions) {
        let (sessions, for_sessions) = watch::channel(session_config(settings, targets.live_instances));
        let (gateway, for_gateway) = watch::channel(gateway_settings(settings));
        (Self { sessions, gateway, targets }, Subscriptions { sessions: for_sessions, gateway: for_gateway })
    }

    fn send(&self, settings: &Settings) {
        let Targets { models, hooks, storage, log, live_instances, .. } = &self.targets;
        self.sessions.send_replace(session_config(settings, *live_instances));
        self.gateway.send_modify(|gateway| *gateway = renewed_gateway_settings(gateway, settings));
        models.apply(&settings.llm);
        hooks.apply(&settings.hooks);
        storage.apply(&settings.storage);
        log.apply(&settings.log);
    }
}

/// Validates plugin sections, applies them to the plugins, then everything else. Blocks while plugins are probed.
///
/// # Errors
/// Everything that is wrong; then nothing has changed.
pub fn apply(
    loaded: &Loaded<Settings>,
    catalog: &PluginCatalog,
    distributor: &Distributor,
) -> Result<(), Vec<Diagnostic>> {
    let diagnostics = diagnostics::of(loaded, catalog);
    if !diagnostics.is_empty() {
        return Err(diagnostics);
    }
    catalog.reconfigure(&loaded.document.plugins, sections::values(loaded)).map_err(|refusals| {
        let problem = |SettingsRejected { plugin, why }| {
            loaded.diagnostic_for_key(&modehost_config::path::join("", &plugin), why)
        };
        refusals.into_iter().map(problem).collect::<Vec<_>>()
    })?;
    distributor.targets.queue.set_limit_per_device(sections::queue_limit(loaded));
    let before = distributor.targets.speech.providers();
    distributor.targets.speech.apply(speech_parts(loaded, Some(&before)));
    distributor.send(&loaded.document);
    Ok(())
}
