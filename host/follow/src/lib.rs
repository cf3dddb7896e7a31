//! Names, not handles: what a path leads to now, and being told when that is something else.
//!
//! Rule: whoever keeps something open or watched compares it with its path on a slow tick. Events of the
//! system only make that sooner: they belong to the folder or file that was there when the watch began, and
//! fall silent when it is moved away, removed and made anew, or reached through a link that is turned.
//!
//! # Layout
//! - [`Identity`]: whether two names lead to the same file or folder
//! - [`Stamp`]: whether a file may hold something else than at the last look
//! - [`FolderWatch`]: wakes when something happens in folders, and moves on when these are replaced
//! - [`read`]: a file, whole, within a bound

#![warn(missing_docs)]

mod read;
mod watch;

use std::fs::{self, File, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

pub use read::{read, read_open, read_text};
pub use watch::{FolderWatch, WatchError};

/// A file or folder, whatever it is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    device: u64,
    inode: u64,
    /// Numbers of removed files are given out again at once; the time of birth is not. None where the file
    /// system does not keep it.
    born: Option<SystemTime>,
}

impl Identity {
    /// What the path leads to, by whatever links; none if to nothing.
    pub fn of(path: &Path) -> Option<Self> {
        fs::metadata(path).ok().map(|about| Self::from(&about))
    }

    /// What is open, even if no name leads to it any more; none if the system does not say.
    pub fn of_open(file: &File) -> Option<Self> {
        file.metadata().ok().map(|about| Self::from(&about))
    }
}

impl From<&Metadata> for Identity {
    fn from(about: &Metadata) -> Self {
        Self { device: about.dev(), inode: about.ino(), born: about.created().ok() }
    }
}

/// What tells one content of a file from the next without reading it. Size and time of change can be the
/// same for two contents (`cp -p`, `rsync -t`, stores that set all times to the same moment); the inode and
/// the time at which the system saw it change cannot be set by anybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    identity: Identity,
    size: u64,
    /// Seconds and nanoseconds.
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    /// Of what the path leads to; none if to nothing.
    pub fn of(path: &Path) -> Option<Self> {
        fs::metadata(path).ok().map(|about| Self::from(&about))
    }

    /// Whether it changed within `time` before `now`, so that somebody may still be writing it. A file from
    /// the future, of a machine with another clock, counts as left alone.
    pub fn is_younger(&self, time: Duration, now: SystemTime) -> bool {
        let (Ok(seconds), Ok(nanos)) = (u64::try_from(self.changed.0), u32::try_from(self.changed.1)) else {
            return false;
        };
        let changed = SystemTime::UNIX_EPOCH + Duration::new(seconds, nanos);
        now.duration_since(changed).is_ok_and(|age| age < time)
    }
}

impl From<&Metadata> for Stamp {
    fn from(about: &Metadata) -> Self {
        Self {
            identity: Identity::from(about),
            size: about.len(),
            modified: (about.mtime(), about.mtime_nsec()),
            changed: (about.ctime(), about.ctime_nsec()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// As `cp -p` and stores do: another content of the same size, with the same time of change.
    fn write_as_of(path: &Path, text: &str, at: SystemTime) {
        fs::write(path, text).expect("writes");
        File::options().write(true).open(path).expect("opens").set_modified(at).expect("a time");
    }

    #[test]
    fn c20_a_content_of_the_same_size_and_time_is_another() {
        let folder = tempfile::tempdir().expect("a folder");
        let (file, new) = (folder.path().join("file"), folder.path().join("new"));
        write_as_of(&file, "one", SystemTime::UNIX_EPOCH);
        let first = Stamp::of(&file).expect("a file");
        assert_eq!(Stamp::of(&file), Some(first));
        write_as_of(&new, "two", SystemTime::UNIX_EPOCH);
        fs::rename(&new, &file).expect("renames");
        let second = Stamp::of(&file).expect("a file");
        assert_ne!(second, first, "renamed into its place");
        // The clock of a file system may stand still for some milliseconds.
        let rewritten = (0..1000).any(|_| {
            write_as_of(&file, "thr", SystemTime::UNIX_EPOCH);
            Stamp::of(&file) != Some(second)
        });
        assert!(rewritten, "written where it is");
    }

    #[test]
    fn c20_a_name_that_leads_to_something_else_is_seen() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        for name in ["one", "two"] {
            fs::create_dir(at(name)).expect("a folder");
            fs::write(at(name).join("file"), "same").expect("writes");
        }
        symlink("one", at("link")).expect("a link");
        let file = at("link").join("file");
        let open = File::open(&file).expect("opens");
        assert_eq!(Identity::of_open(&open), Identity::of(&file));
        symlink("two", at("new")).expect("a link");
        fs::rename(at("new"), at("link")).expect("turned");
        assert_ne!(Identity::of_open(&open), Identity::of(&file), "a link on the way was turned");

        let before = Identity::of(&at("one"));
        fs::remove_dir_all(at("one")).expect("removed");
        assert_eq!(Identity::of(&at("one")), None);
        fs::create_dir(at("one")).expect("made anew");
        assert_ne!(Identity::of(&at("one")), before, "a folder that was made anew is another");
    }

    #[test]
    fn a_file_that_was_just_written_is_young_and_one_from_the_future_is_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("file");
        fs::write(&file, "text").expect("writes");
        let (stamp, now) = (Stamp::of(&file).expect("a file"), SystemTime::now());
        assert!(stamp.is_younger(Duration::from_secs(60), now));
        assert!(!stamp.is_younger(Duration::from_secs(60), now + Duration::from_secs(61)));
        assert!(!stamp.is_younger(Duration::from_secs(60), now - Duration::from_secs(3600)));
    }
}
