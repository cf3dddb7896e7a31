//! What is noted of a call that somebody observes. Rule: nothing is noted of other calls; texts and state are noted only
//! for observers that may see them.

use std::time::Instant;

use modehost_contract::{Event, Fault};
use modehost_ids::DeviceId;

use super::{Delivered, Handler};
use crate::clock::unix_ms;
use crate::observe::{CallContent, CallOutcome, CallRecord, Interest};

/// A call in progress.
pub(super) struct ObservedCall {
    at: u64,
    began: Instant,
    event: &'static str,
    effects: Vec<&'static str>,
    outcome: CallOutcome,
    took_us: u64,
    fault: Option<String>,
    content: Option<CallContent>,
}

impl ObservedCall {
    pub(super) fn new(event: &Event, interest: Interest) -> Self {
        let content = (interest == Interest::Content).then(|| CallContent::of(event));
        Self {
            at: unix_ms(),
            began: Instant::now(),
            event: event.name(),
            effects: Vec::new(),
            outcome: CallOutcome::Handled,
            took_us: 0,
            fault: None,
            content,
        }
    }

    /// The call is over. `fault`: the first one, also where a second attempt or the previous generation succeeded.
    pub(super) fn ended(&mut self, delivered: &Delivered, fault: Option<Fault>) {
        self.took_us = u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.fault = fault.map(|fault| fault.to_string());
        let (outcome, own) = match delivered {
            Delivered::Effects(effects) => {
                self.effects = effects.iter().map(modehost_contract::Effect::name).collect();
                if let Some(content) = &mut self.content {
                    content.set_effects(effects);
                }
                (CallOutcome::Handled, None)
            }
            Delivered::Rejected(rejection) => {
                (CallOutcome::Rejected, Some(format!("{}: {}", rejection.code, rejection.message)))
            }
            Delivered::Skipped(fault) => (CallOutcome::Skipped, Some(fault.to_string())),
            Delivered::Lost(fault, _) => (CallOutcome::Lost, Some(fault.to_string())),
        };
        self.outcome = outcome;
        self.fault = self.fault.take().or(own);
    }

    /// The state could not be read.
    pub(super) fn no_state(&mut self, fault: &Fault) {
        self.fault.get_or_insert_with(|| format!("no snapshot: {fault}"));
    }

    pub(super) fn into_record(self, handler: &Handler, device: &DeviceId, memory_bytes: usize) -> CallRecord {
        let Self { at, event, effects, outcome, took_us, fault, mut content, .. } = self;
        let state = handler.last_snapshot();
        if let (Some(content), Some(state)) = (&mut content, state) {
            content.set_state(state);
        }
        CallRecord {
            at,
            device: device.clone(),
            plugin: handler.plugin.clone(),
            generation: handler.generation.id(),
            version: handler.generation.manifest().version.as_str().into(),
            event,
            effects,
            outcome,
            took_us,
            memory_bytes,
            state_bytes: state.map(|state| state.state.len()),
            fault,
            content,
        }
    }
}
