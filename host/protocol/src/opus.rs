//! The shape of an Opus packet (RFC 6716, section 3), without decoding it. Rule: what this refuses, no
//! decoder takes; what it takes may still be noise.

/// Longest frame, in bytes.
const FRAME: usize = 1275;
/// Longest packet in time: 120 ms, in units of 2.5 ms.
const LONGEST: usize = 48;

/// Whether bytes have the shape of an Opus packet.
pub fn is_opus(packet: &[u8]) -> bool {
    let Some((toc, frames)) = packet.split_first() else { return false };
    match toc & 3 {
        0 => frames.len() <= FRAME,
        1 => frames.len().is_multiple_of(2) && frames.len() / 2 <= FRAME,
        2 => frame_length(frames).is_some_and(|(length, rest)| length <= rest.len() && rest.len() - length <= FRAME),
        _ => has_frames(duration(*toc), frames).is_some(),
    }
}

/// Length of a frame, in units of 2.5 ms.
fn duration(toc: u8) -> usize {
    match (toc >> 3, toc >> 3 & 3) {
        (0..=11, 3) => 24,
        (0..=11, size) => 4 << size,
        (12..=15, size) => 4 << (size & 1),
        (_, size) => 1 << size,
    }
}

/// The length that is written at the beginning, and what is behind it.
fn frame_length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (low, rest) = bytes.split_first()?;
    if *low < 252 {
        return Some((usize::from(*low), rest));
    }
    let (high, rest) = rest.split_first()?;
    Some((usize::from(*high) * 4 + usize::from(*low), rest))
}

/// Any number of frames, after a byte that counts them; with padding at the end where it says so.
fn has_frames(duration: usize, bytes: &[u8]) -> Option<()> {
    let (head, mut rest) = bytes.split_first()?;
    let count = usize::from(head & 0x3f);
    if count == 0 || count * duration > LONGEST {
        return None;
    }
    if head & 0x40 != 0 {
        let mut padding = 0;
        loop {
            let (byte, behind) = rest.split_first()?;
            rest = behind;
            padding += usize::from(*byte).min(254);
            if *byte != 255 {
                break;
            }
        }
        rest = rest.get(..rest.len().checked_sub(padding)?)?;
    }
    if head & 0x80 == 0 {
        return (rest.len().is_multiple_of(count) && rest.len() / count <= FRAME).then_some(());
    }
    let mut sum = 0;
    for _ in 1..count {
        let (length, behind) = frame_length(rest)?;
        sum += length;
        rest = behind;
    }
    let last = rest.len().checked_sub(sum)?;
    (last <= FRAME).then_some(())
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
            // Two frames of 20 ms, of one length.
            &[0x4b, 2, 1, 2, 3, 4],
            // Of two lengths.
            &[0x4b, 0x82, 3, 1, 2, 3, 4],
            // With two bytes of padding.
            &[0x4b, 0x42, 2, 1, 2, 0, 0],
            // 48 frames of 2.5 ms, all of them lost.
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
            // Three frames of 60 ms are too long.
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
