//! The reply to a storage call. Rule: dropping a reply does not undo the call.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::sync::oneshot;

/// Why a call failed. The message says what to do, if anything can be done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StorageError {
    /// The disk is full, the file is locked, or permission is missing. Nothing was written.
    #[error("storage is unavailable: {0}")]
    Unavailable(String),
    /// More calls wait than `limits::WRITER_QUEUE`.
    #[error("storage is overloaded; try again")]
    Overloaded,
    /// Key, value or entry exceeds its limit.
    #[error("{0}")]
    Invalid(String),
    /// A quota is used up, or the receiver is unknown. The message says which.
    #[error("{0}")]
    QuotaExceeded(String),
    /// Another node of the cluster owns the device: what runs for it here has ended. Nothing was written.
    #[error("this device is served by another node of the cluster")]
    Moved,
    /// Stored data cannot be decoded.
    #[error("stored data is damaged: {0}")]
    Corrupt(String),
    /// The storage has been shut down.
    #[error("storage is closed")]
    Closed,
}

impl StorageError {
    /// True if the error hits every write and the storage itself logs it once: callers must not log it again, since a
    /// line per session and attempt would fill the disk.
    pub fn is_logged_by_storage(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Corrupt(_) | Self::Closed | Self::Moved)
    }
}

/// A pending reply.
#[must_use = "a write is only known to be on disk when its reply has come"]
pub struct Reply<T>(State<T>);

enum State<T> {
    Ready(Option<Result<T, StorageError>>),
    Waiting(oneshot::Receiver<Result<T, StorageError>>),
    Later(Pin<Box<dyn Future<Output = Result<T, StorageError>> + Send>>),
}

impl<T> Reply<T> {
    /// A reply that is available already.
    pub fn ready(answer: Result<T, StorageError>) -> Self {
        Self(State::Ready(Some(answer)))
    }

    /// A reply that another thread or task will send.
    pub fn channel() -> (oneshot::Sender<Result<T, StorageError>>, Self) {
        let (sender, receiver) = oneshot::channel();
        (sender, Self(State::Waiting(receiver)))
    }

    /// The reply with its answer converted.
    pub fn map<U: Send + 'static>(self, convert: impl FnOnce(T) -> U + Send + 'static) -> Reply<U>
    where
        T: Unpin + Send + 'static,
    {
        Reply::from_future(async move { self.await.map(convert) })
    }

    /// A reply that is computed by whoever awaits it. Dropping it abandons the remaining work.
    pub fn from_future(work: impl Future<Output = Result<T, StorageError>> + Send + 'static) -> Self {
        Self(State::Later(Box::pin(work)))
    }
}

impl<T: Unpin> Future for Reply<T> {
    type Output = Result<T, StorageError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            State::Ready(answer) => Poll::Ready(answer.take().unwrap_or(Err(StorageError::Closed))),
            State::Waiting(receiver) => {
                Pin::new(receiver).poll(context).map(|answer| answer.unwrap_or(Err(StorageError::Closed)))
            }
            State::Later(work) => work.as_mut().poll(context),
        }
    }
}
