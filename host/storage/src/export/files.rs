//! Atomic file replacement. Rule: a file is written beside its target, synced, renamed into place, and then the
//! directory is synced.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use super::ExportError;
use super::names::UNFINISHED;

/// Replaces a file. If `fill` fails, the old file stays.
pub(super) fn replace(
    directory: &Path,
    name: &str,
    fill: impl FnOnce(&mut BufWriter<&File>) -> Result<(), ExportError>,
) -> Result<(), ExportError> {
    let path = directory.join(name);
    let failed = |source| ExportError::File { path: path.clone(), source };
    let temp = temp_file(directory).map_err(failed)?;
    let mut writer = BufWriter::new(temp.as_file());
    fill(&mut writer).map_err(|error| match error {
        // A bare IO error does not name the file.
        ExportError::Write(source) => failed(source),
        error => error,
    })?;
    writer.flush().map_err(failed)?;
    drop(writer);
    temp.as_file().sync_all().map_err(failed)?;
    temp.persist(&path).map_err(|error| failed(error.error))?;
    sync(directory).map_err(failed)
}

/// A temporary file with the permissions that the umask allows; the default is private to the owner.
fn temp_file(directory: &Path) -> io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(UNFINISHED);
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(directory)
}

/// Removes a file; succeeds if it does not exist.
pub(super) fn remove(directory: &Path, name: &str) -> Result<(), ExportError> {
    let path = directory.join(name);
    match fs::remove_file(&path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(ExportError::File { path, source }),
        _ => Ok(()),
    }
}

/// Why a file cannot be parsed: only the position of the error, since the text around it is private.
pub(super) fn parse_error(error: &serde_json::Error) -> String {
    format!("it is no JSON object that can be read (line {}, column {})", error.line(), error.column())
}

/// Moves an unreadable file aside, for a person to look at.
pub(super) fn move_aside(directory: &Path, name: &str, why: &str) -> Result<(), ExportError> {
    let path = directory.join(name);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let aside = directory.join(format!("{name}.damaged-{}", now.as_millis()));
    fs::rename(&path, &aside).map_err(|source| ExportError::File { path: path.clone(), source })?;
    tracing::warn!(file = %path.display(), aside = %aside.display(), why, "a damaged file has been put aside");
    Ok(())
}

/// Creates the directory and removes temporary files that a crash left in it.
pub(super) fn prepare_directory(directory: &Path) -> Result<(), ExportError> {
    let failed = |source| ExportError::File { path: directory.to_owned(), source };
    if !directory.is_dir() {
        fs::create_dir_all(directory).map_err(failed)?;
        directory.parent().map_or(Ok(()), sync).map_err(failed)?;
    }
    for entry in fs::read_dir(directory).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
            fs::remove_file(entry.path()).map_err(failed)?;
        }
    }
    Ok(())
}

/// Syncs the entries of a directory.
pub(super) fn sync(directory: &Path) -> io::Result<()> {
    // On other systems a directory cannot be opened for this, and the rename has to suffice.
    if cfg!(unix) { File::open(directory)?.sync_all() } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c14_what_a_damaged_file_holds_is_not_said() {
        let error = serde_json::from_str::<serde_json::Map<String, serde_json::Value>>("\"words of somebody\"");
        let error = error.expect_err("a text");
        assert!(error.to_string().contains("words of somebody"), "the library says it");
        assert_eq!(parse_error(&error), "it is no JSON object that can be read (line 1, column 19)");
    }
}
