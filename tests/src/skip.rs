//! Skipping a test whose prerequisites are missing. Rule: on a CI machine, where everything installable is installed,
//! a missing program is a failure; elsewhere a skipped test always says so.

/// Reports that a program or package is not installed, so the test is skipped.
///
/// # Panics
/// On a CI machine (`CI` is set): `.ci/run` installs all of them.
pub fn not_installed(what: &str) {
    assert!(std::env::var_os("CI").is_none(), "{what} must be installed on this machine: .ci/run does that");
    eprintln!("skipped: {what} is not installed");
}

/// Reports that the machine does not permit something (mounting a disk, a sandbox) that no package can provide.
pub fn not_permitted(why: &str) {
    eprintln!("skipped: {why}");
}
