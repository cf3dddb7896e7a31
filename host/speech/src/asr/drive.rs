//! The attempts at one utterance. Rule: a retry follows only a transient failure, within timeout and retry limit, and
//! starts at the first unacknowledged sample; while the circuit breaker is open there is no attempt, and an utterance
//! fails once, at its end.

use std::sync::Arc;
use std::time::Duration;

use crate::limits;
use backon::{BackoffBuilder, ExponentialBuilder};
use modehost_breaker::{Breaker, Permit};
use tokio::time::{Instant, sleep, sleep_until};

use super::buffer::{AudioBuffer, AudioReader};
use super::results::{AsrResults, ResultSink};
use super::{Recogniser, RecognitionPolicy};
use crate::fault::{Fault, FaultKind};
use crate::vad::Voice;

pub(super) async fn drive(
    recogniser: Arc<dyn Recogniser>,
    buffer: Arc<AudioBuffer>,
    sink: Arc<ResultSink>,
    policy: RecognitionPolicy,
) {
    let provider = recogniser.name();
    if !buffer.wait_for_voice().await {
        sink.finish(None, Voice::default());
        metrics::counter!("modehost_asr_recognitions_total", "provider" => provider, "outcome" => "no_voice")
            .increment(1);
        return;
    }
    let mut permit = None;
    let fault = tokio::select! {
        outcome = attempts(&*recogniser, &buffer, &sink, policy, &mut permit) => outcome.err(),
        () = overdue(&buffer, policy.timeout) => {
            let message = format!("{provider} returned no transcript within {} s", policy.timeout.as_secs());
            Some(Fault::transient(FaultKind::TimedOut, message))
        }
    };
    if let Some(fault) = &fault {
        // The permit of an attempt that was still running.
        record_failure(permit, fault);
        let is_open = recogniser.breaker().is_some_and(|breaker| breaker.is_open());
        if (is_open || !fault.transient) && !sink.has_text() {
            // The rest of the utterance would fail as well: report one failure for all of it.
            buffer.wait_end().await;
        }
    }
    let label = fault.as_ref().map(|fault| fault.kind.label());
    let length = sink.finish(fault, buffer.voice().0);
    let outcome = label.unwrap_or(if length == 0 { "empty" } else { "text" });
    metrics::counter!("modehost_asr_recognitions_total", "provider" => provider, "outcome" => outcome).increment(1);
    if let Some(ended) = buffer.ended().filter(|_| label.is_none()) {
        metrics::histogram!("modehost_asr_final_seconds", "provider" => provider).record(ended.elapsed().as_secs_f64());
    }
}

/// Leaves the permit of a dropped attempt in `permit`.
async fn attempts(
    recogniser: &dyn Recogniser,
    buffer: &Arc<AudioBuffer>,
    sink: &Arc<ResultSink>,
    policy: RecognitionPolicy,
    permit: &mut Option<Permit>,
) -> Result<(), Fault> {
    let provider = recogniser.name();
    let mut pauses = ExponentialBuilder::default()
        .with_jitter()
        .with_min_delay(limits::RECOGNITION_BACKOFF)
        .with_max_times(policy.retries as usize)
        .build();
    let mut last = None;
    loop {
        *permit = match recogniser.breaker().map(Breaker::admit).transpose() {
            Ok(permit) => permit,
            // The fault that opened the breaker says more.
            Err(open) => return Err(last.unwrap_or_else(|| Fault::breaker_open(provider, open.retry_in))),
        };
        let is_trial = permit.as_ref().is_some_and(Permit::is_trial);
        let mut audio = AudioReader::new(buffer.clone());
        let mut results = AsrResults::new(sink.clone(), buffer.clone(), audio.index());
        let outcome = recogniser.attempt(&mut audio, &mut results).await;
        let fault = match outcome {
            Ok(()) if audio.is_finished() => {
                if let Some(permit) = permit.take() {
                    permit.succeed();
                }
                return Ok(());
            }
            Ok(()) => Fault::transient(
                FaultKind::Malformed,
                format!("{provider} closed the stream before the end of the audio"),
            ),
            Err(fault) => fault,
        };
        record_failure(permit.take(), &fault);
        let Some(pause) = pauses.next().filter(|_| fault.transient && !is_trial) else { return Err(fault) };
        let reason = fault.kind.label();
        metrics::counter!("modehost_asr_retries_total", "provider" => provider, "reason" => reason).increment(1);
        tracing::debug!(provider, reason, "trying again: {fault}");
        last = Some(fault);
        sleep(pause).await;
    }
}

/// Records the failure of an attempt in the circuit breaker, where it predicts the next call.
fn record_failure(permit: Option<Permit>, fault: &Fault) {
    if let Some(permit) = permit.filter(|_| fault.counts_for_breaker()) {
        permit.fail(fault);
    }
}

/// Completes when the transcript is overdue.
async fn overdue(buffer: &AudioBuffer, timeout: Duration) {
    loop {
        match buffer.ended() {
            Some(ended) => return sleep_until(ended + timeout).await,
            // Polling is precise enough: the timeout is long.
            None => sleep_until(Instant::now() + limits::RECOGNITION_POLL).await,
        }
    }
}
