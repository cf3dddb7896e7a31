//! The probe of a plugin before it serves any session. Rule: everything that a first session would do is done once, in
//! throw-away stores; effects are discarded.

use std::sync::Arc;

use crate::limits;
use modehost_contract::event::{Device, Start};
use modehost_contract::{Context, Event, Fault, Generation, Instance, Manifest};

use crate::code::Code;
use crate::convert::effect::EffectRules;
use crate::generation::WasmGeneration;
use crate::generation_state::GenerationState;
use crate::grants::Grants;
use crate::instance::WasmInstance;
use crate::load::LoadError;

/// Time and seed of the probe; fixed, so that it is reproducible.
const CONTEXT: Context = Context { now: 1_700_000_000_000, seed: 1 };

/// Retries timeouts: the budget of a call is wall clock, which on a busy machine can pass without the guest having run.
/// A guest that loops times out on every attempt.
fn retry_timeouts<T>(attempt: impl Fn() -> Result<T, LoadError>) -> Result<T, LoadError> {
    let mut attempts_left = limits::PROBE_ATTEMPTS;
    loop {
        attempts_left -= 1;
        match attempt() {
            Err(LoadError::Probe { fault: Fault::TimedOut(_), .. }) if attempts_left > 0 => {}
            outcome => return outcome,
        }
    }
}

/// The plugin's description of itself.
pub(crate) fn describe(code: &Arc<Code>, file: &str) -> Result<Manifest, LoadError> {
    retry_timeouts(|| describe_once(code, file))
}

/// Configure, start in each role, snapshot, restore.
pub(crate) fn run(generation: &WasmGeneration, file: &str) -> Result<(), LoadError> {
    retry_timeouts(|| run_once(generation, file))
}

fn describe_once(code: &Arc<Code>, file: &str) -> Result<Manifest, LoadError> {
    let state = GenerationState::new(EffectRules { grants: Grants::default(), max_effects: 0 });
    let at = |step| move |fault| LoadError::Probe { file: file.to_owned(), step, fault };
    let mut instance = WasmInstance::open(code, &state).map_err(at("opening"))?;
    instance.describe().map_err(at("describe"))
}

fn run_once(generation: &WasmGeneration, file: &str) -> Result<(), LoadError> {
    let at = |step| move |fault| LoadError::Probe { file: file.to_owned(), step, fault };
    let manifest = generation.manifest();
    let mut instance = generation.open_instance().map_err(at("configure"))?;
    send_started(&mut instance, None).map_err(at("`started` as a handler"))?;
    if let Some(offer) = manifest.modes.first() {
        send_started(&mut instance, Some(&offer.name)).map_err(at("`started` as a mode"))?;
    }
    let snapshot = instance.snapshot().map_err(at("snapshot"))?;
    if manifest.snapshot_schemas.first() != Some(&snapshot.schema) {
        let why = format!(
            "the schema {} of its snapshot is not the first of those that describe() lists ({:?})",
            snapshot.schema, manifest.snapshot_schemas
        );
        return Err(at("snapshot")(Fault::Restore(why)));
    }
    let mut restored = generation.open_instance().map_err(at("configure"))?;
    restored.restore(&snapshot).map_err(at("restore"))?;
    let snapshot_after = restored.snapshot().map_err(at("snapshot after restore"))?;
    if snapshot_after.schema != snapshot.schema {
        let why = format!("the snapshot after it has schema {}, not {}", snapshot_after.schema, snapshot.schema);
        return Err(at("restore")(Fault::Restore(why)));
    }
    Ok(())
}

/// Sends `started`. A plugin may reject a start; that is not an error.
fn send_started(instance: &mut WasmInstance, mode: Option<&str>) -> Result<(), Fault> {
    let device = Device { id: "probe".into(), alias: None, groups: Arc::from(["default".into()]) };
    let start = Start { mode: mode.map(Into::into), device, session_id: "probe".into(), language: "en".into() };
    match instance.handle(CONTEXT, &Event::Started(start)) {
        Ok(_) | Err(Fault::Rejected(_)) => Ok(()),
        Err(fault) => Err(fault),
    }
}
