//! Knowledge about a model: which parts of a request it rejects, how it answers, and whether its provider fails
//! permanently. Rule: keyed by alias, address and model name, kept for a day, and bounded; remedies against the length
//! of a single question are not remembered.

use std::collections::HashMap;
use std::sync::Arc;

use crate::limits;
use modehost_breaker::{Breaker, Policy};
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::answer::OutputTraits;
use crate::client_settings::ClientSettings;
use crate::remedy::{Plan, Remedy};

/// A model at a provider. Shared by all questions to it, whatever their purpose.
#[derive(Debug)]
pub(crate) struct Model {
    pub breaker: Arc<Breaker>,
    /// Its name suggests a reasoning model, and no answer has shown yet how it answers.
    is_hinted: bool,
    known: Mutex<Known>,
}

/// Each entry with its expiry.
#[derive(Debug, Default)]
struct Known {
    remedies: Vec<(Remedy, Instant)>,
    reasons: Option<Instant>,
    starts_in_reasoning: Option<Instant>,
    /// Its text begins with the answer, whatever its name.
    starts_in_answer: Option<Instant>,
}

/// Substrings of the names of models that begin with reasoning: prompt templates put their opening marker into the
/// prompt, and services that do not parse it return all of it as text.
const REASONING_MODELS: [&str; 6] = ["deepseek-r1", "-r1-distill", "qwq", "thinking", "reasoner", "deepseek_r1"];

impl Model {
    fn new(settings: &ClientSettings) -> Arc<Self> {
        let name = settings.model.as_deref().unwrap_or_default().to_lowercase();
        let policy = Policy { failures: limits::MODEL_BREAKER_FAILURES, ..Policy::default() };
        Arc::new(Self {
            breaker: Breaker::new("llm", &settings.alias, policy),
            is_hinted: REASONING_MODELS.iter().any(|hint| name.contains(hint)),
            known: Mutex::default(),
        })
    }

    /// The initial plan for a question.
    pub(crate) fn plan(&self) -> Plan {
        let now = Instant::now();
        let mut known = self.known.lock();
        known.remedies.retain(|(_, until)| *until > now);
        Plan::new(known.remedies.iter().map(|(remedy, _)| remedy.clone()).collect(), is_on(known.reasons, now))
    }

    /// Whether its text must be withheld until it is known whether it is reasoning.
    pub(crate) fn starts_in_reasoning(&self) -> bool {
        let now = Instant::now();
        let known = self.known.lock();
        is_on(known.starts_in_reasoning, now) || self.is_hinted && !is_on(known.starts_in_answer, now)
    }

    /// Remembers the remedies that have helped. Returns the new ones.
    pub(crate) fn learn(&self, plan: &Plan) -> Vec<Remedy> {
        let memory = if plan.has_guessed() { limits::MODEL_GUESS_MEMORY } else { limits::MODEL_MEMORY };
        let until = Instant::now() + memory;
        let mut known = self.known.lock();
        let mut new = Vec::new();
        for remedy in plan.tried().filter(|remedy| remedy.is_permanent()) {
            known.remedies.retain(|(other, _)| !remedy.replaces(other));
            if known.remedies.len() < limits::MODEL_MEMORY_REMEDIES {
                known.remedies.push((remedy.clone(), until));
                new.push(remedy.clone());
            }
        }
        new
    }

    /// Remembers how it answers.
    pub(crate) fn record_traits(&self, traits: OutputTraits) {
        let until = Some(Instant::now() + limits::MODEL_MEMORY);
        let mut known = self.known.lock();
        if traits.reasons {
            known.reasons = until;
        }
        if traits.starts_in_reasoning {
            known.starts_in_reasoning = until;
        }
        if traits.starts_in_answer {
            known.starts_in_answer = until;
        }
    }
}

fn is_on(until: Option<Instant>, now: Instant) -> bool {
    until.is_some_and(|until| until > now)
}

/// The models of the configuration, and recent ones.
#[derive(Debug, Default)]
pub(crate) struct KnownModels(Mutex<HashMap<Key, Arc<Model>>>);

/// Alias, address and model name.
type Key = (Arc<str>, String, Option<String>);

impl KnownModels {
    /// The model for these settings.
    pub(crate) fn get(&self, settings: &ClientSettings) -> Arc<Model> {
        let key = (settings.alias.clone(), settings.address.clone(), settings.model.clone());
        let mut models = self.0.lock();
        if models.len() >= limits::MODEL_MEMORY_MODELS && !models.contains_key(&key) {
            // Clients hold the models of the configuration; the others are only remembered.
            models.retain(|_, model| Arc::strong_count(model) > 1);
        }
        models.entry(key).or_insert_with(|| Model::new(settings)).clone()
    }

    /// Closes all circuit breakers: a configuration change may have fixed the problem.
    pub(crate) fn reset_breakers(&self) {
        self.0.lock().values().for_each(|model| model.breaker.reset());
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;
    use crate::config::{Alias, Overrides};

    fn settings(alias: &str, model: &str) -> ClientSettings {
        let alias_settings =
            Alias { base_url: Some("http://127.0.0.1:1/v1".into()), model: Some(model.into()), ..Alias::default() };
        ClientSettings::new(alias, &alias_settings, &Overrides::default())
    }

    fn with(remedy: Remedy) -> Plan {
        let mut plan = Plan::default();
        assert!(plan.apply(remedy));
        plan
    }

    #[tokio::test(start_paused = true)]
    async fn l6_what_helped_is_remembered_by_alias_and_model_for_a_day() {
        let models = KnownModels::default();
        let small = models.get(&settings("default", "small"));
        assert_eq!(small.learn(&with(Remedy::NoTools)), [Remedy::NoTools]);
        assert_eq!(small.learn(&with(Remedy::Shorten)), [], "the length is the question's");
        assert!(models.get(&settings("default", "small")).plan().has(&Remedy::NoTools));
        for other in [settings("default", "large"), settings("other", "small")] {
            assert!(!models.get(&other).plan().has(&Remedy::NoTools));
        }
        advance(limits::MODEL_MEMORY - std::time::Duration::from_secs(1)).await;
        assert!(small.plan().has(&Remedy::NoTools));
        advance(std::time::Duration::from_secs(1)).await;
        assert!(!small.plan().has(&Remedy::NoTools));
    }

    #[tokio::test(start_paused = true)]
    async fn l6_a_guess_is_not_believed_for_long() {
        let small = KnownModels::default().get(&settings("default", "small"));
        let mut plan = with(Remedy::NoTools);
        plan.mark_guess(true);
        small.learn(&plan);
        assert!(small.plan().has(&Remedy::NoTools));
        advance(limits::MODEL_GUESS_MEMORY).await;
        assert!(!small.plan().has(&Remedy::NoTools));
    }

    #[tokio::test(start_paused = true)]
    async fn how_it_answers_is_remembered_for_a_day() {
        let models = KnownModels::default();
        let small = models.get(&settings("default", "small"));
        assert!(!small.starts_in_reasoning() && !small.plan().has_reasoning_budget());
        small.record_traits(OutputTraits { reasons: true, starts_in_reasoning: true, starts_in_answer: false });
        // One answer without reasoning does not mean that the next one has none.
        small.record_traits(OutputTraits { starts_in_answer: true, ..OutputTraits::default() });
        assert!(small.starts_in_reasoning() && small.plan().has_reasoning_budget());
        advance(limits::MODEL_MEMORY).await;
        assert!(!small.starts_in_reasoning() && !small.plan().has_reasoning_budget());
    }

    #[tokio::test(start_paused = true)]
    async fn a_name_hints_until_an_answer_shows() {
        let models = KnownModels::default();
        for name in ["DeepSeek-R1-0528", "qwq-32b", "Qwen3-30B-A3B-Thinking-2507", "deepseek-reasoner"] {
            let model = models.get(&settings("default", name));
            assert!(model.starts_in_reasoning(), "{name}");
            model.record_traits(OutputTraits { starts_in_answer: true, ..OutputTraits::default() });
            assert!(!model.starts_in_reasoning(), "{name}");
        }
        for name in ["gpt-5", "deepseek-v3", "qwen-plus", "glm-4.6"] {
            assert!(!models.get(&settings("default", name)).starts_in_reasoning(), "{name}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_is_remembered_than_fits() {
        let models = KnownModels::default();
        let kept: Vec<_> = (0..3).map(|number| models.get(&settings("default", &format!("kept-{number}")))).collect();
        kept[0].learn(&with(Remedy::NoTools));
        for number in 0..limits::MODEL_MEMORY_MODELS * 3 {
            let model = models.get(&settings("default", &number.to_string()));
            for member in 0..limits::MODEL_MEMORY_REMEDIES + 5 {
                model.learn(&with(Remedy::Drop(member.to_string().into())));
            }
            assert!(model.known.lock().remedies.len() <= limits::MODEL_MEMORY_REMEDIES);
        }
        assert!(models.0.lock().len() <= limits::MODEL_MEMORY_MODELS + 1);
        assert!(models.get(&settings("default", "kept-0")).plan().has(&Remedy::NoTools));
    }
}
