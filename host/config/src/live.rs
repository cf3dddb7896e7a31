//! The current document, and its replacement as a whole.
//!
//! Rule: a reload applies either everything that can change while the server runs, or nothing; the same rejection is
//! logged once, however often the file is polled.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use parking_lot::Mutex;
use tokio::sync::watch;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::load::{Document, Loaded, Source};
use crate::metric;
use crate::remote_config::{FetchedConfig, RemoteConfig};

/// The caller's part of a reload: further checks, and applying the document. It may block. If it rejects the document,
/// the old one stays in effect.
pub type Apply<T> = dyn Fn(&Loaded<T>) -> Result<(), Vec<Diagnostic>> + Send + Sync;

/// Outcome of a successful reload.
#[derive(Clone, Debug, PartialEq, Eq, Default, serde::Serialize)]
pub struct Reloaded {
    /// False if the document is equal to the previous one.
    pub changed: bool,
    /// Settings whose new values need a restart; the old values stay in effect.
    pub needs_restart: Vec<String>,
}

/// Outcome of the last reload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastReload {
    /// When it ended.
    pub at: SystemTime,
    /// The diagnostics, if it was rejected.
    pub rejected: Option<Diagnostics>,
}

/// A document that is replaced while the server runs.
pub struct Live<T> {
    source: Source,
    /// JSON pointers of settings that need a restart.
    cold: &'static [&'static str],
    apply: Box<Apply<T>>,
    current: watch::Sender<Arc<Loaded<T>>>,
    /// The remote configuration, if supported.
    remote: Option<RemoteConfig<T>>,
    /// Settings whose new values need a restart, as of the last successful load.
    waiting: Mutex<Vec<String>>,
    /// Serialises reloads.
    state: Mutex<ReloadState>,
    /// None before the first reload.
    last: watch::Sender<Option<LastReload>>,
}

/// State that is kept between reloads.
#[derive(Default)]
struct ReloadState {
    /// The rejection that was logged last.
    logged: Option<String>,
    /// The remote configuration in effect.
    fetched: Option<FetchedConfig>,
}

impl<T> fmt::Debug for Live<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Live").field("file", &self.source.file).finish_non_exhaustive()
    }
}

impl<T: Document> Live<T> {
    /// Starts with a document that was loaded from `source` and that the caller has applied.
    pub fn new(source: Source, first: Loaded<T>, cold: &'static [&'static str], apply: Box<Apply<T>>) -> Arc<Self> {
        let current = watch::Sender::new(Arc::new(first));
        Arc::new(Self {
            source,
            cold,
            apply,
            current,
            remote: None,
            waiting: Mutex::default(),
            state: Mutex::default(),
            last: watch::Sender::new(None),
        })
    }

    /// As [`new`](Self::new), with a document that may have a remote part; `fetched` is that part, and is stored for
    /// the next start, now that the caller has applied it.
    pub fn with_remote_config(
        source: Source,
        (first, fetched): (Loaded<T>, Option<FetchedConfig>),
        remote: RemoteConfig<T>,
        cold: &'static [&'static str],
        apply: Box<Apply<T>>,
    ) -> Arc<Self> {
        if let Some(fetched) = &fetched {
            fetched.accept();
        }
        let (current, state) = (watch::Sender::new(Arc::new(first)), ReloadState { logged: None, fetched });
        Arc::new(Self {
            source,
            cold,
            apply,
            current,
            remote: Some(remote),
            waiting: Mutex::default(),
            state: Mutex::new(state),
            last: watch::Sender::new(None),
        })
    }

    /// The sources of the document.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// The current document.
    pub fn current(&self) -> Arc<Loaded<T>> {
        self.current.borrow().clone()
    }

    /// Settings whose new values need a restart, as of the last load.
    pub fn pending_restart(&self) -> Vec<String> {
        self.waiting.lock().clone()
    }

    /// Watches the current document.
    pub fn subscribe(&self) -> watch::Receiver<Arc<Loaded<T>>> {
        self.current.subscribe()
    }

    /// Watches the outcomes of reloads.
    pub fn reloads(&self) -> watch::Receiver<Option<LastReload>> {
        self.last.subscribe()
    }

    /// Reloads the file, and applies the document if it is valid; a remote configuration is fetched if its address has
    /// changed. Blocks: call it from a blocking thread. The outcome is logged here.
    ///
    /// # Errors
    /// All diagnostics; the old document stays in effect.
    pub fn reload(&self) -> Result<Reloaded, Diagnostics> {
        self.reload_with(false)
    }

    /// As [`reload`](Self::reload), and always fetches the remote configuration.
    ///
    /// # Errors
    /// As [`reload`](Self::reload), and if the fetch fails.
    pub fn refresh(&self) -> Result<Reloaded, Diagnostics> {
        self.reload_with(true)
    }

    fn reload_with(&self, refresh: bool) -> Result<Reloaded, Diagnostics> {
        let mut state = self.state.lock();
        let outcome = self.replace(&mut state, refresh);
        self.last.send_replace(Some(LastReload { at: SystemTime::now(), rejected: outcome.as_ref().err().cloned() }));
        metric::record_reload(outcome.as_ref().ok().map(|reloaded| reloaded.changed));
        match &outcome {
            Ok(reloaded) => {
                state.logged = None;
                if !reloaded.needs_restart.is_empty() {
                    let settings = reloaded.needs_restart.join(", ");
                    tracing::warn!("configuration: {settings} changed and needs a restart; the old values stay");
                }
                if reloaded.changed {
                    tracing::info!("configuration reloaded");
                }
            }
            Err(diagnostics) => {
                let text = diagnostics.to_string();
                if state.logged.as_deref() != Some(text.as_str()) {
                    tracing::error!("configuration not reloaded, the old one stays:\n{text}");
                    state.logged = Some(text);
                }
            }
        }
        outcome
    }

    fn replace(&self, state: &mut ReloadState, refresh: bool) -> Result<Reloaded, Diagnostics> {
        let (mut next, fetched) = match &self.remote {
            Some(remote) => remote.load(&self.source, state.fetched.as_ref(), refresh)?,
            None => (self.source.load::<T>()?, None),
        };
        let current = self.current();
        let needs_restart = next.keep_cold(&current, self.cold);
        let changed = next.value() != current.value() || next.sections != current.sections;
        if changed {
            (self.apply)(&next).map_err(Diagnostics::sorted)?;
            self.current.send_replace(Arc::new(next));
        }
        if let Some(fetched) = &fetched
            && state.fetched.as_ref() != Some(fetched)
        {
            fetched.accept();
        }
        state.fetched = fetched;
        self.waiting.lock().clone_from(&needs_restart);
        Ok(Reloaded { changed, needs_restart })
    }
}
