//! What a new configuration does to a running server.
//!
//! Rule: plugins come first, because they alone can still refuse; what follows cannot fail, so a
//! document holds everywhere or nowhere.

use std::sync::Arc;

use modehost_config::{Loaded, Problem};
use modehost_gateway::GatewaySettings;
use modehost_hooks::WebHooks;
use modehost_llm::LanguageModels;
use modehost_plugin::{PluginCatalog, SettingsRefused};
use modehost_session::Config;
use modehost_speech::Speech;
use modehost_storage::SqliteStorage;
use modehost_storage::traits::OfflineQueue;
use tokio::sync::watch;

use super::backends::Backends;
use super::{problems, sections};
use crate::log::Log;
use crate::settings::{Settings, gateway_settings, renewed_gateway_settings, session_config, speech_parts};

/// The ways by which settings reach their owners.
pub struct Feeds {
    sessions: watch::Sender<Arc<Config>>,
    gateway: watch::Sender<Arc<GatewaySettings>>,
    targets: Targets,
}

/// Whoever is told of settings by a call.
pub struct Targets {
    models: Arc<LanguageModels>,
    hooks: Arc<WebHooks>,
    speech: Arc<Speech>,
    queue: Arc<dyn OfflineQueue>,
    storage: Arc<SqliteStorage>,
    log: Arc<Log>,
    /// What the runtime found room for.
    live_instances: usize,
}

/// Where whoever follows settings by itself finds them.
pub struct Fed {
    pub sessions: watch::Receiver<Arc<Config>>,
    pub gateway: watch::Receiver<Arc<GatewaySettings>>,
}

impl Targets {
    /// Those of this server.
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

impl Feeds {
    /// From the settings at the start.
    pub fn new(settings: &Settings, targets: Targets) -> (Self, Fed) {
        let (sessions, for_sessions) = watch::channel(session_config(settings, targets.live_instances));
        let (gateway, for_gateway) = watch::channel(gateway_settings(settings));
        (Self { sessions, gateway, targets }, Fed { sessions: for_sessions, gateway: for_gateway })
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

/// Checks the sections of plugins, hands them over, then everything else. Blocks while plugins are
/// probed.
///
/// # Errors
/// Whatever is wrong; then nothing has changed.
pub fn apply(loaded: &Loaded<Settings>, catalog: &PluginCatalog, feeds: &Feeds) -> Result<(), Vec<Problem>> {
    let problems = problems::of(loaded, catalog);
    if !problems.is_empty() {
        return Err(problems);
    }
    catalog.reconfigure(&loaded.document.plugins, sections::values(loaded)).map_err(|refusals| {
        let problem =
            |SettingsRefused { plugin, why }| loaded.problem_with_key(&modehost_config::path::join("", &plugin), why);
        refusals.into_iter().map(problem).collect::<Vec<_>>()
    })?;
    feeds.targets.queue.limit(sections::queue_limit(loaded));
    let before = feeds.targets.speech.parts();
    feeds.targets.speech.apply(speech_parts(loaded, Some(&before)));
    feeds.send(&loaded.document);
    Ok(())
}
