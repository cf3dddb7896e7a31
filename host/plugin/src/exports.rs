//! What the host calls in a component, whichever track it was built against. Rule: the only file
//! that asks for the track; behind it there is one set of words.

use modehost_contract::{Context, Effect, Event, Fault, Manifest, Snapshot};
use wasmtime::Store;
use wasmtime::component::InstancePre;

use crate::bindings::{v0_1, v0_2};
use crate::convert;
use crate::convert::effect::Rules;
use crate::guest::Guest;
use crate::track::Track;

/// A component whose exports have been found and checked, but which does not run yet.
pub(crate) enum Prepared {
    V0_1(v0_1::ModePre<Guest>),
    V0_2(v0_2::ModePre<Guest>),
}

impl Prepared {
    /// Finds the exports of a track. An error names what is missing or of the wrong type.
    pub(crate) fn new(linked: InstancePre<Guest>, track: Track) -> Result<Self, wasmtime::Error> {
        Ok(match track {
            Track::V0_1 => Self::V0_1(v0_1::ModePre::new(linked)?),
            Track::V0_2 => Self::V0_2(v0_2::ModePre::new(linked)?),
        })
    }

    /// A running instance.
    pub(crate) fn instantiate(&self, store: &mut Store<Guest>) -> Result<Exports, wasmtime::Error> {
        Ok(match self {
            Self::V0_1(mode) => Exports::V0_1(mode.instantiate(store)?),
            Self::V0_2(mode) => Exports::V0_2(mode.instantiate(store)?),
        })
    }
}

/// The entry points of one instance. An outer error means that the store is lost.
pub(crate) enum Exports {
    V0_1(v0_1::Mode),
    V0_2(v0_2::Mode),
}

/// What a call gives: the outer error is the runtime's, the inner one the guest's.
type Outcome<T, E> = Result<Result<T, E>, wasmtime::Error>;

impl Exports {
    pub(crate) fn describe(&self, store: &mut Store<Guest>) -> Result<Manifest, wasmtime::Error> {
        match self {
            Self::V0_1(mode) => {
                mode.modehost_mode_manifest().call_describe(store).map(convert::old::description).map(convert::manifest)
            }
            Self::V0_2(mode) => mode.modehost_mode_manifest().call_describe(store).map(convert::manifest),
        }
    }

    pub(crate) fn configure(&self, store: &mut Store<Guest>, config: &str) -> Outcome<(), String> {
        match self {
            Self::V0_1(mode) => mode.modehost_mode_lifecycle().call_configure(store, config),
            Self::V0_2(mode) => mode.modehost_mode_lifecycle().call_configure(store, config),
        }
    }

    pub(crate) fn snapshot(&self, store: &mut Store<Guest>) -> Result<Snapshot, wasmtime::Error> {
        match self {
            Self::V0_1(mode) => {
                let saved = mode.modehost_mode_lifecycle().call_snapshot(store)?;
                Ok(Snapshot { schema: saved.schema, state: saved.state })
            }
            Self::V0_2(mode) => {
                let saved = mode.modehost_mode_lifecycle().call_snapshot(store)?;
                Ok(Snapshot { schema: saved.schema, state: saved.state })
            }
        }
    }

    pub(crate) fn restore(&self, store: &mut Store<Guest>, snapshot: &Snapshot) -> Outcome<(), String> {
        use v0_1::exports::modehost::mode::lifecycle as old;
        use v0_2::exports::modehost::mode::lifecycle as new;
        let unsupported = |schema| format!("schema {schema} is not one that it restores");
        let (schema, state) = (snapshot.schema, snapshot.state.as_slice());
        match self {
            Self::V0_1(mode) => {
                let saved = old::SavedStateParam { schema, state };
                let restored = mode.modehost_mode_lifecycle().call_restore(store, saved)?;
                Ok(restored.map_err(|error| match error {
                    old::RestoreError::Unsupported(schema) => unsupported(schema),
                    old::RestoreError::Corrupt(why) => why,
                }))
            }
            Self::V0_2(mode) => {
                let saved = new::SavedStateParam { schema, state };
                let restored = mode.modehost_mode_lifecycle().call_restore(store, saved)?;
                Ok(restored.map_err(|error| match error {
                    new::RestoreError::Unsupported(schema) => unsupported(schema),
                    new::RestoreError::Corrupt(why) => why,
                }))
            }
        }
    }

    /// Gives an event and checks the effects. An event that the track has no word for is not given
    /// and has no effects.
    pub(crate) fn handle(
        &self,
        store: &mut Store<Guest>,
        rules: &Rules,
        context: Context,
        event: &Event,
    ) -> Outcome<Vec<Effect>, Fault> {
        let Context { now, seed } = context;
        match self {
            Self::V0_1(mode) => {
                use v0_1::modehost::mode::types;
                let context = types::Context { now, seed };
                let given = convert::old::event::lend(event, |event| {
                    mode.modehost_mode_handler().call_handle(store, context, event)
                });
                let Some(result) = given else { return Ok(Ok(Vec::new())) };
                Ok(match result? {
                    Ok(effects) => rules.admit(effects.into_iter().map(convert::old::effect::renew)),
                    Err(types::Fault::Rejected(rejection)) => Err(convert::rejected(rejection.code, rejection.message)),
                    Err(types::Fault::Failed(why)) => Err(Fault::Failed(why)),
                })
            }
            Self::V0_2(mode) => {
                use v0_2::modehost::mode::types;
                let context = types::Context { now, seed };
                let result = convert::event::lend(event, |event| {
                    mode.modehost_mode_handler().call_handle(store, context, event)
                })?;
                Ok(match result {
                    Ok(effects) => rules.admit(effects.into_iter()),
                    Err(types::Fault::Rejected(rejection)) => Err(convert::rejected(rejection.code, rejection.message)),
                    Err(types::Fault::Failed(why)) => Err(Fault::Failed(why)),
                })
            }
        }
    }
}
