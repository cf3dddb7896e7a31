//! The limit of open files. Rule: the soft limit is raised to the hard limit, which the operator sets; a low one is
//! logged at the start.

use modehost_gateway::OpenFiles;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Below this a warning is logged: each device uses one file descriptor.
const LOW_LIMIT: u64 = 10_000;

/// The limit and the number of open files; none if the system does not report them.
pub fn open_files() -> Option<OpenFiles> {
    let most = getrlimit(Resource::Nofile).current.and_then(|most| usize::try_from(most).ok())?;
    Some(OpenFiles { limit: most, open: std::fs::read_dir("/proc/self/fd").ok()?.count() })
}

/// Raises the soft limit of open files to the hard limit.
pub fn raise_limit() {
    let now = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: now.maximum, maximum: now.maximum };
    let limit = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => now.maximum,
        Err(error) => {
            tracing::warn!(%error, "the limit of open files could not be raised");
            now.current
        }
    };
    if let Some(limit) = limit.filter(|limit| *limit < LOW_LIMIT) {
        tracing::warn!("the limit of open files is {limit}, one per device; raise ulimit -Hn (LimitNOFILE=)");
    }
}
