//! The session's end of one plugin. Rule: the last good state is a snapshot and the events since;
//! because a mode gives the same effects for the same events, replaying them (and throwing the
//! effects away) leads to the state before any failing event. Recovery from a trap, roll-back of
//! a swap and waking from hibernation are this one path.

mod way_back;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use modehost_contract::event::{RequestId, TimerId};
use modehost_contract::{Context, Effect, Event, Fault, Generation, Instance, Rejection, Report, Snapshot};
use modehost_ids::{GenerationId, PluginId};
use modehost_limits as limits;
use modehost_storage::traits::Watch;
use tokio::time::Instant;

pub(crate) use self::way_back::Trial;
use self::way_back::{Before, raise};
use crate::budget::Permit;
use crate::requests::Open;

/// What a delivery came to.
pub(crate) enum Delivered {
    Effects(Vec<Effect>),
    /// The input is at fault.
    Rejected(Rejection),
    /// The event failed wherever it was tried and has been skipped; the state before it is kept.
    Skipped(Fault),
    /// No generation at hand takes the state: the handler has to begin afresh, with this event.
    Lost(Fault, Event),
}

/// What the catalog has for a handler besides its own generation.
#[derive(Default)]
pub(crate) struct WayBack {
    /// The generation before; none where nothing older is kept.
    pub(crate) fallback: Option<Arc<dyn Generation>>,
    /// See `Entry::round`.
    pub(crate) round: u32,
}

/// What is reported to the catalog, with the generation that it is about.
pub(crate) type OnReport<'a> = dyn FnMut(GenerationId, Report<'_>) + 'a;

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
    /// A generation that has failed this session, and in which round; it is not tried again before the next.
    pub(crate) refused: Option<(GenerationId, u32)>,
    /// The generation has served this session, and the catalog knows.
    served: bool,
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
        let nothing = |generation| Before { generation, good: None, tail: Vec::new(), tail_bytes: 0 };
        let trial = fallback.map(|old| Trial::new(nothing(old)));
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
            served: false,
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

    /// The generation has proven itself: the exact way back is kept only as long as it costs little.
    pub(crate) fn settle(&mut self) {
        if let Some(trial) = &mut self.trial {
            trial.proven = true;
        }
        self.trial.take_if(|trial| !trial.is_within_bounds());
    }

    /// The generation that this handler could go back to.
    pub(crate) fn trial(&self) -> Option<&Trial> {
        self.trial.as_ref()
    }

    /// Gives an event, at most twice: again after a fault, from the last good state, and to the generation
    /// before if there is one. The session goes back where that one does what this one could not.
    pub(crate) fn deliver(
        &mut self,
        (context, event): (Context, Event),
        way_back: &dyn Fn() -> WayBack,
        report: &mut OnReport<'_>,
    ) -> Delivered {
        let unsaved = self.tail.len() >= limits::UNSAVED_EVENTS || self.tail_bytes >= limits::UNSAVED_BYTES;
        if unsaved && let Err(fault) = self.refresh() {
            // Rather not done than done and forgotten.
            report(self.generation.id(), Report::Faulted(&fault));
            self.back_off();
            return Delivered::Skipped(fault);
        }
        let failed = match self.attempt(context, &event) {
            Ok(effects) => return self.went_well((context, event), effects, way_back, report),
            Err(Fault::Rejected(rejection)) => return Delivered::Rejected(rejection),
            Err(fault @ Fault::Capacity(_)) => return Delivered::Skipped(fault),
            Err(fault) => fault,
        };
        self.instance = None;
        let generation = self.generation.id();
        let WayBack { fallback, round } = way_back();
        let Some(before) = self.before(fallback) else {
            return self.once_more((context, event), failed, way_back, report);
        };
        match before.attempt(context, &event) {
            Ok((instance, outcome)) => {
                self.adopt(before, instance, round);
                let refused_state = matches!(failed, Fault::Restore(_));
                report(
                    generation,
                    if refused_state { Report::RefusedState(&failed) } else { Report::WentBack(&failed) },
                );
                match outcome {
                    Ok(effects) => self.went_well((context, event), effects, way_back, report),
                    Err(rejection) => Delivered::Rejected(rejection),
                }
            }
            // Nobody knows how the one before would have fared.
            Err(fault @ Fault::Capacity(_)) => Delivered::Skipped(fault),
            Err(_) => {
                report(generation, Report::Faulted(&failed));
                self.give_up(failed, event)
            }
        }
    }

    /// A second try where there is no generation before.
    fn once_more(
        &mut self,
        (context, event): (Context, Event),
        failed: Fault,
        way_back: &dyn Fn() -> WayBack,
        report: &mut OnReport<'_>,
    ) -> Delivered {
        report(self.generation.id(), Report::Faulted(&failed));
        match self.attempt(context, &event) {
            Ok(effects) => self.went_well((context, event), effects, way_back, report),
            Err(Fault::Rejected(rejection)) => Delivered::Rejected(rejection),
            Err(fault) => {
                self.instance = None;
                if fault.is_of_plugin() {
                    report(self.generation.id(), Report::Faulted(&fault));
                }
                self.give_up(fault, event)
            }
        }
    }

    /// The event failed wherever it could be tried.
    fn give_up(&mut self, fault: Fault, event: Event) -> Delivered {
        if matches!(fault, Fault::Restore(_)) {
            return Delivered::Lost(fault, event);
        }
        if fault.is_of_plugin() {
            self.back_off();
        }
        Delivered::Skipped(fault)
    }

    fn went_well(
        &mut self,
        (context, event): (Context, Event),
        effects: Vec<Effect>,
        way_back: &dyn Fn() -> WayBack,
        report: &mut OnReport<'_>,
    ) -> Delivered {
        self.faults = 0;
        self.stopped_until = None;
        match self.note(context, event) {
            Ok(()) if !self.served => {
                self.served = true;
                report(self.generation.id(), Report::Served);
            }
            Ok(()) => {}
            Err(fault) => {
                // The event went well; where its state cannot be kept, the generation before may.
                let generation = self.generation.id();
                let WayBack { fallback, round } = way_back();
                match self.before(fallback).map(|before| (before.raise(), before)) {
                    Some((Ok(instance), before)) => {
                        self.adopt(before, instance, round);
                        report(generation, Report::WentBack(&fault));
                    }
                    _ => report(generation, Report::Faulted(&fault)),
                }
            }
        }
        Delivered::Effects(effects)
    }

    /// The generation before with the state that it goes on with: exactly, where that is known, else
    /// with the state as it is now.
    fn before(&self, fallback: Option<Arc<dyn Generation>>) -> Option<Before> {
        if let Some(trial) = &self.trial {
            return Some(trial.before.clone());
        }
        let generation = fallback.filter(|fallback| fallback.id() != self.generation.id())?;
        Some(Before { generation, ..self.as_it_is() })
    }

    /// The generation of now, with its state.
    fn as_it_is(&self) -> Before {
        let (generation, good) = (self.generation.clone(), self.good.clone());
        Before { generation, good, tail: self.tail.clone(), tail_bytes: self.tail_bytes }
    }

    /// Goes back.
    fn adopt(&mut self, before: Before, instance: Box<dyn Instance>, round: u32) {
        self.refused = Some((self.generation.id(), round));
        self.trial = None;
        self.served = false;
        let Before { generation, good, tail, tail_bytes } = before;
        self.generation = generation;
        (self.good, self.tail, self.tail_bytes) = (good, tail, tail_bytes);
        self.instance = Some(instance);
    }

    /// Begins afresh on this generation, as if the handler had just been made: nothing of its state, its
    /// timers and its requests is left.
    pub(crate) fn begin_afresh(&mut self, generation: Arc<dyn Generation>, fallback: Option<Arc<dyn Generation>>) {
        let permit = self.permit.take();
        let mode = self.mode.take();
        *self = Self { permit, mode, ..Self::new(self.plugin.clone(), generation, fallback) };
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
        if let Some(trial) = &mut self.trial
            && !trial.note(context, &event, weight)
        {
            self.trial = None;
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

    /// Back to the generation before, because the catalog went back: state at the swap, and what has been
    /// told since.
    pub(crate) fn go_back(&mut self, round: u32) {
        let Some(trial) = self.trial.take() else { return };
        self.refused = Some((self.generation.id(), round));
        self.served = false;
        self.instance = None;
        let Before { generation, good, tail, tail_bytes } = trial.before;
        self.generation = generation;
        (self.good, self.tail, self.tail_bytes) = (good, tail, tail_bytes);
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
        self.served = false;
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
    /// then as before, and will not try that generation again in this round.
    pub(crate) fn move_to(
        &mut self,
        new: &Arc<dyn Generation>,
        (context, round): (Context, u32),
    ) -> Result<Vec<Effect>, Refusal> {
        if self.is_fresh() {
            self.trial = Some(Trial::new(self.as_it_is()));
            self.generation = new.clone();
            self.served = false;
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
                self.trial = Some(Trial::new(self.as_it_is()));
                self.generation = new.clone();
                self.served = false;
                self.instance = Some(instance);
                self.tail.push((context, upgraded));
                Ok(effects)
            }
            Err(fault @ Fault::Capacity(_)) => Err(Refusal::Later(fault)),
            Err(fault) => {
                self.refused = Some((new.id(), round));
                // State that its own generation does not take either says nothing of the new one.
                match raise(&*self.generation, self.good.as_ref(), &self.tail) {
                    Ok(_) if matches!(fault, Fault::Restore(_)) => Err(Refusal::State(fault)),
                    Ok(_) => Err(Refusal::Failed(fault)),
                    Err(_) => Err(Refusal::Unknown(fault)),
                }
            }
        }
    }
}

/// Why a handler did not move.
pub(crate) enum Refusal {
    /// The new generation does not take over state that the old one restores.
    State(Fault),
    /// It failed otherwise, where the old one did not.
    Failed(Fault),
    /// Neither takes the state.
    Unknown(Fault),
    /// The host had no room: it is tried again.
    Later(Fault),
}
