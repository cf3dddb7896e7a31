//! What is asked with sound, or for it: forms with a file, and speech that is a tone. Rule: the sound
//! of a text is known to a sample, so that a test can tell what became of it.

use bytes::Bytes;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use serde_json::{Map, Value, json};

use crate::render::Rendered;
use crate::reply::Content;
use crate::{Asked, Wants};

/// Of the speech, in Hz.
const RATE: usize = 24_000;
/// Samples of a character: 60 ms.
const CHARACTER: usize = RATE * 60 / 1000;
/// Odd, so that samples are cut in the middle.
const PIECE_BYTES: usize = 2881;

/// The members of a form, and its file.
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

/// A reply where it is not one of a chat.
pub(crate) fn render(content: &Content, asked: &Asked) -> Option<Rendered> {
    let sound = |pieces, forever| Rendered { content_type: Some("audio/pcm".to_owned()), pieces, forever, end: None };
    let text = |text: String| Rendered {
        content_type: Some("application/json".to_owned()),
        pieces: vec![Bytes::from(json!({ "text": text }).to_string())],
        forever: None,
        end: None,
    };
    match (asked.wants, content) {
        (Wants::Speech, Content::Pieces(_)) => {
            let spoken = asked.body["input"].as_str().unwrap_or_default().chars().count();
            let pcm = tone(spoken * CHARACTER);
            Some(sound(pcm.chunks(PIECE_BYTES).map(Bytes::copy_from_slice).collect(), None))
        }
        (Wants::Speech, Content::Endless(_)) => Some(sound(Vec::new(), Some(tone(RATE).into()))),
        (Wants::Transcription, Content::Pieces(pieces)) => Some(text(pieces.concat())),
        (Wants::Transcription, Content::Endless(piece)) => Some(text(piece.repeat(1_000_000))),
        _ => None,
    }
}

/// 440 Hz, little-endian.
fn tone(samples: usize) -> Vec<u8> {
    let value = |at: usize| ((at as f64 / RATE as f64 * 440.0 * std::f64::consts::TAU).sin() * 12_000.0) as i16;
    (0..samples).flat_map(|at| value(at).to_le_bytes()).collect()
}
