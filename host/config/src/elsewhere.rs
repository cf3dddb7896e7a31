//! A document of which a part is on another machine: laid over the file, and under the environment.
//!
//! Rule: the file alone is a good document and says where the rest is; what comes from elsewhere is
//! taken whole or not at all, cannot say that it comes from somewhere else, and says nothing that is
//! not listed as its to say.

use std::cell::Cell;
use std::fmt;

use crate::afar::{Afar, Switch};
use crate::conform::Schema;
use crate::layers::Layers;
use crate::load::{Document, Further, Loaded, Source};
use crate::problem::{Place, Problem, Problems};
use crate::remote::{FetchError, Remote};

/// What a problem in the fetched text names.
pub const NAME: &str = "remote configuration";

/// How the part that is elsewhere is found in a document.
pub struct Elsewhere<T> {
    /// The setting that holds the address, as people write it.
    pub setting: &'static str,
    /// JSON pointer of the settings that only the file and the environment may hold.
    pub own: &'static str,
    /// What may come from there.
    pub afar: Afar,
    /// Finds the address and what the file says of it; none where everything is in the file.
    pub locate: fn(&T) -> Option<(Remote, Switch)>,
}

impl<T> fmt::Debug for Elsewhere<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Elsewhere").field("setting", &self.setting).finish_non_exhaustive()
    }
}

/// A text that was fetched and that holds now.
#[derive(Clone, PartialEq, Eq)]
pub struct Held {
    remote: Remote,
    text: String,
    /// What an operator should know about what it says.
    warning: Option<String>,
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Held").field("bytes", &self.text.len()).finish_non_exhaustive()
    }
}

impl Held {
    /// Says once what an operator should know of it, and keeps it on disk for a start at which its address cannot be reached.
    pub(crate) fn take(&self) {
        if let Some(warning) = &self.warning {
            tracing::warn!("{warning}");
        }
        if let Err(error) = self.remote.keep(&self.text) {
            let folder = self.remote.folder.display();
            tracing::warn!(
                "the configuration that was fetched cannot be kept in {folder}: {error}; a start without its address would not have it"
            );
        }
    }
}

/// Why there is no document at the start.
#[derive(Debug, thiserror::Error)]
pub enum FirstError {
    /// The file, or what was laid over it, is wrong.
    #[error("{0}")]
    Problems(#[from] Problems),
    /// The address gives nothing, and there is no copy.
    #[error("{setting} {error}, and there is no copy of an earlier start; make it reachable, or take the setting out")]
    Away {
        /// The setting that holds the address.
        setting: &'static str,
        /// Why nothing came.
        error: FetchError,
    },
}

/// The first document of a process.
#[derive(Debug)]
pub struct First<T> {
    /// The document that holds.
    pub loaded: Loaded<T>,
    /// What was fetched for it; none where nothing is elsewhere.
    pub held: Option<Held>,
    /// What an operator should know about where it comes from.
    pub warning: Option<String>,
}

impl<T: Document> Elsewhere<T> {
    /// Loads the document for a start: with what the address says now, else with the last good copy.
    /// Blocks for as long as a fetch may take.
    ///
    /// # Errors
    /// See [`FirstError`].
    pub fn load_first(&self, source: &Source) -> Result<First<T>, FirstError> {
        let base = source.load::<T>()?;
        let Some((remote, switch)) = (self.locate)(&base.document) else {
            return Ok(First { loaded: base, held: None, warning: None });
        };
        let setting = self.setting;
        let fetched = remote.fetch();
        let why = match fetched {
            Ok(text) => match self.lay(source, &text, switch) {
                Ok((loaded, warning)) => {
                    return Ok(First { loaded, held: Some(Held { remote, text, warning }), warning: None });
                }
                Err(problems) => Err(problems),
            },
            Err(error) => Ok(error),
        };
        let kept = remote.kept().and_then(|text| Some((self.lay(source, &text, switch).ok()?, text)));
        match (kept, why) {
            (Some(((loaded, doubt), text)), why) => {
                let why = match why {
                    Ok(error) => format!("{setting} {error}"),
                    Err(problems) => format!("what {setting} gives is not valid:\n{problems}"),
                };
                let warning = Some(format!("{why}\nthe last good copy is used instead"));
                Ok(First { loaded, held: Some(Held { remote, text, warning: doubt }), warning })
            }
            (None, Ok(error)) => Err(FirstError::Away { setting, error }),
            (None, Err(problems)) => Err(problems.into()),
        }
    }

    /// Loads the document for a server that runs: with what is held, if it is of the same address and
    /// nothing newer is wanted.
    pub(crate) fn load(
        &self,
        source: &Source,
        held: Option<&Held>,
        anew: bool,
    ) -> Result<(Loaded<T>, Option<Held>), Problems> {
        let base = source.load::<T>()?;
        let Some((remote, switch)) = (self.locate)(&base.document) else { return Ok((base, None)) };
        let text = match held.filter(|held| !anew && held.remote.url == remote.url) {
            Some(held) => held.text.clone(),
            None => remote.fetch().map_err(|error| self.problem(error.to_string()))?,
        };
        let (loaded, warning) = self.lay(source, &text, switch)?;
        Ok((loaded, Some(Held { remote, text, warning })))
    }

    /// The document with the text laid over it, and what an operator should know about it.
    fn lay(&self, source: &Source, text: &str, switch: Switch) -> Result<(Loaded<T>, Option<String>), Problems> {
        let unsaid = Cell::new(false);
        let judge = |layers: &Layers, schema: Schema<'_>| {
            if layers.is_from(NAME, self.own) {
                let message = "this may stand in the file only: a configuration from elsewhere cannot move itself";
                return vec![layers.problem_with_key(self.own, message)];
            }
            let (problems, has_unsaid) = self.afar.judge(layers, schema, NAME, switch);
            unsaid.set(has_unsaid);
            problems
        };
        let loaded = source.load_with::<T>(Some(&Further { name: NAME, text, judge: &judge }))?;
        let warning = match switch {
            Switch::Unsaid(words) if unsaid.get() => Some(words.to_owned()),
            _ => None,
        };
        Ok((loaded, warning))
    }

    fn problem(&self, message: String) -> Problem {
        Problem { place: Place::Document(self.setting.to_owned()), setting: String::new(), message, snippet: None }
    }
}
