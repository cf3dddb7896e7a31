//! The steps that follow from an event. Rule: first in, first out; what one event may trigger is bounded, against modes
//! that trigger each other and modes that retry after every failure.

use std::collections::VecDeque;
use std::time::Duration;

use crate::limits;
use modehost_contract::Event;
use modehost_contract::event::Transcript;
use modehost_ids::{ConnectionId, PluginId};
use modehost_protocol::DeviceMessage;

/// One step that follows from an event of the session.
pub(crate) enum Work {
    /// Deliver an event to a plugin's handler and apply its effects.
    Deliver { plugin: PluginId, event: Event },
    /// From the device, on this connection; or dispatched by a mode, as if the device had sent it.
    Message(Option<ConnectionId>, DeviceMessage),
    /// A transcript for the current mode, or for the default mode if the current one declined.
    Transcript { transcript: Transcript, declined: bool },
    /// Start this mode, or return to the default mode.
    Switch(Option<String>),
}

impl Work {
    /// For traces.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Deliver { event, .. } => event.name(),
            Self::Message(..) => "message",
            Self::Transcript { .. } => "transcript",
            Self::Switch(_) => "switch-mode",
        }
    }
}

/// Whether a bound admits one more step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    Admitted,
    /// The first beyond the bound: the device gets an error.
    FirstBeyond,
    Beyond,
}

impl Admission {
    fn of(count: usize, most: usize) -> Self {
        match count {
            _ if count <= most => Self::Admitted,
            _ if count == most + 1 => Self::FirstBeyond,
            _ => Self::Beyond,
        }
    }
}

/// The pending steps.
#[derive(Default)]
pub(crate) struct WorkQueue {
    items: VecDeque<Work>,
    /// `dispatch` and `switch-mode` effects since the last event of the session.
    cascade: usize,
    /// Events that the host itself has produced since the last event of the session.
    host_replies: usize,
    /// Work done since the session last yielded its thread.
    busy: Duration,
}

impl WorkQueue {
    /// Appends a step.
    pub(crate) fn push_back(&mut self, work: Work) {
        self.items.push_back(work);
    }

    /// Appends an event for a plugin.
    pub(crate) fn push_event(&mut self, plugin: PluginId, event: Event) {
        self.items.push_back(Work::Deliver { plugin, event });
    }

    /// The next step.
    pub(crate) fn pop_front(&mut self) -> Option<Work> {
        self.items.pop_front()
    }

    /// Drops all steps.
    pub(crate) fn clear(&mut self) {
        self.items.clear();
    }

    /// Pending events of this plugin.
    pub(crate) fn events_of(&self, plugin: &PluginId) -> impl Iterator<Item = &Event> {
        self.items.iter().filter_map(move |work| match work {
            Work::Deliver { plugin: of, event } if of == plugin => Some(event),
            _ => None,
        })
    }

    /// An event of the session starts: resets its bounds.
    pub(crate) fn begin_event(&mut self) {
        (self.cascade, self.host_replies) = (0, 0);
    }

    /// A mode triggers another; at most `CASCADE` per event.
    pub(crate) fn admit_cascade(&mut self) -> Admission {
        self.cascade += 1;
        Admission::of(self.cascade, limits::CASCADE)
    }

    /// The host produces an event itself; at most `HOST_REPLIES` per event.
    pub(crate) fn admit_host_reply(&mut self) -> Admission {
        self.host_replies += 1;
        Admission::of(self.host_replies, limits::HOST_REPLIES)
    }

    /// Adds the duration of a step. True if the session should yield its thread: a flood of messages, or a slow mode,
    /// must not starve other sessions.
    pub(crate) fn spend(&mut self, elapsed: Duration) -> bool {
        self.busy += elapsed;
        let is_over = self.busy >= limits::SESSION_TURN;
        if is_over {
            self.busy = Duration::ZERO;
        }
        is_over
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_is_told_once_and_begins_anew_with_each_event() {
        let mut work = WorkQueue::default();
        for _ in 0..2 {
            work.begin_event();
            let admitted = (0..limits::CASCADE).all(|_| work.admit_cascade() == Admission::Admitted);
            assert!(admitted && work.admit_host_reply() == Admission::Admitted, "each has a bound of its own");
            assert_eq!(work.admit_cascade(), Admission::FirstBeyond);
            assert_eq!(work.admit_cascade(), Admission::Beyond);
        }
    }

    #[test]
    fn others_have_their_turn_once_a_session_has_worked_for_long() {
        let mut work = WorkQueue::default();
        let half = limits::SESSION_TURN / 2;
        assert!(!work.spend(half));
        assert!(work.spend(limits::SESSION_TURN - half));
        assert!(!work.spend(half), "what was spent before is forgotten");
    }

    #[test]
    fn events_that_wait_are_found_by_their_plugin() {
        let mut work = WorkQueue::default();
        let (one, other) = (PluginId::from("one"), PluginId::from("other"));
        work.push_event(one.clone(), Event::Timer(1));
        work.push_event(other, Event::Timer(2));
        work.push_back(Work::Switch(None));
        work.push_event(one.clone(), Event::Timer(3));
        let timers = work.events_of(&one).filter_map(|event| match event {
            Event::Timer(id) => Some(*id),
            _ => None,
        });
        assert_eq!(timers.collect::<Vec<_>>(), [1, 3]);
    }
}
