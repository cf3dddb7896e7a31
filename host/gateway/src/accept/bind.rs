//! All listeners, bound before anything else starts. Rule: whoever holds a [`Bound`] has all
//! ports; every failure is one sentence that names host, port and what to change.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::limits;
use tokio::net::{TcpListener, TcpSocket};

use crate::accept::handover::Ports;
use crate::config::ServerConfig;

/// Why a port cannot be had.
#[expect(missing_docs, reason = "the messages say what each is, and name its members")]
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    #[error("cannot listen on `{host}`: {key} must be an IP address such as 0.0.0.0, or localhost")]
    BadHost { host: String, key: &'static str },
    #[error("{one} and {other} are both {port} on {host}; set one of them to another port")]
    SamePort { host: IpAddr, port: u16, one: &'static str, other: &'static str },
    #[error("another process listens on {address}; stop it or set {key} to another port")]
    Taken { address: SocketAddr, key: &'static str },
    #[error("not allowed to listen on {address}; set {key} to a port above 1023, or grant the right to low ports")]
    NotAllowed { address: SocketAddr, key: &'static str },
    #[error("this machine has no address {}; cannot listen on {address}: set {key} to one of its own, or 0.0.0.0", .address.ip())]
    NotHere { address: SocketAddr, key: &'static str },
    #[error("cannot listen on {address} ({key}): {source}")]
    Other { address: SocketAddr, key: &'static str, source: io::Error },
}

impl BindError {
    /// The setting to change.
    pub fn key(&self) -> &'static str {
        match self {
            Self::SamePort { other, .. } => other,
            Self::BadHost { key, .. }
            | Self::Taken { key, .. }
            | Self::NotAllowed { key, .. }
            | Self::NotHere { key, .. }
            | Self::Other { key, .. } => key,
        }
    }

    /// Whether it stays so until the configuration is changed.
    pub fn is_of_configuration(&self) -> bool {
        matches!(self, Self::BadHost { .. } | Self::SamePort { .. })
    }
}

/// All listeners. Connections wait in the kernel until the gateway serves them.
#[derive(Debug)]
pub struct Bound {
    pub(crate) devices: TcpListener,
    pub(crate) http: TcpListener,
    /// The operators' own, if they have one.
    pub(crate) operators: Option<TcpListener>,
    device_address: SocketAddr,
    http_address: SocketAddr,
    operator_address: Option<SocketAddr>,
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

    /// Where operators are served if they have an address of their own; the real port where 0 was configured.
    pub fn operator_address(&self) -> Option<SocketAddr> {
        self.operator_address
    }
}

/// Binds all ports, but for those that `left` listens on. Must be called from within the runtime;
/// does not wait.
///
/// # Errors
/// See [`BindError`]; no port is held afterwards.
pub fn bind(config: &ServerConfig, left: Option<Ports>) -> Result<Bound, BindError> {
    let wanted = check_addresses(config)?;
    let mut left = left.unwrap_or_else(|| Ports::new([]));
    let found: Vec<_> = wanted.iter().map(|(address, _)| left.take(*address)).collect();
    // What is listened on and not wanted any more is free before anything is bound.
    left.close();
    let mut opened = Vec::with_capacity(wanted.len());
    for (left, (address, key)) in found.into_iter().zip(wanted) {
        opened.push(match left {
            Some(listener) => take_over(listener, address, key)?,
            None => listen(address, key)?,
        });
    }
    let mut opened = opened.into_iter();
    let (Some((devices, device_address)), Some((http, http_address))) = (opened.next(), opened.next()) else {
        unreachable!("two are always wanted");
    };
    let (operators, operator_address) = opened.next().unzip();
    Ok(Bound { devices, http, operators, device_address, http_address, operator_address })
}

/// The addresses that are to be listened on, each with its setting.
///
/// # Errors
/// If one is none, or two are the same; nothing is opened.
pub fn check_addresses(config: &ServerConfig) -> Result<Vec<(SocketAddr, &'static str)>, BindError> {
    let http_host = config.http_ip.as_deref().unwrap_or(&config.ip);
    let (host, http_host) = (host(&config.ip, "server.ip")?, host(http_host, "server.http_ip")?);
    let mut wanted = vec![
        (SocketAddr::new(host, config.port), "server.port"),
        (SocketAddr::new(http_host, config.http_port), "server.http_port"),
    ];
    let operators = config.operator_address.as_ref().and_then(|address| address.parse().ok());
    wanted.extend(operators.map(|address| (address, "server.operator_address")));
    for (place, (address, other)) in wanted.iter().enumerate() {
        let same = |(before, _): &&(SocketAddr, _)| address.port() != 0 && overlap(*before, *address);
        if let Some((_, one)) = wanted[..place].iter().find(same) {
            return Err(BindError::SamePort { host: address.ip(), port: address.port(), one, other });
        }
    }
    Ok(wanted)
}

/// The setting that holds the address of a port's setting.
pub fn ip_key(key: &'static str) -> &'static str {
    match key {
        "server.operator_address" => key,
        "server.http_port" => "server.http_ip",
        _ => "server.ip",
    }
}

/// Whether two listeners would be in each other's way.
fn overlap(one: SocketAddr, other: SocketAddr) -> bool {
    let everywhere = one.ip().is_unspecified() || other.ip().is_unspecified();
    one.port() == other.port() && (everywhere || one.ip() == other.ip())
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
fn host(text: &str, key: &'static str) -> Result<IpAddr, BindError> {
    let text = text.trim();
    if text.eq_ignore_ascii_case("localhost") {
        return Ok(Ipv4Addr::LOCALHOST.into());
    }
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    bare.parse().map_err(|_| BindError::BadHost { host: text.to_owned(), key })
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
        io::ErrorKind::AddrNotAvailable => BindError::NotHere { address, key: ip_key(key) },
        _ => BindError::Other { address, key, source },
    })
}
