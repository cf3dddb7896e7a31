//! The attempts at one utterance. Rule: an attempt follows another only after a failure that may
//! pass, within the terms, and from what has not been acknowledged; while the provider's circuit breaker
//! is open there is none, and an utterance fails once, at its end.

use std::sync::Arc;
use std::time::Duration;

use crate::limits;
use backon::{BackoffBuilder, ExponentialBuilder};
use modehost_breaker::{Breaker, Permit};
use tokio::time::{Instant, sleep, sleep_until};

use super::buffer::{AudioBuffer, AudioReader};
use super::results::{AsrResults, ResultSink};
use super::{Recogniser, Terms};
use crate::fault::{Fault, FaultKind};
use crate::vad::Voice;

pub(super) async fn drive(
    recogniser: Arc<dyn Recogniser>,
    buffer: Arc<AudioBuffer>,
    sink: Arc<ResultSink>,
    terms: Terms,
) {
    let provider = recogniser.name();
    if !buffer.has_voice().await {
        sink.conclude(None, Voice::default());
        metrics::counter!("modehost_asr_recognitions_total", "provider" => provider, "outcome" => "no_voice")
            .increment(1);
        return;
    }
    let mut permit = None;
    let fault = tokio::select! {
        outcome = attempts(&*recogniser, &buffer, &sink, terms, &mut permit) => outcome.err(),
        () = too_late(&buffer, terms.timeout) => {
            let message = format!("{provider} gave no text within {} s", terms.timeout.as_secs());
            Some(Fault::passing(FaultKind::TimedOut, message))
        }
    };
    if let Some(fault) = &fault {
        // Of an attempt that is not over.
        conclude(permit, fault);
        let is_open = recogniser.breaker().is_some_and(|breaker| breaker.is_open());
        if (is_open || !fault.passing) && !sink.has_text() {
            // What is said in the rest of it would meet the same: one failure for all of it.
            buffer.end_of_sound().await;
        }
    }
    let label = fault.as_ref().map(|fault| fault.kind.label());
    let length = sink.conclude(fault, buffer.voice_so_far().0);
    let outcome = label.unwrap_or(if length == 0 { "empty" } else { "text" });
    metrics::counter!("modehost_asr_recognitions_total", "provider" => provider, "outcome" => outcome).increment(1);
    if let Some(ended) = buffer.ended().filter(|_| label.is_none()) {
        metrics::histogram!("modehost_asr_final_seconds", "provider" => provider).record(ended.elapsed().as_secs_f64());
    }
}

/// Leaves the permit of an attempt that is dropped in `permit`.
async fn attempts(
    recogniser: &dyn Recogniser,
    buffer: &Arc<AudioBuffer>,
    sink: &Arc<ResultSink>,
    terms: Terms,
    permit: &mut Option<Permit>,
) -> Result<(), Fault> {
    let provider = recogniser.name();
    let mut pauses = ExponentialBuilder::default()
        .with_jitter()
        .with_min_delay(limits::RECOGNITION_PAUSE)
        .with_max_times(terms.retries as usize)
        .build();
    let mut last = None;
    loop {
        *permit = match recogniser.breaker().map(Breaker::admit).transpose() {
            Ok(permit) => permit,
            // The fault that opened it says more.
            Err(open) => return Err(last.unwrap_or_else(|| Fault::breaker_open(provider, open.retry_in))),
        };
        let is_trial = permit.as_ref().is_some_and(Permit::is_trial);
        let mut sound = AudioReader::new(buffer.clone());
        let mut results = AsrResults::new(sink.clone(), buffer.clone(), sound.index());
        let outcome = recogniser.attempt(&mut sound, &mut results).await;
        let fault = match outcome {
            Ok(()) if sound.is_finished() => {
                if let Some(permit) = permit.take() {
                    permit.succeed();
                }
                return Ok(());
            }
            Ok(()) => Fault::passing(FaultKind::Garbled, format!("{provider} ended before the sound did")),
            Err(fault) => fault,
        };
        conclude(permit.take(), &fault);
        let Some(pause) = pauses.next().filter(|_| fault.passing && !is_trial) else { return Err(fault) };
        let reason = fault.kind.label();
        metrics::counter!("modehost_asr_retries_total", "provider" => provider, "reason" => reason).increment(1);
        tracing::debug!(provider, reason, "trying again: {fault}");
        last = Some(fault);
        sleep(pause).await;
    }
}

/// An attempt has failed: what that says of the next.
fn conclude(permit: Option<Permit>, fault: &Fault) {
    if let Some(permit) = permit.filter(|_| fault.is_lasting()) {
        permit.fail(fault);
    }
}

/// Ends when the text has been waited for long enough.
async fn too_late(buffer: &AudioBuffer, timeout: Duration) {
    loop {
        match buffer.ended() {
            Some(ended) => return sleep_until(ended + timeout).await,
            // Looked at now and then: the time limit is long.
            None => sleep_until(Instant::now() + limits::RECOGNITION_LOOK).await,
        }
    }
}
