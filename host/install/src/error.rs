//! Why a source cannot be read. Rule: a sentence that follows the name of the source and says what to do; no part of an
//! address that may be a secret.

/// Why a source cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// The address is not a valid URL.
    #[error("is no address; write https://…, oci://… or the path of a file")]
    Address,
    /// An `http` address of another machine.
    #[error("is not encrypted; write https://, since whoever is on the way could put another plugin there")]
    Unencrypted,
    /// A name and a password stand in the address.
    #[error(
        "contains a password, which the lock file would keep; use an address without one, or fetch the file yourself"
    )]
    Password,
    /// The name of an image in a registry is not valid.
    #[error("names no image of a registry: {0}; write oci://registry.example/team/plugin:1.2.0")]
    Reference(&'static str),
    /// The file cannot be read.
    #[error("cannot be read: {0}")]
    Unreadable(String),
    /// The root certificates of this machine cannot be loaded.
    #[error("cannot be fetched: TLS cannot be set up; see that this machine has root certificates")]
    Tls,
    /// Not finished within this many seconds.
    #[error("cannot be fetched: it was not there within {0} s")]
    TimedOut(u64),
    /// No connection.
    #[error("cannot be fetched: cannot connect")]
    Unreachable,
    /// The response ended early.
    #[error("cannot be fetched: the connection was lost")]
    Disconnected,
    /// A status other than 200.
    #[error("cannot be fetched: it answered {0}")]
    Status(u16),
    /// Longer than this many bytes.
    #[error("has more than {0} bytes, which is the most that is taken")]
    TooLarge(usize),
    /// No runtime is available; with the error of the system.
    #[error("cannot be fetched: the system refuses what a fetch needs: {0}")]
    System(String),
    /// The registry has no such image.
    #[error("is not in the registry, or not for everybody; see its name, and `docker login` for a private one")]
    NotInRegistry,
    /// The registry asks for credentials and does not take those that there are.
    #[error("is not for everybody: the registry wants a login ({0})")]
    Login(&'static str),
    /// The registry does not speak the protocol.
    #[error("cannot be fetched: the registry gave no valid {0}")]
    Registry(&'static str),
    /// The image is an index of several.
    #[error("is an index of several images; name one of them by its digest")]
    Index,
    /// The image holds no component, or no signature.
    #[error("holds no {0}; pushed as a file of its own, with its name")]
    Layer(&'static str),
    /// The image holds several components.
    #[error("holds {0} components; push one image for each plugin")]
    Layers(usize),
    /// Bytes that do not have the digest under which they were asked for.
    #[error("was changed on its way: the {0} does not have its digest")]
    Digest(&'static str),
}
