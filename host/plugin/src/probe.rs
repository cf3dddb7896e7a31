//! The trial of a plugin before anybody is served by it. Rule: everything a first session would do
//! is done here once, in stores that are thrown away; effects go nowhere.

use std::sync::Arc;

use crate::limits;
use modehost_contract::event::{Device, Start};
use modehost_contract::{Context, Event, Fault, Generation, Instance, Manifest};

use crate::code::Code;
use crate::convert::effect::Rules;
use crate::generation::WasmGeneration;
use crate::grants::Grants;
use crate::instance::WasmInstance;
use crate::load::LoadError;
use crate::terms::Terms;

/// The instant at which a trial takes place; any will do, but always the same one.
const CONTEXT: Context = Context { now: 1_700_000_000_000, seed: 1 };

/// Tries again what ran out of time: on a busy machine the budget of a call, which is wall clock,
/// can pass without the guest having run. One that loops runs out of it every time.
fn patiently<T>(attempt: impl Fn() -> Result<T, LoadError>) -> Result<T, LoadError> {
    let mut left = limits::PROBE_ATTEMPTS;
    loop {
        left -= 1;
        match attempt() {
            Err(LoadError::Probe { fault: Fault::TimedOut(_), .. }) if left > 0 => {}
            outcome => return outcome,
        }
    }
}

/// What the plugin says of itself.
pub(crate) fn describe(code: &Arc<Code>, file: &str) -> Result<Manifest, LoadError> {
    patiently(|| describe_once(code, file))
}

/// Configure, start in each role, snapshot, restore.
pub(crate) fn run(generation: &WasmGeneration, file: &str) -> Result<(), LoadError> {
    patiently(|| run_once(generation, file))
}

fn describe_once(code: &Arc<Code>, file: &str) -> Result<Manifest, LoadError> {
    let terms = Terms::new(Rules { grants: Grants::default(), count: 0 });
    let at = |step| move |fault| LoadError::Probe { file: file.to_owned(), step, fault };
    let mut instance = WasmInstance::open(code, &terms).map_err(at("opening"))?;
    instance.describe().map_err(at("describe"))
}

fn run_once(generation: &WasmGeneration, file: &str) -> Result<(), LoadError> {
    let at = |step| move |fault| LoadError::Probe { file: file.to_owned(), step, fault };
    let manifest = generation.manifest();
    let mut instance = generation.instance().map_err(at("configure"))?;
    start(&mut instance, None).map_err(at("`started` as a handler"))?;
    if let Some(offer) = manifest.modes.first() {
        start(&mut instance, Some(&offer.name)).map_err(at("`started` as a mode"))?;
    }
    let snapshot = instance.snapshot().map_err(at("snapshot"))?;
    if manifest.snapshot_schemas.first() != Some(&snapshot.schema) {
        let why = format!(
            "the schema {} of its snapshot is not the first of those that describe() lists ({:?})",
            snapshot.schema, manifest.snapshot_schemas
        );
        return Err(at("snapshot")(Fault::Restore(why)));
    }
    let mut second = generation.instance().map_err(at("configure"))?;
    second.restore(&snapshot).map_err(at("restore"))?;
    let again = second.snapshot().map_err(at("snapshot after restore"))?;
    if again.schema != snapshot.schema {
        let why = format!("the snapshot after it has schema {}, not {}", again.schema, snapshot.schema);
        return Err(at("restore")(Fault::Restore(why)));
    }
    Ok(())
}

/// Gives `started`. That the plugin rejects a start is its right and no fault.
fn start(instance: &mut WasmInstance, mode: Option<&str>) -> Result<(), Fault> {
    let device = Device { id: "probe".into(), alias: None, groups: Arc::from(["default".into()]) };
    let start = Start { mode: mode.map(Into::into), device, session_id: "probe".into(), language: "en".into() };
    match instance.handle(CONTEXT, &Event::Started(start)) {
        Ok(_) | Err(Fault::Rejected(_)) => Ok(()),
        Err(fault) => Err(fault),
    }
}
