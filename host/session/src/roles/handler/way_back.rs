//! The way back of a handler: the generation before, with the state that it goes on with. Rule: as long
//! as it is kept, going back is exact, since the events since the swap are replayed; how much is kept is
//! bounded, and less once the newer generation has proven itself.

use std::sync::Arc;

use crate::limits;
use modehost_contract::{Context, Effect, Entry, Event, Fault, Generation, Instance, Rejection, Snapshot};
use modehost_ids::GenerationId;

/// What is needed to go back to the generation before, exactly.
pub(crate) struct Trial {
    /// What to go back to: state at the swap, and what the new generation has been told since.
    pub(super) before: Before,
    /// The new one has proven itself: this is kept as long as it is small.
    pub(super) proven: bool,
}

impl Trial {
    /// A trial that begins: the way back is to this generation with this state.
    pub(super) fn new(before: Before) -> Self {
        Self { before, proven: false }
    }

    /// The generation that the handler came from.
    pub(crate) fn old(&self) -> GenerationId {
        self.before.generation.id()
    }

    /// The new generation has been told something. False once more is held than may be.
    pub(super) fn note(&mut self, context: Context, event: &Event, weight: usize) -> bool {
        self.before.state.tail_bytes += weight;
        self.before.state.tail.push((context, event.clone()));
        self.is_within_bounds()
    }

    /// False once it holds more than it may.
    pub(super) fn is_within_bounds(&self) -> bool {
        let State { good, tail, tail_bytes } = &self.before.state;
        if self.proven {
            let parked = good.as_ref().map_or(0, |parked| parked.state.len());
            return tail.len() <= limits::PROVEN_EVENTS && tail_bytes + parked <= limits::PROVEN_BYTES;
        }
        tail.len() <= limits::TRIAL_EVENTS && *tail_bytes <= limits::TRIAL_BYTES
    }
}

/// An instance, and what it made of an event.
pub(super) type Attempt = (Box<dyn Instance>, Result<Vec<Effect>, Rejection>);

/// The last good state of a handler: a snapshot and the events since.
#[derive(Clone, Default)]
pub(super) struct State {
    /// The last snapshot; none while everything since the opening is in `tail`.
    pub good: Option<Snapshot>,
    /// Events that went well since, oldest first.
    pub tail: Vec<(Context, Event)>,
    /// Their weight in bytes.
    pub tail_bytes: usize,
}

/// The generation before, and the state that it would go on with.
#[derive(Clone)]
pub(super) struct Before {
    pub generation: Arc<dyn Generation>,
    /// Empty if the handler was opened on the newer generation.
    pub state: State,
}

impl Before {
    pub fn restore_instance(&self) -> Result<Box<dyn Instance>, Fault> {
        restore_instance(&*self.generation, &self.state)
    }

    /// Whether it does what the newer one could not; that it rejects the input is an answer, too.
    pub fn attempt(&self, context: Context, event: &Event) -> Result<Attempt, Fault> {
        let mut instance = self.restore_instance()?;
        match instance.handle(context, event) {
            Ok(effects) => Ok((instance, Ok(effects))),
            Err(Fault::Rejected(rejection)) => Ok((instance, Err(rejection))),
            Err(fault) => Err(fault),
        }
    }
}

/// An instance in the state that snapshot and events describe.
pub(super) fn restore_instance(generation: &dyn Generation, state: &State) -> Result<Box<dyn Instance>, Fault> {
    let mut instance = match &state.good {
        Some(snapshot) => generation.restore(snapshot)?,
        None => generation.open()?,
    };
    for (context, event) in &state.tail {
        // Their effects were carried out when they first came.
        match instance.handle(*context, event) {
            Ok(_) | Err(Fault::Rejected(_)) => {}
            Err(fault) => return Err(fault),
        }
    }
    Ok(instance)
}

/// What a session goes back to when this generation fails it: what the other devices use where it serves a
/// share of them first, else the one before.
pub(crate) fn way_back<'e>(entry: &'e Entry, generation: &Arc<dyn Generation>) -> Option<&'e Arc<dyn Generation>> {
    match &entry.candidate {
        Some(candidate) if candidate.generation.id() == generation.id() => Some(&entry.active),
        _ if entry.active.id() == generation.id() => entry.fallback.as_ref(),
        // Nothing older is at hand, and the newer one is no way back.
        _ if entry.fallback.as_ref().is_some_and(|fallback| fallback.id() == generation.id()) => None,
        // A generation that the catalog knows no more, as after a rollback that this one could not follow.
        _ => Some(&entry.active),
    }
}
