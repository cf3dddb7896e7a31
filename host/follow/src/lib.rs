//! Following paths rather than handles: what a path resolves to now, and notification when that changes.
//!
//! Rule: the owner of an open or watched file compares it with its path on a slow timer. File system events only make
//! that sooner: they belong to the directory or file that existed when the watch started, and stop when it is moved
//! away, deleted and recreated, or reached through a symlink that is changed.
//!
//! # Layout
//! - [`Identity`]: whether two paths resolve to the same file or directory
//! - [`Stamp`]: whether the content of a file may have changed
//! - [`DirectoryWatch`]: wakes on events in directories, and follows them when they are replaced
//! - [`read`]: bounded reading of a whole file

#![warn(missing_docs)]

mod read;
mod watch;

use std::fs::{self, File, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

pub use read::{read, read_open, read_text};
pub use watch::{DirectoryWatch, WatchError};

/// A file or directory, independent of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    device: u64,
    inode: u64,
    /// Inode numbers are reused at once after a deletion; the creation time is not. None if the file system does not
    /// record it.
    born: Option<SystemTime>,
}

impl Identity {
    /// What the path resolves to, through any symlinks; none if it does not exist.
    pub fn of(path: &Path) -> Option<Self> {
        fs::metadata(path).ok().map(|about| Self::from(&about))
    }

    /// The identity of an open file, even if it has no name any more; none if the system does not report it.
    pub fn of_open(file: &File) -> Option<Self> {
        file.metadata().ok().map(|about| Self::from(&about))
    }
}

impl From<&Metadata> for Identity {
    fn from(about: &Metadata) -> Self {
        Self { device: about.dev(), inode: about.ino(), born: about.created().ok() }
    }
}

/// Distinguishes two contents of a file without reading them. Size and modification time can be the same for two
/// contents (`cp -p`, `rsync -t`, archives that set all times to the same moment); the inode and the change time cannot
/// be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    identity: Identity,
    size: u64,
    /// Seconds and nanoseconds.
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    /// The stamp of what the path resolves to; none if it does not exist.
    pub fn of(path: &Path) -> Option<Self> {
        fs::metadata(path).ok().map(|about| Self::from(&about))
    }

    /// Whether it changed within `time` before `now`, so that it may still be being written. A file from the future,
    /// written by a machine with another clock, does not count as young.
    pub fn changed_within(&self, time: Duration, now: SystemTime) -> bool {
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

    /// As `cp -p` and archives do: another content of the same size, with the same modification time.
    fn write_as_of(path: &Path, text: &str, at: SystemTime) {
        fs::write(path, text).expect("writes");
        File::options().write(true).open(path).expect("opens").set_modified(at).expect("a time");
    }

    #[test]
    fn c20_a_content_of_the_same_size_and_time_is_another() {
        let directory = tempfile::tempdir().expect("a directory");
        let (file, new) = (directory.path().join("file"), directory.path().join("new"));
        write_as_of(&file, "one", SystemTime::UNIX_EPOCH);
        let first = Stamp::of(&file).expect("a file");
        assert_eq!(Stamp::of(&file), Some(first));
        write_as_of(&new, "two", SystemTime::UNIX_EPOCH);
        fs::rename(&new, &file).expect("renames");
        let second = Stamp::of(&file).expect("a file");
        assert_ne!(second, first, "replaced by a rename");
        // The clock of a file system may be coarser than some milliseconds.
        let rewritten = (0..1000).any(|_| {
            write_as_of(&file, "thr", SystemTime::UNIX_EPOCH);
            Stamp::of(&file) != Some(second)
        });
        assert!(rewritten, "written in place");
    }

    #[test]
    fn c20_a_name_that_leads_to_something_else_is_seen() {
        let directory = tempfile::tempdir().expect("a directory");
        let at = |name: &str| directory.path().join(name);
        for name in ["one", "two"] {
            fs::create_dir(at(name)).expect("a directory");
            fs::write(at(name).join("file"), "same").expect("writes");
        }
        symlink("one", at("link")).expect("a link");
        let file = at("link").join("file");
        let open = File::open(&file).expect("opens");
        assert_eq!(Identity::of_open(&open), Identity::of(&file));
        symlink("two", at("new")).expect("a link");
        fs::rename(at("new"), at("link")).expect("relinked");
        assert_ne!(Identity::of_open(&open), Identity::of(&file), "a symlink on the path was changed");

        let before = Identity::of(&at("one"));
        fs::remove_dir_all(at("one")).expect("removed");
        assert_eq!(Identity::of(&at("one")), None);
        fs::create_dir(at("one")).expect("recreated");
        assert_ne!(Identity::of(&at("one")), before, "a recreated directory is another one");
    }

    #[test]
    fn a_file_that_was_just_written_is_young_and_one_from_the_future_is_not() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("file");
        fs::write(&file, "text").expect("writes");
        let (stamp, now) = (Stamp::of(&file).expect("a file"), SystemTime::now());
        assert!(stamp.changed_within(Duration::from_secs(60), now));
        assert!(!stamp.changed_within(Duration::from_secs(60), now + Duration::from_secs(61)));
        assert!(!stamp.changed_within(Duration::from_secs(60), now - Duration::from_secs(3600)));
    }
}
