//! What is known of a model: what it does not take, how it answers, and whether its provider fails for good.
//! Rule: known by alias, address and name, for a day, and never more of it than fits; what a question ran
//! into by its own length is nobody else's business.

use std::collections::HashMap;
use std::sync::Arc;

use crate::limits;
use modehost_breaker::{Breaker, Policy};
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::answer::Habits;
use crate::client::Terms;
use crate::remedy::{Plan, Remedy};

/// A model at a provider. Shared by all who ask it, whatever for.
#[derive(Debug)]
pub(crate) struct Model {
    pub breaker: Arc<Breaker>,
    /// Its name says that it thinks, and its answers have not shown yet how.
    is_hinted: bool,
    known: Mutex<Known>,
}

/// Each with the time until which it is believed.
#[derive(Debug, Default)]
struct Known {
    remedies: Vec<(Remedy, Instant)>,
    thinks: Option<Instant>,
    opens_in_thought: Option<Instant>,
    /// It does not, whatever its name.
    opens_in_answer: Option<Instant>,
}

/// What names of models hint at that begin with thoughts: prompt templates put the opening mark of these into the
/// question, and services that do not know it give all of it as text.
const THINKERS: [&str; 6] = ["deepseek-r1", "-r1-distill", "qwq", "thinking", "reasoner", "deepseek_r1"];

impl Model {
    fn new(terms: &Terms) -> Arc<Self> {
        let name = terms.model.as_deref().unwrap_or_default().to_lowercase();
        let policy = Policy { failures: limits::MODEL_BREAKER_FAILURES, ..Policy::default() };
        Arc::new(Self {
            breaker: Breaker::new("llm", &terms.alias, policy),
            is_hinted: THINKERS.iter().any(|hint| name.contains(hint)),
            known: Mutex::default(),
        })
    }

    /// How to ask it.
    pub(crate) fn plan(&self) -> Plan {
        let now = Instant::now();
        let mut known = self.known.lock();
        known.remedies.retain(|(_, until)| *until > now);
        Plan::new(known.remedies.iter().map(|(remedy, _)| remedy.clone()).collect(), is_on(known.thinks, now))
    }

    /// Whether its text is to be withheld until it is known whether it was thought.
    pub(crate) fn opens_in_thought(&self) -> bool {
        let now = Instant::now();
        let known = self.known.lock();
        is_on(known.opens_in_thought, now) || self.is_hinted && !is_on(known.opens_in_answer, now)
    }

    /// Remembers what has helped. Says what of it is new.
    pub(crate) fn learn(&self, plan: &Plan) -> Vec<Remedy> {
        let memory = if plan.has_guessed() { limits::MODEL_GUESS_MEMORY } else { limits::MODEL_MEMORY };
        let until = Instant::now() + memory;
        let mut known = self.known.lock();
        let mut new = Vec::new();
        for remedy in plan.tried().filter(|remedy| remedy.lasts()) {
            known.remedies.retain(|(other, _)| !remedy.replaces(other));
            if known.remedies.len() < limits::MODEL_MEMORY_REMEDIES {
                known.remedies.push((remedy.clone(), until));
                new.push(remedy.clone());
            }
        }
        new
    }

    /// Remembers how it answers.
    pub(crate) fn record_habits(&self, habits: Habits) {
        let until = Some(Instant::now() + limits::MODEL_MEMORY);
        let mut known = self.known.lock();
        if habits.thinks {
            known.thinks = until;
        }
        if habits.opens_in_thought {
            known.opens_in_thought = until;
        }
        if habits.opens_in_answer {
            known.opens_in_answer = until;
        }
    }
}

fn is_on(until: Option<Instant>, now: Instant) -> bool {
    until.is_some_and(|until| until > now)
}

/// The models that there are, and those that there were lately.
#[derive(Debug, Default)]
pub(crate) struct KnownModels(Mutex<HashMap<Key, Arc<Model>>>);

/// Alias, address and name.
type Key = (Arc<str>, String, Option<String>);

impl KnownModels {
    /// The model of these terms.
    pub(crate) fn get(&self, terms: &Terms) -> Arc<Model> {
        let key = (terms.alias.clone(), terms.address.clone(), terms.model.clone());
        let mut models = self.0.lock();
        if models.len() >= limits::MODEL_MEMORY_MODELS && !models.contains_key(&key) {
            // Those of the configuration are held by their clients; the others are only remembered.
            models.retain(|_, model| Arc::strong_count(model) > 1);
        }
        models.entry(key).or_insert_with(|| Model::new(terms)).clone()
    }

    /// Closes all circuit breakers: a change may have repaired what was wrong.
    pub(crate) fn reset_breakers(&self) {
        self.0.lock().values().for_each(|model| model.breaker.reset());
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;
    use crate::config::{Alias, Overrides};

    fn terms(alias: &str, model: &str) -> Terms {
        let settings =
            Alias { base_url: Some("http://127.0.0.1:1/v1".into()), model: Some(model.into()), ..Alias::default() };
        Terms::new(alias, &settings, &Overrides::default())
    }

    fn with(remedy: Remedy) -> Plan {
        let mut plan = Plan::default();
        assert!(plan.apply(remedy));
        plan
    }

    #[tokio::test(start_paused = true)]
    async fn l6_what_helped_is_remembered_by_alias_and_model_for_a_day() {
        let models = KnownModels::default();
        let small = models.get(&terms("default", "small"));
        assert_eq!(small.learn(&with(Remedy::NoTools)), [Remedy::NoTools]);
        assert_eq!(small.learn(&with(Remedy::Shorten)), [], "the length is the question's");
        assert!(models.get(&terms("default", "small")).plan().has(&Remedy::NoTools));
        for other in [terms("default", "large"), terms("other", "small")] {
            assert!(!models.get(&other).plan().has(&Remedy::NoTools));
        }
        advance(limits::MODEL_MEMORY - std::time::Duration::from_secs(1)).await;
        assert!(small.plan().has(&Remedy::NoTools));
        advance(std::time::Duration::from_secs(1)).await;
        assert!(!small.plan().has(&Remedy::NoTools));
    }

    #[tokio::test(start_paused = true)]
    async fn l6_a_guess_is_not_believed_for_long() {
        let small = KnownModels::default().get(&terms("default", "small"));
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
        let small = models.get(&terms("default", "small"));
        assert!(!small.opens_in_thought() && !small.plan().has_thinking_budget());
        small.record_habits(Habits { thinks: true, opens_in_thought: true, opens_in_answer: false });
        // One answer without thoughts does not mean that the next has none.
        small.record_habits(Habits { opens_in_answer: true, ..Habits::default() });
        assert!(small.opens_in_thought() && small.plan().has_thinking_budget());
        advance(limits::MODEL_MEMORY).await;
        assert!(!small.opens_in_thought() && !small.plan().has_thinking_budget());
    }

    #[tokio::test(start_paused = true)]
    async fn a_name_hints_until_an_answer_shows() {
        let models = KnownModels::default();
        for name in ["DeepSeek-R1-0528", "qwq-32b", "Qwen3-30B-A3B-Thinking-2507", "deepseek-reasoner"] {
            let model = models.get(&terms("default", name));
            assert!(model.opens_in_thought(), "{name}");
            model.record_habits(Habits { opens_in_answer: true, ..Habits::default() });
            assert!(!model.opens_in_thought(), "{name}");
        }
        for name in ["gpt-5", "deepseek-v3", "qwen-plus", "glm-4.6"] {
            assert!(!models.get(&terms("default", name)).opens_in_thought(), "{name}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_is_remembered_than_fits() {
        let models = KnownModels::default();
        let kept: Vec<_> = (0..3).map(|number| models.get(&terms("default", &format!("kept-{number}")))).collect();
        kept[0].learn(&with(Remedy::NoTools));
        for number in 0..limits::MODEL_MEMORY_MODELS * 3 {
            let model = models.get(&terms("default", &number.to_string()));
            for member in 0..limits::MODEL_MEMORY_REMEDIES + 5 {
                model.learn(&with(Remedy::Drop(member.to_string().into())));
            }
            assert!(model.known.lock().remedies.len() <= limits::MODEL_MEMORY_REMEDIES);
        }
        assert!(models.0.lock().len() <= limits::MODEL_MEMORY_MODELS + 1);
        assert!(models.get(&terms("default", "kept-0")).plan().has(&Remedy::NoTools));
    }
}
