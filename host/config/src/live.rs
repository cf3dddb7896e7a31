//! The document that holds now, and its replacement as a whole.
//!
//! Rule: a reload either applies everything that can change while the server runs, or nothing; the
//! same refusal is logged once, however often the file is looked at.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use parking_lot::Mutex;
use tokio::sync::watch;

use crate::elsewhere::{Elsewhere, Held};
use crate::load::{Document, Loaded, Source};
use crate::metric;
use crate::problem::{Problem, Problems};

/// The caller's part of a reload: checks what this crate knows nothing of and carries it out. It
/// may take a while and block. What it refuses leaves the old document in place.
pub type Apply<T> = dyn Fn(&Loaded<T>) -> Result<(), Vec<Problem>> + Send + Sync;

/// What a reload did.
#[derive(Clone, Debug, PartialEq, Eq, Default, serde::Serialize)]
pub struct Reloaded {
    /// False if the document says what it said before.
    pub changed: bool,
    /// Settings whose new values need a restart; the old ones stay.
    pub needs_restart: Vec<String>,
}

/// How the last reload ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastReload {
    /// When it ended.
    pub at: SystemTime,
    /// What was wrong, if it was refused.
    pub refused: Option<Problems>,
}

/// A document that is replaced while the server runs.
pub struct Live<T> {
    source: Source,
    /// JSON pointers of settings that only a restart changes.
    cold: &'static [&'static str],
    apply: Box<Apply<T>>,
    current: watch::Sender<Arc<Loaded<T>>>,
    /// Where the part is that is on another machine, if a part may be.
    elsewhere: Option<Elsewhere<T>>,
    /// Settings whose new values wait for a restart, since the last good reading.
    waiting: Mutex<Vec<String>>,
    /// One reload at a time.
    turn: Mutex<Turn>,
    /// None before the first.
    last: watch::Sender<Option<LastReload>>,
}

/// What one reload leaves for the next.
#[derive(Default)]
struct Turn {
    /// The refusal that was logged last.
    logged: Option<String>,
    /// What was fetched from elsewhere and holds now.
    held: Option<Held>,
}

impl<T> fmt::Debug for Live<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Live").field("file", &self.source.file).finish_non_exhaustive()
    }
}

impl<T: Document> Live<T> {
    /// Starts from a document that `source` gave and that the caller has applied.
    pub fn new(source: Source, first: Loaded<T>, cold: &'static [&'static str], apply: Box<Apply<T>>) -> Arc<Self> {
        let current = watch::Sender::new(Arc::new(first));
        Arc::new(Self {
            source,
            cold,
            apply,
            current,
            elsewhere: None,
            waiting: Mutex::default(),
            turn: Mutex::default(),
            last: watch::Sender::new(None),
        })
    }

    /// As [`new`](Self::new), from a document of which a part may be elsewhere; `held` is that part,
    /// and is kept for the next start, now that the caller has taken it.
    pub fn with_elsewhere(
        source: Source,
        (first, held): (Loaded<T>, Option<Held>),
        elsewhere: Elsewhere<T>,
        cold: &'static [&'static str],
        apply: Box<Apply<T>>,
    ) -> Arc<Self> {
        if let Some(held) = &held {
            held.take();
        }
        let (current, turn) = (watch::Sender::new(Arc::new(first)), Turn { logged: None, held });
        Arc::new(Self {
            source,
            cold,
            apply,
            current,
            elsewhere: Some(elsewhere),
            waiting: Mutex::default(),
            turn: Mutex::new(turn),
            last: watch::Sender::new(None),
        })
    }

    /// Where the document comes from.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// The document as it is now.
    pub fn current(&self) -> Arc<Loaded<T>> {
        self.current.borrow().clone()
    }

    /// Settings whose new values need a restart, as the file was last read.
    pub fn waiting(&self) -> Vec<String> {
        self.waiting.lock().clone()
    }

    /// Whole documents as they come to hold.
    pub fn subscribe(&self) -> watch::Receiver<Arc<Loaded<T>>> {
        self.current.subscribe()
    }

    /// How reloads end, one after the other.
    pub fn reloads(&self) -> watch::Receiver<Option<LastReload>> {
        self.last.subscribe()
    }

    /// Reads the file anew and lets the document hold if it is good; what comes from elsewhere is
    /// fetched if its address is another one. Blocks: call it from a thread that may. The outcome is
    /// logged here.
    ///
    /// # Errors
    /// Everything that is wrong; the old document then stays as it is.
    pub fn reload(&self) -> Result<Reloaded, Problems> {
        self.take_turn(false)
    }

    /// As [`reload`](Self::reload), and fetches what comes from elsewhere in any case.
    ///
    /// # Errors
    /// As [`reload`](Self::reload), and if it cannot be fetched.
    pub fn refresh(&self) -> Result<Reloaded, Problems> {
        self.take_turn(true)
    }

    fn take_turn(&self, anew: bool) -> Result<Reloaded, Problems> {
        let mut turn = self.turn.lock();
        let outcome = self.replace(&mut turn, anew);
        self.last.send_replace(Some(LastReload { at: SystemTime::now(), refused: outcome.as_ref().err().cloned() }));
        metric::reloaded(outcome.as_ref().ok().map(|reloaded| reloaded.changed));
        match &outcome {
            Ok(reloaded) => {
                turn.logged = None;
                if !reloaded.needs_restart.is_empty() {
                    let settings = reloaded.needs_restart.join(", ");
                    tracing::warn!("configuration: {settings} changed and needs a restart; the old values stay");
                }
                if reloaded.changed {
                    tracing::info!("configuration reloaded");
                }
            }
            Err(problems) => {
                let text = problems.to_string();
                if turn.logged.as_deref() != Some(text.as_str()) {
                    tracing::error!("configuration not reloaded, the old one stays:\n{text}");
                    turn.logged = Some(text);
                }
            }
        }
        outcome
    }

    fn replace(&self, turn: &mut Turn, anew: bool) -> Result<Reloaded, Problems> {
        let (mut next, held) = match &self.elsewhere {
            Some(elsewhere) => elsewhere.load(&self.source, turn.held.as_ref(), anew)?,
            None => (self.source.load::<T>()?, None),
        };
        let current = self.current();
        let needs_restart = next.keep_cold(&current, self.cold);
        let changed = next.value() != current.value() || next.sections != current.sections;
        if changed {
            (self.apply)(&next).map_err(Problems::sorted)?;
            self.current.send_replace(Arc::new(next));
        }
        if let Some(held) = &held
            && turn.held.as_ref() != Some(held)
        {
            held.take();
        }
        turn.held = held;
        self.waiting.lock().clone_from(&needs_restart);
        Ok(Reloaded { changed, needs_restart })
    }
}
