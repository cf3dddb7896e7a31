//! The section `llm`. Rule: validated values can be used without further checks, and neither `Debug` nor `Serialize`
//! shows a key.

mod address;
mod key;

use std::collections::BTreeMap;
use std::fmt;

use crate::limits;
use garde::error::Path;
use garde::{Report, Validate};
use modehost_ids::Address;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

pub use key::ApiKey;

/// The alias of a purpose that names none.
pub const DEFAULT_ALIAS: &str = "default";

/// Members of a request that the server sets itself.
const RESERVED_MEMBERS: [&str; 12] = [
    "messages",
    "model",
    "stream",
    "stream_options",
    "tools",
    "response_format",
    "temperature",
    "top_p",
    "max_tokens",
    "max_completion_tokens",
    "n",
    "tool_calls",
];

/// Section `llm`: language models. `aliases.default` with `base_url` and `model` is enough to start with.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Providers with their settings, by a name of choice. Default none: modes run without a model. Hot: the next
    /// question uses the new settings.
    pub aliases: BTreeMap<String, Alias>,
    /// Which alias answers a purpose of the modes: `summary: default`, or with its own settings
    /// `summary: { alias: default, temperature: 0.2 }`. A purpose that is not listed uses the alias `default`. Hot.
    pub purposes: BTreeMap<String, Purpose>,
}

/// A provider with its settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(default, deny_unknown_fields)]
pub struct Alias {
    /// Base address of an OpenAI-compatible service, without `/chat/completions`, such as `https://api.example.org/v1`.
    /// Required.
    #[garde(custom(one_address(&self.url)), inner(custom(address::is_base_url)))]
    pub base_url: Option<Address>,
    /// The older name of `base_url`.
    #[garde(inner(custom(address::is_base_url)))]
    pub url: Option<Address>,
    /// Key, sent as `Authorization: Bearer`. Default none.
    #[garde(inner(custom(key::is_key)))]
    pub api_key: Option<ApiKey>,
    /// Model, as the provider names it. Default none: the provider chooses.
    #[garde(inner(length(min = 1, max = 256)))]
    pub model: Option<String>,
    /// Total time of one question, with queueing and retries, in s, 1 to 3600. Default 60.
    #[garde(range(min = 1, max = 3600))]
    pub timeout_s: u64,
    /// Time to the first token of a streamed answer, in s, 1 to 3600; also the longest gap between two tokens, up to
    /// 20 s. Default 20.
    #[garde(range(min = 1, max = 3600))]
    pub first_token_timeout_s: u64,
    /// Concurrent questions, 1 to 10,000; others are queued. Default 32.
    #[garde(range(min = 1, max = 10_000))]
    pub max_concurrent: usize,
    /// Retries after a transient failure, 0 to 10. Default 2.
    #[garde(range(max = 10))]
    pub retries: u32,
    /// 0 to 2. Default: the provider's.
    #[garde(inner(range(min = 0.0, max = 2.0)))]
    pub temperature: Option<f64>,
    /// 0 to 1. Default: the provider's.
    #[garde(inner(range(min = 0.0, max = 1.0)))]
    pub top_p: Option<f64>,
    /// Longest answer in tokens, in place of what the mode asks for. Reasoning is added: a reasoning model gets eight
    /// times as many for it, 4096 to 16,384. Default: what the mode asks for.
    #[garde(inner(range(min = 1, max = 1_000_000)))]
    pub max_tokens: Option<u32>,
    /// Additional members of each request, such as `{ enable_thinking: false }`. One that the model rejects is omitted
    /// for a day. Default none.
    #[garde(custom(are_not_reserved))]
    pub extra: BTreeMap<String, Value>,
}

impl Default for Alias {
    fn default() -> Self {
        Self {
            base_url: None,
            url: None,
            api_key: None,
            model: None,
            timeout_s: limits::MODEL_TIMEOUT.as_secs(),
            first_token_timeout_s: limits::MODEL_FIRST_TOKEN.as_secs(),
            max_concurrent: limits::MODEL_CONCURRENT,
            retries: limits::MODEL_RETRIES,
            temperature: None,
            top_p: None,
            max_tokens: None,
            extra: BTreeMap::new(),
        }
    }
}

impl Alias {
    /// The address without a trailing slash; empty only if validation failed.
    pub(crate) fn address(&self) -> &str {
        self.base_url.as_deref().or(self.url.as_deref()).unwrap_or_default().trim_end_matches('/')
    }
}

/// Settings of a purpose: an alias, and overrides of its settings.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Purpose {
    /// Name of an alias. Default `default`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// Overrides of the alias.
    #[serde(flatten)]
    pub overrides: Overrides,
}

/// Overrides of an alias's settings.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Validate)]
pub struct Overrides {
    /// The model's name at its provider, 1 to 256 bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[garde(inner(length(min = 1, max = 256)))]
    pub model: Option<String>,
    /// Total time of one question, in s, 1 to 3600.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[garde(inner(range(min = 1, max = 3600)))]
    pub timeout_s: Option<u64>,
    /// Time to the first token of an answer, in s, 1 to 3600.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[garde(inner(range(min = 1, max = 3600)))]
    pub first_token_timeout_s: Option<u64>,
    /// Retries after the first attempt, 0 to 10.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[garde(inner(range(max = 10)))]
    pub retries: Option<u32>,
    /// 0 to 2; higher is more varied.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[garde(inner(range(min = 0.0, max = 2.0)))]
    pub temperature: Option<f64>,
    /// 0 to 1; the share of the most likely tokens to sample from.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[garde(inner(range(min = 0.0, max = 1.0)))]
    pub top_p: Option<f64>,
    /// The longest answer, in tokens, 1 to 1,000,000.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[garde(inner(range(min = 1, max = 1_000_000)))]
    pub max_tokens: Option<u32>,
    /// Additional members of the request, as the provider documents them; none that this server sets itself.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[garde(custom(are_not_reserved))]
    pub extra: BTreeMap<String, Value>,
}

/// A purpose written as a map: what the schema shows, and how a map is deserialised.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct PurposeInFull {
    /// Name of an alias. Default `default`.
    alias: Option<String>,
    /// Model, as the provider names it. Default: the alias's.
    model: Option<String>,
    /// Total time of one question, in s, 1 to 3600. Default: the alias's.
    timeout_s: Option<u64>,
    /// Time to the first token of a streamed answer, in s, 1 to 3600. Default: the alias's.
    first_token_timeout_s: Option<u64>,
    /// Retries after a transient failure, 0 to 10. Default: the alias's.
    retries: Option<u32>,
    /// 0 to 2. Default: the alias's.
    temperature: Option<f64>,
    /// 0 to 1. Default: the alias's.
    top_p: Option<f64>,
    /// Longest answer in tokens, in place of what the mode asks for. Default: the alias's.
    max_tokens: Option<u32>,
    /// Additional members of each request, which override those of the alias. Default none.
    extra: BTreeMap<String, Value>,
}

impl<'de> Deserialize<'de> for Purpose {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameOrMap;

        impl<'de> Visitor<'de> for NameOrMap {
            type Value = Purpose;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of an alias, or keys and values such as { alias: default, temperature: 0.2 }")
            }

            fn visit_str<E>(self, name: &str) -> Result<Purpose, E> {
                Ok(Purpose { alias: Some(name.to_owned()), overrides: Overrides::default() })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Purpose, A::Error> {
                let full = PurposeInFull::deserialize(MapAccessDeserializer::new(map))?;
                let overrides = Overrides {
                    model: full.model,
                    timeout_s: full.timeout_s,
                    first_token_timeout_s: full.first_token_timeout_s,
                    retries: full.retries,
                    temperature: full.temperature,
                    top_p: full.top_p,
                    max_tokens: full.max_tokens,
                    extra: full.extra,
                };
                Ok(Purpose { alias: full.alias, overrides })
            }
        }

        deserializer.deserialize_any(NameOrMap)
    }
}

impl JsonSchema for Purpose {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Purpose".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let name = generator.subschema_for::<String>();
        let full = generator.subschema_for::<PurposeInFull>();
        schemars::json_schema!({ "anyOf": [name, full] })
    }
}

impl Purpose {
    /// The alias that it uses.
    pub fn alias(&self) -> &str {
        self.alias.as_deref().unwrap_or(DEFAULT_ALIAS)
    }
}

/// Implemented by hand, because whether a purpose's alias exists depends on another field, and the error should be
/// reported at the purpose's own line.
impl Validate for Config {
    type Context = ();

    fn validate_into(&self, context: &(), parent: &mut dyn FnMut() -> Path, report: &mut Report) {
        for (name, alias) in &self.aliases {
            let mut path = || parent().join("aliases").join(name.as_str());
            if let Err(error) = is_name(name) {
                report.append(path(), error);
            }
            alias.validate_into(context, &mut path, report);
        }
        for (name, purpose) in &self.purposes {
            let mut path = || parent().join("purposes").join(name.as_str());
            if let Err(error) = is_name(name) {
                report.append(path(), error);
            }
            if !self.aliases.contains_key(purpose.alias()) {
                let names: Vec<&str> = self.aliases.keys().map(String::as_str).collect();
                let known = match names.is_empty() {
                    true => "there is none; add it under `llm.aliases` with `base_url` and `model`".to_owned(),
                    false => format!("there are: {}", names.join(", ")),
                };
                let message = format!("names an alias that is not in `llm.aliases`; {known}");
                report.append(path(), garde::Error::new(message));
            }
            purpose.overrides.validate_into(context, &mut path, report);
        }
    }
}

/// Names become metric labels and log fields.
fn is_name(name: &str) -> garde::Result {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if (1..=64).contains(&name.len()) && name.bytes().all(plain) {
        return Ok(());
    }
    Err(garde::Error::new("must have a name of 1 to 64 letters, digits, `-` and `_`"))
}

fn one_address(older: &Option<Address>) -> impl FnOnce(&Option<Address>, &()) -> garde::Result + '_ {
    move |address, _| match (address, older) {
        (None, None) => Err(garde::Error::new(
            "has no `base_url`; write the address of an OpenAI-compatible service, such as https://api.example.org/v1",
        )),
        (Some(_), Some(_)) => Err(garde::Error::new("stands beside its older name `url`; keep one of them")),
        _ => Ok(()),
    }
}

fn are_not_reserved(extra: &BTreeMap<String, Value>, _: &()) -> garde::Result {
    match extra.keys().find(|key| RESERVED_MEMBERS.contains(&key.as_str())) {
        Some(key) => Err(garde::Error::new(format!("holds `{key}`, which the server fills in itself; take it out"))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
