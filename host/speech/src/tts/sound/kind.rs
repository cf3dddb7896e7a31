//! Detects the audio format of a response. Rule: a signature decides; where the bytes may be plain samples, the content
//! type does.

use super::mp3;

/// Format of a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// More bytes are needed.
    Undetermined,
    Samples,
    Wav,
    Mp3,
    Ogg,
    /// Text, not audio.
    Text,
    /// Audio of an unsupported format, with its name.
    Other(String),
}

/// Bytes that suffice for the detection.
const HEAD: usize = 64;
/// Content types of plain samples; services without a better one say octet-stream.
const SAMPLES: [&str; 11] = [
    "",
    "application/octet-stream",
    "binary/octet-stream",
    "audio/pcm",
    "audio/x-pcm",
    "audio/l16",
    "audio/l8",
    "audio/l24",
    "audio/raw",
    "audio/x-raw",
    "audio/s16le",
];
const WAV: [&str; 5] = ["audio/wav", "audio/x-wav", "audio/wave", "audio/vnd.wave", "audio/x-pn-wav"];
const MP3: [&str; 5] = ["audio/mpeg", "audio/mp3", "audio/x-mp3", "audio/mpeg3", "audio/x-mpeg"];
/// Signatures of unsupported formats: offset, bytes and name.
const OTHERS: [(usize, &[u8], &str); 11] = [
    (0, b"fLaC", "audio/flac"),
    (4, b"ftyp", "audio/mp4"),
    (0, b"\x1a\x45\xdf\xa3", "audio/webm"),
    (0, b"FORM", "audio/aiff"),
    (0, b".snd", "audio/basic"),
    (0, b"#!AMR", "audio/amr"),
    (0, b"caff", "audio/x-caf"),
    (0, b"RIFX", "a WAV file of the other byte order"),
    (0, b"wvpk", "audio/x-wavpack"),
    (0, b"#!SILK", "audio/silk"),
    (0, b"\x02#!SILK", "audio/silk"),
];

/// The format of a response that starts with these bytes and has this content type, in lower case. `is_all` where no
/// more bytes follow.
pub(super) fn detect(head: &[u8], content_type: &str, is_all: bool) -> Kind {
    if head.len() < HEAD && !is_all {
        return Kind::Undetermined;
    }
    let label = content_type.split([';', ',']).next().unwrap_or_default().trim();
    if head.is_empty() {
        return Kind::Samples;
    }
    if (head.starts_with(b"RIFF") || head.starts_with(b"RF64")) && head.get(8..12) == Some(b"WAVE") {
        return Kind::Wav;
    }
    if head.starts_with(b"OggS") {
        return Kind::Ogg;
    }
    if head.starts_with(b"ID3") {
        return Kind::Mp3;
    }
    let begins = |(at, magic, _): &&(usize, &[u8], &str)| head.get(*at..).is_some_and(|head| head.starts_with(magic));
    if let Some((.., name)) = OTHERS.iter().find(begins) {
        return Kind::Other((*name).to_owned());
    }
    if is_text(head) {
        return Kind::Text;
    }
    let is_samples = SAMPLES.contains(&label);
    // Samples may look like one frame header, but not like two consecutive frames.
    if mp3::is_frame(head) && (!is_samples || mp3::is_stream(head).unwrap_or(is_all)) {
        return Kind::Mp3;
    }
    if is_samples && mp3::is_frame(head) && mp3::is_stream(head).is_none() && !is_all {
        return Kind::Undetermined;
    }
    if is_samples || WAV.contains(&label) {
        return Kind::Samples;
    }
    if ["json", "text/", "html", "xml"].iter().any(|word| label.contains(word)) {
        return Kind::Text;
    }
    if MP3.contains(&label) {
        // It may start in the middle of a frame.
        return Kind::Mp3;
    }
    Kind::Other(label.to_owned())
}

/// Whether the bytes are readable text that starts like a JSON object, a page or a server-sent event.
fn is_text(head: &[u8]) -> bool {
    let head = &head[..head.len().min(HEAD)];
    let begins = head.trim_ascii_start().first().is_some_and(|one| b"{[<".contains(one));
    let events = head.starts_with(b"data:") || head.starts_with(b"event:");
    let readable = head.iter().all(|byte| *byte >= 0x20 || b"\r\n\t".contains(byte));
    (begins || events) && readable && head.len() > 1
}
