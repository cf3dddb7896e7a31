//! The session's end of one plugin. Rule: the last good state is a snapshot and the events since;
//! because a mode gives the same effects for the same events, replaying them (and throwing the
//! effects away) leads to the state before any failing event. Recovery from a trap, roll-back of
//! a swap and waking from hibernation are this one path.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use modehost_contract::event::{RequestId, TimerId};
use modehost_contract::{Context, Effect, Event, Fault, Generation, Instance, Rejection, Snapshot};
use modehost_ids::{GenerationId, PluginId};
use modehost_limits as limits;
use modehost_storage::traits::Watch;
use tokio::time::Instant;

use crate::budget::Permit;
use crate::requests::Open;

/// What is needed to go back to the generation before, exactly.
pub(crate) struct Trial {
    pub(crate) old: Arc<dyn Generation>,
    /// State at the swap; none if the handler was opened on the new generation.
    parked: Option<Snapshot>,
    /// What the new generation has been told since.
    events: Vec<(Context, Event)>,
    bytes: usize,
}

/// What a delivery came to.
pub(crate) enum Delivered {
    Effects(Vec<Effect>),
    /// The input is at fault.
    Rejected(Rejection),
    /// The event failed wherever it was tried and has been skipped.
    Skipped(Fault),
}

/// Told of every fault: the generation that it happened in, and whether the handler went back
/// to the one before.
pub(crate) type OnFault<'a> = dyn FnMut(GenerationId, &Fault, bool) + 'a;

/// One plugin, lent to one session.
pub(crate) struct Handler {
    pub(crate) plugin: PluginId,
    pub(crate) generation: Arc<dyn Generation>,
    instance: Option<Box<dyn Instance>>,
    pub(crate) permit: Option<Permit>,
    /// The last snapshot; none while everything since the opening is in `tail`.
    good: Option<Snapshot>,
    tail: Vec<(Context, Event)>,
    tail_bytes: usize,
    trial: Option<Trial>,
    /// A generation that has failed this session; it is not tried again.
    pub(crate) refused: Option<GenerationId>,
    /// The mode that this handler is, while it is one.
    pub(crate) mode: Option<Arc<str>>,
    /// `ended` has been told; the handler goes once nothing of it is open.
    pub(crate) ending: bool,
    /// When running timers are due. The system clock, which may jump, has no part in it.
    pub(crate) timers: BTreeMap<TimerId, Instant>,
    /// Open requests; letting go of one cancels it.
    pub(crate) requests: HashMap<RequestId, Open>,
    pub(crate) watches: HashMap<Arc<str>, Watch>,
    pub(crate) used: Instant,
    faults: u32,
    /// After repeated faults, device messages are refused until then.
    pub(crate) stopped_until: Option<Instant>,
}

impl Handler {
    /// A handler without an instance. `fallback` is where it goes if the generation, still on
    /// trial, fails it.
    pub(crate) fn new(
        plugin: PluginId,
        generation: Arc<dyn Generation>,
        fallback: Option<Arc<dyn Generation>>,
    ) -> Self {
        let trial = fallback.map(|old| Trial { old, parked: None, events: Vec::new(), bytes: 0 });
        Self {
            plugin,
            generation,
            instance: None,
            permit: None,
            good: None,
            tail: Vec::new(),
            tail_bytes: 0,
            trial,
            refused: None,
            mode: None,
            ending: false,
            timers: BTreeMap::new(),
            requests: HashMap::new(),
            watches: HashMap::new(),
            used: Instant::now(),
            faults: 0,
            stopped_until: None,
        }
    }

    /// Takes up the state that an earlier process left.
    pub(crate) fn with_snapshot(mut self, snapshot: Snapshot) -> Self {
        self.good = Some(snapshot);
        self
    }

    pub(crate) fn is_live(&self) -> bool {
        self.instance.is_some()
    }

    /// True if the handler has been told nothing yet.
    pub(crate) fn is_fresh(&self) -> bool {
        self.instance.is_none() && self.good.is_none() && self.tail.is_empty()
    }

    /// True if events have come since the last snapshot.
    pub(crate) fn is_ahead(&self) -> bool {
        !self.tail.is_empty()
    }

    /// True while nothing is running or open that belongs to the handler.
    pub(crate) fn is_idle(&self) -> bool {
        self.timers.is_empty() && self.requests.is_empty()
    }

    /// The last snapshot, for the record.
    pub(crate) fn good(&self) -> Option<&Snapshot> {
        self.good.as_ref()
    }

    /// The generation has proven itself: there is no way back any more.
    pub(crate) fn settle(&mut self) {
        self.trial = None;
    }

    /// The generation that this handler could go back to.
    pub(crate) fn trial(&self) -> Option<&Trial> {
        self.trial.as_ref()
    }

    /// Gives an event, at most twice: again after a fault, from the last good state, and to the
    /// old generation if the new one is on trial.
    pub(crate) fn deliver(&mut self, context: Context, event: Event, on_fault: &mut OnFault<'_>) -> Delivered {
        let unsaved = self.tail.len() >= limits::UNSAVED_EVENTS || self.tail_bytes >= limits::UNSAVED_BYTES;
        if unsaved && let Err(fault) = self.refresh() {
            // Rather not done than done and forgotten.
            on_fault(self.generation.id(), &fault, false);
            self.back_off();
            return Delivered::Skipped(fault);
        }
        let mut last = Fault::Open("no attempt".into());
        for _ in 0..2 {
            match self.attempt(context, &event) {
                Ok(effects) => {
                    self.faults = 0;
                    self.stopped_until = None;
                    if let Err(fault) = self.note(context, event) {
                        // The event went well; where its state cannot be kept, the generation before may.
                        let failed = self.generation.id();
                        let went_back = self.go_back();
                        on_fault(failed, &fault, went_back);
                    }
                    return Delivered::Effects(effects);
                }
                Err(Fault::Rejected(rejection)) => return Delivered::Rejected(rejection),
                Err(fault) => {
                    self.instance = None;
                    let failed = self.generation.id();
                    let went_back = self.go_back();
                    on_fault(failed, &fault, went_back);
                    last = fault;
                }
            }
        }
        if matches!(last, Fault::Restore(_)) && self.trial.is_none() {
            // No generation at hand takes the state: better an empty mode than a dead one.
            tracing::error!(plugin = %self.plugin, fault = %last, "state lost: the handler starts afresh");
            self.good = None;
            self.tail.clear();
        }
        self.back_off();
        Delivered::Skipped(last)
    }

    fn attempt(&mut self, context: Context, event: &Event) -> Result<Vec<Effect>, Fault> {
        let instance = match &mut self.instance {
            Some(instance) => instance,
            None => {
                let raised = raise(&*self.generation, self.good.as_ref(), &self.tail)?;
                self.instance.insert(raised)
            }
        };
        instance.handle(context, event)
    }

    /// Repeated faults stop the handler, longer each time.
    fn back_off(&mut self) {
        self.faults += 1;
        if let Some(over) = self.faults.checked_sub(limits::FAULTS_FREE) {
            let pause = limits::BACKOFF.saturating_mul(1 << over.min(16)).min(limits::BACKOFF_MAX);
            self.stopped_until = Some(Instant::now() + pause);
        }
    }

    /// Keeps an event that went well for replay; takes a snapshot when enough have come together.
    ///
    /// # Errors
    /// If none can be taken; the event is kept all the same.
    fn note(&mut self, context: Context, event: Event) -> Result<(), Fault> {
        let weight = event.weight();
        if let Some(trial) = &mut self.trial {
            trial.bytes += weight;
            trial.events.push((context, event.clone()));
            if trial.events.len() > limits::TRIAL_EVENTS || trial.bytes > limits::TRIAL_BYTES {
                self.trial = None;
            }
        }
        self.tail_bytes += weight;
        self.tail.push((context, event));
        let due = self.tail.len() >= limits::REPLAY_EVENTS || self.tail_bytes > limits::REPLAY_BYTES;
        if due { self.refresh() } else { Ok(()) }
    }

    /// Takes a snapshot if events have come since the last.
    ///
    /// # Errors
    /// If the guest would not give one; the last good state and the events since are then as before.
    pub(crate) fn refresh(&mut self) -> Result<(), Fault> {
        if self.tail.is_empty() {
            return Ok(());
        }
        let taken = match &mut self.instance {
            Some(instance) => instance.snapshot(),
            None => raise(&*self.generation, self.good.as_ref(), &self.tail).and_then(|mut one| one.snapshot()),
        };
        match taken {
            Ok(snapshot) => {
                self.good = Some(snapshot);
                self.tail = Vec::new();
                self.tail_bytes = 0;
                Ok(())
            }
            Err(fault) => {
                tracing::warn!(plugin = %self.plugin, %fault, "no snapshot could be taken");
                self.instance = None;
                Err(fault)
            }
        }
    }

    /// Gives the instance's memory back; the state stays.
    pub(crate) fn sleep(&mut self) {
        let _ = self.refresh();
        self.instance = None;
        self.permit = None;
    }

    /// Makes the instance live. Needs a permit in place.
    pub(crate) fn raise(&mut self) -> Result<(), Fault> {
        if self.instance.is_none() {
            self.instance = Some(raise(&*self.generation, self.good.as_ref(), &self.tail)?);
        }
        Ok(())
    }

    /// Back to the generation before, if this one is on trial: state at the swap, and what has
    /// been told since.
    pub(crate) fn go_back(&mut self) -> bool {
        let Some(trial) = self.trial.take() else { return false };
        self.refused = Some(self.generation.id());
        self.instance = None;
        self.generation = trial.old;
        self.good = trial.parked;
        self.tail = trial.events;
        self.tail_bytes = trial.bytes;
        true
    }

    /// Goes on under another configuration and other grants of the same code: a live instance holds the
    /// ones that it was opened with, so another takes its place. True if one was live.
    pub(crate) fn change_terms(&mut self, new: &Arc<dyn Generation>) -> bool {
        let live = self.is_live();
        if live {
            let _ = self.refresh();
            self.instance = None;
        }
        self.generation = new.clone();
        // What cannot be raised fails in `deliver`, which knows what to do about it.
        live && {
            let _ = self.raise();
            true
        }
    }

    /// Moves to another generation between two events: snapshot, restore, `upgraded`.
    ///
    /// # Errors
    /// If the new generation does not take the state over or fails on `upgraded`; the handler is
    /// then as before, and will not try that generation again.
    pub(crate) fn move_to(&mut self, new: &Arc<dyn Generation>, context: Context) -> Result<Vec<Effect>, Fault> {
        if self.is_fresh() {
            self.trial = Some(Trial { old: self.generation.clone(), parked: None, events: Vec::new(), bytes: 0 });
            self.generation = new.clone();
            return Ok(Vec::new());
        }
        let _ = self.refresh();
        let upgraded = Event::Upgraded { old_version: self.generation.manifest().version.as_str().into() };
        let moved = raise(&**new, self.good.as_ref(), &self.tail).and_then(|mut instance| {
            let effects = instance.handle(context, &upgraded)?;
            Ok((instance, effects))
        });
        match moved {
            Ok((instance, effects)) => {
                let parked = self.good.clone();
                let (events, bytes) = (self.tail.clone(), self.tail_bytes);
                self.trial = Some(Trial { old: self.generation.clone(), parked, events, bytes });
                self.generation = new.clone();
                self.instance = Some(instance);
                self.tail.push((context, upgraded));
                Ok(effects)
            }
            Err(fault) => {
                self.refused = Some(new.id());
                Err(fault)
            }
        }
    }
}

/// An instance in the state that snapshot and events describe.
fn raise(
    generation: &dyn Generation,
    good: Option<&Snapshot>,
    tail: &[(Context, Event)],
) -> Result<Box<dyn Instance>, Fault> {
    let mut instance = match good {
        Some(snapshot) => generation.restore(snapshot)?,
        None => generation.open()?,
    };
    for (context, event) in tail {
        // Their effects were carried out when they first came.
        match instance.handle(*context, event) {
            Ok(_) | Err(Fault::Rejected(_)) => {}
            Err(fault) => return Err(fault),
        }
    }
    Ok(instance)
}
