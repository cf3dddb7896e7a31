//! The file that is written. Rule: a line is never split over two files, and a disk that refuses
//! is tried again later; lines that could not be written are counted, and said once. The file is the one that
//! its name leads to: where that has been renamed, removed or replaced, another is begun.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use crate::limits;
use modehost_follow::Identity;
use parking_lot::Mutex;
use time::OffsetDateTime;
use time::macros::format_description;

use super::retention;
use crate::settings::LogSettings;
use crate::terminal::complain;

/// The file that is being written.
pub const CURRENT: &str = "modehost.log";

/// What the settings allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes after which a new file begins.
    pub rotate: u64,
    /// Age at which an old file goes.
    pub keep: Duration,
    /// Bytes of all files together.
    pub total: u64,
}

impl Limits {
    /// From the section `log`.
    pub fn new(settings: &LogSettings) -> Self {
        const MIB: u64 = 1024 * 1024;
        const DAY: u64 = 24 * 60 * 60;
        Self {
            rotate: settings.rotate_mb.saturating_mul(MIB),
            keep: Duration::from_secs(settings.keep_days.saturating_mul(DAY)),
            total: settings.keep_mb.saturating_mul(MIB),
        }
    }
}

/// Takes lines, each with one call; never fails to its caller.
#[derive(Debug)]
pub struct LogFile {
    folder: PathBuf,
    limits: Arc<Mutex<Limits>>,
    open: Option<(File, u64)>,
    /// After a failure nothing is tried before then.
    rests_until: Option<Instant>,
    /// When old files are looked for again.
    sweep_at: Instant,
    /// When the open file is compared with its name again.
    look_at: Instant,
    /// Somebody wants that before the next line.
    reopen: Arc<AtomicBool>,
}

impl LogFile {
    /// Nothing is opened before the first line.
    pub fn new(folder: PathBuf, limits: Arc<Mutex<Limits>>) -> Self {
        let now = Instant::now();
        Self { folder, limits, open: None, rests_until: None, sweep_at: now, look_at: now, reopen: Arc::default() }
    }

    /// Set by whoever has moved the file away: the next line goes to the file that its name leads to then,
    /// and a disk that refused is tried at once.
    pub fn reopen(&self) -> Arc<AtomicBool> {
        self.reopen.clone()
    }

    /// Lets go of a file that its name does not lead to any more.
    fn follow(&mut self) {
        let asked = self.reopen.swap(false, Ordering::Relaxed);
        if asked {
            self.rests_until = None;
        } else if self.look_at > Instant::now() {
            return;
        }
        self.look_at = Instant::now() + limits::PATH_LOOK;
        let is_ours = |(file, _): &(File, u64)| Identity::of_open(file) == Identity::of(&self.folder.join(CURRENT));
        let lost = self.open.as_ref().is_some_and(|open| !is_ours(open));
        // It may have been copied and cut back where it is.
        if let Some((file, size)) = &mut self.open
            && let Ok(about) = file.metadata()
        {
            *size = about.len();
        }
        // Where even the folder above was moved away, the old file is better than none, and a folder of ours in
        // its place would be in the way of whoever brings it back. What was removed nobody brings back, and lines
        // that go on into it are lost.
        let removed = self.open.as_ref().is_some_and(|(file, _)| file.metadata().is_ok_and(|about| about.nlink() == 0));
        let make = if removed { fs::create_dir_all } else { make_folder };
        if lost && let Ok(anew) = make(&self.folder).and_then(|()| open(&self.folder)) {
            self.open = Some(anew);
        }
    }

    fn put(&mut self, line: &[u8]) -> io::Result<()> {
        let limits = *self.limits.lock();
        if self.sweep_at <= Instant::now() {
            self.sweep_at = Instant::now() + limits::LOG_SWEEP;
            retention::sweep(&self.folder, &limits, SystemTime::now());
        }
        let (mut file, size) = match self.open.take() {
            Some(open) => open,
            None => {
                fs::create_dir_all(&self.folder)?;
                open(&self.folder)?
            }
        };
        let line_len = line.len() as u64;
        let (mut file, size) = if size > 0 && size.saturating_add(line_len) > limits.rotate {
            file.flush()?;
            drop(file);
            set_aside(&self.folder)?;
            retention::sweep(&self.folder, &limits, SystemTime::now());
            open(&self.folder)?
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
        self.follow();
        if self.rests_until.is_some_and(|until| until > Instant::now()) {
            metrics::counter!("modehost_log_unwritten_total").increment(1);
            return Ok(line.len());
        }
        match self.put(line) {
            Ok(()) => {
                if self.rests_until.take().is_some() {
                    complain(format_args!("log files are written again in {}", self.folder.display()));
                }
            }
            Err(error) => {
                metrics::counter!("modehost_log_unwritten_total").increment(1);
                if self.rests_until.is_none() {
                    let folder = self.folder.display();
                    complain(format_args!("log files cannot be written in {folder}: {error}; the log goes on here"));
                }
                self.rests_until = Some(Instant::now() + limits::LOG_RETRY);
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

/// The folder itself, and nothing above it.
fn make_folder(folder: &Path) -> io::Result<()> {
    match fs::create_dir(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// The current file and its size.
fn open(folder: &Path) -> io::Result<(File, u64)> {
    let file = OpenOptions::new().create(true).append(true).open(folder.join(CURRENT))?;
    let size = file.metadata()?.len();
    Ok((file, size))
}

/// Gives the current file the name of this moment.
fn set_aside(folder: &Path) -> io::Result<()> {
    let form = format_description!("[year][month][day]T[hour][minute][second]Z");
    let moment = OffsetDateTime::now_utc().format(form).unwrap_or_default();
    let name = |count: u32| match count {
        0 => folder.join(format!("modehost-{moment}.log")),
        count => folder.join(format!("modehost-{moment}-{count}.log")),
    };
    // Several a second happen only where files are tiny.
    let free = (0..10_000).map(name).find(|path| !path.exists());
    fs::rename(folder.join(CURRENT), free.unwrap_or_else(|| name(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(folder: &Path, rotate: u64, total: u64) -> LogFile {
        let limits = Limits { rotate, keep: Duration::from_secs(3600), total };
        LogFile::new(folder.to_owned(), Arc::new(Mutex::new(limits)))
    }

    fn names(folder: &Path) -> Vec<String> {
        let files = fs::read_dir(folder).expect("a folder").flatten();
        let mut names: Vec<String> = files.map(|file| file.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    #[test]
    fn c14_a_new_file_begins_before_the_line_that_is_too_much() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut log = file(folder.path(), 100, u64::MAX);
        for count in 0..25 {
            log.write_all(format!("{count:09}\n").as_bytes()).expect("taken");
        }
        log.flush().expect("flushed");
        let names = names(folder.path());
        assert_eq!(names.len(), 3, "{names:?}");
        let texts: Vec<String> =
            names.iter().map(|name| fs::read_to_string(folder.path().join(name)).expect("text")).collect();
        assert_eq!(texts.iter().map(String::len).collect::<Vec<_>>(), [100, 100, 50]);
        assert!(texts.iter().all(|text| text.lines().all(|line| line.len() == 9)), "{texts:?}");
    }

    #[test]
    fn c14_all_files_together_stay_within_their_total() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut log = file(folder.path(), 100, 350);
        for _ in 0..500 {
            log.write_all(b"123456789\n").expect("taken");
        }
        let bytes: u64 =
            names(folder.path()).iter().map(|name| folder.path().join(name).metadata().expect("a file").len()).sum();
        assert!((200..=450).contains(&bytes), "{bytes}");
    }

    /// The next line is one at which the file is looked at.
    fn later(log: &mut LogFile) {
        log.look_at = Instant::now();
    }

    #[test]
    fn c20_lines_go_to_what_the_name_leads_to() {
        let home = tempfile::tempdir().expect("a folder");
        let at = |name: &str| home.path().join(name);
        let folder = at("log");
        let mut log = file(&folder, 1000, u64::MAX);
        let text = |path: &Path| fs::read_to_string(path).unwrap_or_default();
        let current = folder.join(CURRENT);
        log.write_all(b"one\n").expect("taken");
        // As logrotate does, without a word.
        fs::rename(&current, at("moved")).expect("renamed");
        later(&mut log);
        log.write_all(b"two\n").expect("taken");
        assert_eq!((text(&at("moved")), text(&current)), ("one\n".to_owned(), "two\n".to_owned()));
        // With its option `create`, and a word at once.
        fs::rename(&current, at("moved-2")).expect("renamed");
        fs::write(&current, "").expect("made");
        log.reopen().store(true, Ordering::Relaxed);
        log.write_all(b"three\n").expect("taken");
        assert_eq!((text(&at("moved-2")), text(&current)), ("two\n".to_owned(), "three\n".to_owned()));
        fs::remove_file(&current).expect("removed");
        later(&mut log);
        log.write_all(b"four\n").expect("taken");
        assert_eq!(text(&current), "four\n");
        // Copied and cut back: it is not taken for one that is full.
        log.write_all("x".repeat(900).as_bytes()).expect("taken");
        File::options().write(true).open(&current).expect("opens").set_len(0).expect("cut");
        later(&mut log);
        log.write_all("y".repeat(200).as_bytes()).expect("taken");
        assert_eq!((text(&current).len(), names(&folder)), (200, vec![CURRENT.to_owned()]));
        // The whole folder, and then a link in its place.
        fs::remove_dir_all(&folder).expect("removed");
        later(&mut log);
        log.write_all(b"five\n").expect("taken");
        assert_eq!(text(&current), "five\n");
        fs::rename(&folder, at("log-2")).expect("renamed");
        fs::create_dir(at("volume")).expect("a folder");
        std::os::unix::fs::symlink("volume", &folder).expect("a link");
        later(&mut log);
        log.write_all(b"six\n").expect("taken");
        assert_eq!(text(&at("volume").join(CURRENT)), "six\n");
        // With the folder above it gone, lines go on to the file that is open, and nothing is put in its place.
        let parent = at("data");
        let mut log = file(&parent.join("log"), 1000, u64::MAX);
        log.write_all(b"one\n").expect("taken");
        fs::rename(&parent, at("data-2")).expect("renamed");
        later(&mut log);
        log.write_all(b"two\n").expect("taken");
        assert_eq!((text(&at("data-2/log").join(CURRENT)).as_str(), parent.exists()), ("one\ntwo\n", false));
        // Removed with all that is above it: made again.
        fs::remove_dir_all(at("data-2")).expect("removed");
        later(&mut log);
        log.write_all(b"three\n").expect("taken");
        assert_eq!(text(&parent.join("log").join(CURRENT)), "three\n");
    }

    #[test]
    fn c14_a_folder_that_cannot_be_written_disturbs_nobody() {
        let home = tempfile::tempdir().expect("a folder");
        // A file where the folder should be fails for root as well.
        let folder = home.path().join("log");
        fs::write(&folder, "").expect("a file");
        let mut log = file(&folder, 100, 1000);
        for _ in 0..10 {
            assert_eq!(log.write(b"a line\n").expect("taken"), 7);
        }
        fs::remove_file(&folder).expect("removed");
        log.rests_until = None;
        log.write_all(b"a line\n").expect("taken");
        assert_eq!(fs::read_to_string(folder.join(CURRENT)).expect("text"), "a line\n");
    }
}
