//! The handler of one plugin in a session. Rule: the last good state is a snapshot and the events since; because a mode
//! returns the same effects for the same events, replaying them (and discarding the effects) leads to the state before
//! any failing event. Recovery from a trap, rollback of a swap and waking from hibernation all use this path.
//!
//! Further methods in `handler/`: [`migration`] (to another generation and back). [`rollback`] and [`observed`] have types
//! of their own.

mod migration;
mod observed;
mod rollback;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::limits;
use modehost_contract::id::{RequestId, TimerId};
use modehost_contract::mode_info::ModeInfo;
use modehost_contract::{Context, Effect, Event, Fault, Generation, GenerationReport, Instance, Rejection, Snapshot};
use modehost_ids::{GenerationId, PluginId};
use modehost_storage::traits::Watch;
use tokio::time::Instant;

pub(crate) use self::migration::MigrationError;
use self::observed::ObservedCall;
use self::rollback::{RollbackTarget, State, restore_instance};
pub(crate) use self::rollback::{Trial, rollback_generation};
use crate::budget::Permit;
use crate::environment::Environment;
use crate::requests::OpenRequest;

/// The result of a delivery.
pub(crate) enum Delivered {
    Effects(Vec<Effect>),
    /// The input is invalid.
    Rejected(Rejection),
    /// The event failed on every generation and has been skipped; the state before it is kept.
    Skipped(Fault),
    /// No available generation restores the state: the handler has to restart empty, with this event.
    Lost(Fault, Event),
}

/// The catalog's entry for a handler, as far as a rollback needs it.
#[derive(Default)]
struct RollbackEntry {
    /// The previous generation; none where none is kept.
    fallback: Option<Arc<dyn Generation>>,
    /// See `Entry::round`.
    round: u32,
}

/// Sends a report to the catalog, with the generation that it is about.
type OnReport<'a> = dyn FnMut(GenerationId, GenerationReport<'_>) + 'a;

/// A plugin in one session: its instance and its state.
pub(crate) struct Handler {
    pub(crate) plugin: PluginId,
    pub(crate) generation: Arc<dyn Generation>,
    instance: Option<Box<dyn Instance>>,
    pub(crate) permit: Option<Permit>,
    /// The last good state.
    state: State,
    health: GenerationHealth,
    pub(crate) role: Role,
    /// When running timers are due. Independent of the system clock, which may jump.
    pub(crate) timers: BTreeMap<TimerId, Instant>,
    /// Open requests; removing one cancels it.
    pub(crate) requests: HashMap<RequestId, OpenRequest>,
    pub(crate) watches: HashMap<Arc<str>, Watch>,
    /// When it last got an event.
    pub(crate) used: Instant,
    backoff: Backoff,
}

/// The role of a handler in its session.
#[derive(Default)]
pub(crate) struct Role {
    /// The mode that this handler runs, if any.
    pub(crate) mode: Option<Arc<str>>,
    /// `ended` has been delivered; the handler is dropped once nothing of it is open.
    pub(crate) ending: bool,
    /// The modes of the server, as far as the handler knows them from `modes`; none before the first.
    pub(crate) known_modes: Option<Arc<[ModeInfo]>>,
}

/// How the generation of a handler has performed in this session.
#[derive(Default)]
struct GenerationHealth {
    /// What a rollback to the previous generation needs, while it is kept.
    trial: Option<Trial>,
    /// A generation that has failed in this session, and in which round; it is not tried again before the next round.
    failed: Option<(GenerationId, u32)>,
    /// The generation has handled an event of this session, and the catalog knows.
    reported_served: bool,
}

/// Repeated faults stop a handler, longer each time.
#[derive(Default)]
struct Backoff {
    /// Consecutive faults.
    faults: u32,
    /// Device messages are rejected until then.
    until: Option<Instant>,
}

impl Handler {
    /// Creates a handler without an instance. `fallback`: the generation to roll back to if this one, still on trial,
    /// fails.
    pub(crate) fn new(
        plugin: PluginId,
        generation: Arc<dyn Generation>,
        fallback: Option<Arc<dyn Generation>>,
    ) -> Self {
        let trial = fallback.map(|old| Trial::new(RollbackTarget { generation: old, state: State::default() }));
        Self {
            plugin,
            generation,
            instance: None,
            permit: None,
            state: State::default(),
            health: GenerationHealth { trial, ..GenerationHealth::default() },
            role: Role::default(),
            timers: BTreeMap::new(),
            requests: HashMap::new(),
            watches: HashMap::new(),
            used: Instant::now(),
            backoff: Backoff::default(),
        }
    }

    /// Starts from the state that an earlier process stored.
    pub(crate) fn with_snapshot(mut self, snapshot: Snapshot) -> Self {
        self.state.snapshot = Some(snapshot);
        self
    }

    pub(crate) fn is_live(&self) -> bool {
        self.instance.is_some()
    }

    /// True if the handler has handled no event yet.
    pub(crate) fn is_fresh(&self) -> bool {
        self.instance.is_none() && self.state.snapshot.is_none() && self.state.tail.is_empty()
    }

    /// True if there were events since the last snapshot.
    pub(crate) fn has_tail(&self) -> bool {
        !self.state.tail.is_empty()
    }

    /// True while the handler has no running timer and no open request.
    pub(crate) fn is_idle(&self) -> bool {
        self.timers.is_empty() && self.requests.is_empty()
    }

    /// After repeated faults, device messages are rejected until then.
    pub(crate) fn stopped_until(&self) -> Option<Instant> {
        self.backoff.until
    }

    /// Whether this generation has failed in this session in this round.
    pub(crate) fn has_failed(&self, generation: GenerationId, round: u32) -> bool {
        self.health.failed == Some((generation, round))
    }

    /// The last snapshot, for the record.
    pub(crate) fn last_snapshot(&self) -> Option<&Snapshot> {
        self.state.snapshot.as_ref()
    }

    /// The trial is over: the data for an exact rollback is kept only as long as it is small.
    pub(crate) fn end_trial(&mut self) {
        if let Some(trial) = &mut self.health.trial {
            trial.proven = true;
        }
        self.health.trial.take_if(|trial| !trial.is_within_bounds());
    }

    /// The data for a rollback, if it is kept.
    pub(crate) fn trial(&self) -> Option<&Trial> {
        self.health.trial.as_ref()
    }

    /// Delivers an event, reports the result to the catalog, and shows the call to whoever observes it.
    pub(crate) fn deliver(&mut self, env: &Environment, context: Context, event: Event) -> Delivered {
        let Some(interest) = env.shared.observers.interest_in_call(&self.plugin, &env.handle.device) else {
            return self.deliver_unobserved(env, context, event, &mut None);
        };
        let mut call = ObservedCall::new(&event, interest);
        let mut fault = None;
        let delivered = self.deliver_unobserved(env, context, event, &mut fault);
        call.ended(&delivered, fault);
        let state = matches!(delivered, Delivered::Effects(_)).then(|| self.take_snapshot());
        if let Some(Err(fault)) = &state {
            call.no_state(fault);
        }
        let memory = self.instance.as_ref().map_or(0, |instance| instance.memory_used());
        env.shared.observers.show_call(call.into_record(self, &env.handle.device, memory));
        delivered
    }

    fn deliver_unobserved(
        &mut self,
        env: &Environment,
        context: Context,
        event: Event,
        first_fault: &mut Option<Fault>,
    ) -> Delivered {
        self.used = Instant::now();
        let (plugin, own) = (self.plugin.clone(), self.generation.clone());
        let (catalog, device) = (&env.services().catalog, &env.handle.device);
        // Evaluated only after a fault.
        let rollback_entry = || {
            let table = catalog.table();
            let entry = table.plugins.get(&plugin);
            let fallback = entry.and_then(|entry| rollback_generation(entry, &own)).cloned();
            RollbackEntry { fallback, round: entry.map_or(0, |entry| entry.round) }
        };
        self.attempt_and_recover((context, event), &rollback_entry, &mut |generation, report| {
            if let GenerationReport::Faulted(fault)
            | GenerationReport::RolledBack(fault)
            | GenerationReport::RestoreFailed(fault) = &report
            {
                let went_back = !matches!(report, GenerationReport::Faulted(_));
                tracing::warn!(%plugin, generation = generation.0, %device, went_back, %fault, "a mode failed");
                first_fault.get_or_insert_with(|| (*fault).clone());
            }
            catalog.report(&plugin, generation, device, report);
        })
    }

    /// Delivers an event, at most twice: after a fault it is retried from the last good state, on the previous
    /// generation if there is one. The session rolls back if that one succeeds where this one failed.
    fn attempt_and_recover(
        &mut self,
        (context, event): (Context, Event),
        rollback_entry: &dyn Fn() -> RollbackEntry,
        report: &mut OnReport<'_>,
    ) -> Delivered {
        let unsaved = self.state.tail.len() >= limits::UNSAVED_EVENTS || self.state.tail_bytes >= limits::UNSAVED_BYTES;
        if unsaved && let Err(fault) = self.take_snapshot() {
            // Better not handled than handled and lost.
            report(self.generation.id(), GenerationReport::Faulted(&fault));
            self.back_off();
            return Delivered::Skipped(fault);
        }
        let failed = match self.attempt(context, &event) {
            Ok(effects) => return self.on_success((context, event), effects, rollback_entry, report),
            Err(Fault::Rejected(rejection)) => return Delivered::Rejected(rejection),
            Err(fault @ Fault::Capacity(_)) => return Delivered::Skipped(fault),
            Err(fault) => fault,
        };
        self.instance = None;
        let generation = self.generation.id();
        let RollbackEntry { fallback, round } = rollback_entry();
        let Some(target) = self.rollback_target(fallback) else {
            return self.retry((context, event), failed, rollback_entry, report);
        };
        match target.attempt(context, &event) {
            Ok((instance, outcome)) => {
                self.roll_back_to(target, instance, round);
                let refused_state = matches!(failed, Fault::Restore(_));
                report(
                    generation,
                    if refused_state {
                        GenerationReport::RestoreFailed(&failed)
                    } else {
                        GenerationReport::RolledBack(&failed)
                    },
                );
                match outcome {
                    Ok(effects) => self.on_success((context, event), effects, rollback_entry, report),
                    Err(rejection) => Delivered::Rejected(rejection),
                }
            }
            // Unknown whether the previous generation would have failed as well.
            Err(fault @ Fault::Capacity(_)) => Delivered::Skipped(fault),
            Err(_) => {
                report(generation, GenerationReport::Faulted(&failed));
                self.give_up(failed, event)
            }
        }
    }

    /// Retries where there is no previous generation.
    fn retry(
        &mut self,
        (context, event): (Context, Event),
        failed: Fault,
        rollback_entry: &dyn Fn() -> RollbackEntry,
        report: &mut OnReport<'_>,
    ) -> Delivered {
        report(self.generation.id(), GenerationReport::Faulted(&failed));
        match self.attempt(context, &event) {
            Ok(effects) => self.on_success((context, event), effects, rollback_entry, report),
            Err(Fault::Rejected(rejection)) => Delivered::Rejected(rejection),
            Err(fault) => {
                self.instance = None;
                if fault.is_plugin_fault() {
                    report(self.generation.id(), GenerationReport::Faulted(&fault));
                }
                self.give_up(fault, event)
            }
        }
    }

    /// The event failed on every generation.
    fn give_up(&mut self, fault: Fault, event: Event) -> Delivered {
        if matches!(fault, Fault::Restore(_)) {
            return Delivered::Lost(fault, event);
        }
        if fault.is_plugin_fault() {
            self.back_off();
        }
        Delivered::Skipped(fault)
    }

    fn on_success(
        &mut self,
        (context, event): (Context, Event),
        effects: Vec<Effect>,
        rollback_entry: &dyn Fn() -> RollbackEntry,
        report: &mut OnReport<'_>,
    ) -> Delivered {
        self.backoff.faults = 0;
        self.backoff.until = None;
        match self.record(context, event) {
            Ok(()) if !self.health.reported_served => {
                self.health.reported_served = true;
                report(self.generation.id(), GenerationReport::Served);
            }
            Ok(()) => {}
            Err(fault) => {
                // The event succeeded; if its state cannot be snapshotted, the previous generation may be able to.
                let generation = self.generation.id();
                let RollbackEntry { fallback, round } = rollback_entry();
                match self.rollback_target(fallback).map(|target| (target.restore_instance(), target)) {
                    Some((Ok(instance), target)) => {
                        self.roll_back_to(target, instance, round);
                        report(generation, GenerationReport::RolledBack(&fault));
                    }
                    _ => report(generation, GenerationReport::Faulted(&fault)),
                }
            }
        }
        Delivered::Effects(effects)
    }

    /// The previous generation with the state that it continues from: the exact one, where that is kept, else the
    /// current state.
    fn rollback_target(&self, fallback: Option<Arc<dyn Generation>>) -> Option<RollbackTarget> {
        if let Some(trial) = &self.health.trial {
            return Some(trial.target.clone());
        }
        let generation = fallback.filter(|fallback| fallback.id() != self.generation.id())?;
        Some(RollbackTarget { generation, ..self.as_rollback_target() })
    }

    /// The current generation with its state.
    fn as_rollback_target(&self) -> RollbackTarget {
        RollbackTarget { generation: self.generation.clone(), state: self.state.clone() }
    }

    /// Rolls back.
    fn roll_back_to(&mut self, target: RollbackTarget, instance: Box<dyn Instance>, round: u32) {
        self.health.failed = Some((self.generation.id(), round));
        self.health.trial = None;
        self.health.reported_served = false;
        (self.generation, self.state) = (target.generation, target.state);
        self.instance = Some(instance);
    }

    /// Restarts empty on this generation, as a new handler: state, timers and requests are dropped.
    pub(crate) fn restart_empty(&mut self, generation: Arc<dyn Generation>, fallback: Option<Arc<dyn Generation>>) {
        let permit = self.permit.take();
        let role = Role { mode: self.role.mode.take(), ..Role::default() };
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

    /// Keeps a handled event for replay; takes a snapshot when there are enough.
    ///
    /// # Errors
    /// If the snapshot fails; the event is kept nevertheless.
    fn record(&mut self, context: Context, event: Event) -> Result<(), Fault> {
        let weight = event.weight();
        if let Some(trial) = &mut self.health.trial
            && !trial.record(context, &event, weight)
        {
            self.health.trial = None;
        }
        self.state.tail_bytes += weight;
        self.state.tail.push((context, event));
        let due = self.state.tail.len() >= limits::REPLAY_EVENTS || self.state.tail_bytes > limits::REPLAY_BYTES;
        if due { self.take_snapshot() } else { Ok(()) }
    }

    /// Takes a snapshot if there were events since the last.
    ///
    /// # Errors
    /// If the guest failed to return one; the last good state and the events since are unchanged.
    pub(crate) fn take_snapshot(&mut self) -> Result<(), Fault> {
        if self.state.tail.is_empty() {
            return Ok(());
        }
        let taken = match &mut self.instance {
            Some(instance) => instance.snapshot(),
            None => restore_instance(&*self.generation, &self.state).and_then(|mut one| one.snapshot()),
        };
        match taken {
            Ok(snapshot) => {
                self.state.snapshot = Some(snapshot);
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

    /// Frees the instance's memory; the state stays.
    pub(crate) fn hibernate(&mut self) {
        let _ = self.take_snapshot();
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
