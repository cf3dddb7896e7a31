//! Files that are there whole or not at all. Rule: a file is written beside its place, brought to
//! the disk, put into its place, and then the folder is brought to the disk.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use super::ExportError;
use super::names::UNFINISHED;

/// Writes a file in place of what stands there. Any failure of `fill` leaves the old one.
pub(super) fn replace(
    folder: &Path,
    name: &str,
    fill: impl FnOnce(&mut BufWriter<&File>) -> Result<(), ExportError>,
) -> Result<(), ExportError> {
    let path = folder.join(name);
    let failed = |source| ExportError::File { path: path.clone(), source };
    let unfinished = begin(folder).map_err(failed)?;
    let mut writer = BufWriter::new(unfinished.as_file());
    fill(&mut writer).map_err(|error| match error {
        // The failure of a write says which file was meant.
        ExportError::Write(source) => failed(source),
        error => error,
    })?;
    writer.flush().map_err(failed)?;
    drop(writer);
    unfinished.as_file().sync_all().map_err(failed)?;
    unfinished.persist(&path).map_err(|error| failed(error.error))?;
    sync(folder).map_err(failed)
}

/// A file beside the others that everyone may read whom the process's mask allows to.
fn begin(folder: &Path) -> io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(UNFINISHED);
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder)
}

/// Removes a file; one that is not there is removed already.
pub(super) fn remove(folder: &Path, name: &str) -> Result<(), ExportError> {
    let path = folder.join(name);
    match fs::remove_file(&path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(ExportError::File { path, source }),
        _ => Ok(()),
    }
}

/// Why a file makes no sense: only the place of the fault, since the text around it is somebody's words.
pub(super) fn no_object(error: &serde_json::Error) -> String {
    format!("it is no JSON object that can be read (line {}, column {})", error.line(), error.column())
}

/// Puts a file that makes no sense aside, for a person to look at.
pub(super) fn put_aside(folder: &Path, name: &str, why: &str) -> Result<(), ExportError> {
    let path = folder.join(name);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let aside = folder.join(format!("{name}.damaged-{}", now.as_millis()));
    fs::rename(&path, &aside).map_err(|source| ExportError::File { path: path.clone(), source })?;
    tracing::warn!(file = %path.display(), aside = %aside.display(), why, "a damaged file has been put aside");
    Ok(())
}

/// Makes the folder and clears what a crash has left half-written in it.
pub(super) fn tidy(folder: &Path) -> Result<(), ExportError> {
    let failed = |source| ExportError::File { path: folder.to_owned(), source };
    if !folder.is_dir() {
        fs::create_dir_all(folder).map_err(failed)?;
        folder.parent().map_or(Ok(()), sync).map_err(failed)?;
    }
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
            fs::remove_file(entry.path()).map_err(failed)?;
        }
    }
    Ok(())
}

/// Brings names that have changed in a folder to the disk.
pub(super) fn sync(folder: &Path) -> io::Result<()> {
    // Elsewhere a folder cannot be opened for this, and the rename itself is all there is.
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c14_what_a_damaged_file_holds_is_not_said() {
        let error = serde_json::from_str::<serde_json::Map<String, serde_json::Value>>("\"words of somebody\"");
        let error = error.expect_err("a text");
        assert!(error.to_string().contains("words of somebody"), "the library says it");
        assert_eq!(no_object(&error), "it is no JSON object that can be read (line 1, column 19)");
    }
}
