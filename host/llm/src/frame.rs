//! Extracts the JSON objects of an answer from a byte stream: server-sent events, one JSON per line, a single JSON, or
//! a list of them, whatever the content type. Rule: how the bytes are split makes no difference, and neither an endless
//! line nor an endless object takes more memory than allowed.
//!
//! A parser of our own, because a bound is needed, each byte should be read once, and services send what no SSE parser
//! accepts: one line end between events, several objects per line, no `data:` at all.

use crate::limits;

use crate::split::{FrameError, Splitter};

/// An element of the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Frame {
    Object(Vec<u8>),
    /// An object in an event named `error`.
    Error(Vec<u8>),
    /// The end marker of a stream, `[DONE]`.
    Done,
    /// A truncated object: part of the answer is missing.
    Truncated,
    /// Text that is not part of any answer; perhaps a truncated one, or an error message.
    Unknown,
}

/// Payloads that services send to keep a connection open.
const KEEP_ALIVE: [&[u8]; 7] = [b"ping", b"pong", b"keep-alive", b"keepalive", b"heartbeat", b"null", b"{}"];

const BOM: &[u8] = b"\xef\xbb\xbf";

/// Incremental parser; returns objects as they become complete.
#[derive(Debug, Default)]
pub(crate) struct Frames {
    /// The incomplete line.
    line: Vec<u8>,
    /// The last byte was a carriage return: a line feed after it belongs to the same line end.
    after_return: bool,
    objects: Splitter,
    /// The open object began at the start of a line and not after `data:`, so line ends in it are its own.
    bare: bool,
    /// The current event is named `error`.
    error: bool,
}

impl Frames {
    /// Parses bytes, and appends complete elements to `found`.
    ///
    /// # Errors
    /// If a line or an object is too long. Elements before it have been appended.
    pub(crate) fn push(&mut self, mut bytes: &[u8], found: &mut Vec<Frame>) -> Result<(), FrameError> {
        while let Some(&first) = bytes.first() {
            if self.bare && self.objects.is_within() {
                bytes = &bytes[self.push_object(bytes, found)?..];
                continue;
            }
            if std::mem::take(&mut self.after_return) && first == b'\n' {
                bytes = &bytes[1..];
                continue;
            }
            if self.line.is_empty() && matches!(first, b' ' | b'\t') {
                bytes = &bytes[1..];
                continue;
            }
            // Dropped as its bytes arrive, so that what follows starts a line however they were split.
            if BOM.get(self.line.len()) == Some(&first) && BOM.starts_with(&self.line) {
                self.line.push(first);
                if self.line == BOM {
                    self.line.clear();
                }
                bytes = &bytes[1..];
                continue;
            }
            if first == b'{' && self.line.is_empty() && !self.objects.is_within() {
                self.bare = true;
                bytes = &bytes[self.push_object(bytes, found)?..];
                continue;
            }
            let Some(end) = bytes.iter().position(|byte| matches!(byte, b'\n' | b'\r')) else {
                self.line.extend_from_slice(bytes);
                break;
            };
            self.line.extend_from_slice(&bytes[..end]);
            self.after_return = bytes[end] == b'\r';
            bytes = &bytes[end + 1..];
            self.end_line(found)?;
        }
        if self.line.len() > limits::MODEL_EVENT_BYTES { Err(FrameError::TooLong) } else { Ok(()) }
    }

    /// The end of the body: a missing last line end is tolerated.
    ///
    /// # Errors
    /// As for [`push`](Self::push).
    pub(crate) fn finish(&mut self, found: &mut Vec<Frame>) -> Result<(), FrameError> {
        if !self.line.is_empty() {
            self.end_line(found)?;
        }
        if self.objects.is_within() {
            found.push(Frame::Truncated);
        }
        Ok(())
    }

    /// Parses bytes of an object; returns how many were consumed.
    fn push_object(&mut self, bytes: &[u8], found: &mut Vec<Frame>) -> Result<usize, FrameError> {
        let (taken, object) = self.objects.push(bytes)?;
        found.extend(object.map(|object| if self.error { Frame::Error(object) } else { Frame::Object(object) }));
        Ok(taken)
    }

    fn end_line(&mut self, found: &mut Vec<Frame>) -> Result<(), FrameError> {
        if self.line.len() > limits::MODEL_EVENT_BYTES {
            return Err(FrameError::TooLong);
        }
        let line = std::mem::take(&mut self.line);
        let result = self.read_line(line.trim_ascii(), found);
        self.line = line;
        self.line.clear();
        result
    }

    fn read_line(&mut self, line: &[u8], found: &mut Vec<Frame>) -> Result<(), FrameError> {
        if line.is_empty() {
            // An empty line ends an event.
            self.error = false;
            if self.objects.is_within() {
                self.objects.reset();
                found.push(Frame::Truncated);
            }
            return Ok(());
        }
        let field = |name: &str| line.strip_prefix(name.as_bytes())?.trim_ascii_start().strip_prefix(b":");
        if line[0] == b':' || line == b"data" || ["id", "retry"].iter().any(|name| field(name).is_some()) {
            return Ok(());
        }
        if let Some(name) = field("event") {
            self.error = name.trim_ascii().eq_ignore_ascii_case(b"error");
            return Ok(());
        }
        let mut data = line;
        let mut is_data = false;
        // Some proxies prefix `data:` twice.
        while let Some(inner) = data.strip_prefix(b"data").and_then(|rest| rest.trim_ascii_start().strip_prefix(b":")) {
            data = inner.trim_ascii();
            is_data = true;
        }
        self.read_data(data, is_data, found)
    }

    fn read_data(&mut self, mut data: &[u8], is_data: bool, found: &mut Vec<Frame>) -> Result<(), FrameError> {
        if is_end(data) {
            found.push(Frame::Done);
            return Ok(());
        }
        let is_keep_alive =
            |data: &[u8]| data.is_empty() || KEEP_ALIVE.iter().any(|word| data.eq_ignore_ascii_case(word));
        if !self.objects.is_within() && (is_keep_alive(data) || serde_json::from_slice::<f64>(data).is_ok()) {
            return Ok(());
        }
        while !data.is_empty() {
            if !is_data {
                // The rest of a list, or more objects on the same line.
                self.bare = true;
            } else if !self.objects.is_within() {
                self.bare = false;
            }
            let taken = self.push_object(data, found)?;
            data = &data[taken..];
            if taken == 0 {
                let is_comment = data[0] == b':';
                found.extend((!is_comment).then_some(if is_end(data) { Frame::Done } else { Frame::Unknown }));
                return Ok(());
            }
        }
        // A line end within an object.
        if self.objects.is_within() {
            self.push_object(b"\n", found)?;
        }
        Ok(())
    }
}

/// Whether data is the end marker.
fn is_end(data: &[u8]) -> bool {
    let data = data.trim_ascii();
    let inner = data.strip_prefix(b"\"").and_then(|data| data.strip_suffix(b"\"")).unwrap_or(data);
    inner.eq_ignore_ascii_case(b"[DONE]") || inner.eq_ignore_ascii_case(b"DONE")
}

#[cfg(test)]
mod tests;
