//! Idle connections. Rule: a device is warned before its connection is closed, no answer is cut off, and any activity
//! of the user cancels the close.
//!
//! Activity is voice, a message of the user or an answer to them. What a device sends by itself is none: an open
//! microphone sends for ever. Connection and audio input store the time of the last activity (`Activity`) without
//! waking the session. The session checks it when the next step would be due, and sleeps again if there was activity
//! meanwhile: an idle device costs three or four wake-ups in eleven minutes, an active one even fewer.

use std::sync::Arc;
use std::time::Duration;

use modehost_outbox::close;
use modehost_protocol::reply;
use tokio::time::Instant;

use super::Presence;
use crate::activity::Activity;
use crate::config::IdleConfig;
use crate::environment::Environment;

/// The idle state of the connection that is served.
#[derive(Default)]
pub(super) struct Idle {
    /// The next check; none while no connection is served, or where connections are never closed.
    next_check: Option<Instant>,
    /// The shortest warning given since the last activity.
    warned: Option<Duration>,
    /// An answer was in progress at the last check.
    answering: bool,
    /// The mode that the next check was computed for.
    mode: Option<Arc<str>>,
}

impl Idle {
    /// The next check.
    pub(super) fn next_check(&self) -> Option<Instant> {
        self.next_check
    }
}

/// The part of the session's state that decides how long a device may be idle.
#[derive(Clone, Copy)]
pub(crate) struct IdleContext<'a> {
    /// The current mode; none for the default mode.
    pub(crate) mode: Option<&'a Arc<str>>,
    /// The mode records what is said.
    pub(crate) records: bool,
}

impl IdleContext<'_> {
    /// The last activity: of the user; of the connection where a mode records, since a user who only listens says
    /// nothing for hours (C.17).
    fn last_activity(self, activity: &Activity) -> Instant {
        if self.records { activity.transport() } else { activity.user() }
    }
}

/// The step due at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// Nothing yet; check again then.
    Wait(Instant),
    /// Warn the device that this much is left; check again then.
    Warn {
        left: Duration,
        next: Instant,
    },
    Close,
}

/// The step due for a device whose last activity was at `active` and that was warned `warned` before the end.
fn step(config: &IdleConfig, total: Duration, active: Instant, warned: Option<Duration>, now: Instant) -> Step {
    let end = active + total;
    if now >= end {
        return Step::Close;
    }
    let left = end - now;
    let given = |before: &Duration| warned.is_some_and(|warned| warned <= *before);
    // Longest first. A warning that would be due at the last activity itself is skipped.
    let open = || config.warn_before.iter().copied().filter(|before| *before < total && !given(before));
    // If several are due at once, after a change of the settings, only the last is given.
    match open().rfind(|before| left <= *before) {
        Some(due) => {
            let next = open().find(|before| *before < due).map_or(end, |before| end - before);
            Step::Warn { left, next }
        }
        None => Step::Wait(open().next().map_or(end, |before| end - before)),
    }
}

impl Presence {
    /// Starts idle tracking for a connection.
    pub(crate) fn watch_idleness(&mut self, env: &Environment, context: IdleContext<'_>) {
        env.handle.activity.touch();
        self.idle.warned = None;
        self.check_idleness(env, context, Instant::now());
    }

    /// Called after each event: an answer counts as activity, and another mode may have another limit.
    pub(crate) fn record_activity(&mut self, env: &Environment, context: IdleContext<'_>, answering: bool) {
        if std::mem::replace(&mut self.idle.answering, answering) || answering {
            env.handle.activity.touch();
        }
        if self.idle.next_check.is_some() && self.idle.mode.as_ref() != context.mode {
            self.check_idleness(env, context, Instant::now());
        }
    }

    /// Whether a check is due.
    pub(crate) fn is_idle_check_due(&self, now: Instant) -> bool {
        self.idle.next_check().is_some_and(|at| at <= now)
    }

    /// Takes the step that is due and schedules the next check.
    pub(crate) fn check_idleness(&mut self, env: &Environment, context: IdleContext<'_>, now: Instant) {
        self.idle.next_check = None;
        self.idle.mode = context.mode.cloned();
        let config = env.config();
        let mode = context.mode.map(AsRef::as_ref).or(config.default_mode.as_deref());
        let (Some(total), Some(outbox)) = (config.idle.total(mode), self.link.outbox()) else { return };
        let activity = &env.handle.activity;
        if self.idle.answering {
            activity.touch();
        }
        let mut active = context.last_activity(activity);
        // The settings or the mode have changed, or the machine was suspended: no connection is closed without a
        // warning.
        let last = config.idle.warn_before.iter().copied().filter(|before| *before < total).min();
        if now >= active + total
            && self.idle.warned.is_none()
            && let Some(last) = last
        {
            activity.backdate(last, total);
            active = context.last_activity(activity);
        }
        // Activity after a warning cancels it.
        if self.idle.warned.is_some_and(|warned| active + total > now + warned) {
            self.idle.warned = None;
        }
        match step(&config.idle, total, active, self.idle.warned, now) {
            Step::Wait(next) => self.idle.next_check = Some(next),
            Step::Warn { left, next } => {
                let _ = outbox.text(reply::timeout_warning(left));
                metrics::counter!("modehost_idle_warnings_total").increment(1);
                self.idle.warned = Some(left);
                self.idle.next_check = Some(next);
            }
            Step::Close => {
                tracing::debug!(device = %env.handle.device, seconds = total.as_secs(), "idle connection closed");
                metrics::counter!("modehost_idle_closes_total").increment(1);
                outbox.close(close::NORMAL, format!("nothing was heard from this device for {} s", total.as_secs()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    const S: Duration = Duration::from_secs(1);

    fn config() -> IdleConfig {
        IdleConfig {
            idle: 600 * S,
            buffer: 60 * S,
            warn_before: vec![15 * S, 10 * S],
            multiplier: BTreeMap::from([("long".into(), 3), ("endless".into(), 0)]),
        }
    }

    #[test]
    fn c6_modes_multiply_the_time_but_not_the_buffer() {
        let config = config();
        assert_eq!(config.total(None), Some(660 * S));
        assert_eq!(config.total(Some("other")), Some(660 * S));
        assert_eq!(config.total(Some("long")), Some(1860 * S));
        assert_eq!(config.total(Some("endless")), None);
        assert_eq!(IdleConfig { idle: Duration::ZERO, ..config }.total(None), None);
    }

    #[test]
    fn c6_warnings_come_each_once_and_then_the_end() {
        let (config, active, total) = (config(), Instant::now(), 660 * S);
        let at = |left: u32| active + total - left * S;
        let due = |left, warned: Option<u32>| step(&config, total, active, warned.map(|left| left * S), at(left));
        assert_eq!(due(660, None), Step::Wait(at(15)));
        assert_eq!(due(16, None), Step::Wait(at(15)));
        assert_eq!(due(15, None), Step::Warn { left: 15 * S, next: at(10) });
        assert_eq!(due(12, Some(15)), Step::Wait(at(10)));
        assert_eq!(due(10, Some(15)), Step::Warn { left: 10 * S, next: at(0) });
        assert_eq!(due(10, Some(10)), Step::Wait(at(0)));
        assert_eq!(due(9, None), Step::Warn { left: 9 * S, next: at(0) }, "of two that are due, one is given");
        assert_eq!(due(0, Some(10)), Step::Close);
    }
}
