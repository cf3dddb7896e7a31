//! The current log file. Rule: a line is never split over two files, and after a write error the file is retried later;
//! lines lost meanwhile are counted, and the error is reported once. The file is looked up by name: if it was renamed,
//! removed or replaced, a new one is opened.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Instant, SystemTime};

use crate::limits;
use modehost_follow::Identity;
use parking_lot::Mutex;
use time::OffsetDateTime;
use time::macros::format_description;

use super::retention::{self, Limits};
use crate::terminal::print_error;

/// Name of the current file.
pub const CURRENT: &str = "modehost.log";

/// A writer that receives one whole line per call and never returns an error.
#[derive(Debug)]
pub struct LogFile {
    directory: PathBuf,
    limits: Arc<Mutex<Limits>>,
    open: Option<(File, u64)>,
    /// After a failure no write is tried before this time.
    retry_at: Option<Instant>,
    /// When old files are removed next.
    sweep_at: Instant,
    /// When the open file is compared with its name next.
    check_at: Instant,
    /// Requests a reopen before the next line.
    reopen: Arc<AtomicBool>,
}

impl LogFile {
    /// Opens nothing before the first line.
    pub fn new(directory: PathBuf, limits: Arc<Mutex<Limits>>) -> Self {
        let now = Instant::now();
        Self { directory, limits, open: None, retry_at: None, sweep_at: now, check_at: now, reopen: Arc::default() }
    }

    /// Flag for whoever has moved the file away: the next line reopens the file by its name, and a failing disk is
    /// retried at once.
    pub fn reopen(&self) -> Arc<AtomicBool> {
        self.reopen.clone()
    }

    /// Reopens the file if its name leads to another one now.
    fn reopen_if_moved(&mut self) {
        let requested = self.reopen.swap(false, Ordering::Relaxed);
        if requested {
            self.retry_at = None;
        } else if self.check_at > Instant::now() {
            return;
        }
        self.check_at = Instant::now() + limits::PATH_POLL;
        let is_ours = |(file, _): &(File, u64)| Identity::of_open(file) == Identity::of(&self.directory.join(CURRENT));
        let moved = self.open.as_ref().is_some_and(|open| !is_ours(open));
        // The file may have been truncated in place (`copytruncate`).
        if let Some((file, size)) = &mut self.open
            && let Ok(metadata) = file.metadata()
        {
            *size = metadata.len();
        }
        // If even the parent directory was moved away, the old file is better than none, and a directory that we create
        // would be in the way of whoever moves it back. A removed directory does not come back, and lines written into
        // its file would be lost.
        let removed =
            self.open.as_ref().is_some_and(|(file, _)| file.metadata().is_ok_and(|metadata| metadata.nlink() == 0));
        let make = if removed { fs::create_dir_all } else { make_directory };
        if moved && let Ok(reopened) = make(&self.directory).and_then(|()| open(&self.directory)) {
            self.open = Some(reopened);
        }
    }

    fn write_line(&mut self, line: &[u8]) -> io::Result<()> {
        let limits = *self.limits.lock();
        if self.sweep_at <= Instant::now() {
            self.sweep_at = Instant::now() + limits::LOG_SWEEP;
            retention::sweep(&self.directory, &limits, SystemTime::now());
        }
        let (mut file, size) = match self.open.take() {
            Some(open) => open,
            None => {
                fs::create_dir_all(&self.directory)?;
                open(&self.directory)?
            }
        };
        let line_len = line.len() as u64;
        let (mut file, size) = if size > 0 && size.saturating_add(line_len) > limits.rotate {
            file.flush()?;
            drop(file);
            rotate(&self.directory)?;
            retention::sweep(&self.directory, &limits, SystemTime::now());
            open(&self.directory)?
        } else {
            (file, size)
        };
        file.write_all(line)?;
        self.open = Some((file, size + line_len));
        Ok(())
    }
}

impl Write for LogFile {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.reopen_if_moved();
        if self.retry_at.is_some_and(|until| until > Instant::now()) {
            metrics::counter!("modehost_log_unwritten_total").increment(1);
            return Ok(line.len());
        }
        match self.write_line(line) {
            Ok(()) => {
                if self.retry_at.take().is_some() {
                    print_error(format_args!("log files are written again in {}", self.directory.display()));
                }
            }
            Err(error) => {
                metrics::counter!("modehost_log_unwritten_total").increment(1);
                if self.retry_at.is_none() {
                    let directory = self.directory.display();
                    print_error(format_args!(
                        "log files cannot be written in {directory}: {error}; the log goes on here"
                    ));
                }
                self.retry_at = Some(Instant::now() + limits::LOG_RETRY);
            }
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if let Some((file, _)) = &mut self.open {
            let _ = file.flush();
        }
        Ok(())
    }
}

/// Creates the directory itself, and no parents.
fn make_directory(directory: &Path) -> io::Result<()> {
    match fs::create_dir(directory) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// Opens the current file; with its size.
fn open(directory: &Path) -> io::Result<(File, u64)> {
    let file = OpenOptions::new().create(true).append(true).open(directory.join(CURRENT))?;
    let size = file.metadata()?.len();
    Ok((file, size))
}

/// Renames the current file after the current time.
fn rotate(directory: &Path) -> io::Result<()> {
    let form = format_description!("[year][month][day]T[hour][minute][second]Z");
    let moment = OffsetDateTime::now_utc().format(form).unwrap_or_default();
    let name = |count: u32| match count {
        0 => directory.join(format!("modehost-{moment}.log")),
        count => directory.join(format!("modehost-{moment}-{count}.log")),
    };
    // Several rotations a second happen only with tiny files.
    let free = (0..10_000).map(name).find(|path| !path.exists());
    fs::rename(directory.join(CURRENT), free.unwrap_or_else(|| name(0)))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn file(directory: &Path, rotate: u64, total: u64) -> LogFile {
        let limits = Limits { rotate, keep: Duration::from_secs(3600), total };
        LogFile::new(directory.to_owned(), Arc::new(Mutex::new(limits)))
    }

    fn names(directory: &Path) -> Vec<String> {
        let files = fs::read_dir(directory).expect("a folder").flatten();
        let mut names: Vec<String> = files.map(|file| file.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    #[test]
    fn c14_a_new_file_begins_before_the_line_that_is_too_much() {
        let directory = tempfile::tempdir().expect("a folder");
        let mut log = file(directory.path(), 100, u64::MAX);
        for count in 0..25 {
            log.write_all(format!("{count:09}\n").as_bytes()).expect("taken");
        }
        log.flush().expect("flushed");
        let names = names(directory.path());
        assert_eq!(names.len(), 3, "{names:?}");
        let texts: Vec<String> =
            names.iter().map(|name| fs::read_to_string(directory.path().join(name)).expect("text")).collect();
        assert_eq!(texts.iter().map(String::len).collect::<Vec<_>>(), [100, 100, 50]);
        assert!(texts.iter().all(|text| text.lines().all(|line| line.len() == 9)), "{texts:?}");
    }

    #[test]
    fn c14_all_files_together_stay_within_their_total() {
        let directory = tempfile::tempdir().expect("a folder");
        let mut log = file(directory.path(), 100, 350);
        for _ in 0..500 {
            log.write_all(b"123456789\n").expect("taken");
        }
        let bytes: u64 = names(directory.path())
            .iter()
            .map(|name| directory.path().join(name).metadata().expect("a file").len())
            .sum();
        assert!((200..=450).contains(&bytes), "{bytes}");
    }

    /// Makes the next line check the file's name.
    fn expire_check(log: &mut LogFile) {
        log.check_at = Instant::now();
    }

    #[test]
    fn c20_lines_go_to_what_the_name_leads_to() {
        let home = tempfile::tempdir().expect("a folder");
        let at = |name: &str| home.path().join(name);
        let directory = at("log");
        let mut log = file(&directory, 1000, u64::MAX);
        let text = |path: &Path| fs::read_to_string(path).unwrap_or_default();
        let current = directory.join(CURRENT);
        log.write_all(b"one\n").expect("taken");
        // As logrotate does without a signal.
        fs::rename(&current, at("moved")).expect("renamed");
        expire_check(&mut log);
        log.write_all(b"two\n").expect("taken");
        assert_eq!((text(&at("moved")), text(&current)), ("one\n".to_owned(), "two\n".to_owned()));
        // As logrotate does with `create` and a signal.
        fs::rename(&current, at("moved-2")).expect("renamed");
        fs::write(&current, "").expect("made");
        log.reopen().store(true, Ordering::Relaxed);
        log.write_all(b"three\n").expect("taken");
        assert_eq!((text(&at("moved-2")), text(&current)), ("two\n".to_owned(), "three\n".to_owned()));
        fs::remove_file(&current).expect("removed");
        expire_check(&mut log);
        log.write_all(b"four\n").expect("taken");
        assert_eq!(text(&current), "four\n");
        // Truncated in place: the file does not count as full.
        log.write_all("x".repeat(900).as_bytes()).expect("taken");
        File::options().write(true).open(&current).expect("opens").set_len(0).expect("cut");
        expire_check(&mut log);
        log.write_all("y".repeat(200).as_bytes()).expect("taken");
        assert_eq!((text(&current).len(), names(&directory)), (200, vec![CURRENT.to_owned()]));
        // The whole directory is removed, then replaced by a symbolic link.
        fs::remove_dir_all(&directory).expect("removed");
        expire_check(&mut log);
        log.write_all(b"five\n").expect("taken");
        assert_eq!(text(&current), "five\n");
        fs::rename(&directory, at("log-2")).expect("renamed");
        fs::create_dir(at("volume")).expect("a folder");
        std::os::unix::fs::symlink("volume", &directory).expect("a link");
        expire_check(&mut log);
        log.write_all(b"six\n").expect("taken");
        assert_eq!(text(&at("volume").join(CURRENT)), "six\n");
        // With the parent directory gone, lines go on to the open file, and nothing is created in its place.
        let parent = at("data");
        let mut log = file(&parent.join("log"), 1000, u64::MAX);
        log.write_all(b"one\n").expect("taken");
        fs::rename(&parent, at("data-2")).expect("renamed");
        expire_check(&mut log);
        log.write_all(b"two\n").expect("taken");
        assert_eq!((text(&at("data-2/log").join(CURRENT)).as_str(), parent.exists()), ("one\ntwo\n", false));
        // Removed with its parents: created again.
        fs::remove_dir_all(at("data-2")).expect("removed");
        expire_check(&mut log);
        log.write_all(b"three\n").expect("taken");
        assert_eq!(text(&parent.join("log").join(CURRENT)), "three\n");
    }

    #[test]
    fn c14_a_folder_that_cannot_be_written_disturbs_nobody() {
        let home = tempfile::tempdir().expect("a folder");
        // A file in place of the directory fails for root as well.
        let directory = home.path().join("log");
        fs::write(&directory, "").expect("a file");
        let mut log = file(&directory, 100, 1000);
        for _ in 0..10 {
            assert_eq!(log.write(b"a line\n").expect("taken"), 7);
        }
        fs::remove_file(&directory).expect("removed");
        log.retry_at = None;
        log.write_all(b"a line\n").expect("taken");
        assert_eq!(fs::read_to_string(directory.join(CURRENT)).expect("text"), "a line\n");
    }
}
