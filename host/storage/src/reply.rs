//! The answer to a storage call. Rule: dropping a reply does not undo the call.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::sync::oneshot;

/// Why a call could not be carried out. The text says what to do where something can be done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StorageError {
    /// The disk is full, the file locked, the permission gone. Nothing was written.
    #[error("storage is unavailable: {0}")]
    Unavailable(String),
    /// More calls wait than `limits::WRITER_QUEUE`.
    #[error("storage is overloaded; try again")]
    Overloaded,
    /// Key, value or entry over its limit.
    #[error("{0}")]
    Invalid(String),
    /// Whoever wants it kept has so much kept already, or nobody would ever get it. Says so.
    #[error("{0}")]
    Share(String),
    /// Stored data that makes no sense.
    #[error("stored data is damaged: {0}")]
    Corrupt(String),
    /// The storage has been shut down.
    #[error("storage is closed")]
    Closed,
}

impl StorageError {
    /// True if it hits every write, and the storage says so in the log itself, once: whoever meets it need not,
    /// since a line for each session and each try would fill the disk.
    pub fn is_told(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Corrupt(_) | Self::Closed)
    }
}

/// Answer to come.
#[must_use = "a write is only known to be on disk when its reply has come"]
pub struct Reply<T>(State<T>);

enum State<T> {
    Ready(Option<Result<T, StorageError>>),
    Waiting(oneshot::Receiver<Result<T, StorageError>>),
    Later(Pin<Box<dyn Future<Output = Result<T, StorageError>> + Send>>),
}

impl<T> Reply<T> {
    /// An answer that is there already.
    pub fn ready(answer: Result<T, StorageError>) -> Self {
        Self(State::Ready(Some(answer)))
    }

    /// An answer that another thread or task will send.
    pub fn waiting() -> (oneshot::Sender<Result<T, StorageError>>, Self) {
        let (sender, receiver) = oneshot::channel();
        (sender, Self(State::Waiting(receiver)))
    }

    /// An answer that is made by whoever awaits this. Dropping it leaves undone what it has not
    /// come to.
    pub fn of(work: impl Future<Output = Result<T, StorageError>> + Send + 'static) -> Self {
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
