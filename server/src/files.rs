//! File descriptors: every connection is one.

use rustix::process::{Resource, getrlimit, setrlimit};
use tracing::warn;

/// Descriptors for everything that is no WebSocket: HTTP, files of the page, the runtime's own.
const BESIDES: u64 = 1_024;

/// Raises this process' limit to what the system allows, and says if that is too little.
pub(crate) fn raise_limit(connections: u32) {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        warn!(%error, "cannot raise the limit of open files");
    }
    let needed = u64::from(connections) + BESIDES;
    if let Some(current) = getrlimit(Resource::Nofile).current.filter(|&current| current < needed) {
        warn!(
            limit = current,
            needed, "too few open files are allowed for --connections (ulimit -n)"
        );
    }
}
