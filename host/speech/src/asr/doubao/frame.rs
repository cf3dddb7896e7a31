//! Frames of Volcengine's streaming recognition, API v3. Numbers are big-endian. Rule: what follows
//! the header is told by its flags and by nothing else; no length is believed, and what is unpacked
//! is bounded.
//!
//! Byte 0: version (4 bits, 1) and length of the header in words of 4 bytes. Byte 1: type and flags.
//! Byte 2: serialization (0 none, 1 JSON) and compression (0 none, 1 gzip). Byte 3: 0. Then a sequence
//! number (`i32`) where flag 1 is set, an event (`i32`) where flag 4 is, then length (`u32`) and
//! payload; an error has its code (`u32`) before the length.

use std::io::Read;

use crate::limits;
use flate2::Crc;
use flate2::read::GzDecoder;

/// The first request: JSON.
const FULL_REQUEST: u8 = 0b0001;
/// Sound.
const AUDIO_REQUEST: u8 = 0b0010;
const FULL_RESPONSE: u8 = 0b1001;
const ACK: u8 = 0b1011;
const ERROR: u8 = 0b1111;

const HAS_SEQUENCE: u8 = 0b0001;
const IS_LAST: u8 = 0b0010;
const HAS_EVENT: u8 = 0b0100;

/// The head of a gzip member (RFC 1952): deflate, no name, no time, fastest, no system.
const GZIP: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 4, 255];
/// Deflate of nothing, as other clients of the service send it.
const NOTHING: [u8; 2] = [3, 0];
/// The longest stored block of deflate (RFC 1951, 3.2.4).
const BLOCK_BYTES: usize = u16::MAX as usize;

/// What the service says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// JSON, and whether it is the last.
    Result(Vec<u8>, bool),
    /// Nothing of interest.
    Ack,
    /// The service has given up; its code.
    Error(u32),
}

/// A frame that makes no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nonsense;

/// The first request.
pub fn request(json: &[u8]) -> Vec<u8> {
    frame([0x11, FULL_REQUEST << 4, 0x11, 0], json)
}

/// A packet of sound; the last one is marked and may be empty.
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
    pack(payload, &mut frame);
    let length = u32::try_from(frame.len() - 8).unwrap_or(u32::MAX);
    frame[4..8].copy_from_slice(&length.to_be_bytes());
    frame
}

/// Appends a gzip member whose contents are stored as they are: PCM hardly shrinks, and trying to make it
/// was a twelfth of what a live stream costs.
fn pack(payload: &[u8], to: &mut Vec<u8>) {
    to.extend(GZIP);
    if payload.is_empty() {
        to.extend(NOTHING);
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

/// Reads a frame of the service.
pub fn reply(frame: &[u8]) -> Result<Reply, Nonsense> {
    let header = frame.first_chunk::<4>().ok_or(Nonsense)?;
    let (kind, flags, gzip) = (header[1] >> 4, header[1] & 0x0f, header[2] & 0x0f == 1);
    let words = usize::from(header[0] & 0x0f);
    let mut rest = frame.get((words * 4).max(4)..).ok_or(Nonsense)?;
    if kind == ERROR {
        return Ok(Reply::Error(number(&mut rest)?));
    }
    let sequence = if flags & HAS_SEQUENCE != 0 { Some(number(&mut rest)?) } else { None };
    if flags & HAS_EVENT != 0 {
        number(&mut rest)?;
    }
    match kind {
        ACK => return Ok(Reply::Ack),
        FULL_RESPONSE => {}
        _ => return Err(Nonsense),
    }
    let length = usize::try_from(number(&mut rest)?).map_err(|_| Nonsense)?;
    let payload = rest.get(..length).ok_or(Nonsense)?;
    // A negative sequence number ends the stream as the flag does.
    let last = flags & IS_LAST != 0 || sequence.is_some_and(|sequence| (sequence as i32) < 0);
    Ok(Reply::Result(if gzip { unpack(payload)? } else { payload.to_vec() }, last))
}

fn number(rest: &mut &[u8]) -> Result<u32, Nonsense> {
    let (number, behind) = rest.split_first_chunk::<4>().ok_or(Nonsense)?;
    *rest = behind;
    Ok(u32::from_be_bytes(*number))
}

fn unpack(payload: &[u8]) -> Result<Vec<u8>, Nonsense> {
    if payload.is_empty() {
        return Ok(Vec::new());
    }
    let mut unpacked = Vec::new();
    let most = limits::ANSWER_BYTES as u64;
    GzDecoder::new(payload).take(most + 1).read_to_end(&mut unpacked).map_err(|_| Nonsense)?;
    if unpacked.len() as u64 > most { Err(Nonsense) } else { Ok(unpacked) }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut packer = GzEncoder::new(Vec::new(), Compression::default());
        packer.write_all(bytes).expect("memory");
        packer.finish().expect("memory")
    }

    fn built(header: [u8; 4], numbers: &[u32], payload: &[u8]) -> Vec<u8> {
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
        assert_eq!(unpack(&request[8..]).expect("gzip"), br#"{"user":{}}"#);
        assert_eq!(audio(&[1, -1], false)[..4], [0x11, 0x20, 0x11, 0x00]);
        assert_eq!(unpack(&audio(&[1, -1], false)[8..]).expect("gzip"), [1, 0, 255, 255]);
        // More than one block takes, and just one.
        let noise: Vec<i16> = (0..100_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 16) as i16).collect();
        let bytes: Vec<u8> = noise.iter().flat_map(|sample| sample.to_le_bytes()).collect();
        for samples in [100_000, BLOCK_BYTES / 2, 1 + BLOCK_BYTES / 2] {
            assert_eq!(unpack(&audio(&noise[..samples], false)[8..]).expect("gzip"), bytes[..2 * samples]);
        }
        let last = audio(&[], true);
        assert_eq!(last[..4], [0x11, 0x22, 0x11, 0x00]);
        assert_eq!(last.len() - 8, 20, "gzip of nothing");
    }

    #[test]
    fn a6_replies_are_read_by_their_flags() {
        let json = br#"{"result":{}}"#;
        let plain = |flags: u8, numbers: &[u32]| built([0x11, 0x90 | flags, 0x10, 0], numbers, json);
        assert_eq!(reply(&plain(0, &[])), Ok(Reply::Result(json.to_vec(), false)));
        assert_eq!(reply(&plain(1, &[7])), Ok(Reply::Result(json.to_vec(), false)));
        assert_eq!(reply(&plain(2, &[])), Ok(Reply::Result(json.to_vec(), true)));
        assert_eq!(reply(&plain(3, &[(-7_i32) as u32])), Ok(Reply::Result(json.to_vec(), true)));
        assert_eq!(reply(&plain(5, &[7, 150])), Ok(Reply::Result(json.to_vec(), false)));
        let gzip = built([0x11, 0x91, 0x11, 0], &[7], &packed(json));
        assert_eq!(reply(&gzip), Ok(Reply::Result(json.to_vec(), false)));
        // A longer header is skipped.
        let mut long = vec![0x12, 0x90, 0x10, 0, 9, 9, 9, 9];
        long.extend((json.len() as u32).to_be_bytes());
        long.extend(json);
        assert_eq!(reply(&long), Ok(Reply::Result(json.to_vec(), false)));
        let error = built([0x11, 0xf0, 0x10, 0], &[45_000_081], b"too late");
        assert_eq!(reply(&error), Ok(Reply::Error(45_000_081)));
        assert_eq!(reply(&built([0x11, 0xb0, 0x10, 0], &[], b"")), Ok(Reply::Ack));
    }

    #[test]
    fn a6_lies_and_bombs_are_nonsense() {
        let good = built([0x11, 0x91, 0x10, 0], &[7], b"{}");
        for cut in 0..good.len() {
            assert_eq!(reply(&good[..cut]), Err(Nonsense), "{cut} bytes");
        }
        let bomb = built([0x11, 0x90, 0x11, 0], &[], &packed(&vec![0; 64 * 1024 * 1024]));
        assert_eq!(reply(&bomb), Err(Nonsense));
        assert_eq!(reply(&built([0x11, 0x90, 0x11, 0], &[], b"no gzip")), Err(Nonsense));
        let mut random = fastrand::Rng::with_seed(3);
        for _ in 0..100_000 {
            let frame: Vec<u8> = (0..random.usize(..40)).map(|_| random.u8(..)).collect();
            let _ = reply(&frame);
        }
    }
}
