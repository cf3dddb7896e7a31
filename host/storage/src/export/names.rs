//! Names that become file names. Rule: whatever was checked before, no name reaches the disk that could lead out of its
//! directory or into one that is used otherwise.

use crate::limits;

/// The index of a kind's entries.
pub(crate) const INDEX: &str = "index.json";

/// Prefix of temporary files; those left by a crash are removed at the next start.
pub(crate) const UNFINISHED: &str = ".unfinished-";

/// Other directories in the data directory.
const RESERVED: [&str; 3] = ["log", "plugins", "plugins-cache"];

/// Why a name cannot be a file name.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum NameError {
    #[error(
        "the kind of an archive entry names its folder: 1 to {} lower-case letters, digits and `-`",
        limits::ARCHIVE_KIND_BYTES
    )]
    Kind,
    #[error("the kind of an archive entry cannot be `{0}`: that folder holds something else; name it otherwise")]
    Reserved(&'static str),
    #[error(
        "the id of an archive entry names its files: 1 to {} letters, digits, `-`, `_` and `.`, no `.` first, not `index`",
        limits::ARCHIVE_ID_BYTES
    )]
    Id,
}

pub(crate) fn check_kind(kind: &str) -> Result<(), NameError> {
    let is_allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if kind.is_empty() || kind.len() > limits::ARCHIVE_KIND_BYTES || !kind.bytes().all(is_allowed) {
        return Err(NameError::Kind);
    }
    RESERVED
        .into_iter()
        .find(|reserved| *reserved == kind)
        .map_or(Ok(()), |reserved| Err(NameError::Reserved(reserved)))
}

pub(crate) fn check_id(id: &str) -> Result<(), NameError> {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let is_valid =
        !id.is_empty() && id.len() <= limits::ARCHIVE_ID_BYTES && !id.starts_with('.') && id.bytes().all(is_allowed);
    // File systems may be case-insensitive.
    if is_valid && !id.eq_ignore_ascii_case("index") { Ok(()) } else { Err(NameError::Id) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_lead_out_of_their_folder() {
        for kind in ["", "..", ".", "a/b", "/a", "A", "a b", "ä", "log", "plugins", "plugins-cache", &"k".repeat(65)] {
            assert!(check_kind(kind).is_err(), "{kind}");
        }
        for id in ["", "..", ".", ".a", "a/b", "a\\b", "/a", "index", "Index", "a\0", "ä", "a b", &"i".repeat(129)] {
            assert!(check_id(id).is_err(), "{id}");
        }
        for id in ["a", "A-1_2.b", "index.2", "a..b", &"i".repeat(128)] {
            assert_eq!(check_id(id), Ok(()), "{id}");
        }
        assert_eq!(check_kind("finished-work-2"), Ok(()));
    }
}
