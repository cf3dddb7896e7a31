//! Binds all listeners before anything else starts. Rule: a [`BoundListeners`] holds all ports; every error is one sentence that
//! names host, port and the setting to change.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::limits;
use tokio::net::{TcpListener, TcpSocket};

use crate::accept::handover::InheritedListeners;
use crate::config::ServerConfig;

/// Why a port cannot be bound.
#[expect(missing_docs, reason = "the messages say what each is, and name its members")]
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    #[error("cannot listen on `{host}`: {key} must be an IP address such as 0.0.0.0, or localhost")]
    BadHost { host: String, key: &'static str },
    #[error("{one} and {other} are both {port} on {host}; set one of them to another port")]
    SamePort { host: IpAddr, port: u16, one: &'static str, other: &'static str },
    #[error("another process listens on {address}; stop it or set {key} to another port")]
    AddressInUse { address: SocketAddr, key: &'static str },
    #[error("not allowed to listen on {address}; set {key} to a port above 1023, or grant the right to low ports")]
    NotAllowed { address: SocketAddr, key: &'static str },
    #[error("this machine has no address {}; cannot listen on {address}: set {key} to one of its own, or 0.0.0.0", .address.ip())]
    AddressNotAvailable { address: SocketAddr, key: &'static str },
    #[error("cannot listen on {address} ({key}): {source}")]
    Other { address: SocketAddr, key: &'static str, source: io::Error },
}

impl BindError {
    /// The configuration key to change.
    pub fn key(&self) -> &'static str {
        match self {
            Self::SamePort { other, .. } => other,
            Self::BadHost { key, .. }
            | Self::AddressInUse { key, .. }
            | Self::NotAllowed { key, .. }
            | Self::AddressNotAvailable { key, .. }
            | Self::Other { key, .. } => key,
        }
    }

    /// Whether the error persists until the configuration is changed.
    pub fn is_configuration_error(&self) -> bool {
        matches!(self, Self::BadHost { .. } | Self::SamePort { .. })
    }
}

/// All bound listeners. Connections queue in the kernel backlog until the gateway serves them.
#[derive(Debug)]
pub struct BoundListeners {
    pub(crate) devices: BoundListener,
    pub(crate) http: BoundListener,
    /// The separate operator listener, if configured.
    pub(crate) operators: Option<BoundListener>,
}

/// A listening socket.
#[derive(Debug)]
pub(crate) struct BoundListener {
    pub(crate) listener: TcpListener,
    /// With the actual port.
    pub(crate) address: SocketAddr,
}

/// An address to listen on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConfiguredAddress {
    /// Port 0: any free one.
    pub address: SocketAddr,
    /// The setting that it comes from.
    pub key: &'static str,
}

impl BoundListeners {
    /// The address that devices connect to; the actual port if 0 was configured.
    pub fn device_address(&self) -> SocketAddr {
        self.devices.address
    }

    /// The address of the HTTP listener; the actual port if 0 was configured.
    pub fn http_address(&self) -> SocketAddr {
        self.http.address
    }

    /// The address of the separate operator listener, if configured; the actual port if 0 was configured.
    pub fn operator_address(&self) -> Option<SocketAddr> {
        self.operators.as_ref().map(|bound| bound.address)
    }
}

/// Binds all ports; a listener that `inherited` has for a configured address is reused. Must be called from within the
/// tokio runtime; does not block.
///
/// # Errors
/// See [`BindError`]; all ports are released on error.
pub fn bind(config: &ServerConfig, inherited: Option<InheritedListeners>) -> Result<BoundListeners, BindError> {
    let addresses = check_addresses(config)?;
    let mut inherited = inherited.unwrap_or_else(|| InheritedListeners::new([]));
    let reused: Vec<_> = addresses.iter().map(|configured| inherited.take(configured.address)).collect();
    // Close inherited listeners that are not configured any more before binding, so that their ports are free.
    inherited.close();
    let mut listeners = Vec::with_capacity(addresses.len());
    for (inherited, configured) in reused.into_iter().zip(addresses) {
        listeners.push(match inherited {
            Some(listener) => adopt(listener, configured)?,
            None => listen(configured)?,
        });
    }
    let mut listeners = listeners.into_iter();
    let (Some(devices), Some(http)) = (listeners.next(), listeners.next()) else {
        unreachable!("two addresses are always configured");
    };
    Ok(BoundListeners { devices, http, operators: listeners.next() })
}

/// The addresses to listen on: for devices, for HTTP, and the separate one for operators if it is configured.
///
/// # Errors
/// If an address is invalid, or two of them conflict; no socket is opened.
pub fn check_addresses(config: &ServerConfig) -> Result<Vec<ConfiguredAddress>, BindError> {
    let http_host = config.http_ip.as_deref().unwrap_or(&config.ip);
    let (host, http_host) = (host(&config.ip, "server.ip")?, host(http_host, "server.http_ip")?);
    let configured = |address, key| ConfiguredAddress { address, key };
    let mut addresses = vec![
        configured(SocketAddr::new(host, config.port), "server.port"),
        configured(SocketAddr::new(http_host, config.http_port), "server.http_port"),
    ];
    let operators = config.operator_address.as_ref().and_then(|address| address.parse().ok());
    addresses.extend(operators.map(|address| configured(address, "server.operator_address")));
    for (index, ConfiguredAddress { address, key: other }) in addresses.iter().enumerate() {
        let same = |before: &&ConfiguredAddress| address.port() != 0 && overlap(before.address, *address);
        if let Some(ConfiguredAddress { key: one, .. }) = addresses[..index].iter().find(same) {
            return Err(BindError::SamePort { host: address.ip(), port: address.port(), one, other });
        }
    }
    Ok(addresses)
}

/// The configuration key of the address that belongs to the key of a port.
pub fn address_key(key: &'static str) -> &'static str {
    match key {
        "server.operator_address" => key,
        "server.http_port" => "server.http_ip",
        _ => "server.ip",
    }
}

/// Whether two listeners would conflict.
fn overlap(one: SocketAddr, other: SocketAddr) -> bool {
    let wildcard = one.ip().is_unspecified() || other.ip().is_unspecified();
    one.port() == other.port() && (wildcard || one.ip() == other.ip())
}

/// Registers an inherited listening socket with the runtime.
fn adopt(listener: std::net::TcpListener, configured: ConfiguredAddress) -> Result<BoundListener, BindError> {
    let ConfiguredAddress { address, key } = configured;
    let open = || -> io::Result<BoundListener> {
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        Ok(BoundListener { listener: TcpListener::from_std(listener)?, address })
    };
    open().map_err(|source| BindError::Other { address, key, source })
}

/// Host names are not resolved: DNS could block the start, and might resolve to an unintended address.
fn host(text: &str, key: &'static str) -> Result<IpAddr, BindError> {
    let text = text.trim();
    if text.eq_ignore_ascii_case("localhost") {
        return Ok(Ipv4Addr::LOCALHOST.into());
    }
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    bare.parse().map_err(|_| BindError::BadHost { host: text.to_owned(), key })
}

fn listen(configured: ConfiguredAddress) -> Result<BoundListener, BindError> {
    let ConfiguredAddress { address, key } = configured;
    let open = || -> io::Result<BoundListener> {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        // Allows a restart to bind while connections of the previous process are in TIME_WAIT.
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        let listener = socket.listen(limits::BACKLOG)?;
        let address = listener.local_addr()?;
        Ok(BoundListener { listener, address })
    };
    open().map_err(|source| match source.kind() {
        io::ErrorKind::AddrInUse => BindError::AddressInUse { address, key },
        io::ErrorKind::PermissionDenied => BindError::NotAllowed { address, key },
        io::ErrorKind::AddrNotAvailable => BindError::AddressNotAvailable { address, key: address_key(key) },
        _ => BindError::Other { address, key, source },
    })
}
