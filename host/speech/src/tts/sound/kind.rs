//! What an answer is. Rule: bytes that can be nothing else decide; where they may be samples, the content
//! type does.

use super::mp3;

/// What an answer may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// More must come.
    Unclear,
    Samples,
    Wav,
    Mp3,
    Ogg,
    /// No sound at all.
    Text,
    /// Sound that nobody here decodes, by a name for it.
    Other(String),
}

/// Bytes after which it is clear.
const HEAD: usize = 64;
/// Content types of samples; services that know of none say bytes.
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
/// How other kinds of sound begin, at which byte, and a name for them.
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

/// What an answer is that begins so, and has this content type in lower case. `is_all` where no more comes.
pub(super) fn of(head: &[u8], content_type: &str, is_all: bool) -> Kind {
    if head.len() < HEAD && !is_all {
        return Kind::Unclear;
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
    // Samples may begin like a frame, too, but not two frames on end.
    if mp3::is_frame(head) && (!is_samples || mp3::is_stream(head).unwrap_or(is_all)) {
        return Kind::Mp3;
    }
    if is_samples && mp3::is_frame(head) && mp3::is_stream(head).is_none() && !is_all {
        return Kind::Unclear;
    }
    if is_samples || WAV.contains(&label) {
        return Kind::Samples;
    }
    if ["json", "text/", "html", "xml"].iter().any(|word| label.contains(word)) {
        return Kind::Text;
    }
    if MP3.contains(&label) {
        // It may begin within a frame.
        return Kind::Mp3;
    }
    Kind::Other(label.to_owned())
}

/// Whether bytes are readable, and begin as an object, a page or an event does.
fn is_text(head: &[u8]) -> bool {
    let head = &head[..head.len().min(HEAD)];
    let begins = head.trim_ascii_start().first().is_some_and(|one| b"{[<".contains(one));
    let events = head.starts_with(b"data:") || head.starts_with(b"event:");
    let readable = head.iter().all(|byte| *byte >= 0x20 || b"\r\n\t".contains(byte));
    (begins || events) && readable && head.len() > 1
}
