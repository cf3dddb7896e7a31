//! Calls into a component, whichever contract version it was built against. Rule: the only file that branches on the
//! contract version; callers use the types of `modehost-contract`.

use modehost_contract::{Context, Effect, Event, Fault, Manifest, Rejection, Snapshot};
use wasmtime::Store;
use wasmtime::component::InstancePre;

use crate::bindings::{v0_1, v0_2};
use crate::contract_version::ContractVersion;
use crate::convert;
use crate::convert::effect::EffectRules;
use crate::guest::Guest;

/// A linked component whose exports have been resolved; not instantiated.
pub(crate) struct Prepared {
    linked: InstancePre<Guest>,
    indices: Indices,
}

enum Indices {
    V0_1(v0_1::ModeIndices),
    V0_2(v0_2::ModeIndices),
}

impl Prepared {
    /// Resolves the exports of a contract version. The error names what is missing.
    pub(crate) fn new(linked: InstancePre<Guest>, contract_version: ContractVersion) -> Result<Self, wasmtime::Error> {
        let indices = match contract_version {
            ContractVersion::V0_1 => Indices::V0_1(v0_1::ModeIndices::new(&linked)?),
            ContractVersion::V0_2 => Indices::V0_2(v0_2::ModeIndices::new(&linked)?),
        };
        Ok(Self { linked, indices })
    }

    /// Instantiates the component and checks the types of its exports. Runs code of the guest.
    ///
    /// # Errors
    /// [`OpenError::Types`] if the exports are not those of the contract version, else what the runtime says.
    pub(crate) fn instantiate(&self, store: &mut Store<Guest>) -> Result<Exports, OpenError> {
        let instance = self.linked.instantiate(&mut *store).map_err(OpenError::Guest)?;
        let (version, exports) = match &self.indices {
            Indices::V0_1(indices) => (ContractVersion::V0_1, indices.load(store, &instance).map(Exports::V0_1)),
            Indices::V0_2(indices) => (ContractVersion::V0_2, indices.load(store, &instance).map(Exports::V0_2)),
        };
        exports.map_err(|error| OpenError::Types(version, error))
    }
}

/// Why there is no instance.
pub(crate) enum OpenError {
    /// The guest has failed, or the runtime.
    Guest(wasmtime::Error),
    /// The exports have other types than the contract version: it was built against a draft of it.
    Types(ContractVersion, wasmtime::Error),
}

/// The exports of one instance. An outer error means that the store is lost.
pub(crate) enum Exports {
    V0_1(v0_1::Mode),
    V0_2(v0_2::Mode),
}

/// Result of a call: the outer error comes from the runtime, the inner one from the guest.
type GuestResult<T, E> = Result<Result<T, E>, wasmtime::Error>;

impl Exports {
    pub(crate) fn describe(&self, store: &mut Store<Guest>) -> Result<Manifest, wasmtime::Error> {
        match self {
            Self::V0_1(mode) => {
                mode.modehost_mode_manifest().call_describe(store).map(convert::old::description).map(convert::manifest)
            }
            Self::V0_2(mode) => mode.modehost_mode_manifest().call_describe(store).map(convert::manifest),
        }
    }

    pub(crate) fn configure(&self, store: &mut Store<Guest>, config: &str) -> GuestResult<(), String> {
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

    pub(crate) fn restore(&self, store: &mut Store<Guest>, snapshot: &Snapshot) -> GuestResult<(), String> {
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

    /// Calls the handler with an event and checks the effects. An event that the contract version does not have is
    /// skipped and yields no effects.
    pub(crate) fn handle(
        &self,
        store: &mut Store<Guest>,
        rules: &EffectRules,
        context: Context,
        event: &Event,
    ) -> GuestResult<Vec<Effect>, Fault> {
        let Context { now, seed } = context;
        match self {
            Self::V0_1(mode) => {
                use v0_1::modehost::mode::types;
                let context = types::Context { now, seed };
                let converted = convert::old::event::with_wit_event(event, |event| {
                    mode.modehost_mode_handler().call_handle(store, context, event)
                });
                let Some(result) = converted else { return Ok(Ok(Vec::new())) };
                Ok(match result? {
                    Ok(effects) => rules.admit(effects.into_iter().map(convert::old::effect::to_v0_2)),
                    Err(types::Fault::Rejected(types::Rejection { code, message })) => {
                        Err(Fault::Rejected(Rejection { code, message, retry_after_ms: None }))
                    }
                    Err(types::Fault::Failed(why)) => Err(Fault::Failed(why)),
                })
            }
            Self::V0_2(mode) => {
                use v0_2::modehost::mode::types;
                let context = types::Context { now, seed };
                let result = convert::event::with_wit_event(event, |event| {
                    mode.modehost_mode_handler().call_handle(store, context, event)
                })?;
                Ok(match result {
                    Ok(effects) => rules.admit(effects.into_iter()),
                    Err(types::Fault::Rejected(types::Rejection { code, message, retry_after_ms })) => {
                        Err(Fault::Rejected(Rejection { code, message, retry_after_ms }))
                    }
                    Err(types::Fault::Failed(why)) => Err(Fault::Failed(why)),
                })
            }
        }
    }
}
