//! How many files this process may have open. Rule: the soft limit is raised to the hard one, which
//! is the operator's word; what that carries is said at start.

use modehost_gateway::OpenFiles;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Fewer than this are worth a warning: each device holds one.
const FEW: u64 = 10_000;

/// How many files may be open, and how many are; none where the system does not say.
pub fn open_files() -> Option<OpenFiles> {
    let most = getrlimit(Resource::Nofile).current.and_then(|most| usize::try_from(most).ok())?;
    Some(OpenFiles { most, open: std::fs::read_dir("/proc/self/fd").ok()?.count() })
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
    if let Some(limit) = limit.filter(|limit| *limit < FEW) {
        tracing::warn!("at most {limit} files can be open, one for each device; raise ulimit -Hn (LimitNOFILE=)");
    }
}
