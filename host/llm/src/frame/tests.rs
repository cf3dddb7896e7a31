//! Tests of stream formats, and the elements found in them.

use modehost_corpus::Corpus;
use proptest::prelude::*;

use super::*;

fn read(pieces: &[&[u8]]) -> Result<Vec<Frame>, FrameError> {
    let (mut frames, mut found) = (Frames::default(), Vec::new());
    for piece in pieces {
        frames.push(piece, &mut found)?;
    }
    frames.finish(&mut found)?;
    Ok(found)
}

/// The objects of a body that is pushed at once; panics on any other element.
fn objects(body: &str) -> Vec<String> {
    let found = read(&[body.as_bytes()]).expect("short enough");
    let texts = found.into_iter().map(|frame| match frame {
        Frame::Object(object) => String::from_utf8(object).expect("text"),
        other => panic!("{other:?} in {body:?}"),
    });
    texts.collect()
}

#[test]
fn objects_are_found_whatever_stands_around_them() {
    let two = ["{\"a\":1}", "{\"b\":\"}{\\\"\"}"];
    let [a, b] = two;
    for body in [
        format!("data: {a}\n\ndata: {b}\n\n"),
        format!("data:{a}\n\ndata:{b}"),
        format!("data: {a}\r\n\r\ndata: {b}\r\n\r\n"),
        format!("data: {a}\r\rdata: {b}\r\r"),
        // No blank line, and no line end at the end.
        format!("data: {a}\ndata: {b}"),
        format!(
            "\u{feff}data: {a}\n\n: keep-alive\n\nevent: x\nid: 7\ndata\n\ndata:\n\ndata: ping\n\nretry: 1\n\ndata: {b}"
        ),
        format!(": OPENROUTER PROCESSING\n\n:\n\ndata: {a}\n\ndata: null\n\ndata: {b}\n\n"),
        format!("  data : {a}\n\n\tdata: {b}\n\n"),
        format!("data: data: {a}\n\ndata:data:{b}\n\n"),
        // Several per line, with and without `data:`.
        format!("data: {a}{b}\n\n"),
        format!("data: {a} {b}\n\n"),
        format!("{a}\n{b}\n"),
        format!("{a}{b}"),
        format!("\u{feff}{a}\r\n{b}"),
        format!("\n\n  {a}\n\n{b}\n"),
        format!("[{a},{b}]"),
        format!("[{a}\n,\r\n{b}]\n"),
        format!("data: [{a},{b}]\n\n"),
        format!(": hello\n{a}\ndata: {b}\n\n"),
    ] {
        assert_eq!(objects(&body), two, "{body:?}");
    }
    // One object over several lines, bare and as the data of one event.
    let whole: serde_json::Value = serde_json::json!({ "a": [1, { "b": "x" }], "c": null });
    let pretty = format!("{whole:#}");
    let marked: String = pretty.lines().map(|line| format!("data: {line}\n")).collect();
    for body in
        [pretty.clone(), format!("\n{pretty}\n"), marked.clone(), format!("{marked}\n"), format!(": x\n\n{pretty}")]
    {
        let found: Vec<serde_json::Value> =
            objects(&body).iter().map(|object| serde_json::from_str(object).expect("JSON")).collect();
        assert_eq!(found, std::slice::from_ref(&whole), "{body:?}");
    }
}

#[test]
fn the_end_has_many_names() {
    for end in
        ["data: [DONE]\n\n", "data:[DONE]", "data:   [DONE]\t\n\n", "[DONE]\n", "data: \"[DONE]\"\n\n", "data: [done]"]
    {
        assert_eq!(read(&[b"data: {}\n\n", end.as_bytes()]), Ok(vec![Frame::Done]), "{end:?}");
        assert_eq!(read(&[b"{\"a\":1}\n", end.as_bytes()]).map(|found| found.len()), Ok(2), "{end:?}");
    }
}

#[test]
fn what_is_missing_or_odd_is_told() {
    let object = Frame::Object(b"{\"a\":1}".to_vec());
    for (body, frames) in [
        ("data: {\"a\":\n\ndata: {\"a\":1}\n\n", vec![Frame::Truncated, object.clone()]),
        ("data: {\"a\":1}\n\ndata: {\"a", vec![object.clone(), Frame::Truncated]),
        ("{\"a\":1}{\"a", vec![object.clone(), Frame::Truncated]),
        ("data: {\"a\":1}\n\ndata: Internal error\n\n", vec![object.clone(), Frame::Unknown]),
        ("<html>\n<body>", vec![Frame::Unknown, Frame::Unknown]),
        ("event: error\ndata: {\"a\":1}\n\ndata: {\"a\":1}\n\n", vec![Frame::Error(b"{\"a\":1}".to_vec()), object]),
    ] {
        assert_eq!(read(&[body.as_bytes()]), Ok(frames), "{body:?}");
    }
}

#[test]
fn a_piece_without_bytes_between_return_and_line_feed_ends_no_event() {
    let pieces: [&[u8]; 4] = [b"data: {\"a\":\r", b"", b"\ndata: 1}\r", b"\n\r\n"];
    assert_eq!(read(&pieces), Ok(vec![Frame::Object(b"{\"a\":\n1}".to_vec())]));
}

#[test]
fn a_byte_order_mark_starts_a_line_however_it_is_split() {
    for stream in [
        "\u{feff}{\"b\":2}\u{feff}{\"b\":2}",
        "\u{feff}\u{feff}{\"b\":\n2}\n",
        "\u{feff} {\"b\":\r\n2} \u{feff}{\"b\"\n:2}",
        "\u{feff}\r\n\u{feff}data: {\"b\":2}\n",
    ] {
        let whole = read(&[stream.as_bytes()]);
        for size in 1..stream.len() {
            let pieces: Vec<&[u8]> = stream.as_bytes().chunks(size).collect();
            assert_eq!(read(&pieces), whole, "{stream:?} in pieces of {size}");
        }
        let found = whole.expect("short enough");
        assert!(found.iter().all(|frame| matches!(frame, Frame::Object(_))), "{stream:?}: {found:?}");
    }
}

#[test]
fn what_has_no_end_is_refused() {
    let half = vec![b'x'; limits::MODEL_EVENT_BYTES / 2];
    assert_eq!(read(&[&half, &half, b"x"]), Err(FrameError::TooLong));
    for start in [b"data: {\"".as_slice(), b"{\"", b"[{\""] {
        assert_eq!(read(&[start, &half, &half, b"x"]), Err(FrameError::TooLong));
    }
    // In short lines.
    let line = [b"data: \"".as_slice(), &half, b"\"\n"].concat();
    assert_eq!(read(&[b"data: {\n", &line, &line, &line]), Err(FrameError::TooLong));
}

proptest! {
    #[test]
    fn splits_make_no_difference(
        lines in prop::collection::vec(
            "(data: ?|data|: |event: ?(error)?|)(\\{\"a\":\"[a-z预🙂 \\\\{]{0,4}\"?\\}|\\[|\\]|,|\\[DONE\\]|[a-z]{0,3})(\n|\r|\r\n|)",
            0..12,
        ),
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
    fn any_bytes_are_read_however_they_are_cut(
        stream in prop::collection::vec(
            prop_oneof![prop::sample::select(b"data: \n\r{}[],\"\\\xef\xbb\xbf".to_vec()), any::<u8>()],
            0..400,
        ),
        cut in any::<prop::sample::Index>(),
    ) {
        let (one, two) = stream.split_at(cut.index(stream.len() + 1));
        prop_assert_eq!(read(&[one, two]), read(&[&stream]));
    }
}

/// Stored streams and mutations of them: how they are split makes no difference, and nothing is found that was not
/// sent.
#[test]
fn streams_are_read_however_they_are_cut() {
    Corpus::open(env!("CARGO_MANIFEST_DIR"), "frames").keeps(|stream| {
        let whole = read(&[stream]);
        for size in [1, 7, stream.len() / 3 + 1] {
            let pieces: Vec<&[u8]> = stream.chunks(size).collect();
            assert_eq!(read(&pieces), whole, "in pieces of {size}");
        }
        let found = whole.expect("short enough");
        assert!(found.len() <= stream.len());
        let objects = found.iter().filter_map(|frame| match frame {
            Frame::Object(object) | Frame::Error(object) => Some(object),
            Frame::Done | Frame::Truncated | Frame::Unknown => None,
        });
        let mut size = 0;
        for object in objects {
            // Whether the brackets match is checked by the JSON parser.
            assert!(object.starts_with(b"{") && matches!(object.last(), Some(b'}' | b']')));
            size += object.len();
        }
        assert!(size <= stream.len(), "{size} bytes of objects in {}", stream.len());
    });
}
