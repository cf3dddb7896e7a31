//! Connections that nothing is heard of. Rule: a device is warned before its connection is closed,
//! nothing that is being answered is cut off, and whatever the person does cancels the close.
//!
//! A sign of life is a voice, a message of the person or an answer to them; what a device sends by itself is
//! none: a microphone that is open sends for ever. Connection and recogniser store when the last one was (`Activity`)
//! without waking anybody. The session looks at it when the next step would be due, and goes back to
//! sleep if something was heard meanwhile: an idle device costs three or four wakes in eleven
//! minutes, and a lively one does not even cost those.

use std::sync::Arc;
use std::time::Duration;

use modehost_outbox::close;
use modehost_protocol::reply;
use tokio::time::Instant;

use super::Presence;
use crate::activity::Activity;
use crate::config::IdleConfig;
use crate::environment::Environment;

/// What is due on the connection that is served.
#[derive(Default)]
pub(super) struct Idle {
    /// When to look again; none while nobody is connected, or where connections are never closed.
    look: Option<Instant>,
    /// The shortest of the warnings that were given since something was heard.
    warned: Option<Duration>,
    /// Something was being answered when the session was last looked at.
    answering: bool,
    /// The mode that `look` was reckoned with.
    mode: Option<Arc<str>>,
}

impl Idle {
    /// When to look again.
    pub(super) fn next_look(&self) -> Option<Instant> {
        self.look
    }
}

/// What the session does, as far as it decides how long a device may be silent.
#[derive(Clone, Copy)]
pub(crate) struct Occupation<'a> {
    /// The current mode; none for the default mode.
    pub(crate) mode: Option<&'a Arc<str>>,
    /// The mode keeps what is said.
    pub(crate) records: bool,
}

impl Occupation<'_> {
    /// When there was last a sign of life: of the person; of the connection where a mode records, since whoever only
    /// listens says nothing for hours (C.17).
    fn last_heard(self, activity: &Activity) -> Instant {
        if self.records { activity.transport() } else { activity.person() }
    }
}

/// What is due at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// Nothing yet; look again then.
    Wait(Instant),
    /// This much is left, of which the device is told; look again then.
    Warn {
        left: Duration,
        next: Instant,
    },
    Close,
}

/// What is due for a device that was last heard at `heard` and has been warned at `warned` before the
/// end.
fn step(config: &IdleConfig, total: Duration, heard: Instant, warned: Option<Duration>, now: Instant) -> Step {
    let end = heard + total;
    if now >= end {
        return Step::Close;
    }
    let left = end - now;
    let given = |before: &Duration| warned.is_some_and(|warned| warned <= *before);
    // Longest first. A warning that would come with the last message is none.
    let open = || config.warn_before.iter().copied().filter(|before| *before < total && !given(before));
    // Of several that are due at once, after a change of the settings, only the last is given.
    match open().rfind(|before| left <= *before) {
        Some(due) => {
            let next = open().find(|before| *before < due).map_or(end, |before| end - before);
            Step::Warn { left, next }
        }
        None => Step::Wait(open().next().map_or(end, |before| end - before)),
    }
}

impl Presence {
    /// Begins to look after a connection.
    pub(crate) fn watch_idleness(&mut self, env: &Environment, occupation: Occupation<'_>) {
        env.handle.activity.touch();
        self.idle.warned = None;
        self.check_idleness(env, occupation, Instant::now());
    }

    /// After each event: what is being answered is no silence, and another mode may wait longer.
    pub(crate) fn record_activity(&mut self, env: &Environment, occupation: Occupation<'_>, answering: bool) {
        if std::mem::replace(&mut self.idle.answering, answering) || answering {
            env.handle.activity.touch();
        }
        if self.idle.look.is_some() && self.idle.mode.as_ref() != occupation.mode {
            self.check_idleness(env, occupation, Instant::now());
        }
    }

    /// Whether the connection is to be looked at now.
    pub(crate) fn is_idle_check_due(&self, now: Instant) -> bool {
        self.idle.next_look().is_some_and(|at| at <= now)
    }

    /// Does what is due and settles when to look again.
    pub(crate) fn check_idleness(&mut self, env: &Environment, occupation: Occupation<'_>, now: Instant) {
        self.idle.look = None;
        self.idle.mode = occupation.mode.cloned();
        let config = env.config();
        let mode = occupation.mode.map(AsRef::as_ref).or(config.default_mode.as_deref());
        let (Some(total), Some(outbox)) = (config.idle.total(mode), self.link.outbox()) else { return };
        let activity = &env.handle.activity;
        if self.idle.answering {
            activity.touch();
        }
        let mut heard = occupation.last_heard(activity);
        // The settings or the mode have changed, or the machine slept: nobody is closed unwarned.
        let last = config.idle.warn_before.iter().copied().filter(|before| *before < total).min();
        if now >= heard + total
            && self.idle.warned.is_none()
            && let Some(last) = last
        {
            activity.grant(last, total);
            heard = occupation.last_heard(activity);
        }
        // Whoever was heard after a warning has not been warned.
        if self.idle.warned.is_some_and(|warned| heard + total > now + warned) {
            self.idle.warned = None;
        }
        match step(&config.idle, total, heard, self.idle.warned, now) {
            Step::Wait(next) => self.idle.look = Some(next),
            Step::Warn { left, next } => {
                let _ = outbox.text(reply::timeout_warning(left));
                metrics::counter!("modehost_idle_warnings_total").increment(1);
                self.idle.warned = Some(left);
                self.idle.look = Some(next);
            }
            Step::Close => {
                tracing::debug!(device = %env.handle.device, seconds = total.as_secs(), "nothing was heard; its connection closes");
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
        let (config, heard, total) = (config(), Instant::now(), 660 * S);
        let at = |left: u32| heard + total - left * S;
        let due = |left, warned: Option<u32>| step(&config, total, heard, warned.map(|left| left * S), at(left));
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
