//! Whoever started the program as a service and wants to know when it is ready: systemd, by the protocol of `sd_notify(3)`.

use std::env;
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// The socket that the environment names (`NOTIFY_SOCKET`), or nobody: then everything is said to the wind.
#[derive(Debug)]
pub struct Supervisor(Option<(UnixDatagram, SocketAddr)>);

impl Supervisor {
    /// Finds the supervisor, if there is one. An error if its address cannot be one.
    pub fn from_environment() -> io::Result<Self> {
        let Some(name) = env::var_os("NOTIFY_SOCKET").filter(|name| !name.is_empty()) else {
            return Ok(Self(None));
        };
        Ok(Self(Some((UnixDatagram::unbound()?, address(&name)?))))
    }

    /// Everything that was on disk is served, and all sockets are open.
    pub fn ready(&self) -> io::Result<()> {
        self.tell("READY=1")
    }

    /// The end has been asked for, and begins.
    pub fn stopping(&self) -> io::Result<()> {
        self.tell("STOPPING=1")
    }

    fn tell(&self, state: &str) -> io::Result<()> {
        match &self.0 {
            Some((socket, address)) => socket.send_to_addr(state.as_bytes(), address).map(drop),
            None => Ok(()),
        }
    }
}

/// A path, or behind an `@` a name that is in no file system.
fn address(name: &OsStr) -> io::Result<SocketAddr> {
    match name.as_bytes().strip_prefix(b"@") {
        #[cfg(target_os = "linux")]
        Some(name) => {
            use std::os::linux::net::SocketAddrExt;
            SocketAddr::from_abstract_name(name)
        }
        _ => SocketAddr::from_pathname(name),
    }
}
