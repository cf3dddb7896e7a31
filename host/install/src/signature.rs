//! Signatures of plugin files, made with minisign (<https://jedisct1.github.io/minisign/>). Rule: a file is signed if one
//! of the configured keys has signed exactly these bytes; nothing else about a signature is believed.

use minisign_verify::{PublicKey, Signature};

/// Why a file does not count as signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// The signature file is none.
    #[error("is no minisign signature; `minisign -S -m FILE` makes one")]
    Malformed,
    /// No key has signed these bytes.
    #[error("is no signature of this file by a key of plugins.signing_keys")]
    Unknown,
}

/// A public key as `minisign -G` prints it: its second line, 56 characters that begin with `RW`.
///
/// # Errors
/// A sentence that says what would be one.
pub fn parse_key(text: &str) -> Result<PublicKey, String> {
    PublicKey::from_base64(text.trim())
        .map_err(|_| "is no minisign public key: 56 characters that begin with RW, as in minisign.pub".to_owned())
}

/// Checks bytes against the text of a signature file and the keys that count. Signatures without a hash of the file
/// (made with `minisign -l`) are taken, too.
///
/// # Errors
/// If none of the keys has signed the bytes.
pub fn check(bytes: &[u8], signature: &str, keys: &[PublicKey]) -> Result<(), SignatureError> {
    let signature = Signature::decode(signature).map_err(|_| SignatureError::Malformed)?;
    let is_signed = keys.iter().any(|key| key.verify(bytes, &signature, true).is_ok());
    if is_signed { Ok(()) } else { Err(SignatureError::Unknown) }
}
