//! What the figures of this room mean. Rule: whoever adds a figure describes it here, with its unit;
//! labels come from closed sets.

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};

/// Describes the figures of this room, and begins those that have no labels.
pub fn describe_figures() {
    describe_counter!(
        "modehost_audio_packets_dropped_total",
        Unit::Count,
        "Packets of audio from devices that came faster than they were taken, or beyond the longest utterance."
    );
    let _ = counter!("modehost_audio_packets_dropped_total");
    describe_counter!(
        "modehost_audio_packets_skipped_total",
        Unit::Count,
        "Packets of audio from devices that cannot be used, by `reason`."
    );
    describe_gauge!("modehost_ears", Unit::Count, "Sessions that hear something, or did a moment ago.");
    gauge!("modehost_ears").set(0.0);
    describe_counter!("modehost_utterances_total", Unit::Count, "Utterances that have ended.");
    let _ = counter!("modehost_utterances_total");
    describe_counter!(
        "modehost_recognitions_total",
        Unit::Count,
        "Utterances by `provider` and `outcome`: text, empty, no_voice, which was not sent, or what went wrong."
    );
    describe_counter!(
        "modehost_recognition_retries_total",
        Unit::Count,
        "Further tries of recognisers, by `provider` and `reason`."
    );
    describe_histogram!(
        "modehost_recognition_final_seconds",
        Unit::Seconds,
        "From the end of an utterance to its text, by `provider`."
    );
    describe_histogram!(
        "modehost_speech_first_audio_seconds",
        Unit::Seconds,
        "From the first sentence of a turn to its first frame, by `provider`."
    );
    describe_counter!(
        "modehost_speech_sentences_total",
        Unit::Count,
        "Sentences by `provider` and `outcome`: ok, or what went wrong."
    );
    describe_counter!(
        "modehost_speech_dropped_total",
        Unit::Count,
        "Sentences that were not taken, since more waited than anybody would listen to."
    );
    let _ = counter!("modehost_speech_dropped_total");
    describe_counter!("modehost_speech_frames_total", Unit::Count, "Frames of speech for devices.");
    let _ = counter!("modehost_speech_frames_total");
    describe_counter!(
        "modehost_speech_underruns_total",
        Unit::Count,
        "Times that a device had nothing left to play in the middle of a turn."
    );
    let _ = counter!("modehost_speech_underruns_total");
    describe_histogram!(
        "modehost_speech_pacing_error_seconds",
        Unit::Seconds,
        "How much later than due a frame of speech went out."
    );
    let _ = histogram!("modehost_speech_pacing_error_seconds");
}
