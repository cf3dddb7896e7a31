//! The audio endpoints: transcription forms with a file, and speech as a tone. Rule: the audio of a text is determined
//! to the sample, so that a test can verify what was played.

use bytes::Bytes;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use serde_json::{Map, Value, json};

use crate::render::Rendered;
use crate::reply::Content;
use crate::{Endpoint, RecordedRequest};

/// Sample rate of the speech, in Hz.
const SAMPLE_RATE: usize = 24_000;
/// Samples per character: 60 ms.
const SAMPLES_PER_CHARACTER: usize = SAMPLE_RATE * 60 / 1000;
/// Odd, so that samples are split between chunks.
const CHUNK_BYTES: usize = 2881;

/// Parses a multipart form into its fields and its file.
pub(crate) fn form(headers: &HeaderMap, body: &Bytes) -> (Value, Bytes) {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let Some((_, boundary)) = kind.split_once("boundary=") else { return (Value::Null, Bytes::new()) };
    let delimiter = format!("--{}", boundary.trim_matches('"'));
    let (mut members, mut file) = (Map::new(), Bytes::new());
    let mut rest = &body[..];
    while let Some(begin) = find(rest, delimiter.as_bytes()) {
        rest = &rest[begin + delimiter.len()..];
        let Some(head_end) = find(rest, b"\r\n\r\n") else { break };
        let head = String::from_utf8_lossy(&rest[..head_end]).into_owned();
        let content = &rest[head_end + 4..];
        let Some(end) = find(content, delimiter.as_bytes()) else { break };
        let content = &content[..end.saturating_sub(2)];
        let name = head.split("name=\"").nth(1).and_then(|behind| behind.split('"').next()).unwrap_or_default();
        if head.contains("filename=") {
            file = Bytes::copy_from_slice(content);
            members.insert(name.to_owned(), json!(content.len()));
        } else {
            members.insert(name.to_owned(), json!(String::from_utf8_lossy(content)));
        }
        rest = &rest[head_end + 4 + end..];
    }
    (Value::Object(members), file)
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|window| window == what)
}

/// Renders a reply of an audio endpoint; `None` for the others.
pub(crate) fn render(content: &Content, asked: &RecordedRequest) -> Option<Rendered> {
    let sound = |pieces, repeated| Rendered { content_type: Some("audio/pcm".to_owned()), pieces, repeated, end: None };
    let text = |text: String| Rendered {
        content_type: Some("application/json".to_owned()),
        pieces: vec![Bytes::from(json!({ "text": text }).to_string())],
        repeated: None,
        end: None,
    };
    match (asked.endpoint, content) {
        (Endpoint::Speech, Content::Pieces(_)) => {
            let spoken = asked.body["input"].as_str().unwrap_or_default().chars().count();
            let pcm = tone(spoken * SAMPLES_PER_CHARACTER);
            Some(sound(pcm.chunks(CHUNK_BYTES).map(Bytes::copy_from_slice).collect(), None))
        }
        (Endpoint::Speech, Content::Endless(_)) => Some(sound(Vec::new(), Some(tone(SAMPLE_RATE).into()))),
        (Endpoint::Transcription, Content::Pieces(pieces)) => Some(text(pieces.concat())),
        (Endpoint::Transcription, Content::Endless(piece)) => Some(text(piece.repeat(1_000_000))),
        _ => None,
    }
}

/// A tone of 440 Hz, 16-bit little-endian.
fn tone(samples: usize) -> Vec<u8> {
    let value = |at: usize| ((at as f64 / SAMPLE_RATE as f64 * 440.0 * std::f64::consts::TAU).sin() * 12_000.0) as i16;
    (0..samples).flat_map(|at| value(at).to_le_bytes()).collect()
}
