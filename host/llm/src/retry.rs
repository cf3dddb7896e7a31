//! Attempts of one question. Rule: a transient failure is retried before the first chunk was sent and never after; a
//! rejection is met by the one change that helps; permanent failures open the circuit breaker.

use crate::limits;
use backon::{BackoffBuilder, ExponentialBuilder};
use metrics::counter;
use modehost_contract::service::ModelPart;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use crate::answer::Answer;
use crate::attempt::{Attempt, AttemptError};
use crate::client::Client;
use crate::fault::Fault;
use crate::question::Question;
use crate::rejection::Advice;
use crate::remedy::{Plan, Remedy};
use crate::request_metrics::RequestMetrics;

/// Waits for a slot and asks, with retries where they may help.
///
/// # Errors
/// If there is no answer.
pub(crate) async fn answer(
    client: &Client,
    question: &Question,
    parts: &mpsc::Sender<ModelPart>,
    metrics: &mut RequestMetrics,
) -> Result<Answer, Fault> {
    let deadline = Instant::now() + client.settings.timeout;
    let admit = || client.model.breaker.admit().map_err(|open| Fault::BreakerOpen(open.retry_in));
    // Fail fast: do not queue for a provider whose breaker is open.
    drop(admit()?);
    // Held during backoff: a failing provider gets no further load in the pauses.
    let _slot = client.endpoint.limiter.acquire(deadline).await?;
    let permit = admit()?;
    let mut attempts =
        Attempts { client, question, parts, metrics, deadline, is_trial: permit.is_trial(), chunk_sent: false };
    let result = attempts.run().await;
    match &result {
        Ok(_) => permit.succeed(),
        Err(fault) if fault.is_permanent() => permit.fail(fault),
        // A transient failure is no verdict on the provider.
        Err(_) => drop(permit),
    }
    result
}

struct Attempts<'a> {
    client: &'a Client,
    question: &'a Question,
    parts: &'a mpsc::Sender<ModelPart>,
    metrics: &'a mut RequestMetrics,
    deadline: Instant,
    /// A half-open trial decides for all, so it is not retried.
    is_trial: bool,
    /// Whether a chunk has been sent to the caller: then there are no retries.
    chunk_sent: bool,
}

impl Attempts<'_> {
    async fn run(&mut self) -> Result<Answer, Fault> {
        let model = &self.client.model;
        let mut pauses = ExponentialBuilder::new()
            .with_min_delay(limits::MODEL_BACKOFF)
            .with_max_delay(limits::MODEL_BACKOFF_MAX)
            .with_max_times(self.client.settings.retries as usize)
            .with_jitter()
            .build();
        let (mut plan, mut reused_connection_closed) = (model.plan(), false);
        loop {
            let AttemptError { fault, advice } = match self.attempt(&plan).await {
                Ok(answer) => {
                    self.learn(&plan);
                    return Ok(answer);
                }
                Err(error) => error,
            };
            if self.chunk_sent {
                return Err(fault);
            }
            if let Some(Advice { remedy, is_guess }) = advice
                && plan.apply(remedy.clone())
            {
                plan.mark_guess(is_guess);
                let name = remedy.name();
                debug_assert!(Remedy::NAMES.contains(&&*name) || name.starts_with("without_"), "{name}");
                let labels = [("alias", self.client.settings.alias.to_string()), ("remedy", name.into_owned())];
                counter!("modehost_model_remedies_total", &labels).increment(1);
                continue;
            }
            if fault == Fault::OnlyReasoning && self.add_reasoning_budget(&mut plan) {
                continue;
            }
            // Not counted as a failure once: an idle connection may have expired just then.
            if fault == Fault::ConnectionClosed && !std::mem::replace(&mut reused_connection_closed, true) {
                continue;
            }
            if !fault.is_transient() || self.is_trial && fault.is_permanent() {
                return Err(fault);
            }
            let Some(pause) = pauses.next() else { return Err(fault) };
            let pause = pause.max(fault.retry_after());
            if Instant::now() + pause >= self.deadline {
                return Err(fault);
            }
            sleep(pause).await;
        }
    }

    async fn attempt(&mut self, plan: &Plan) -> Result<Answer, AttemptError> {
        self.metrics.count_attempt();
        let attempt = Attempt {
            client: self.client,
            question: self.question,
            plan,
            deadline: self.deadline,
            parts: self.parts,
            metrics: self.metrics,
            chunk_sent: &mut self.chunk_sent,
        };
        let mut answer = attempt.run().await?;
        answer.assign_call_ids();
        for call in &mut answer.tool_calls {
            call.name = self.question.offered_name(&call.name).to_owned();
        }
        Ok(answer)
    }

    /// Adds a reasoning budget; false if that does not change the request.
    fn add_reasoning_budget(&self, plan: &mut Plan) -> bool {
        let before = self.question.members(&self.client.settings, plan);
        plan.add_reasoning_budget() && self.question.members(&self.client.settings, plan) != before
    }

    /// Remembers the remedies that have helped, and logs the new ones.
    fn learn(&self, plan: &Plan) {
        for remedy in self.client.model.learn(plan) {
            let (alias, remedy) = (&*self.client.settings.alias, remedy.name());
            tracing::info!(
                alias,
                remedy = &*remedy,
                "a model rejects parts of the request; they are adapted for a day"
            );
        }
    }
}
