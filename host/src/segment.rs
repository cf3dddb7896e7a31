//! Percent-encoding of ids in paths. Rule: whatever an id contains, it stays one path segment.

use std::fmt::Write;

/// An id as one path segment.
pub fn segment(id: &str) -> String {
    let mut part = String::with_capacity(id.len());
    for byte in id.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'~') {
            part.push(char::from(byte));
        } else {
            // Writing to a String cannot fail. Dots are encoded, too: `..` would change the path.
            let _ = write!(part, "%{byte:02X}");
        }
    }
    part
}

#[cfg(test)]
mod tests {
    use super::segment;

    #[test]
    fn nothing_in_an_id_leads_out_of_its_place() {
        assert_eq!(segment("aa:bb-1"), "aa%3Abb-1");
        assert_eq!(segment("../../x?y#z"), "%2E%2E%2F%2E%2E%2Fx%3Fy%23z");
        assert_eq!(segment("客\r\n"), "%E5%AE%A2%0D%0A");
    }
}
