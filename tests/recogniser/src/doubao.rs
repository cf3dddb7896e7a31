//! Frames of Volcengine's service, API v3, and validation of what a client sends. Rule: written from the provider's
//! description, independently of the code under test.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

/// A sentence of a result: text, first and last ms, and whether it is final.
pub type Sentence<'a> = (&'a str, u32, u32, bool);

/// A result with a sequence number, compressed.
pub fn result(sequence: i32, sentences: &[Sentence<'_>]) -> Vec<u8> {
    let flags = if sequence < 0 { 0b0011 } else { 0b0001 };
    framed(0x90 | flags, 0x11, &sequence.to_be_bytes(), &pack(body(sentences).to_string().as_bytes()))
}

/// A result without a sequence number, uncompressed.
pub fn uncompressed_result(sentences: &[Sentence<'_>]) -> Vec<u8> {
    framed(0x90, 0x10, &[], body(sentences).to_string().as_bytes())
}

/// The last result, with one final sentence.
pub fn last_result(text: &str) -> Vec<u8> {
    result(-2, &[(text, 0, 60_000, true)])
}

/// An error frame.
pub fn error(code: u32, message: &str) -> Vec<u8> {
    framed(0xf0, 0x10, &code.to_be_bytes(), message.as_bytes())
}

/// A result frame with arbitrary contents, compressed.
pub fn compressed(bytes: &[u8]) -> Vec<u8> {
    framed(0x90, 0x11, &[], &pack(bytes))
}

fn body(sentences: &[Sentence<'_>]) -> Value {
    let text: String = sentences.iter().map(|(text, ..)| *text).collect();
    let utterances: Vec<Value> = sentences
        .iter()
        .map(|(text, start, end, definite)| {
            json!({ "text": text, "start_time": start, "end_time": end, "definite": definite, "words": [] })
        })
        .collect();
    json!({ "audio_info": { "duration": 1000 }, "result": { "text": text, "utterances": utterances } })
}

fn framed(kind: u8, packing: u8, between: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x11, kind, packing, 0];
    frame.extend(between);
    frame.extend((payload.len() as u32).to_be_bytes());
    frame.extend(payload);
    frame
}

fn pack(bytes: &[u8]) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::default());
    packer.write_all(bytes).expect("memory");
    packer.finish().expect("memory")
}

/// A parsed message of a client.
pub(crate) enum ClientMessage {
    Request(Value),
    /// Samples, and whether they are the last.
    Sound(Vec<i16>, bool),
}

/// Parses a client's frame.
pub(crate) fn read(frame: &[u8]) -> Result<ClientMessage, String> {
    let (header, rest) = frame.split_first_chunk::<4>().ok_or("no header")?;
    let (length, payload) = rest.split_first_chunk::<4>().ok_or("no length")?;
    if u32::from_be_bytes(*length) as usize != payload.len() {
        return Err("the length is not that of the payload".to_owned());
    }
    let mut bytes = Vec::new();
    GzDecoder::new(payload).read_to_end(&mut bytes).map_err(|error| format!("no gzip: {error}"))?;
    match header {
        [0x11, 0x10, 0x11, 0] => {
            serde_json::from_slice(&bytes).map(ClientMessage::Request).map_err(|error| format!("no JSON: {error}"))
        }
        [0x11, kind @ (0x20 | 0x22), 0x11, 0] => {
            let (samples, rest) = bytes.as_chunks::<2>();
            if !rest.is_empty() {
                return Err("half a sample".to_owned());
            }
            let pcm = samples.iter().map(|sample| i16::from_le_bytes(*sample)).collect();
            Ok(ClientMessage::Sound(pcm, *kind == 0x22))
        }
        other => Err(format!("an unknown header: {other:02x?}")),
    }
}

/// The error in the headers or the first request, if any.
pub(crate) fn check(headers: &http::HeaderMap, request: &Value) -> Option<String> {
    for name in ["x-api-app-key", "x-api-access-key", "x-api-resource-id", "x-api-connect-id"] {
        if headers.get(name).is_none_or(http::HeaderValue::is_empty) {
            return Some(format!("no header {name}"));
        }
    }
    let audio = &request["audio"];
    let sound = json!({ "format": "pcm", "codec": "raw", "rate": 16000, "bits": 16, "channel": 1 });
    for (name, value) in sound.as_object().into_iter().flatten() {
        if audio[name] != *value {
            return Some(format!("audio.{name} is {}", audio[name]));
        }
    }
    (request["request"]["model_name"] != "bigmodel" || request["user"]["uid"].as_str().is_none_or(str::is_empty))
        .then(|| "no model or no user".to_owned())
}
