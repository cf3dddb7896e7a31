//! Both listeners, bound before anything else starts. Rule: whoever holds a [`Bound`] has both
//! ports; every failure is one sentence that names host, port and what to change.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use modehost_limits as limits;
use tokio::net::{TcpListener, TcpSocket};

use crate::config::ServerConfig;
use crate::handover::Ports;

/// Why a port cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    #[error("cannot listen on `{host}`: server.ip must be an IP address such as 0.0.0.0, or localhost")]
    BadHost { host: String },
    #[error("server.port and server.http_port are both {port} on {host}; set one of them to another port")]
    SamePort { host: IpAddr, port: u16 },
    #[error("another process listens on {address}; stop it or set {key} to another port")]
    Taken { address: SocketAddr, key: &'static str },
    #[error("not allowed to listen on {address}; set {key} to a port above 1023, or grant the right to low ports")]
    NotAllowed { address: SocketAddr, key: &'static str },
    #[error("this machine has no address {}; cannot listen on {address}: set server.ip to one of its own, or 0.0.0.0", .address.ip())]
    NotHere { address: SocketAddr },
    #[error("cannot listen on {address} ({key}): {source}")]
    Other { address: SocketAddr, key: &'static str, source: io::Error },
}

/// Both listeners. Connections wait in the kernel until the gateway serves them.
#[derive(Debug)]
pub struct Bound {
    pub(crate) devices: TcpListener,
    pub(crate) http: TcpListener,
    device_address: SocketAddr,
    http_address: SocketAddr,
}

impl Bound {
    /// Where devices connect; the real port where 0 was configured.
    pub fn device_address(&self) -> SocketAddr {
        self.device_address
    }

    /// Where HTTP is served; the real port where 0 was configured.
    pub fn http_address(&self) -> SocketAddr {
        self.http_address
    }
}

/// Binds both ports, but for those that `left` listens on. Must be called from within the runtime;
/// does not wait.
///
/// # Errors
/// See [`BindError`]; no port is held afterwards.
pub fn bind(config: &ServerConfig, left: Option<Ports>) -> Result<Bound, BindError> {
    let host = host(&config.ip)?;
    if config.port == config.http_port && config.port != 0 {
        return Err(BindError::SamePort { host, port: config.port });
    }
    let wanted = [(config.port, "server.port"), (config.http_port, "server.http_port")];
    let mut left = left.unwrap_or_else(|| Ports::new([]));
    let [devices, http] = wanted.map(|(port, _)| left.take(SocketAddr::new(host, port)));
    // What is listened on and not wanted any more is free before anything is bound.
    drop(left);
    let open = |left: Option<std::net::TcpListener>, (port, key): (u16, &'static str)| match left {
        Some(listener) => take_over(listener, SocketAddr::new(host, port), key),
        None => listen(SocketAddr::new(host, port), key),
    };
    let (devices, device_address) = open(devices, wanted[0])?;
    let (http, http_address) = open(http, wanted[1])?;
    Ok(Bound { devices, http, device_address, http_address })
}

/// Goes on with a socket that listens.
fn take_over(
    listener: std::net::TcpListener,
    address: SocketAddr,
    key: &'static str,
) -> Result<(TcpListener, SocketAddr), BindError> {
    let open = || -> io::Result<(TcpListener, SocketAddr)> {
        listener.set_nonblocking(true)?;
        let real = listener.local_addr()?;
        Ok((TcpListener::from_std(listener)?, real))
    };
    open().map_err(|source| BindError::Other { address, key, source })
}

/// Names are not looked up: that could take longer than a start may, and listens on a guess.
fn host(text: &str) -> Result<IpAddr, BindError> {
    let text = text.trim();
    if text.eq_ignore_ascii_case("localhost") {
        return Ok(Ipv4Addr::LOCALHOST.into());
    }
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    bare.parse().map_err(|_| BindError::BadHost { host: text.to_owned() })
}

fn listen(address: SocketAddr, key: &'static str) -> Result<(TcpListener, SocketAddr), BindError> {
    let open = || -> io::Result<(TcpListener, SocketAddr)> {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        // A restart must not wait for the connections of the process before to time out.
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        let listener = socket.listen(limits::BACKLOG)?;
        let real = listener.local_addr()?;
        Ok((listener, real))
    };
    open().map_err(|source| match source.kind() {
        io::ErrorKind::AddrInUse => BindError::Taken { address, key },
        io::ErrorKind::PermissionDenied => BindError::NotAllowed { address, key },
        io::ErrorKind::AddrNotAvailable => BindError::NotHere { address },
        _ => BindError::Other { address, key, source },
    })
}
