//! Frames of Volcengine's streaming recognition, API v3. Numbers are big-endian. Rule: the flags of the header alone
//! determine the layout; no length is trusted, and decompressed data is bounded.
//!
//! Byte 0: version (4 bits, 1) and length of the header in words of 4 bytes. Byte 1: type and flags. Byte 2:
//! serialization (0 none, 1 JSON) and compression (0 none, 1 gzip). Byte 3: 0. Then a sequence number (`i32`) if flag 1
//! is set, an event (`i32`) if flag 4 is, then length (`u32`) and payload; an error has its code (`u32`) before the
//! length.

use std::io::Read;

use crate::limits;
use flate2::Crc;
use flate2::read::GzDecoder;

/// The first request: JSON.
const FULL_REQUEST: u8 = 0b0001;
/// A packet of audio.
const AUDIO_REQUEST: u8 = 0b0010;
const FULL_RESPONSE: u8 = 0b1001;
const ACK: u8 = 0b1011;
const ERROR: u8 = 0b1111;

const HAS_SEQUENCE: u8 = 0b0001;
const IS_LAST: u8 = 0b0010;
const HAS_EVENT: u8 = 0b0100;

/// Header of a gzip member (RFC 1952): deflate, no name, no time, fastest, no system.
const GZIP: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 4, 255];
/// Empty deflate stream, as other clients of the service send it.
const EMPTY_DEFLATE: [u8; 2] = [3, 0];
/// The longest stored block of deflate (RFC 1951, 3.2.4).
const BLOCK_BYTES: usize = u16::MAX as usize;

/// A message of the service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// JSON, and whether it is the last result.
    Result(Vec<u8>, bool),
    /// An acknowledgement, which is ignored.
    Ack,
    /// The service has failed with this code.
    Error(u32),
}

/// A malformed frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MalformedFrame;

/// The first request.
pub fn request(json: &[u8]) -> Vec<u8> {
    frame([0x11, FULL_REQUEST << 4, 0x11, 0], json)
}

/// A packet of audio; the last one is marked and may be empty.
pub fn audio(pcm: &[i16], last: bool) -> Vec<u8> {
    let mut bytes = vec![0; 2 * pcm.len()];
    for (pair, sample) in bytes.as_chunks_mut::<2>().0.iter_mut().zip(pcm) {
        *pair = sample.to_le_bytes();
    }
    let flags = if last { IS_LAST } else { 0 };
    frame([0x11, AUDIO_REQUEST << 4 | flags, 0x11, 0], &bytes)
}

fn frame(header: [u8; 4], payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(payload.len() + payload.len() / 1000 + 64);
    frame.extend(header);
    frame.extend([0; 4]);
    gzip_stored(payload, &mut frame);
    let length = u32::try_from(frame.len() - 8).unwrap_or(u32::MAX);
    frame[4..8].copy_from_slice(&length.to_be_bytes());
    frame
}

/// Appends a gzip member with stored blocks: PCM hardly compresses, and trying took a twelfth of the CPU time of a live
/// stream.
fn gzip_stored(payload: &[u8], to: &mut Vec<u8>) {
    to.extend(GZIP);
    if payload.is_empty() {
        to.extend(EMPTY_DEFLATE);
    }
    let mut blocks = payload.chunks(BLOCK_BYTES).peekable();
    while let Some(block) = blocks.next() {
        let length = u16::try_from(block.len()).unwrap_or(u16::MAX);
        to.push(u8::from(blocks.peek().is_none()));
        to.extend(length.to_le_bytes());
        to.extend((!length).to_le_bytes());
        to.extend(block);
    }
    let mut check = Crc::new();
    check.update(payload);
    to.extend(check.sum().to_le_bytes());
    to.extend(check.amount().to_le_bytes());
}

/// Parses a frame of the service.
pub fn reply(frame: &[u8]) -> Result<Reply, MalformedFrame> {
    let header = frame.first_chunk::<4>().ok_or(MalformedFrame)?;
    let (kind, flags, gzip) = (header[1] >> 4, header[1] & 0x0f, header[2] & 0x0f == 1);
    let words = usize::from(header[0] & 0x0f);
    let mut rest = frame.get((words * 4).max(4)..).ok_or(MalformedFrame)?;
    if kind == ERROR {
        return Ok(Reply::Error(read_u32(&mut rest)?));
    }
    let sequence = if flags & HAS_SEQUENCE != 0 { Some(read_u32(&mut rest)?) } else { None };
    if flags & HAS_EVENT != 0 {
        read_u32(&mut rest)?;
    }
    match kind {
        ACK => return Ok(Reply::Ack),
        FULL_RESPONSE => {}
        _ => return Err(MalformedFrame),
    }
    let length = usize::try_from(read_u32(&mut rest)?).map_err(|_| MalformedFrame)?;
    let payload = rest.get(..length).ok_or(MalformedFrame)?;
    // A negative sequence number ends the stream like the flag.
    let last = flags & IS_LAST != 0 || sequence.is_some_and(|sequence| (sequence as i32) < 0);
    Ok(Reply::Result(if gzip { gunzip(payload)? } else { payload.to_vec() }, last))
}

fn read_u32(rest: &mut &[u8]) -> Result<u32, MalformedFrame> {
    let (number, after) = rest.split_first_chunk::<4>().ok_or(MalformedFrame)?;
    *rest = after;
    Ok(u32::from_be_bytes(*number))
}

fn gunzip(payload: &[u8]) -> Result<Vec<u8>, MalformedFrame> {
    if payload.is_empty() {
        return Ok(Vec::new());
    }
    let mut decompressed = Vec::new();
    let max = limits::RESPONSE_BYTES as u64;
    GzDecoder::new(payload).take(max + 1).read_to_end(&mut decompressed).map_err(|_| MalformedFrame)?;
    if decompressed.len() as u64 > max { Err(MalformedFrame) } else { Ok(decompressed) }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut packer = GzEncoder::new(Vec::new(), Compression::default());
        packer.write_all(bytes).expect("memory");
        packer.finish().expect("memory")
    }

    fn frame_of(header: [u8; 4], numbers: &[u32], payload: &[u8]) -> Vec<u8> {
        let mut frame = header.to_vec();
        frame.extend(numbers.iter().flat_map(|number| number.to_be_bytes()));
        frame.extend((payload.len() as u32).to_be_bytes());
        frame.extend(payload);
        frame
    }

    #[test]
    fn a6_requests_begin_as_the_service_wants_them() {
        let request = request(br#"{"user":{}}"#);
        assert_eq!(request[..4], [0x11, 0x10, 0x11, 0x00]);
        assert_eq!(request.len() - 8, u32::from_be_bytes(request[4..8].try_into().expect("four")) as usize);
        assert_eq!(gunzip(&request[8..]).expect("gzip"), br#"{"user":{}}"#);
        assert_eq!(audio(&[1, -1], false)[..4], [0x11, 0x20, 0x11, 0x00]);
        assert_eq!(gunzip(&audio(&[1, -1], false)[8..]).expect("gzip"), [1, 0, 255, 255]);
        // More samples than fit into one block, exactly one block, and one more.
        let noise: Vec<i16> = (0..100_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 16) as i16).collect();
        let bytes: Vec<u8> = noise.iter().flat_map(|sample| sample.to_le_bytes()).collect();
        for samples in [100_000, BLOCK_BYTES / 2, 1 + BLOCK_BYTES / 2] {
            assert_eq!(gunzip(&audio(&noise[..samples], false)[8..]).expect("gzip"), bytes[..2 * samples]);
        }
        let last = audio(&[], true);
        assert_eq!(last[..4], [0x11, 0x22, 0x11, 0x00]);
        assert_eq!(last.len() - 8, 20, "gzip of nothing");
    }

    #[test]
    fn a6_replies_are_read_by_their_flags() {
        let json = br#"{"result":{}}"#;
        let plain = |flags: u8, numbers: &[u32]| frame_of([0x11, 0x90 | flags, 0x10, 0], numbers, json);
        assert_eq!(reply(&plain(0, &[])), Ok(Reply::Result(json.to_vec(), false)));
        assert_eq!(reply(&plain(1, &[7])), Ok(Reply::Result(json.to_vec(), false)));
        assert_eq!(reply(&plain(2, &[])), Ok(Reply::Result(json.to_vec(), true)));
        assert_eq!(reply(&plain(3, &[(-7_i32) as u32])), Ok(Reply::Result(json.to_vec(), true)));
        assert_eq!(reply(&plain(5, &[7, 150])), Ok(Reply::Result(json.to_vec(), false)));
        let compressed = frame_of([0x11, 0x91, 0x11, 0], &[7], &gzip(json));
        assert_eq!(reply(&compressed), Ok(Reply::Result(json.to_vec(), false)));
        // A longer header is skipped.
        let mut long = vec![0x12, 0x90, 0x10, 0, 9, 9, 9, 9];
        long.extend((json.len() as u32).to_be_bytes());
        long.extend(json);
        assert_eq!(reply(&long), Ok(Reply::Result(json.to_vec(), false)));
        let error = frame_of([0x11, 0xf0, 0x10, 0], &[45_000_081], b"too late");
        assert_eq!(reply(&error), Ok(Reply::Error(45_000_081)));
        assert_eq!(reply(&frame_of([0x11, 0xb0, 0x10, 0], &[], b"")), Ok(Reply::Ack));
    }

    #[test]
    fn a6_lies_and_bombs_are_nonsense() {
        let good = frame_of([0x11, 0x91, 0x10, 0], &[7], b"{}");
        for cut in 0..good.len() {
            assert_eq!(reply(&good[..cut]), Err(MalformedFrame), "{cut} bytes");
        }
        let bomb = frame_of([0x11, 0x90, 0x11, 0], &[], &gzip(&vec![0; 64 * 1024 * 1024]));
        assert_eq!(reply(&bomb), Err(MalformedFrame));
        assert_eq!(reply(&frame_of([0x11, 0x90, 0x11, 0], &[], b"no gzip")), Err(MalformedFrame));
        let mut random = fastrand::Rng::with_seed(3);
        for _ in 0..100_000 {
            let frame: Vec<u8> = (0..random.usize(..40)).map(|_| random.u8(..)).collect();
            let _ = reply(&frame);
        }
    }
}
