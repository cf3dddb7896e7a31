//! Bounded reading of whole files. Rule: the size is checked before reading, and reading is bounded nevertheless: the
//! size may change, and pipes and kernel files have none.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::Path;

/// The content of a file of at most `most` bytes.
///
/// # Errors
/// If it cannot be read; `FileTooLarge` with a message if it is larger, after reading at most one byte beyond.
pub fn read(path: &Path, most: usize) -> io::Result<Vec<u8>> {
    read_open(File::open(path)?, most)
}

/// As [`read`], for an open file.
///
/// # Errors
/// As [`read`].
pub fn read_open(file: File, most: usize) -> io::Result<Vec<u8>> {
    let too_large = || io::Error::new(ErrorKind::FileTooLarge, format!("it has more than {most} bytes"));
    let size = file.metadata()?.len();
    let bound = u64::try_from(most).unwrap_or(u64::MAX);
    if size > bound {
        return Err(too_large());
    }
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or_default().saturating_add(1).min(most));
    file.take(bound.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() > most { Err(too_large()) } else { Ok(bytes) }
}

/// As [`read`], for text.
///
/// # Errors
/// As [`read`], and if it is not UTF-8.
pub fn read_text(path: &Path, most: usize) -> io::Result<String> {
    let bytes = read(path, most)?;
    String::from_utf8(bytes).map_err(|_| io::Error::new(ErrorKind::InvalidData, "it is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_read_beyond_the_bound_whatever_the_size_says() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("file");
        std::fs::write(&path, "12345").expect("written");
        assert_eq!(read(&path, 5).expect("read"), b"12345");
        assert_eq!(read(&path, 4).expect_err("too large").kind(), ErrorKind::FileTooLarge);
        File::options().write(true).open(&path).expect("opens").set_len(3 << 30).expect("sparse");
        assert_eq!(read(&path, 5).expect_err("too large").kind(), ErrorKind::FileTooLarge);
        // Reports size 0, and never ends.
        assert_eq!(read(Path::new("/dev/zero"), 5).expect_err("too large").kind(), ErrorKind::FileTooLarge);
        assert!(read(Path::new("/proc/self/status"), 1 << 20).is_ok_and(|text| !text.is_empty()));
    }
}
