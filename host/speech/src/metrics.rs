//! Descriptions of this crate's metrics. Rule: every metric is described here, with its unit; labels come from
//! closed sets.

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};

use crate::fault::FaultKind;

/// Describes the metrics, and registers those without labels at zero.
pub fn describe_metrics() {
    describe_counter!(
        "modehost_audio_packets_dropped_total",
        Unit::Count,
        "Audio packets dropped because the input queue was full or the utterance too long."
    );
    let _ = counter!("modehost_audio_packets_dropped_total");
    describe_counter!(
        "modehost_audio_packets_skipped_total",
        Unit::Count,
        "Packets of audio from devices that cannot be used, by `reason`."
    );
    // The reasons of the framing, then those of the decoder.
    for reason in ["too_short", "version", "kind", "length", "empty", "too_large", "damaged", "no_decoder"] {
        let _ = counter!("modehost_audio_packets_skipped_total", "reason" => reason);
    }
    describe_gauge!(
        "modehost_asr_pipelines",
        Unit::Count,
        "Audio pipelines that run: sessions that receive audio, or did a moment ago."
    );
    gauge!("modehost_asr_pipelines").set(0.0);
    describe_counter!("modehost_utterances_total", Unit::Count, "Utterances that were closed.");
    let _ = counter!("modehost_utterances_total");
    describe_counter!(
        "modehost_asr_recognitions_total",
        Unit::Count,
        "Utterances by `provider` and `outcome`: text, empty, no_voice, which was not sent, or what went wrong."
    );
    describe_counter!("modehost_asr_retries_total", Unit::Count, "Retries of recognisers, by `provider` and `reason`.");
    describe_histogram!(
        "modehost_asr_final_seconds",
        Unit::Seconds,
        "From the end of an utterance to its text, by `provider`."
    );
    describe_histogram!(
        "modehost_tts_first_audio_seconds",
        Unit::Seconds,
        "From the first sentence of a turn to its first frame, by `provider`."
    );
    describe_counter!(
        "modehost_tts_sentences_total",
        Unit::Count,
        "Sentences by `provider` and `outcome`: ok, or what went wrong."
    );
    describe_counter!(
        "modehost_tts_dropped_total",
        Unit::Count,
        "Sentences that were dropped, since too many were queued."
    );
    let _ = counter!("modehost_tts_dropped_total");
    describe_counter!("modehost_tts_frames_total", Unit::Count, "Frames of speech for devices.");
    let _ = counter!("modehost_tts_frames_total");
    describe_counter!(
        "modehost_tts_underruns_total",
        Unit::Count,
        "Playback buffer of a device ran empty in the middle of a turn."
    );
    let _ = counter!("modehost_tts_underruns_total");
    describe_histogram!("modehost_tts_pacing_error_seconds", Unit::Seconds, "Delay of a frame against its schedule.");
    let _ = histogram!("modehost_tts_pacing_error_seconds");
}

/// Registers the metrics of this recogniser at zero.
pub(crate) fn register_recogniser(provider: &'static str) {
    for outcome in FaultKind::LABELS.into_iter().chain(["text", "empty", "no_voice"]) {
        let _ = counter!("modehost_asr_recognitions_total", "provider" => provider, "outcome" => outcome);
    }
    for reason in FaultKind::LABELS {
        let _ = counter!("modehost_asr_retries_total", "provider" => provider, "reason" => reason);
    }
    let _ = histogram!("modehost_asr_final_seconds", "provider" => provider);
}

/// Registers the metrics of this speaker at zero.
pub(crate) fn register_speaker(provider: &'static str) {
    for outcome in FaultKind::LABELS.into_iter().chain(["ok"]) {
        let _ = counter!("modehost_tts_sentences_total", "provider" => provider, "outcome" => outcome);
    }
    let _ = histogram!("modehost_tts_first_audio_seconds", "provider" => provider);
}
