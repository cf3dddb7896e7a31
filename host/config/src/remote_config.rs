//! Remote configuration: a part of the document on another machine, merged over the file and under the environment.
//!
//! Rule: the file alone is a valid document and contains the address; the remote text is applied as a whole or not at
//! all, cannot change its own address, and sets only what is listed for it.

use std::cell::Cell;
use std::fmt;

use crate::diagnostic::{Diagnostic, Diagnostics, Location};
use crate::layers::Layers;
use crate::load::{Document, Loaded, Overlay, Source};
use crate::remote_fetch::{FetchError, Remote};
use crate::remote_policy::{RemotePolicy, Switch};
use crate::schema_check::Schema;

/// Name of the remote text in diagnostics.
pub const NAME: &str = "remote configuration";

/// How the remote configuration of a document is found.
pub struct RemoteConfig<T> {
    /// The setting of the address, as people write it.
    pub setting: &'static str,
    /// JSON pointer of the settings that only the file and the environment may set.
    pub file_only: &'static str,
    /// The settings that may come from the remote configuration.
    pub policy: RemotePolicy,
    /// Returns the address and the setting of the switch; none without a remote configuration.
    pub locate: fn(&T) -> Option<(Remote, Switch)>,
}

impl<T> fmt::Debug for RemoteConfig<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Elsewhere").field("setting", &self.setting).finish_non_exhaustive()
    }
}

/// A fetched text that is in effect.
#[derive(Clone, PartialEq, Eq)]
pub struct FetchedConfig {
    remote: Remote,
    text: String,
    /// A warning about its contents for the operator.
    warning: Option<String>,
}

impl fmt::Debug for FetchedConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Held").field("bytes", &self.text.len()).finish_non_exhaustive()
    }
}

impl FetchedConfig {
    /// Logs the warning, and stores the text on disk for a start at which its address cannot be reached.
    pub(crate) fn accept(&self) {
        if let Some(warning) = &self.warning {
            tracing::warn!("{warning}");
        }
        if let Err(error) = self.remote.store_copy(&self.text) {
            let directory = self.remote.directory.display();
            tracing::warn!(
                "the remote configuration cannot be stored in {directory}: {error}; a start without access to its address would lack it"
            );
        }
    }
}

/// Why there is no document at start.
#[derive(Debug, thiserror::Error)]
pub enum InitialLoadError {
    /// The file, or a layer above it, is invalid.
    #[error("{0}")]
    Problems(#[from] Diagnostics),
    /// The fetch failed, and there is no copy.
    #[error("{setting} {error}, and there is no copy of an earlier start; make it reachable, or take the setting out")]
    Unreachable {
        /// The setting of the address.
        setting: &'static str,
        /// Why the fetch failed.
        error: FetchError,
    },
}

/// The first document of a process.
#[derive(Debug)]
pub struct InitialLoad<T> {
    /// The document in effect.
    pub loaded: Loaded<T>,
    /// The remote configuration in it; none without one.
    pub fetched: Option<FetchedConfig>,
    /// A warning about its origin for the operator.
    pub warning: Option<String>,
}

impl<T: Document> RemoteConfig<T> {
    /// Loads the document at start: with a fetched remote configuration, otherwise with its last good copy. Blocks for
    /// up to the timeout of a fetch.
    ///
    /// # Errors
    /// See [`InitialLoadError`].
    pub fn initial_load(&self, source: &Source) -> Result<InitialLoad<T>, InitialLoadError> {
        let base = source.load::<T>()?;
        let Some((remote, switch)) = (self.locate)(&base.document) else {
            return Ok(InitialLoad { loaded: base, fetched: None, warning: None });
        };
        let setting = self.setting;
        let fetched = remote.fetch();
        let cause = match fetched {
            Ok(text) => match self.overlay(source, &text, switch) {
                Ok((loaded, warning)) => {
                    return Ok(InitialLoad {
                        loaded,
                        fetched: Some(FetchedConfig { remote, text, warning }),
                        warning: None,
                    });
                }
                Err(diagnostics) => Err(diagnostics),
            },
            Err(error) => Ok(error),
        };
        let copy = remote.load_copy().and_then(|text| Some((self.overlay(source, &text, switch).ok()?, text)));
        match (copy, cause) {
            (Some(((loaded, text_warning), text)), cause) => {
                let cause = match cause {
                    Ok(error) => format!("{setting} {error}"),
                    Err(diagnostics) => format!("what {setting} gives is not valid:\n{diagnostics}"),
                };
                let warning = Some(format!("{cause}\nthe last good copy is used instead"));
                Ok(InitialLoad {
                    loaded,
                    fetched: Some(FetchedConfig { remote, text, warning: text_warning }),
                    warning,
                })
            }
            (None, Ok(error)) => Err(InitialLoadError::Unreachable { setting, error }),
            (None, Err(diagnostics)) => Err(diagnostics.into()),
        }
    }

    /// Loads the document while the server runs: reuses the fetched text if its address is unchanged and no refresh is
    /// requested.
    pub(crate) fn load(
        &self,
        source: &Source,
        fetched: Option<&FetchedConfig>,
        refresh: bool,
    ) -> Result<(Loaded<T>, Option<FetchedConfig>), Diagnostics> {
        let base = source.load::<T>()?;
        let Some((remote, switch)) = (self.locate)(&base.document) else { return Ok((base, None)) };
        let text = match fetched.filter(|fetched| !refresh && fetched.remote.url == remote.url) {
            Some(fetched) => fetched.text.clone(),
            None => remote.fetch().map_err(|error| self.diagnostic(error.to_string()))?,
        };
        let (loaded, warning) = self.overlay(source, &text, switch)?;
        Ok((loaded, Some(FetchedConfig { remote, text, warning })))
    }

    /// Merges the text over the file. Also returns a warning for the operator.
    fn overlay(&self, source: &Source, text: &str, switch: Switch) -> Result<(Loaded<T>, Option<String>), Diagnostics> {
        let has_unset = Cell::new(false);
        let check = |layers: &Layers, schema: Schema<'_>| {
            if layers.is_from(NAME, self.file_only) {
                let message = "this may only be set in the file: a remote configuration cannot change its own address";
                return vec![layers.diagnostic_at_key(self.file_only, message)];
            }
            let (diagnostics, sets_unset) = self.policy.check(layers, schema, NAME, switch);
            has_unset.set(sets_unset);
            diagnostics
        };
        let loaded = source.load_with::<T>(Some(&Overlay { name: NAME, text, check: &check }))?;
        let warning = match switch {
            Switch::Unset(words) if has_unset.get() => Some(words.to_owned()),
            _ => None,
        };
        Ok((loaded, warning))
    }

    fn diagnostic(&self, message: String) -> Diagnostic {
        Diagnostic {
            location: Location::Document(self.setting.to_owned()),
            setting: String::new(),
            message,
            snippet: None,
        }
    }
}
