//! Server-sent events out of bytes as they arrive. Rule: how the bytes are split makes no
//! difference, and neither a line nor an event without end takes more memory than allowed.
//!
//! Our own, because a bound on the line is needed and each byte should be looked at once; the data
//! of an event is all that chat completions use.

use modehost_limits as limits;

/// Why the bytes are no events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SseError {
    #[error("an event is longer than {} bytes", limits::MODEL_EVENT_BYTES)]
    TooLong,
    #[error("an event is not UTF-8")]
    NotText,
}

/// The data of events, as they become complete.
#[derive(Debug, Default)]
pub(crate) struct Events {
    /// The line that is not complete yet.
    line: Vec<u8>,
    data: Option<String>,
    /// The last byte was a carriage return: a line feed after it belongs to the same end.
    after_return: bool,
    /// The mark that may stand before the first line has been looked for.
    begun: bool,
}

impl Events {
    /// Takes bytes, and appends the data of each event that they complete to `complete`.
    pub(crate) fn push(&mut self, mut bytes: &[u8], complete: &mut Vec<String>) -> Result<(), SseError> {
        // A piece without bytes says nothing about what follows the return.
        let Some(&first) = bytes.first() else { return Ok(()) };
        if std::mem::take(&mut self.after_return) && first == b'\n' {
            bytes = &bytes[1..];
        }
        while let Some(end) = bytes.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
            let (line, rest) = bytes.split_at(end);
            bytes = &rest[1..];
            if rest[0] == b'\r' {
                match bytes.first() {
                    Some(b'\n') => bytes = &bytes[1..],
                    Some(_) => {}
                    None => self.after_return = true,
                }
            }
            if self.line.is_empty() {
                self.end_line(line, complete)?;
            } else {
                let mut whole = std::mem::take(&mut self.line);
                whole.extend_from_slice(line);
                self.end_line(&whole, complete)?;
                whole.clear();
                self.line = whole;
            }
        }
        self.line.extend_from_slice(bytes);
        if self.line.len() > limits::MODEL_EVENT_BYTES { Err(SseError::TooLong) } else { Ok(()) }
    }

    /// The end of the stream: services that forget the last blank line mean it nevertheless.
    pub(crate) fn finish(&mut self, complete: &mut Vec<String>) -> Result<(), SseError> {
        let line = std::mem::take(&mut self.line);
        if !line.is_empty() {
            self.end_line(&line, complete)?;
        }
        complete.extend(self.data.take());
        Ok(())
    }

    fn end_line(&mut self, line: &[u8], complete: &mut Vec<String>) -> Result<(), SseError> {
        let line = match std::mem::replace(&mut self.begun, true) {
            false => line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line),
            true => line,
        };
        if line.is_empty() {
            complete.extend(self.data.take());
            return Ok(());
        }
        // Comments and other fields mean nothing here.
        let value = match line.strip_prefix(b"data") {
            Some([]) => &[],
            Some([b':', b' ', value @ ..] | [b':', value @ ..]) => value,
            _ => return Ok(()),
        };
        let text = std::str::from_utf8(value).map_err(|_| SseError::NotText)?;
        match &mut self.data {
            Some(data) => {
                data.push('\n');
                data.push_str(text);
            }
            none => *none = Some(text.to_owned()),
        }
        let long = self.data.as_ref().is_some_and(|data| data.len() > limits::MODEL_EVENT_BYTES);
        if long { Err(SseError::TooLong) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(pieces: &[&[u8]]) -> Result<Vec<String>, SseError> {
        let (mut events, mut complete) = (Events::default(), Vec::new());
        for piece in pieces {
            events.push(piece, &mut complete)?;
        }
        events.finish(&mut complete)?;
        Ok(complete)
    }

    #[test]
    fn data_is_taken_out_and_the_rest_left_alone() {
        let stream = b"\xef\xbb\xbf: hello\n\nevent: x\ndata: a\ndata:b\nid: 7\n\ndata\n\nretry: 1\n\ndata: c";
        assert_eq!(read(&[stream]), Ok(vec!["a\nb".to_owned(), String::new(), "c".to_owned()]));
    }

    #[test]
    fn all_line_ends_are_taken() {
        for end in ["\n", "\r\n", "\r"] {
            let stream = format!("data: a{end}{end}data: b{end}{end}");
            assert_eq!(read(&[stream.as_bytes()]), Ok(vec!["a".to_owned(), "b".to_owned()]), "{end:?}");
        }
    }

    #[test]
    fn a_piece_without_bytes_between_return_and_line_feed_ends_no_event() {
        let pieces: [&[u8]; 3] = [b"data: a\r", b"", b"\ndata: b\r\n\r\n"];
        assert_eq!(read(&pieces), Ok(vec!["a\nb".to_owned()]));
    }

    #[test]
    fn what_has_no_end_is_refused() {
        let piece = vec![b'x'; limits::MODEL_EVENT_BYTES / 2];
        assert_eq!(read(&[&piece, &piece, b"x"]), Err(SseError::TooLong));
        let line = [b"data: ".as_slice(), &piece, b"\n"].concat();
        assert_eq!(read(&[&line, &line, &line]), Err(SseError::TooLong));
        assert_eq!(read(&[b"data: \xff\n\n"]), Err(SseError::NotText));
    }

    proptest! {
        #[test]
        fn splits_make_no_difference(
            lines in prop::collection::vec("(data: ?|data|: |event:|)[a-z预🙂 ]{0,8}(\n|\r|\r\n)", 0..12),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
        ) {
            let stream = lines.concat().into_bytes();
            let mut ends: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
            ends.extend([0, stream.len()]);
            ends.sort_unstable();
            let pieces: Vec<&[u8]> = ends.windows(2).map(|pair| &stream[pair[0]..pair[1]]).collect();
            prop_assert_eq!(read(&pieces), read(&[&stream]));
        }

        #[test]
        fn any_bytes_are_events_or_a_fault_however_they_are_cut(
            stream in prop::collection::vec(prop_oneof![prop::sample::select(b"data: \n\r".to_vec()), any::<u8>()], 0..400),
            cut in any::<prop::sample::Index>(),
        ) {
            let (one, two) = stream.split_at(cut.index(stream.len() + 1));
            prop_assert_eq!(read(&[one, two]), read(&[&stream]));
        }
    }
}
