//! SHA-256 of a plugin file, in lower-case hex. Rule: a checksum that is given is compared in full, never a part of it.

use sha2::{Digest, Sha256};

/// The checksum of bytes: 64 hexadecimal digits.
pub fn of(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// A checksum as people write it: 64 hexadecimal digits, perhaps in capitals or behind `sha256:`.
///
/// # Errors
/// A sentence that says what would be one.
pub fn parse(text: &str) -> Result<String, String> {
    let digits = text.trim().strip_prefix("sha256:").unwrap_or(text.trim()).to_ascii_lowercase();
    let is_checksum = digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_checksum {
        Ok(digits)
    } else {
        Err("a SHA-256 has 64 hexadecimal digits, as `sha256sum FILE` prints it".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_whole_or_none() {
        let nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(of(b""), nothing, "FIPS 180-4: the empty message");
        assert_eq!(parse(nothing), Ok(nothing.to_owned()));
        assert_eq!(
            parse(&format!(" sha256:{} ", nothing.to_uppercase())).as_deref(),
            Err("a SHA-256 has 64 hexadecimal digits, as `sha256sum FILE` prints it").or(Ok(nothing))
        );
        for bad in ["", "e3b0", &nothing[1..], &format!("{nothing}0"), &nothing.replace('e', "g")] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
