//! Steps of a device that return faults as errors. Rule: a fault of the mode becomes a sentence that names the event
//! or call; after it, the instance is not used again, unless a failed swap has restored the previous version.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use modehost_contract::effect::Local;
use modehost_contract::{Context, Effect, Event, Fault, Generation, Snapshot};
use modehost_limits::{TIMER_LEAST, TIMER_MOST};
use modehost_plugin::WasmGeneration;
use serde_json::json;

use super::TestDevice;
use crate::component;

/// Limit of outcomes in one step. A mode that makes a request after each outcome would never end.
pub(crate) const OUTCOMES: usize = 10_000;

impl TestDevice {
    /// Sends any event, which opens the instance if it is the first; then handles the outcomes, unless the device is
    /// on hold.
    pub(crate) fn try_tell(&mut self, event: &Event) -> Result<(), String> {
        if self.instance.is_none() {
            self.instance = Some(self.generation.open().map_err(|fault| format!("the mode {fault}"))?);
            if !matches!(event, Event::Started(_)) {
                let start = self.started(None);
                self.try_tell(&start)?;
            }
        }
        self.handle(event)?;
        if self.held { Ok(()) } else { self.try_settle() }
    }

    /// Handles the next outcome in the queue; false if there is none.
    pub(crate) fn try_step(&mut self) -> Result<bool, String> {
        let next = self.world.borrow_mut().queues.get_mut(&*self.device.id).and_then(VecDeque::pop_front);
        match next {
            Some(event) => self.handle(&event).map(|()| true),
            None => Ok(false),
        }
    }

    /// Whether an outcome is in the queue.
    pub(crate) fn waits(&self) -> bool {
        self.world.borrow().queues.get(&*self.device.id).is_some_and(|queue| !queue.is_empty())
    }

    /// Handles outcomes until the queue is empty.
    pub(crate) fn try_settle(&mut self) -> Result<(), String> {
        for _ in 0..OUTCOMES {
            if !self.try_step()? {
                return Ok(());
            }
        }
        Err(format!("after {OUTCOMES} outcomes of one event more wait: does the mode ask anew for each?"))
    }

    /// Expiry of the device's next timer, in Unix ms of the kit.
    pub(crate) fn next_timer(&self) -> Option<u64> {
        self.timers.values().min().copied()
    }

    /// Lets time pass; timers of this device expire in order.
    pub(crate) fn try_advance(&mut self, ms: u64) -> Result<(), String> {
        let end = self.world.borrow().now.saturating_add(ms);
        loop {
            let next = self.timers.iter().map(|(&id, &due)| (due, id)).min().filter(|(due, _)| *due <= end);
            let Some((due, id)) = next else {
                break;
            };
            self.timers.remove(&id);
            let now = self.world.borrow().now.max(due);
            self.world.borrow_mut().now = now;
            self.try_tell(&Event::Timer(id))?;
        }
        self.world.borrow_mut().now = end;
        Ok(())
    }

    /// Changes the plugin's section of the configuration while the device is served.
    pub(crate) fn try_configure(&mut self, config: &str) -> Result<(), String> {
        self.generation = component::reload(&self.generation, config)?;
        self.config = Some(config.to_owned());
        let changed = Event::ConfigChanged { config: config.into(), device: self.device.clone() };
        self.try_tell(&changed)
    }

    /// Restarts the process with the state as it is now.
    pub(crate) fn try_restart(&mut self) -> Result<(), String> {
        let snapshot = self.try_snapshot()?;
        self.restore(&snapshot)?;
        self.world.borrow_mut().interrupt(&self.device.id);
        if self.held { Ok(()) } else { self.try_settle() }
    }

    /// Swaps the plugin: the other version restores the state and gets `upgraded`, as in the server. If it fails, the
    /// previous version continues.
    pub(crate) fn try_swap(&mut self, next: Arc<WasmGeneration>) -> Result<(), String> {
        let next = match &self.config {
            Some(config) => component::reload(&next, config)?,
            None => next,
        };
        if self.instance.is_some() {
            let snapshot = self.try_snapshot()?;
            let old = std::mem::replace(&mut self.generation, next);
            let upgraded = Event::Upgraded { old_version: old.manifest().version.as_str().into() };
            if let Err(why) = self.restore(&snapshot).and_then(|()| self.tell_upgraded(&upgraded)) {
                self.generation = old;
                self.restore(&snapshot)?;
                return Err(why);
            }
        } else {
            self.generation = next;
        }
        Ok(())
    }

    /// Sends `upgraded`. Not counted as an event of the script, so that a swap changes no seed.
    fn tell_upgraded(&mut self, upgraded: &Event) -> Result<(), String> {
        let now = self.world.borrow().now;
        let instance = self.instance.as_mut().ok_or("no event has opened the instance")?;
        let effects = instance
            .handle(Context { now, seed: 0 }, upgraded)
            .map_err(|fault| format!("{}: the mode {fault}", upgraded.name()))?;
        effects.into_iter().for_each(|effect| self.carry_out(effect, now));
        Ok(())
    }

    /// The snapshot of the state between two events.
    pub(crate) fn try_snapshot(&mut self) -> Result<Snapshot, String> {
        let instance = self.instance.as_mut().ok_or("no event has opened the instance")?;
        instance.snapshot().map_err(|fault| format!("snapshot: the mode {fault}"))
    }

    fn restore(&mut self, snapshot: &Snapshot) -> Result<(), String> {
        let restored = self.generation.restore(snapshot).map_err(|fault| format!("restore: the mode {fault}"))?;
        self.instance = Some(restored);
        // The new version may store parts of the list that the previous one did not, so it gets the list again.
        self.known_modes = None;
        Ok(())
    }

    fn handle(&mut self, event: &Event) -> Result<(), String> {
        if !matches!(event, Event::Started(_) | Event::Ended(_)) {
            self.tell_modes()?;
        }
        let context = {
            let mut world = self.world.borrow_mut();
            world.handled += 1;
            // Spread over all bits, and the same in each run.
            Context { now: world.now, seed: (world.handled as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) }
        };
        let instance = self.instance.as_mut().ok_or("no event has opened the instance")?;
        match instance.handle(context, event) {
            Ok(effects) => {
                for effect in effects {
                    self.carry_out(effect, context.now);
                }
            }
            Err(Fault::Rejected(rejection)) => {
                let mut error = json!({"type": "error", "code": rejection.code, "message": rejection.message});
                if let Some(ms) = rejection.retry_after_ms {
                    error["retry_after_ms"] = ms.into();
                }
                self.world.borrow_mut().hand(&self.device.id, &error.to_string());
            }
            Err(fault) => return Err(format!("{}: the mode {fault}", event.name())),
        }
        self.swap_if_due()
    }

    /// Sends the list of modes to a plugin that subscribes to it, if it has changed. Not counted as an event of the
    /// script, so that a swap, which sends it again, changes no seed.
    fn tell_modes(&mut self) -> Result<(), String> {
        let manifest = self.generation.manifest();
        if !manifest.subscriptions.modes {
            return Ok(());
        }
        let (mut modes, now) = {
            let world = self.world.borrow();
            (world.modes.iter().chain(&manifest.modes).cloned().collect::<Vec<_>>(), world.now)
        };
        modes.sort_by(|one, other| one.name.cmp(&other.name));
        if self.known_modes.as_ref() == Some(&modes) {
            return Ok(());
        }
        let event = Event::Modes(modes.as_slice().into());
        self.known_modes = Some(modes);
        let instance = self.instance.as_mut().ok_or("no event has opened the instance")?;
        let effects = instance
            .handle(Context { now, seed: 0 }, &event)
            .map_err(|fault| format!("{}: the mode {fault}", event.name()))?;
        effects.into_iter().for_each(|effect| self.carry_out(effect, now));
        Ok(())
    }

    fn carry_out(&mut self, effect: Effect, now: u64) {
        match &effect {
            Effect::Local(Local::StartTimer { id, delay_ms }) => {
                let delay = Duration::from_millis(*delay_ms).clamp(TIMER_LEAST, TIMER_MOST);
                self.timers.insert(*id, now + u64::try_from(delay.as_millis()).unwrap_or(u64::MAX));
            }
            Effect::Local(Local::StopTimer(id)) => {
                self.timers.remove(id);
            }
            other => self.world.borrow_mut().carry_out(&self.device.id, other),
        }
        self.effects.push(effect);
    }

    /// Swaps the instance once, as soon as the event of `swap_behind` has been handled.
    fn swap_if_due(&mut self) -> Result<(), String> {
        let due = match &self.world.borrow().swap_behind {
            Some((event, next)) if !self.swapped && self.world.borrow().handled >= *event => Some(next.clone()),
            _ => None,
        };
        if let Some(next) = due {
            self.swapped = true;
            self.try_swap(next)?;
        }
        Ok(())
    }
}
