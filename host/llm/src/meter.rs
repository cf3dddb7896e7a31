//! What is measured and logged of a question. Rule: one line and one set of measures per question,
//! however it ends, even by being dropped; lengths and digests, never a word of it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use metrics::{counter, histogram};
use sha2::{Digest, Sha256};

use crate::answer::Answer;
use crate::fault::Fault;
use crate::question::Question;

/// The first 8 hexadecimal digits of the SHA-256.
pub(crate) fn sha8(text: &str) -> String {
    hex::encode(&Sha256::digest(text)[..4])
}

/// One question from its beginning to its end.
pub(crate) struct Meter {
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

impl Meter {
    pub(crate) fn begin(alias: &Arc<str>, purpose: &Arc<str>, question: &Question) -> Self {
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

    /// Another try begins.
    pub(crate) fn count_try(&mut self) {
        self.tries += 1;
        if self.tries > 1 {
            counter!("modehost_model_retries_total", "alias" => self.alias.to_string()).increment(1);
        }
    }

    /// The model has given something; only the first time counts.
    pub(crate) fn count_token(&mut self) {
        if self.first.is_none() {
            let took = self.started.elapsed();
            self.first = Some(took);
            let alias = self.alias.to_string();
            histogram!("modehost_model_first_token_seconds", "alias" => alias).record(took.as_secs_f64());
        }
    }

    /// What the model gave, before JSON is taken out of it.
    pub(crate) fn note_raw(&mut self, answer: &Answer) {
        self.raw_bytes = Some(answer.text.len());
    }

    /// The end.
    pub(crate) fn end(mut self, result: Result<&Answer, &Fault>) {
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
            // The breaker has told the operator; at the rate of speech nobody would read it.
            Err(fault @ Fault::Open(_)) => {
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

impl Drop for Meter {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        let outcome = Fault::Unwanted.outcome();
        self.record(outcome);
        let (question_bytes, question_sha8) = &self.question;
        let ms = self.started.elapsed().as_millis() as u64;
        let (alias, purpose, tries) = (&*self.alias, &*self.purpose, self.tries);
        tracing::info!(alias, purpose, outcome, question_bytes, question_sha8, tries, ms, "a question was cancelled");
    }
}
