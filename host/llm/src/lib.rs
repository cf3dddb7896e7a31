//! Language models by purpose, over any OpenAI-compatible service. A question is one completion request.
//! Rule: a question gets one answer or one failure within its timeout, costs nothing once it is cancelled, and no word
//! of it is logged.
//!
//! # Layout, in the order in which a question is processed
//! - [`config`]: the section `llm`; validation of addresses
//! - [`LanguageModels`]: which client answers which purpose, and reconfiguration at run time
//! - `client`, `client_settings`: clients by fingerprint, and the endpoints that they share
//! - `model`: what is known about a model, and its circuit breaker
//! - `call`, `retry`: a question from queueing to its last part; retries, backoff and remedies
//! - `limiter`: the concurrency limit and the wait queue
//! - `question`, `messages`, `names`: the request as JSON, adapted to what the model accepts
//! - `attempt`: one HTTP exchange, plain or streamed
//! - `frame`, `split`, `split_character`, `packet`: the response, from bytes to deltas of an answer
//! - `answer`, `scan`, `tool_list`: assembly of the answer, without reasoning, and with calls written as text
//! - `rejection`, `remedy`: which change of a request helps when it is rejected
//! - `json`, `repair`: the JSON object in an answer, whole or damaged
//! - `fault`, `request_metrics`: failures; metrics and log lines of a question; `sha8`: digests in them
//! - `metrics`: descriptions of the metrics of this crate
//! - `alias`: one alias at a time, for operators

#![warn(missing_docs)]

mod alias;
mod answer;
mod attempt;
mod call;
mod client;
mod client_settings;
pub mod config;
mod fault;
mod frame;
mod json;
mod limiter;
/// Default times, depths and sizes.
pub mod limits;
mod messages;
mod metrics;
mod model;
mod names;
mod packet;
mod question;
mod rejection;
mod remedy;
mod repair;
mod request_metrics;
mod retry;
mod scan;
mod sha8;
mod split;
mod split_character;
mod tool_list;

use std::collections::HashMap;
use std::future::ready;
use std::sync::Arc;

use arc_swap::ArcSwap;
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use modehost_contract::effect::ModelRequest;
use modehost_contract::event::Failure;
use modehost_contract::service::{ModelPart, Models};
use parking_lot::Mutex;

pub use crate::alias::{AliasState, aliases, ask_alias};
use crate::call::Call;
use crate::client::{Client, Endpoint};
use crate::client_settings::ClientSettings;
pub use crate::config::Config;
use crate::config::{DEFAULT_ALIAS, Overrides};
pub use crate::metrics::describe_metrics;
use crate::model::KnownModels;

/// Metric label and log field of a purpose that is neither configured nor among the first ones that were requested.
const OTHER_PURPOSE: &str = "other";

/// The language models of the configuration.
pub struct LanguageModels {
    table: ArcSwap<Table>,
    /// Serialises `apply`, since each table is built from the previous one.
    applying: Mutex<()>,
    /// Knowledge about models; survives configuration changes.
    known: KnownModels,
    /// Purposes that modes have requested and nobody configured, up to the limit of labels.
    named_purposes: Mutex<Vec<Arc<str>>>,
}

/// Clients by purpose. Replaced as a whole; running questions keep the clients that they started with.
#[derive(Default)]
struct Table {
    by_purpose: HashMap<Arc<str>, Arc<Client>>,
    /// For every other purpose; none if there is no alias `default`.
    default_client: Option<Arc<Client>>,
}

impl LanguageModels {
    /// Models of a validated configuration. Does not connect yet.
    pub fn new(config: &Config) -> Arc<Self> {
        install_crypto_provider();
        let models = Self {
            table: ArcSwap::default(),
            applying: Mutex::new(()),
            known: KnownModels::default(),
            named_purposes: Mutex::default(),
        };
        models.apply(config);
        Arc::new(models)
    }

    /// Applies a changed configuration: new questions use it, running ones are not affected. Clients whose fingerprint
    /// is unchanged are kept, with their connections and concurrency limit. Circuit breakers are closed: the change may
    /// have fixed the problem.
    pub fn apply(&self, config: &Config) {
        let _guard = self.applying.lock();
        let table = Table::new(config, &self.table.load(), &self.known);
        for client in table.clients() {
            crate::metrics::register_alias(&client.settings.alias);
        }
        for (purpose, client) in &table.by_purpose {
            crate::metrics::register_purpose(&client.settings.alias, purpose);
        }
        if let Some(client) = &table.default_client {
            crate::metrics::register_purpose(&client.settings.alias, OTHER_PURPOSE);
        }
        self.table.store(Arc::new(table));
        self.known.reset_breakers();
    }

    /// Label of a purpose that is not configured.
    fn name(&self, purpose: &str) -> Arc<str> {
        let is_plain = |letter: u8| letter.is_ascii_lowercase() || letter.is_ascii_digit() || b"-_".contains(&letter);
        let mut named_purposes = self.named_purposes.lock();
        if let Some(known) = named_purposes.iter().find(|known| &***known == purpose) {
            return known.clone();
        }
        let is_name = (1..=limits::MODEL_PURPOSE_BYTES).contains(&purpose.len()) && purpose.bytes().all(is_plain);
        if !is_name || named_purposes.len() == limits::MODEL_PURPOSES {
            return OTHER_PURPOSE.into();
        }
        named_purposes.push(purpose.into());
        purpose.into()
    }
}

impl Models for LanguageModels {
    fn is_configured(&self, purpose: &str) -> bool {
        let table = self.table.load();
        table.default_client.is_some() || table.by_purpose.contains_key(purpose)
    }

    /// Must be polled within the runtime. Dropping the stream closes the connection.
    fn ask(&self, request: ModelRequest) -> BoxStream<'static, ModelPart> {
        let table = self.table.load();
        let (client, purpose) = match table.by_purpose.get_key_value(request.purpose.as_str()) {
            Some((purpose, client)) => (client.clone(), purpose.clone()),
            None => match &table.default_client {
                Some(client) => (client.clone(), self.name(&request.purpose)),
                None => {
                    let message = "no language model is configured; set llm.aliases.default.base_url and .model";
                    let failed = ModelPart::Failed { reason: Failure::Unavailable, message: message.to_owned() };
                    return stream::once(ready(failed)).boxed();
                }
            },
        };
        Call::new(client, purpose, request).boxed()
    }
}

impl Table {
    fn new(config: &Config, before: &Self, known: &KnownModels) -> Self {
        let mut clients: Vec<Arc<Client>> = Vec::new();
        let none = Overrides::default();
        let wanted = config.purposes.iter().map(|(name, purpose)| (Some(name), purpose.alias(), &purpose.overrides));
        let mut table = Self::default();
        for (purpose, alias, overrides) in wanted.chain([(None, DEFAULT_ALIAS, &none)]) {
            let Some(alias_settings) = config.aliases.get(alias) else { continue };
            let client = client(ClientSettings::new(alias, alias_settings, overrides), &clients, before, known);
            clients.push(client.clone());
            match purpose {
                Some(purpose) => drop(table.by_purpose.insert(purpose.as_str().into(), client)),
                None => table.default_client = Some(client),
            }
        }
        table
    }

    fn clients(&self) -> impl Iterator<Item = &Arc<Client>> {
        self.by_purpose.values().chain(&self.default_client)
    }
}

/// The client for these settings: an existing one, or a new one on an existing or new endpoint.
fn client(
    settings: ClientSettings,
    created: &[Arc<Client>],
    before: &Table,
    known_models: &KnownModels,
) -> Arc<Client> {
    let fingerprint = settings.fingerprint();
    let known = || created.iter().chain(before.clients()).filter(|client| client.endpoint.can_serve(&settings));
    if let Some(client) = known().find(|client| client.fingerprint == fingerprint) {
        return client.clone();
    }
    let endpoint = known().map(|client| client.endpoint.clone()).next();
    let endpoint = endpoint.unwrap_or_else(|| Arc::new(Endpoint::new(&settings)));
    let model = known_models.get(&settings);
    Arc::new(Client { settings, fingerprint, endpoint, model })
}

/// Installs the process-wide crypto provider of rustls. An installed one is kept.
pub fn install_crypto_provider() {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Another thread may have installed one first, which is fine.
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(value: serde_json::Value) -> Config {
        serde_json::from_value(value).expect("a section")
    }

    fn of(models: &LanguageModels, purpose: &str) -> Arc<Client> {
        models.table.load().by_purpose[purpose].clone()
    }

    #[test]
    fn purposes_have_names_as_long_as_they_are_few() {
        let models = LanguageModels::new(&Config::default());
        for purpose in ["", "My secret plan", "中", &"x".repeat(33)] {
            assert_eq!(&*models.name(purpose), OTHER_PURPOSE, "{purpose}");
        }
        let name = |number: usize| format!("purpose-{number}");
        for number in (0..limits::MODEL_PURPOSES).chain(0..limits::MODEL_PURPOSES) {
            assert_eq!(*models.name(&name(number)), *name(number));
        }
        assert_eq!(&*models.name(&name(limits::MODEL_PURPOSES)), OTHER_PURPOSE);
    }

    #[test]
    fn l2_one_client_per_fingerprint_and_unchanged_ones_stay() {
        let alias_settings = |key: &str, temperature: f64| {
            config(serde_json::json!({
                "aliases": {
                    "default": { "base_url": "http://127.0.0.1:1/v1", "api_key": key },
                    "other": { "base_url": "http://127.0.0.1:2/v1" },
                },
                "purposes": {
                    "a": "default",
                    "b": { "alias": "default" },
                    "c": { "temperature": temperature },
                    "d": "other",
                },
            }))
        };
        let models = LanguageModels::new(&alias_settings("one", 0.5));
        let [a, b, c, d] = ["a", "b", "c", "d"].map(|purpose| of(&models, purpose));
        let default_client = models.table.load().default_client.clone().expect("a default");
        assert!(Arc::ptr_eq(&a, &b) && Arc::ptr_eq(&a, &default_client), "the same terms are one client");
        assert!(!Arc::ptr_eq(&a, &c) && Arc::ptr_eq(&a.endpoint, &c.endpoint), "one alias is one endpoint");
        assert!(!Arc::ptr_eq(&a.endpoint, &d.endpoint));

        models.apply(&alias_settings("one", 0.6));
        assert!(Arc::ptr_eq(&a, &of(&models, "a")) && Arc::ptr_eq(&d, &of(&models, "d")), "unchanged ones stay");
        let changed = of(&models, "c");
        assert!(!Arc::ptr_eq(&c, &changed) && Arc::ptr_eq(&c.endpoint, &changed.endpoint));

        models.apply(&alias_settings("two", 0.6));
        assert!(!Arc::ptr_eq(&a, &of(&models, "a")), "another key is another client");
        assert!(Arc::ptr_eq(&d, &of(&models, "d")));
        assert!(!format!("{:?}", of(&models, "a")).contains("two"));
    }
}
