//! What a test needs and this machine does not have. Rule: on a CI machine, where everything that can be installed is,
//! a missing program is a failure; nowhere does a test that checks nothing stay silent.

/// A program or package is not installed, and the test checks nothing.
///
/// # Panics
/// On a CI machine (`CI` is set): `.ci/run` installs all of them.
pub fn installed(what: &str) {
    assert!(std::env::var_os("CI").is_none(), "{what} must be installed on this machine: .ci/run does that");
    eprintln!("skipped: {what} is not installed");
}

/// Something that the machine itself does not allow (to mount a disk, to confine a process), which no package mends.
pub fn allowed(why: &str) {
    eprintln!("skipped: {why}");
}
