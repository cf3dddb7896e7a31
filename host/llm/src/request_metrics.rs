//! Metrics and log line of one question. Rule: one line and one set of metrics per question, however it ends, even by
//! being dropped; lengths and digests, never its text.

use std::sync::Arc;
use std::time::{Duration, Instant};

use metrics::{counter, histogram};

use crate::answer::Answer;
use crate::fault::Fault;
use crate::question::Question;
use crate::sha8::sha8;

/// Records one question from its start to its end.
pub(crate) struct RequestMetrics {
    alias: Arc<str>,
    /// Its name, or `other`: a mode may name anything, and labels must be few.
    purpose: Arc<str>,
    /// Length and digest.
    question: (usize, String),
    started: Instant,
    first: Option<Duration>,
    tries: u32,
    raw_bytes: Option<usize>,
    ended: bool,
}

impl RequestMetrics {
    pub(crate) fn start(alias: &Arc<str>, purpose: &Arc<str>, question: &Question) -> Self {
        Self {
            alias: alias.clone(),
            purpose: purpose.clone(),
            question: question.trace(),
            started: Instant::now(),
            first: None,
            tries: 0,
            raw_bytes: None,
            ended: false,
        }
    }

    /// Counts an attempt.
    pub(crate) fn count_attempt(&mut self) {
        self.tries += 1;
        if self.tries > 1 {
            counter!("modehost_model_retries_total", "alias" => self.alias.to_string()).increment(1);
        }
    }

    /// Records the time to the first token; later calls do nothing.
    pub(crate) fn record_first_token(&mut self) {
        if self.first.is_none() {
            let took = self.started.elapsed();
            self.first = Some(took);
            let alias = self.alias.to_string();
            histogram!("modehost_model_first_token_seconds", "alias" => alias).record(took.as_secs_f64());
        }
    }

    /// Records the raw answer, before JSON is extracted from it.
    pub(crate) fn record_raw(&mut self, answer: &Answer) {
        self.raw_bytes = Some(answer.text.len());
    }

    /// Records the outcome, and logs it.
    pub(crate) fn finish(mut self, result: Result<&Answer, &Fault>) {
        self.ended = true;
        let outcome = result.as_ref().map_or_else(|fault| fault.outcome(), |_| "ok");
        self.record(outcome);
        let (question_bytes, question_sha8) = &self.question;
        let ms = self.started.elapsed().as_millis() as u64;
        let first_ms = self.first.map(|first| first.as_millis() as u64);
        let (alias, purpose, tries, raw_bytes) = (&*self.alias, &*self.purpose, self.tries, self.raw_bytes);
        match result {
            Ok(answer) => {
                for (kind, tokens) in [("prompt", answer.prompt_tokens), ("answer", answer.completion_tokens)] {
                    let labels = [("alias", alias.to_owned()), ("kind", kind.to_owned())];
                    counter!("modehost_model_tokens_total", &labels).increment(u64::from(tokens));
                }
                tracing::info!(
                    alias,
                    purpose,
                    outcome,
                    question_bytes,
                    question_sha8,
                    answer_bytes = answer.text.len(),
                    answer_sha8 = sha8(&answer.text),
                    raw_bytes,
                    tool_calls = answer.tool_calls.len(),
                    tries,
                    first_ms,
                    ms,
                    "a model has answered"
                );
            }
            // The breaker has logged the problem; at the rate of speech these lines would flood the log.
            Err(fault @ Fault::BreakerOpen(_)) => {
                tracing::debug!(
                    alias,
                    purpose,
                    outcome,
                    question_bytes,
                    question_sha8,
                    "no answer: {}",
                    fault.sentence(alias)
                );
            }
            Err(fault) => tracing::info!(
                alias,
                purpose,
                outcome,
                question_bytes,
                question_sha8,
                raw_bytes,
                tries,
                first_ms,
                ms,
                "no answer: {}",
                fault.sentence(alias)
            ),
        }
    }

    fn record(&self, outcome: &'static str) {
        debug_assert!(outcome == "ok" || Fault::OUTCOMES.contains(&outcome), "{outcome} is not counted from the start");
        let alias = || ("alias", self.alias.to_string());
        let labels = [alias(), ("purpose", self.purpose.to_string()), ("outcome", outcome.to_owned())];
        counter!("modehost_model_requests_total", &labels).increment(1);
        histogram!("modehost_model_seconds", &[alias()]).record(self.started.elapsed().as_secs_f64());
        tracing::Span::current().record("outcome", outcome).record("tries", self.tries);
    }
}

impl Drop for RequestMetrics {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        let outcome = Fault::Cancelled.outcome();
        self.record(outcome);
        let (question_bytes, question_sha8) = &self.question;
        let ms = self.started.elapsed().as_millis() as u64;
        let (alias, purpose, tries) = (&*self.alias, &*self.purpose, self.tries);
        tracing::info!(alias, purpose, outcome, question_bytes, question_sha8, tries, ms, "a question was cancelled");
    }
}
