//! Language models by purpose, over any OpenAI-compatible service. Rule: a question has one answer
//! or one failure within its time, costs nothing once it is not wanted any more, and leaves no word
//! of itself in a log.
//!
//! # Layout, in the order in which a question walks
//! - [`config`]: the section `llm`; mistaken addresses
//! - [`LanguageModels`]: which client answers which purpose, and its replacement while running
//! - `client`: clients by fingerprint, and the endpoints that they share
//! - `model`: what is known of a model, and its circuit breaker
//! - `call`, `tries`: a question from its turn to its last part; retries, pauses and remedies
//! - `turns`: how many are answered at the same time, and who waits
//! - `question`, `messages`, `names`: the request as JSON, as far as it is known what the model takes
//! - `attempt`: one HTTP exchange, plain or streamed
//! - `frame`, `split`, `half`, `packet`: what comes back, from bytes to pieces of an answer
//! - `answer`, `scan`, `offer`: pieces put together, without thoughts, and with written calls as calls
//! - `refusal`, `remedy`: which change of a request helps when it is refused
//! - `json`, `mend`: the object in an answer, whole or damaged
//! - `fault`, `meter`: what goes wrong, what is measured and logged
//! - `metrics`: descriptions of the metrics of this crate

#![warn(missing_docs)]

mod answer;
mod attempt;
mod call;
mod client;
pub mod config;
mod fault;
mod frame;
mod half;
mod json;
/// Default times, depths and sizes.
pub mod limits;
mod mend;
mod messages;
mod meter;
mod metrics;
mod model;
mod names;
mod offer;
mod packet;
mod question;
mod refusal;
mod remedy;
mod scan;
mod split;
mod tries;
mod turns;

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

use crate::call::Call;
use crate::client::{Client, Endpoint, Terms};
pub use crate::config::Config;
use crate::config::{DEFAULT_ALIAS, Overrides};
pub use crate::metrics::describe_metrics;
use crate::model::KnownModels;

/// What metrics and log lines call a purpose that is neither configured nor among the first ones
/// that were asked for.
const OTHER_PURPOSE: &str = "other";

/// The language models of the configuration.
pub struct LanguageModels {
    table: ArcSwap<Table>,
    /// Held while a table is made from the one before.
    applying: Mutex<()>,
    /// What is known of each model outlives a change of the configuration.
    known: KnownModels,
    /// Purposes that modes have asked for and nobody configured, as far as they get a name.
    heard: Mutex<Vec<Arc<str>>>,
}

/// Who answers what. Replaced as a whole; running questions end on the clients that they began on.
#[derive(Default)]
struct Table {
    by_purpose: HashMap<Arc<str>, Arc<Client>>,
    /// For every other purpose; none where there is no alias `default`.
    otherwise: Option<Arc<Client>>,
}

impl LanguageModels {
    /// Models by a configuration that has been validated. Connects to nothing yet.
    pub fn new(config: &Config) -> Arc<Self> {
        install_crypto();
        let models = Self {
            table: ArcSwap::default(),
            applying: Mutex::new(()),
            known: KnownModels::default(),
            heard: Mutex::default(),
        };
        models.apply(config);
        Arc::new(models)
    }

    /// Takes over a changed configuration: the next question everywhere is asked by it, running ones
    /// end as they began. Clients whose fingerprint stays are kept, with their connections and
    /// turns. Circuit breakers close: the change may have repaired what was wrong.
    pub fn apply(&self, config: &Config) {
        let _alone = self.applying.lock();
        let table = Table::new(config, &self.table.load(), &self.known);
        for client in table.clients() {
            crate::metrics::begin_alias(&client.terms.alias);
        }
        for (purpose, client) in &table.by_purpose {
            crate::metrics::begin_purpose(&client.terms.alias, purpose);
        }
        if let Some(client) = &table.otherwise {
            crate::metrics::begin_purpose(&client.terms.alias, OTHER_PURPOSE);
        }
        self.table.store(Arc::new(table));
        self.known.reset_breakers();
    }

    /// What a purpose is called that is not configured.
    fn name(&self, purpose: &str) -> Arc<str> {
        let is_plain = |letter: u8| letter.is_ascii_lowercase() || letter.is_ascii_digit() || b"-_".contains(&letter);
        let mut heard = self.heard.lock();
        if let Some(known) = heard.iter().find(|known| &***known == purpose) {
            return known.clone();
        }
        let is_name = (1..=limits::MODEL_PURPOSE_BYTES).contains(&purpose.len()) && purpose.bytes().all(is_plain);
        if !is_name || heard.len() == limits::MODEL_PURPOSES {
            return OTHER_PURPOSE.into();
        }
        heard.push(purpose.into());
        purpose.into()
    }
}

impl Models for LanguageModels {
    /// Must be polled within the runtime. Dropping the stream closes the connection.
    fn ask(&self, request: ModelRequest) -> BoxStream<'static, ModelPart> {
        let table = self.table.load();
        let (client, purpose) = match table.by_purpose.get_key_value(request.purpose.as_str()) {
            Some((purpose, client)) => (client.clone(), purpose.clone()),
            None => match &table.otherwise {
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
            let Some(settings) = config.aliases.get(alias) else { continue };
            let client = client(Terms::new(alias, settings, overrides), &clients, before, known);
            clients.push(client.clone());
            match purpose {
                Some(purpose) => drop(table.by_purpose.insert(purpose.as_str().into(), client)),
                None => table.otherwise = Some(client),
            }
        }
        table
    }

    fn clients(&self) -> impl Iterator<Item = &Arc<Client>> {
        self.by_purpose.values().chain(&self.otherwise)
    }
}

/// The client of these terms: one that there is, or a new one at an endpoint that there is.
fn client(terms: Terms, made: &[Arc<Client>], before: &Table, known_models: &KnownModels) -> Arc<Client> {
    let fingerprint = terms.fingerprint();
    let known = || made.iter().chain(before.clients()).filter(|client| client.endpoint.serves(&terms));
    if let Some(client) = known().find(|client| client.fingerprint == fingerprint) {
        return client.clone();
    }
    let endpoint = known().map(|client| client.endpoint.clone()).next();
    let endpoint = endpoint.unwrap_or_else(|| Arc::new(Endpoint::new(&terms)));
    let model = known_models.get(&terms);
    Arc::new(Client { terms, fingerprint, endpoint, model })
}

/// Sees to it that TLS has its cryptography. Whoever was first in the process stays.
pub fn install_crypto() {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Somebody else may have been quicker, which is as good.
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
        let settings = |key: &str, temperature: f64| {
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
        let models = LanguageModels::new(&settings("one", 0.5));
        let [a, b, c, d] = ["a", "b", "c", "d"].map(|purpose| of(&models, purpose));
        let otherwise = models.table.load().otherwise.clone().expect("a default");
        assert!(Arc::ptr_eq(&a, &b) && Arc::ptr_eq(&a, &otherwise), "the same terms are one client");
        assert!(!Arc::ptr_eq(&a, &c) && Arc::ptr_eq(&a.endpoint, &c.endpoint), "one alias is one endpoint");
        assert!(!Arc::ptr_eq(&a.endpoint, &d.endpoint));

        models.apply(&settings("one", 0.6));
        assert!(Arc::ptr_eq(&a, &of(&models, "a")) && Arc::ptr_eq(&d, &of(&models, "d")), "unchanged ones stay");
        let changed = of(&models, "c");
        assert!(!Arc::ptr_eq(&c, &changed) && Arc::ptr_eq(&c.endpoint, &changed.endpoint));

        models.apply(&settings("two", 0.6));
        assert!(!Arc::ptr_eq(&a, &of(&models, "a")), "another key is another client");
        assert!(Arc::ptr_eq(&d, &of(&models, "d")));
        assert!(!format!("{:?}", of(&models, "a")).contains("two"));
    }
}
