//! The listening sockets that a program is given: by the program that this process executed before it, or by a service
//! manager. Rule: a socket is handed over open, so that whoever connects in between waits in the kernel and is served,
//! never refused; a program takes only what has been left for its own process, and only once.
//!
//! A service manager (systemd's socket activation) leaves sockets as numbers from 3 on and says how many in `LISTEN_FDS`,
//! which the crate `listenfd` reads. Between two programs of one process that is not enough: the numbers there are
//! whatever they are, and whoever inherits the variable must not take something else for a socket of ours.
//!
//! Before a process executes a program anew, the sockets are told to survive that, and their numbers
//! are left in a variable, with the id of the process and the identity of each socket. A variable that
//! some other process inherits, or that is out of date, thus means nothing.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::path::PathBuf;

use listenfd::ListenFd;
use parking_lot::Mutex;
use rustix::io::{FdFlags, fcntl_setfd};

/// The variable that the numbers are left in. It is no setting: those have two underscores.
const VARIABLE: &str = "MODEHOST_SOCKETS";

/// What this program was given, until the server takes it.
static GIVEN: Mutex<Option<Ports>> = Mutex::new(None);

/// The sockets of both ports, listening, and not yet served or not any more.
#[derive(Debug)]
pub struct Ports(Vec<TcpListener>);

impl Ports {
    pub(crate) fn new(listeners: impl IntoIterator<Item = TcpListener>) -> Self {
        Self(listeners.into_iter().collect())
    }

    /// Lets the sockets survive the execution of a program, and gives the variable, with its value,
    /// by which that program finds them. Until it has been executed, `self` must be kept.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn hand_over(&self) -> io::Result<(&'static str, String)> {
        let mut value = format!("{}:", std::process::id());
        for (place, listener) in self.0.iter().enumerate() {
            let number = listener.as_raw_fd();
            fcntl_setfd(listener.as_fd(), FdFlags::empty())?;
            let comma = if place == 0 { "" } else { "," };
            value.push_str(&format!("{comma}{number}={}", identity(number)?));
        }
        Ok((VARIABLE, value))
    }

    /// The execution has failed: other programs that this process starts shall not have them.
    pub fn keep(&self) {
        for listener in &self.0 {
            let _ = fcntl_setfd(listener.as_fd(), FdFlags::CLOEXEC);
        }
    }

    /// Finds what an earlier program of this process, or a service manager, has left. To be called first thing in
    /// `main`: as long as there is one thread, nothing else has been opened or started, and nobody else looks at the
    /// variables of a service manager, which are removed.
    pub fn receive() {
        let left = std::env::var(VARIABLE).map(|value| numbers(&value, std::process::id())).unwrap_or_default();
        let mut listeners: Vec<TcpListener> = left.into_iter().filter_map(adopt).collect();
        let mut activated = ListenFd::from_env();
        // What is no TCP socket is none of ours, and stays as it is.
        listeners.extend((0..activated.len()).filter_map(|place| activated.take_tcp_listener(place).ok().flatten()));
        let ports = Self(listeners);
        ports.keep();
        *GIVEN.lock() = Some(ports);
    }

    /// What [`Ports::receive`] has found; nothing the second time.
    pub fn inherited() -> Option<Self> {
        GIVEN.lock().take()
    }

    /// The socket that listens there, if one does. Port 0 means any port of that address.
    pub(crate) fn take(&mut self, wanted: SocketAddr) -> Option<TcpListener> {
        let fits = |listener: &TcpListener| {
            listener.local_addr().is_ok_and(|address| {
                address.ip() == wanted.ip() && (address.port() == wanted.port() || wanted.port() == 0)
            })
        };
        let place = self.0.iter().position(fits)?;
        Some(self.0.remove(place))
    }

    /// Closes what no setting names any more, or never did.
    pub(crate) fn close(self) {
        for address in self.0.iter().filter_map(|listener| listener.local_addr().ok()) {
            tracing::info!("this program was given a socket on {address}, which no setting names; it is closed");
        }
    }
}

/// What the system calls the socket behind a number.
fn identity(number: RawFd) -> io::Result<String> {
    let link = std::fs::read_link(PathBuf::from(format!("/proc/self/fd/{number}")))?;
    let name = link.to_string_lossy().into_owned();
    name.starts_with("socket:").then_some(name).ok_or_else(|| io::Error::other("this is no socket"))
}

/// Numbers and identities, if the value was left by this very process.
fn numbers(value: &str, process: u32) -> Vec<(RawFd, String)> {
    let Some((of, list)) = value.split_once(':') else { return Vec::new() };
    if of.parse() != Ok(process) {
        return Vec::new();
    }
    let pair = |entry: &str| {
        let (number, identity) = entry.split_once('=')?;
        Some((number.parse().ok()?, identity.to_owned()))
    };
    list.split(',').filter_map(pair).collect()
}

/// Makes a number a socket of ours, if it is the one that was meant.
fn adopt((number, expected): (RawFd, String)) -> Option<TcpListener> {
    if identity(number).ok()? != expected {
        return None;
    }
    // SAFETY: the number is open and is the very socket that the program before left in this process
    // for us (its identity has been compared). Nobody else in this program knows the number: it was
    // open before the program began, so nothing opened since can have it, and `receive` runs once.
    #[allow(unsafe_code)]
    let socket = unsafe { OwnedFd::from_raw_fd(number) };
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
        let left = Ports::new([listener()]);
        let (_, value) = left.hand_over().expect("handed over");
        left.keep();
        let found = numbers(&value, own);
        assert_eq!(found.len(), 1);
        assert!(numbers(&value, own + 1).is_empty());
        for odd in ["", "x", ":3=socket:[1]", &format!("{own}:"), &format!("{own}:x=y,3")] {
            assert!(numbers(odd, own).is_empty(), "{odd}");
        }
        assert!(adopt((found[0].0, "socket:[1]".to_owned())).is_none(), "another socket");
        assert!(adopt((1 << 20, "socket:[1]".to_owned())).is_none(), "no such number");
        assert!(identity(std::fs::File::open("/dev/null").expect("a file").as_raw_fd()).is_err(), "no socket");
    }

    #[test]
    fn c12_only_the_socket_of_the_wanted_address_is_taken() {
        let (one, other) = (listener(), listener());
        let address = other.local_addr().expect("an address");
        let mut ports = Ports::new([one, other]);
        assert!(ports.take(SocketAddr::new([127, 0, 0, 2].into(), address.port())).is_none());
        assert_eq!(ports.take(address).and_then(|taken| taken.local_addr().ok()), Some(address));
        assert!(ports.take(address).is_none(), "once");
        assert!(ports.take(SocketAddr::new(address.ip(), 0)).is_some(), "any port");
    }
}
