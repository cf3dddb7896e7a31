//! One alias at a time, for operators who want to know whether it answers. Rule: asked with the settings of the alias
//! itself, whatever purposes use it; it shares the connections, the concurrency limit and the circuit breaker of the
//! questions of modes.

use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use modehost_contract::effect::ModelRequest;
use modehost_contract::service::ModelPart;
use modehost_ids::Address;

use crate::call::Call;
use crate::client_settings::ClientSettings;
use crate::config::{Config, DEFAULT_ALIAS, Overrides};
use crate::{LanguageModels, client};

/// Label of such a question in metrics and logs.
const TEST_PURPOSE: &str = "test";

/// An alias of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AliasState {
    /// Its name.
    pub name: String,
    /// The model that it asks for, if it names one.
    pub model: Option<String>,
    /// Scheme, host and port of its service.
    pub address: String,
    /// The purposes that it answers; `*` stands for every other one.
    pub purposes: Vec<String>,
    /// Its provider has failed permanently or again and again, and is not called at the moment.
    pub is_failing: bool,
}

/// The aliases of a configuration, by their names.
pub fn aliases(models: &LanguageModels, config: &Config) -> Vec<AliasState> {
    let state = |(name, alias): (&String, &crate::config::Alias)| {
        let settings = ClientSettings::new(name, alias, &Overrides::default());
        let named = config.purposes.iter().filter(|(_, purpose)| purpose.alias() == name);
        let mut purposes: Vec<String> = named.map(|(purpose, _)| purpose.clone()).collect();
        if name == DEFAULT_ALIAS {
            purposes.push("*".to_owned());
        }
        AliasState {
            name: name.clone(),
            model: settings.model.clone(),
            is_failing: models.known.get(&settings).breaker.is_open(),
            address: Address::from(alias.address()).to_string(),
            purposes,
        }
    };
    config.aliases.iter().map(state).collect()
}

/// Asks an alias of the configuration in force; none if it has none of this name. Must be polled within the runtime.
/// Dropping the stream closes the connection.
pub fn ask_alias(
    models: &LanguageModels,
    config: &Config,
    name: &str,
    request: ModelRequest,
) -> Option<BoxStream<'static, ModelPart>> {
    let settings = ClientSettings::new(name, config.aliases.get(name)?, &Overrides::default());
    let client = client(settings, &[], &models.table.load(), &models.known);
    Some(Call::new(client, TEST_PURPOSE.into(), request).boxed())
}
