//! Metrics under their old names. Rule: a renamed metric is exposed under both names until the release named in
//! [`UNTIL`], so that operators' dashboards and alerts stay valid; nothing is counted twice, the copy is made when
//! `/metrics` is read.

/// The release that drops the old names.
pub const UNTIL: &str = "0.3";

/// Current and old name.
pub const OLDER: [(&str, &str); 10] = [
    ("modehost_asr_final_seconds", "modehost_recognition_final_seconds"),
    ("modehost_asr_pipelines", "modehost_ears"),
    ("modehost_asr_recognitions_total", "modehost_recognitions_total"),
    ("modehost_asr_retries_total", "modehost_recognition_retries_total"),
    ("modehost_tts_dropped_total", "modehost_speech_dropped_total"),
    ("modehost_tts_first_audio_seconds", "modehost_speech_first_audio_seconds"),
    ("modehost_tts_frames_total", "modehost_speech_frames_total"),
    ("modehost_tts_pacing_error_seconds", "modehost_speech_pacing_error_seconds"),
    ("modehost_tts_sentences_total", "modehost_speech_sentences_total"),
    ("modehost_tts_underruns_total", "modehost_speech_underruns_total"),
];

/// Adds to a Prometheus text exposition, after each renamed family, the same family under its old name.
pub fn with_older_names(text: &str) -> String {
    let mut shown = String::with_capacity(text.len() + text.len() / 8);
    let mut copy = String::new();
    let mut family = None;
    for line in text.split_inclusive('\n') {
        if let Some(name) = line.strip_prefix("# HELP ").or_else(|| line.strip_prefix("# TYPE ")) {
            let name = name.split(' ').next().unwrap_or_default();
            let renamed = OLDER.iter().find(|(today, _)| *today == name);
            if family != renamed {
                shown.push_str(&copy);
                copy.clear();
                family = renamed;
            }
        }
        shown.push_str(line);
        if let Some((today, older)) = family {
            copy.push_str(&line.replacen(today, older, 1));
        }
    }
    shown.push_str(&copy);
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_renamed_family_follows_whole_under_its_older_name() {
        let text = "# HELP modehost_asr_pipelines Running.\n# TYPE modehost_asr_pipelines gauge\nmodehost_asr_pipelines 2\n\n\
                    # TYPE modehost_ready gauge\nmodehost_ready 1\n\n\
                    # TYPE modehost_asr_final_seconds histogram\nmodehost_asr_final_seconds_bucket{le=\"1\"} 3\n\
                    modehost_asr_final_seconds_sum 1.5\nmodehost_asr_final_seconds_count 3\n";
        let shown = with_older_names(text);
        let older =
            "# HELP modehost_ears Running.\n# TYPE modehost_ears gauge\nmodehost_ears 2\n\n# TYPE modehost_ready";
        assert!(shown.contains(older), "{shown}");
        assert!(shown.ends_with("modehost_recognition_final_seconds_count 3\n"), "{shown}");
        assert!(shown.contains("modehost_recognition_final_seconds_bucket{le=\"1\"} 3\n"), "{shown}");
        assert_eq!(shown.matches("modehost_ready 1").count(), 1);
        for line in text.lines() {
            assert!(shown.contains(line), "{line}");
        }
    }

    #[test]
    fn no_name_is_both() {
        for (today, older) in OLDER {
            assert!(OLDER.iter().all(|(other, _)| *other != older), "{older}");
            assert_eq!(today.ends_with("_total"), older.ends_with("_total"));
        }
    }
}
