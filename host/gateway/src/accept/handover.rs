//! Listening sockets inherited from the previous program of this process (exec), or from a service manager. Rule: a
//! socket stays open during the handover, so that clients that connect meanwhile queue in the kernel instead of being
//! refused; a program adopts only sockets that were left for its own process, and only once.
//!
//! A service manager (systemd socket activation) passes sockets as file descriptors from 3 on and their number in
//! `LISTEN_FDS`, which the crate `listenfd` reads. Between two programs of one process that protocol does not suffice:
//! the descriptors are not consecutive, and a process that inherits the variable must not mistake another descriptor
//! for one of these sockets.
//!
//! Before a process executes its new program, it clears close-on-exec on the sockets and writes their descriptors to an
//! environment variable, with the process id and the identity (inode) of each socket. A variable that is stale, or that
//! another process inherited, therefore matches nothing.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::path::PathBuf;

use listenfd::ListenFd;
use parking_lot::Mutex;
use rustix::io::{FdFlags, fcntl_setfd};

/// The environment variable that holds the descriptors. It is not a setting: those contain two underscores.
const VARIABLE: &str = "MODEHOST_SOCKETS";

/// Sockets that this program inherited, until the server takes them.
static INHERITED: Mutex<Option<InheritedListeners>> = Mutex::new(None);

/// The listening sockets of all ports, while no server accepts from them.
#[derive(Debug)]
pub struct InheritedListeners(Vec<TcpListener>);

impl InheritedListeners {
    pub(crate) fn new(listeners: impl IntoIterator<Item = TcpListener>) -> Self {
        Self(listeners.into_iter().collect())
    }

    /// Clears close-on-exec on the sockets. Returns name and value of the environment variable by which the new program
    /// finds them. `self` must be kept alive until the exec.
    ///
    /// # Errors
    /// If a system call fails.
    pub fn prepare_exec(&self) -> io::Result<(&'static str, String)> {
        let mut value = format!("{}:", std::process::id());
        for (index, listener) in self.0.iter().enumerate() {
            let descriptor = listener.as_raw_fd();
            fcntl_setfd(listener.as_fd(), FdFlags::empty())?;
            let comma = if index == 0 { "" } else { "," };
            value.push_str(&format!("{comma}{descriptor}={}", identity(descriptor)?));
        }
        Ok((VARIABLE, value))
    }

    /// Sets close-on-exec again after a failed exec, so that child processes do not inherit the sockets.
    pub fn set_close_on_exec(&self) {
        for listener in &self.0 {
            let _ = fcntl_setfd(listener.as_fd(), FdFlags::CLOEXEC);
        }
    }

    /// Collects the sockets left by the previous program of this process or by a service manager. Must be the first
    /// call in `main`: while there is one thread, no other descriptor has been opened, and nobody else reads the
    /// variables of a service manager, which are removed.
    pub fn collect() {
        let inherited =
            std::env::var(VARIABLE).map(|value| parse_variable(&value, std::process::id())).unwrap_or_default();
        let mut listeners: Vec<TcpListener> = inherited.into_iter().filter_map(adopt).collect();
        let mut activated = ListenFd::from_env();
        // Descriptors that are not TCP sockets are left untouched.
        listeners.extend((0..activated.len()).filter_map(|index| activated.take_tcp_listener(index).ok().flatten()));
        let ports = Self(listeners);
        ports.set_close_on_exec();
        *INHERITED.lock() = Some(ports);
    }

    /// The sockets found by [`InheritedListeners::collect`]; `None` on the second call.
    pub fn from_environment() -> Option<Self> {
        INHERITED.lock().take()
    }

    /// Removes and returns the listener on that address, if there is one. Port 0 matches any port of the address.
    pub(crate) fn take(&mut self, wanted: SocketAddr) -> Option<TcpListener> {
        let matches = |listener: &TcpListener| {
            listener.local_addr().is_ok_and(|address| {
                address.ip() == wanted.ip() && (address.port() == wanted.port() || wanted.port() == 0)
            })
        };
        let index = self.0.iter().position(matches)?;
        Some(self.0.remove(index))
    }

    /// Closes the sockets that match no configured address.
    pub(crate) fn close(self) {
        for address in self.0.iter().filter_map(|listener| listener.local_addr().ok()) {
            tracing::info!("inherited socket on {address} matches no configured address; closed");
        }
    }
}

/// The kernel's name of the socket behind a descriptor, such as `socket:[4711]`.
fn identity(descriptor: RawFd) -> io::Result<String> {
    let link = std::fs::read_link(PathBuf::from(format!("/proc/self/fd/{descriptor}")))?;
    let name = link.to_string_lossy().into_owned();
    name.starts_with("socket:").then_some(name).ok_or_else(|| io::Error::other("this is no socket"))
}

/// A descriptor that the previous program left, with the identity of its socket.
#[derive(Debug)]
struct Inherited {
    descriptor: RawFd,
    identity: String,
}

/// The sockets named by the variable, if this process wrote it.
fn parse_variable(value: &str, process: u32) -> Vec<Inherited> {
    let Some((owner, list)) = value.split_once(':') else { return Vec::new() };
    if owner.parse() != Ok(process) {
        return Vec::new();
    }
    let parse = |entry: &str| {
        let (descriptor, identity) = entry.split_once('=')?;
        Some(Inherited { descriptor: descriptor.parse().ok()?, identity: identity.to_owned() })
    };
    list.split(',').filter_map(parse).collect()
}

/// Adopts a descriptor if it still refers to the expected socket.
fn adopt(Inherited { descriptor, identity: expected }: Inherited) -> Option<TcpListener> {
    if identity(descriptor).ok()? != expected {
        return None;
    }
    // SAFETY: the descriptor is open and refers to the very socket that the previous program left for this process (its
    // identity has been compared). No other code of this program owns the descriptor: it was open before the program
    // started, so nothing opened since can have the same number, and `receive` runs once.
    #[allow(unsafe_code)]
    let socket = unsafe { OwnedFd::from_raw_fd(descriptor) };
    Some(TcpListener::from(socket))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listener() -> TcpListener {
        TcpListener::bind("127.0.0.1:0").expect("a port")
    }

    #[test]
    fn c12_a_variable_of_another_process_or_of_other_sockets_means_nothing() {
        let own = std::process::id();
        let inherited = InheritedListeners::new([listener()]);
        let (_, value) = inherited.prepare_exec().expect("handed over");
        inherited.set_close_on_exec();
        let found = parse_variable(&value, own);
        assert_eq!(found.len(), 1);
        assert!(parse_variable(&value, own + 1).is_empty());
        for odd in ["", "x", ":3=socket:[1]", &format!("{own}:"), &format!("{own}:x=y,3")] {
            assert!(parse_variable(odd, own).is_empty(), "{odd}");
        }
        let other = |descriptor| Inherited { descriptor, identity: "socket:[1]".to_owned() };
        assert!(adopt(other(found[0].descriptor)).is_none(), "another socket");
        assert!(adopt(other(1 << 20)).is_none(), "no such number");
        assert!(identity(std::fs::File::open("/dev/null").expect("a file").as_raw_fd()).is_err(), "no socket");
    }

    #[test]
    fn c12_only_the_socket_of_the_wanted_address_is_taken() {
        let (one, other) = (listener(), listener());
        let address = other.local_addr().expect("an address");
        let mut ports = InheritedListeners::new([one, other]);
        assert!(ports.take(SocketAddr::new([127, 0, 0, 2].into(), address.port())).is_none());
        assert_eq!(ports.take(address).and_then(|taken| taken.local_addr().ok()), Some(address));
        assert!(ports.take(address).is_none(), "once");
        assert!(ports.take(SocketAddr::new(address.ip(), 0)).is_some(), "any port");
    }
}
