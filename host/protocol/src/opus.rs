//! Structure of an Opus packet (RFC 6716, section 3), without decoding. Rule: a packet that is rejected here is
//! rejected by every decoder; one that is accepted may still be noise.

/// Maximum size of a frame, in bytes.
const MAX_FRAME_BYTES: usize = 1275;
/// Maximum duration of a packet: 120 ms, in units of 2.5 ms.
const MAX_PACKET_UNITS: usize = 48;

/// Whether the bytes have the structure of an Opus packet.
pub fn is_opus(packet: &[u8]) -> bool {
    let Some((toc, frames)) = packet.split_first() else { return false };
    match toc & 3 {
        0 => frames.len() <= MAX_FRAME_BYTES,
        1 => frames.len().is_multiple_of(2) && frames.len() / 2 <= MAX_FRAME_BYTES,
        2 => frame_length(frames)
            .is_some_and(|(length, rest)| length <= rest.len() && rest.len() - length <= MAX_FRAME_BYTES),
        _ => parse_code_3(duration(*toc), frames).is_some(),
    }
}

/// Duration of a frame, in units of 2.5 ms.
fn duration(toc: u8) -> usize {
    match (toc >> 3, toc >> 3 & 3) {
        (0..=11, 3) => 24,
        (0..=11, size) => 4 << size,
        (12..=15, size) => 4 << (size & 1),
        (_, size) => 1 << size,
    }
}

/// Parses a frame length; returns it and the remaining bytes.
fn frame_length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (low, rest) = bytes.split_first()?;
    if *low < 252 {
        return Some((usize::from(*low), rest));
    }
    let (high, rest) = rest.split_first()?;
    Some((usize::from(*high) * 4 + usize::from(*low), rest))
}

/// Code 3: any number of frames, after a byte with their count, optionally with padding at the end.
fn parse_code_3(duration: usize, bytes: &[u8]) -> Option<()> {
    let (header, mut rest) = bytes.split_first()?;
    let count = usize::from(header & 0x3f);
    if count == 0 || count * duration > MAX_PACKET_UNITS {
        return None;
    }
    if header & 0x40 != 0 {
        let mut padding = 0;
        loop {
            let (byte, rest_after) = rest.split_first()?;
            rest = rest_after;
            padding += usize::from(*byte).min(254);
            if *byte != 255 {
                break;
            }
        }
        rest = rest.get(..rest.len().checked_sub(padding)?)?;
    }
    if header & 0x80 == 0 {
        return (rest.len().is_multiple_of(count) && rest.len() / count <= MAX_FRAME_BYTES).then_some(());
    }
    let mut sum = 0;
    for _ in 1..count {
        let (length, rest_after) = frame_length(rest)?;
        sum += length;
        rest = rest_after;
    }
    let last = rest.len().checked_sub(sum)?;
    (last <= MAX_FRAME_BYTES).then_some(())
}

#[cfg(test)]
mod tests {
    use super::is_opus;

    #[test]
    fn a11_packets_of_every_code_have_their_shape() {
        for good in [
            &[0x58][..],
            &[0xf8, 0xff, 0xfe],
            &[0x58, 1, 2, 3],
            &[0x59, 1, 2, 3, 4],
            &[0x5a, 2, 1, 2, 3],
            // Two frames of 20 ms, constant bit rate.
            &[0x4b, 2, 1, 2, 3, 4],
            // Variable bit rate.
            &[0x4b, 0x82, 3, 1, 2, 3, 4],
            // With two bytes of padding.
            &[0x4b, 0x42, 2, 1, 2, 0, 0],
            // 48 frames of 2.5 ms, all empty (lost).
            &[0x83, 48],
        ] {
            assert!(is_opus(good), "{good:02x?}");
        }
        for bad in [
            &[][..],
            &[0x59, 1],
            &[0x5a],
            &[0x5a, 9, 1],
            &[0x5b],
            &[0x5b, 0],
            // Three frames of 60 ms exceed the maximum.
            &[0x5b, 3, 1, 2, 3],
            &[0x4b, 2, 1, 2, 3],
            &[0x4b, 0x82, 9, 1],
            &[0x4b, 0x42, 200, 1],
            &[0x4b, 0x42, 255, 255],
        ] {
            assert!(!is_opus(bad), "{bad:02x?}");
        }
        assert!(is_opus(&[0x58; 1276]) && !is_opus(&[0x58; 1277]), "longer than any frame");
    }
}
