//! How many files and connections a process may have open.

use std::io;

use rustix::process::{Resource, getrlimit, setrlimit};

/// Raises the number to what the system allows, and gives it; none where there is no limit. What a process gets without
/// asking is made for programs that hold a few files, and is less than the connections that a server may have.
///
/// # Errors
///
/// When the system refuses; then the number is as before.
pub fn raise() -> io::Result<Option<u64>> {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit)?;
    Ok(limit.current)
}
