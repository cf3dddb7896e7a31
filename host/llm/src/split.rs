//! Splits JSON objects from a byte stream: one over several lines, several on one line, a list of them. Rule: each byte
//! is read once, and an object without end takes no more memory than allowed.

use crate::limits;

/// Why the bytes are not an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FrameError {
    #[error("an event is longer than {} bytes", limits::MODEL_EVENT_BYTES)]
    TooLong,
}

/// The incomplete object.
#[derive(Debug, Default)]
pub(crate) struct Splitter {
    object: Vec<u8>,
    /// Open braces and brackets; 0 between objects.
    depth: usize,
    in_text: bool,
    escaped: bool,
}

impl Splitter {
    /// Whether an object has begun and not ended.
    pub(crate) fn is_within(&self) -> bool {
        self.depth > 0
    }

    /// Consumes bytes up to the end of an object, or the separators between two: whitespace, commas and brackets of an
    /// enclosing list. Returns how many bytes were consumed, and the complete object; if none were consumed, the next
    /// byte does not start an object.
    ///
    /// # Errors
    /// If the object becomes too long.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Result<(usize, Option<Vec<u8>>), FrameError> {
        if self.depth == 0 {
            let between = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b',' | b'[' | b']' | 0x1e);
            let skipped = bytes.iter().take_while(|byte| between(byte)).count();
            if skipped > 0 || bytes.first() != Some(&b'{') {
                return Ok((skipped, None));
            }
        }
        for (at, byte) in bytes.iter().enumerate() {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' if self.in_text => self.escaped = true,
                b'"' => self.in_text = !self.in_text,
                b'{' | b'[' if !self.in_text => self.depth += 1,
                b'}' | b']' if !self.in_text => {
                    self.depth -= 1;
                    if self.depth == 0 {
                        self.object.extend_from_slice(&bytes[..=at]);
                        return match self.object.len() > limits::MODEL_EVENT_BYTES {
                            true => Err(FrameError::TooLong),
                            false => Ok((at + 1, Some(std::mem::take(&mut self.object)))),
                        };
                    }
                }
                _ => {}
            }
        }
        self.object.extend_from_slice(bytes);
        match self.object.len() > limits::MODEL_EVENT_BYTES {
            true => Err(FrameError::TooLong),
            false => Ok((bytes.len(), None)),
        }
    }

    /// Discards an incomplete object.
    pub(crate) fn reset(&mut self) {
        *self = Self::default();
    }
}
