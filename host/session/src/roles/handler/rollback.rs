//! Rollback data of a handler: the previous generation, with the state that it continues from. Rule: while it is kept,
//! a rollback is exact, since the events since the swap are replayed; its size is bounded, and smaller once the newer
//! generation has passed its trial.

use std::sync::Arc;

use crate::limits;
use modehost_contract::{CatalogEntry, Context, Effect, Event, Fault, Generation, Instance, Rejection, Snapshot};
use modehost_ids::GenerationId;

/// What an exact rollback to the previous generation needs.
pub(crate) struct Trial {
    /// The rollback target: state at the swap, and the events since.
    pub(super) target: RollbackTarget,
    /// The new generation has passed its trial: this is kept as long as it is small.
    pub(super) proven: bool,
}

impl Trial {
    /// Starts a trial: a rollback leads to this generation with this state.
    pub(super) fn new(target: RollbackTarget) -> Self {
        Self { target, proven: false }
    }

    /// The generation that the handler came from.
    pub(crate) fn old(&self) -> GenerationId {
        self.target.generation.id()
    }

    /// Records an event that the new generation has handled. False once the bounds are exceeded.
    pub(super) fn record(&mut self, context: Context, event: &Event, weight: usize) -> bool {
        self.target.state.tail_bytes += weight;
        self.target.state.tail.push((context, event.clone()));
        self.is_within_bounds()
    }

    /// False once it exceeds its bounds.
    pub(super) fn is_within_bounds(&self) -> bool {
        let State { snapshot, tail, tail_bytes } = &self.target.state;
        if self.proven {
            let kept = snapshot.as_ref().map_or(0, |kept| kept.state.len());
            return tail.len() <= limits::PROVEN_EVENTS && tail_bytes + kept <= limits::PROVEN_BYTES;
        }
        tail.len() <= limits::TRIAL_EVENTS && *tail_bytes <= limits::TRIAL_BYTES
    }
}

/// An instance, and its result for an event.
pub(super) type Attempt = (Box<dyn Instance>, Result<Vec<Effect>, Rejection>);

/// The last good state of a handler: a snapshot and the events since.
#[derive(Clone, Default)]
pub(super) struct State {
    /// The last snapshot; none while all events since opening are in `tail`.
    pub snapshot: Option<Snapshot>,
    /// Events handled since, oldest first.
    pub tail: Vec<(Context, Event)>,
    /// Their weight in bytes.
    pub tail_bytes: usize,
}

/// A generation, and the state that it would continue from.
#[derive(Clone)]
pub(super) struct RollbackTarget {
    pub generation: Arc<dyn Generation>,
    /// Empty if the handler was opened on the newer generation.
    pub state: State,
}

impl RollbackTarget {
    pub fn restore_instance(&self) -> Result<Box<dyn Instance>, Fault> {
        restore_instance(&*self.generation, &self.state)
    }

    /// Tries an event on it; a rejection of the input is a valid result.
    pub fn attempt(&self, context: Context, event: &Event) -> Result<Attempt, Fault> {
        let mut instance = self.restore_instance()?;
        match instance.handle(context, event) {
            Ok(effects) => Ok((instance, Ok(effects))),
            Err(Fault::Rejected(rejection)) => Ok((instance, Err(rejection))),
            Err(fault) => Err(fault),
        }
    }
}

/// An instance in the state given by snapshot and events.
pub(super) fn restore_instance(generation: &dyn Generation, state: &State) -> Result<Box<dyn Instance>, Fault> {
    let mut instance = match &state.snapshot {
        Some(snapshot) => generation.restore(snapshot)?,
        None => generation.open()?,
    };
    for (context, event) in &state.tail {
        // Their effects have already been applied.
        match instance.handle(*context, event) {
            Ok(_) | Err(Fault::Rejected(_)) => {}
            Err(fault) => return Err(fault),
        }
    }
    Ok(instance)
}

/// The generation that a session rolls back to when this one fails: for a candidate that serves a share of the devices,
/// the active one; else the previous one.
pub(crate) fn rollback_generation<'e>(
    entry: &'e CatalogEntry,
    generation: &Arc<dyn Generation>,
) -> Option<&'e Arc<dyn Generation>> {
    match &entry.candidate {
        Some(candidate) if candidate.generation.id() == generation.id() => Some(&entry.active),
        _ if entry.active.id() == generation.id() => entry.fallback.as_ref(),
        // There is no older one, and the newer one is no rollback target.
        _ if entry.fallback.as_ref().is_some_and(|fallback| fallback.id() == generation.id()) => None,
        // A generation that is no longer in the catalog, as after a rollback that this session could not follow.
        _ => Some(&entry.active),
    }
}
