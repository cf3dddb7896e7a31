//! Checks a property that every mode must have: restore(snapshot(s)) behaves like s. Rule: nothing here is random;
//! the script comes from the caller, who may generate it with proptest.

use crate::{Context, Event, Fault, Mode, Runner};

/// Runs the script twice: once without interruption, and once with a new instance restored from a snapshot before
/// every event. Both must return the same at each step and be in the same state after it, so a swap at any point of
/// the script has no visible effect.
///
/// # Errors
/// A sentence that names the first event at which the two differ, and how; or what is wrong with the configuration.
pub fn round_trip<M: Mode>(config: &str, script: &[(Context, Event)]) -> Result<(), String> {
    let mut whole = Runner::<M>::configure(config)?;
    let mut swapped = Runner::<M>::configure(config)?;
    // A restored instance is configured with the latest section, as in the host.
    let mut config = config.to_owned();
    for (index, (context, event)) in script.iter().enumerate() {
        let snapshot = swapped.snapshot();
        let mut fresh = Runner::<M>::configure(&config)?;
        fresh.restore(&snapshot).map_err(|error| format!("before event {index}: restore refused: {error:?}"))?;
        if fresh.snapshot() != snapshot {
            return Err(format!("before event {index}: snapshot(restore(s)) differs from s"));
        }
        swapped = fresh;
        if let Event::ConfigChanged(settings) = event {
            config.clone_from(&settings.config);
        }
        let expected = words(whole.handle(*context, event.clone()));
        let found = words(swapped.handle(*context, event.clone()));
        if expected != found {
            return Err(format!("at event {index} ({event:?}): expected {expected}, after a swap {found}"));
        }
        if whole.snapshot() != swapped.snapshot() {
            return Err(format!("after event {index} ({event:?}): the states differ"));
        }
    }
    Ok(())
}

fn words(result: Result<Vec<crate::Effect>, Fault>) -> String {
    format!("{result:?}")
}
