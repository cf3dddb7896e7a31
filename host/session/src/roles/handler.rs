//! The session's end of one plugin. Rule: the last good state is a snapshot and the events since;
//! because a mode gives the same effects for the same events, replaying them (and throwing the
//! effects away) leads to the state before any failing event. Recovery from a trap, roll-back of
//! a swap and waking from hibernation are this one path.
//!
//! Methods also in `handler/`: [`migration`] (to another generation and back). The [`way_back`] is a type of its own.

mod migration;
mod way_back;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::limits;
use modehost_contract::event::{RequestId, TimerId};
use modehost_contract::{Context, Effect, Event, Fault, Generation, Instance, Rejection, Report, Snapshot};
use modehost_ids::{GenerationId, PluginId};
use modehost_storage::traits::Watch;
use tokio::time::Instant;

pub(crate) use self::migration::Refusal;
use self::way_back::{Before, State, restore_instance};
pub(crate) use self::way_back::{Trial, way_back};
use crate::budget::Permit;
use crate::environment::Environment;
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
struct WayBack {
    /// The generation before; none where nothing older is kept.
    fallback: Option<Arc<dyn Generation>>,
    /// See `Entry::round`.
    round: u32,
}

/// What is reported to the catalog, with the generation that it is about.
type OnReport<'a> = dyn FnMut(GenerationId, Report<'_>) + 'a;

/// One plugin, lent to one session.
pub(crate) struct Handler {
    pub(crate) plugin: PluginId,
    pub(crate) generation: Arc<dyn Generation>,
    instance: Option<Box<dyn Instance>>,
    pub(crate) permit: Option<Permit>,
    /// The last good state.
    state: State,
    standing: Standing,
    pub(crate) role: Role,
    /// When running timers are due. The system clock, which may jump, has no part in it.
    pub(crate) timers: BTreeMap<TimerId, Instant>,
    /// Open requests; letting go of one cancels it.
    pub(crate) requests: HashMap<RequestId, Open>,
    pub(crate) watches: HashMap<Arc<str>, Watch>,
    /// When an event was last given to it.
    pub(crate) used: Instant,
    backoff: Backoff,
}

/// The role that a handler has in its session.
#[derive(Default)]
pub(crate) struct Role {
    /// The mode that this handler is, while it is one.
    pub(crate) mode: Option<Arc<str>>,
    /// `ended` has been told; the handler goes once nothing of it is open.
    pub(crate) ending: bool,
}

/// How the generation of a handler has proven itself in this session.
#[derive(Default)]
struct Standing {
    /// The way back to the generation before, while it is kept.
    trial: Option<Trial>,
    /// A generation that has failed this session, and in which round; it is not tried again before the next.
    refused: Option<(GenerationId, u32)>,
    /// The generation has served this session, and the catalog knows.
    served: bool,
}

/// Repeated faults stop a handler, longer each time.
#[derive(Default)]
struct Backoff {
    /// In a row.
    faults: u32,
    /// Device messages are refused until then.
    until: Option<Instant>,
}

impl Handler {
    /// A handler without an instance. `fallback` is where it goes if the generation, still on
    /// trial, fails it.
    pub(crate) fn new(
        plugin: PluginId,
        generation: Arc<dyn Generation>,
        fallback: Option<Arc<dyn Generation>>,
    ) -> Self {
        let trial = fallback.map(|old| Trial::new(Before { generation: old, state: State::default() }));
        Self {
            plugin,
            generation,
            instance: None,
            permit: None,
            state: State::default(),
            standing: Standing { trial, ..Standing::default() },
            role: Role::default(),
            timers: BTreeMap::new(),
            requests: HashMap::new(),
            watches: HashMap::new(),
            used: Instant::now(),
            backoff: Backoff::default(),
        }
    }

    /// Takes up the state that an earlier process left.
    pub(crate) fn with_snapshot(mut self, snapshot: Snapshot) -> Self {
        self.state.good = Some(snapshot);
        self
    }

    pub(crate) fn is_live(&self) -> bool {
        self.instance.is_some()
    }

    /// True if the handler has been told nothing yet.
    pub(crate) fn is_fresh(&self) -> bool {
        self.instance.is_none() && self.state.good.is_none() && self.state.tail.is_empty()
    }

    /// True if events have come since the last snapshot.
    pub(crate) fn is_ahead(&self) -> bool {
        !self.state.tail.is_empty()
    }

    /// True while nothing is running or open that belongs to the handler.
    pub(crate) fn is_idle(&self) -> bool {
        self.timers.is_empty() && self.requests.is_empty()
    }

    /// After repeated faults, device messages are refused until then.
    pub(crate) fn stopped_until(&self) -> Option<Instant> {
        self.backoff.until
    }

    /// Whether this generation has failed the session in this round.
    pub(crate) fn has_refused(&self, generation: GenerationId, round: u32) -> bool {
        self.standing.refused == Some((generation, round))
    }

    /// The last snapshot, for the record.
    pub(crate) fn good(&self) -> Option<&Snapshot> {
        self.state.good.as_ref()
    }

    /// The generation has proven itself: the exact way back is kept only as long as it costs little.
    pub(crate) fn settle(&mut self) {
        if let Some(trial) = &mut self.standing.trial {
            trial.proven = true;
        }
        self.standing.trial.take_if(|trial| !trial.is_within_bounds());
    }

    /// The generation that this handler could go back to.
    pub(crate) fn trial(&self) -> Option<&Trial> {
        self.standing.trial.as_ref()
    }

    /// Gives an event, and reports to the catalog what becomes of it.
    pub(crate) fn deliver(&mut self, env: &Environment, context: Context, event: Event) -> Delivered {
        self.used = Instant::now();
        let (plugin, own) = (self.plugin.clone(), self.generation.clone());
        let (catalog, device) = (&env.services().catalog, &env.handle.device);
        // Asked for only where something went wrong.
        let before = || {
            let table = catalog.table();
            let entry = table.plugins.get(&plugin);
            let fallback = entry.and_then(|entry| way_back(entry, &own)).cloned();
            WayBack { fallback, round: entry.map_or(0, |entry| entry.round) }
        };
        self.attempt_and_recover((context, event), &before, &mut |generation, report| {
            if let Report::Faulted(fault) | Report::WentBack(fault) | Report::RefusedState(fault) = &report {
                let went_back = !matches!(report, Report::Faulted(_));
                tracing::warn!(%plugin, generation = generation.0, %device, went_back, %fault, "a mode failed");
            }
            catalog.report(&plugin, generation, device, report);
        })
    }

    /// Gives an event, at most twice: again after a fault, from the last good state, and to the generation
    /// before if there is one. The session goes back where that one does what this one could not.
    fn attempt_and_recover(
        &mut self,
        (context, event): (Context, Event),
        way_back: &dyn Fn() -> WayBack,
        report: &mut OnReport<'_>,
    ) -> Delivered {
        let unsaved = self.state.tail.len() >= limits::UNSAVED_EVENTS || self.state.tail_bytes >= limits::UNSAVED_BYTES;
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
        self.backoff.faults = 0;
        self.backoff.until = None;
        match self.note(context, event) {
            Ok(()) if !self.standing.served => {
                self.standing.served = true;
                report(self.generation.id(), Report::Served);
            }
            Ok(()) => {}
            Err(fault) => {
                // The event went well; where its state cannot be kept, the generation before may.
                let generation = self.generation.id();
                let WayBack { fallback, round } = way_back();
                match self.before(fallback).map(|before| (before.restore_instance(), before)) {
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
        if let Some(trial) = &self.standing.trial {
            return Some(trial.before.clone());
        }
        let generation = fallback.filter(|fallback| fallback.id() != self.generation.id())?;
        Some(Before { generation, ..self.as_it_is() })
    }

    /// The generation of now, with its state.
    fn as_it_is(&self) -> Before {
        Before { generation: self.generation.clone(), state: self.state.clone() }
    }

    /// Goes back.
    fn adopt(&mut self, before: Before, instance: Box<dyn Instance>, round: u32) {
        self.standing.refused = Some((self.generation.id(), round));
        self.standing.trial = None;
        self.standing.served = false;
        (self.generation, self.state) = (before.generation, before.state);
        self.instance = Some(instance);
    }

    /// Begins afresh on this generation, as if the handler had just been made: nothing of its state, its
    /// timers and its requests is left.
    pub(crate) fn begin_afresh(&mut self, generation: Arc<dyn Generation>, fallback: Option<Arc<dyn Generation>>) {
        let permit = self.permit.take();
        let role = Role { mode: self.role.mode.take(), ending: false };
        *self = Self { permit, role, ..Self::new(self.plugin.clone(), generation, fallback) };
    }

    fn attempt(&mut self, context: Context, event: &Event) -> Result<Vec<Effect>, Fault> {
        let instance = match &mut self.instance {
            Some(instance) => instance,
            None => {
                let restored = restore_instance(&*self.generation, &self.state)?;
                self.instance.insert(restored)
            }
        };
        instance.handle(context, event)
    }

    /// Repeated faults stop the handler, longer each time.
    fn back_off(&mut self) {
        self.backoff.faults += 1;
        if let Some(over) = self.backoff.faults.checked_sub(limits::FAULTS_FREE) {
            let pause = limits::BACKOFF.saturating_mul(1 << over.min(16)).min(limits::BACKOFF_MAX);
            self.backoff.until = Some(Instant::now() + pause);
        }
    }

    /// Keeps an event that went well for replay; takes a snapshot when enough have come together.
    ///
    /// # Errors
    /// If none can be taken; the event is kept all the same.
    fn note(&mut self, context: Context, event: Event) -> Result<(), Fault> {
        let weight = event.weight();
        if let Some(trial) = &mut self.standing.trial
            && !trial.note(context, &event, weight)
        {
            self.standing.trial = None;
        }
        self.state.tail_bytes += weight;
        self.state.tail.push((context, event));
        let due = self.state.tail.len() >= limits::REPLAY_EVENTS || self.state.tail_bytes > limits::REPLAY_BYTES;
        if due { self.refresh() } else { Ok(()) }
    }

    /// Takes a snapshot if events have come since the last.
    ///
    /// # Errors
    /// If the guest would not give one; the last good state and the events since are then as before.
    pub(crate) fn refresh(&mut self) -> Result<(), Fault> {
        if self.state.tail.is_empty() {
            return Ok(());
        }
        let taken = match &mut self.instance {
            Some(instance) => instance.snapshot(),
            None => restore_instance(&*self.generation, &self.state).and_then(|mut one| one.snapshot()),
        };
        match taken {
            Ok(snapshot) => {
                self.state.good = Some(snapshot);
                self.state.tail = Vec::new();
                self.state.tail_bytes = 0;
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
    pub(crate) fn hibernate(&mut self) {
        let _ = self.refresh();
        self.instance = None;
        self.permit = None;
    }

    /// Makes the instance live. Needs a permit in place.
    pub(crate) fn make_live(&mut self) -> Result<(), Fault> {
        if self.instance.is_none() {
            self.instance = Some(restore_instance(&*self.generation, &self.state)?);
        }
        Ok(())
    }
}
