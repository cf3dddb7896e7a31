//! The hello of a device. Rule: every field may be missing or malformed; a hello is always answered, since clients hang
//! otherwise, and unusable values are reported in a second message.

use std::sync::Arc;

use serde_json::Value;

/// A hello; every member but `type` is optional.
#[derive(Clone, Debug, PartialEq)]
pub struct Hello {
    /// The whole message.
    pub body: Arc<str>,
    /// The device has an MCP server with tools.
    pub mcp: bool,
    /// The device supports this server's extension messages.
    pub extensions: bool,
    /// The device displays emotions; false suppresses `llm` messages.
    pub emotions: bool,
    /// The protocol version, which corresponds to an audio framing.
    pub version: Option<u64>,
    /// What the device sends, as far as it is usable.
    pub audio: AudioFormat,
    /// One sentence about unusable values and the defaults used instead.
    pub audio_error: Option<String>,
}

/// The encoding of audio packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Codec {
    /// RFC 6716, one packet per frame.
    #[default]
    Opus,
    /// Signed 16 bit, little-endian.
    Pcm,
}

/// The audio format of a device, in both directions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AudioFormat {
    /// The encoding of a packet.
    pub codec: Codec,
    /// In Hz; for Opus it is informative, since each packet contains its own rate.
    pub sample_rate: u32,
}

impl Default for AudioFormat {
    fn default() -> Self {
        Self { codec: Codec::Opus, sample_rate: 16_000 }
    }
}

/// Accepted rates of PCM, in Hz.
const PCM_RATES: std::ops::RangeInclusive<u64> = 8_000..=48_000;
/// Rates defined for Opus, in Hz.
const OPUS_RATES: [u64; 5] = [8_000, 12_000, 16_000, 24_000, 48_000];

impl Hello {
    /// Parses a hello, a JSON object.
    pub fn parse(text: &str) -> Self {
        let hello: Value = serde_json::from_str(text).unwrap_or_default();
        // Some clients use camel case.
        let params = [&hello["audio_params"], &hello["audioParams"]].into_iter().find(|params| !params.is_null());
        let (audio, objection) = params.map_or_else(Default::default, audio);
        Self {
            body: text.into(),
            mcp: hello["features"]["mcp"] == Value::Bool(true),
            extensions: hello["features"]["modehost"] == Value::Bool(true),
            emotions: hello["features"]["emoji"] != Value::Bool(false),
            version: hello["version"].as_u64(),
            audio,
            audio_error: objection,
        }
    }
}

fn audio(params: &Value) -> (AudioFormat, Option<String>) {
    let mut format = AudioFormat::default();
    let mut errors = Vec::new();
    if !params.is_object() {
        return (format, Some("audio_params must be an object; Opus at 16000 Hz is assumed".to_owned()));
    }
    match &params["format"] {
        Value::Null => {}
        Value::String(name) => match name.trim().to_lowercase().as_str() {
            "opus" => {}
            "pcm" => format.codec = Codec::Pcm,
            _ => errors.push("audio_params.format must be one of: opus, pcm; opus is assumed".to_owned()),
        },
        _ => errors.push("audio_params.format must be a string; opus is assumed".to_owned()),
    }
    let rate = [&params["sample_rate"], &params["sampleRate"]].into_iter().find(|rate| !rate.is_null());
    match (rate, rate.and_then(Value::as_u64), format.codec) {
        (None, ..) => {}
        (_, Some(rate), codec)
            if (codec == Codec::Pcm && PCM_RATES.contains(&rate)) || OPUS_RATES.contains(&rate) =>
        {
            format.sample_rate = u32::try_from(rate).unwrap_or(format.sample_rate);
        }
        (.., Codec::Pcm) => errors
            .push("audio_params.sample_rate must be a number of Hz from 8000 to 48000; 16000 is assumed".to_owned()),
        (.., Codec::Opus) => errors.push(
            "audio_params.sample_rate must be one of: 8000, 12000, 16000, 24000, 48000; the rate in each packet is used"
                .to_owned(),
        ),
    }
    let channels = &params["channels"];
    if !channels.is_null() && channels.as_u64() != Some(1) {
        errors.push("audio_params.channels must be 1".to_owned());
    }
    let duration = params.get("frame_duration").or_else(|| params.get("frameDuration")).unwrap_or(&Value::Null);
    if !duration.is_null() && !duration.as_f64().is_some_and(|ms| ms > 0.0 && ms <= 120.0) {
        errors.push("audio_params.frame_duration must be a number of ms, at most 120".to_owned());
    }
    (format, (!errors.is_empty()).then(|| errors.join("; ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_hello_says_is_read_with_indulgence() {
        assert!(Hello::parse(r#"{"type":"hello","features":{"mcp":true}}"#).mcp);
        for text in ["{}", r#"{"features":7}"#, r#"{"features":{"mcp":"true"}}"#, r#"{"features":{"mcp":false}}"#] {
            assert!(!Hello::parse(text).mcp, "{text}");
        }
        for (text, extensions, faces) in [
            ("{}", false, true),
            (r#"{"features":{"modehost":true,"emoji":false}}"#, true, false),
            (r#"{"features":{"modehost":"yes","emoji":0}}"#, false, true),
        ] {
            let hello = Hello::parse(text);
            assert_eq!((hello.extensions, hello.emotions), (extensions, faces), "{text}");
        }
    }

    #[test]
    fn formats_of_real_clients_are_taken_without_objection() {
        let pcm = AudioFormat { codec: Codec::Pcm, sample_rate: 24_000 };
        for (text, expected) in [
            (r#"{"type":"hello"}"#, AudioFormat::default()),
            (
                r#"{"version":3,"audio_params":{"format":"opus","sample_rate":16000,"channels":1,"frame_duration":60}}"#,
                AudioFormat::default(),
            ),
            (r#"{"audioParams":{"format":"PCM","sampleRate":24000,"channels":1,"frameDuration":20}}"#, pcm),
        ] {
            let hello = Hello::parse(text);
            assert_eq!((hello.audio, &hello.audio_error), (expected, &None), "{text}");
        }
        assert_eq!(Hello::parse(r#"{"version":3}"#).version, Some(3));
    }

    #[test]
    fn odd_formats_are_told_and_something_is_assumed() {
        for (params, word) in [
            (r#"{"format":"mp3"}"#, "format must be one of"),
            (r#"{"format":7}"#, "format must be a string"),
            (r#"{"sample_rate":44100}"#, "sample_rate must be one of"),
            (r#"{"format":"pcm","sample_rate":0}"#, "from 8000 to 48000"),
            (r#"{"format":"pcm","sample_rate":"fast"}"#, "from 8000 to 48000"),
            (r#"{"channels":2}"#, "channels must be 1"),
            (r#"{"frame_duration":-60}"#, "frame_duration"),
            ("[]", "must be an object"),
        ] {
            let hello = Hello::parse(&format!(r#"{{"audio_params":{params}}}"#));
            assert_eq!(hello.audio.sample_rate, 16_000, "{params}");
            assert!(hello.audio_error.as_deref().is_some_and(|text| text.contains(word)), "{params}: {hello:?}");
        }
    }
}
