//! The tries of one question. Rule: what may pass is tried again before the first piece was given on and never
//! after; a refusal is met by the one change that helps; what fails for good opens the circuit breaker.

use crate::limits;
use backon::{BackoffBuilder, ExponentialBuilder};
use metrics::counter;
use modehost_contract::service::ModelPart;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use crate::answer::Answer;
use crate::attempt::{Attempt, Trouble};
use crate::client::Client;
use crate::fault::Fault;
use crate::meter::Meter;
use crate::question::Question;
use crate::refusal::Advice;
use crate::remedy::{Plan, Remedy};

/// Waits for a turn and asks, again where that may help.
///
/// # Errors
/// If there is no answer.
pub(crate) async fn answer(
    client: &Client,
    question: &Question,
    parts: &mpsc::Sender<ModelPart>,
    meter: &mut Meter,
) -> Result<Answer, Fault> {
    let deadline = Instant::now() + client.terms.timeout;
    let admit = || client.model.breaker.admit().map_err(|open| Fault::Open(open.retry_in));
    // Nobody waits for a turn at a provider that is not asked.
    drop(admit()?);
    // Kept between tries: a provider that is unwell is not asked by others in the pauses.
    let _turn = client.endpoint.turns.take(deadline).await?;
    let permit = admit()?;
    let mut tries = Tries { client, question, parts, meter, deadline, is_trial: permit.is_trial(), given: false };
    let result = tries.run().await;
    match &result {
        Ok(_) => permit.succeed(),
        Err(fault) if fault.lasts() => permit.fail(fault),
        // What may pass by itself is no verdict.
        Err(_) => drop(permit),
    }
    result
}

struct Tries<'a> {
    client: &'a Client,
    question: &'a Question,
    parts: &'a mpsc::Sender<ModelPart>,
    meter: &'a mut Meter,
    deadline: Instant,
    /// It decides for all, so once is enough.
    is_trial: bool,
    /// Whether the one who asked has got a piece: then there is no further try.
    given: bool,
}

impl Tries<'_> {
    async fn run(&mut self) -> Result<Answer, Fault> {
        let model = &self.client.model;
        let mut pauses = ExponentialBuilder::new()
            .with_min_delay(limits::MODEL_BACKOFF)
            .with_max_delay(limits::MODEL_BACKOFF_MAX)
            .with_max_times(self.client.terms.retries as usize)
            .with_jitter()
            .build();
        let (mut plan, mut closed) = (model.plan(), false);
        loop {
            let Trouble { fault, advice } = match self.attempt(&plan).await {
                Ok(answer) => {
                    self.learn(&plan);
                    return Ok(answer);
                }
                Err(trouble) => trouble,
            };
            if self.given {
                return Err(fault);
            }
            if let Some(Advice { remedy, is_guess }) = advice
                && plan.apply(remedy.clone())
            {
                plan.mark_guess(is_guess);
                let name = remedy.name();
                debug_assert!(Remedy::NAMES.contains(&&*name) || name.starts_with("without_"), "{name}");
                let labels = [("alias", self.client.terms.alias.to_string()), ("remedy", name.into_owned())];
                counter!("modehost_model_remedies_total", &labels).increment(1);
                continue;
            }
            if fault == Fault::OnlyThoughts && self.add_thinking_budget(&mut plan) {
                continue;
            }
            // Once this is none of the provider's failures: an idle connection had come to its end.
            if fault == Fault::Closed && !std::mem::replace(&mut closed, true) {
                continue;
            }
            if !fault.may_pass() || self.is_trial && fault.lasts() {
                return Err(fault);
            }
            let Some(pause) = pauses.next() else { return Err(fault) };
            let pause = pause.max(fault.wait());
            if Instant::now() + pause >= self.deadline {
                return Err(fault);
            }
            sleep(pause).await;
        }
    }

    async fn attempt(&mut self, plan: &Plan) -> Result<Answer, Trouble> {
        self.meter.count_try();
        let attempt = Attempt {
            client: self.client,
            question: self.question,
            plan,
            deadline: self.deadline,
            parts: self.parts,
            meter: self.meter,
            given: &mut self.given,
        };
        let mut answer = attempt.run().await?;
        answer.name_calls();
        for call in &mut answer.tool_calls {
            call.name = self.question.offered_name(&call.name).to_owned();
        }
        Ok(answer)
    }

    /// Tokens for thoughts; false if that changes nothing.
    fn add_thinking_budget(&self, plan: &mut Plan) -> bool {
        let before = self.question.members(&self.client.terms, plan);
        plan.add_thinking_budget() && self.question.members(&self.client.terms, plan) != before
    }

    /// Remembers what has helped, and says so once.
    fn learn(&self, plan: &Plan) {
        for remedy in self.client.model.learn(plan) {
            let (alias, remedy) = (&*self.client.terms.alias, remedy.name());
            tracing::info!(
                alias,
                remedy = &*remedy,
                "a model has refused questions as they were; it is asked otherwise for a day"
            );
        }
    }
}
