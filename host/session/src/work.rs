//! What follows from an event, in order. Rule: first in, first out; what one event may set off is bounded, for modes that
//! set each other off and for modes that ask again at every refusal.

use std::collections::VecDeque;
use std::time::Duration;

use crate::limits;
use modehost_contract::Event;
use modehost_contract::event::Transcript;
use modehost_ids::{ConnectionId, PluginId};
use modehost_protocol::DeviceMessage;

/// One step that follows from an event of the session.
pub(crate) enum Work {
    /// Give an event to a plugin's handler and carry out what it wants.
    Deliver { plugin: PluginId, event: Event },
    /// The device has sent it, on this connection; or a mode has dispatched it, as if the device had.
    Message(Option<ConnectionId>, DeviceMessage),
    /// Words for the current mode, or for the default mode where the current one declined.
    Transcript { transcript: Transcript, declined: bool },
    /// Begin this mode, or the default mode.
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

/// What a bound says of one step more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    Admitted,
    /// It is the first beyond the bound: the device is told.
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

/// The steps that are still to be done.
#[derive(Default)]
pub(crate) struct WorkQueue {
    items: VecDeque<Work>,
    /// `dispatch` and `switch-mode` effects since the last event of the session.
    cascade: usize,
    /// Answers that the host has given itself since the last event of the session.
    own_answers: usize,
    /// How long the session has worked since others last had their turn on its thread.
    busy: Duration,
}

impl WorkQueue {
    /// Adds a step behind all others.
    pub(crate) fn push_back(&mut self, work: Work) {
        self.items.push_back(work);
    }

    /// An event for a plugin, behind all other steps.
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

    /// Events that this plugin has not been given yet.
    pub(crate) fn events_of(&self, plugin: &PluginId) -> impl Iterator<Item = &Event> {
        self.items.iter().filter_map(move |work| match work {
            Work::Deliver { plugin: of, event } if of == plugin => Some(event),
            _ => None,
        })
    }

    /// An event of the session begins: its bounds begin anew.
    pub(crate) fn begin_event(&mut self) {
        (self.cascade, self.own_answers) = (0, 0);
    }

    /// A mode sets off another; at most `CASCADE` an event.
    pub(crate) fn admit_cascade(&mut self) -> Admission {
        self.cascade += 1;
        Admission::of(self.cascade, limits::CASCADE)
    }

    /// The host answers a request itself; at most `OWN_ANSWERS` an event.
    pub(crate) fn admit_own_answer(&mut self) -> Admission {
        self.own_answers += 1;
        Admission::of(self.own_answers, limits::OWN_ANSWERS)
    }

    /// A step took this long. True where others should have their turn on the thread now: a flood, or a mode that is
    /// slow, must not keep it from the sessions that wait for it.
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
            assert!(admitted && work.admit_own_answer() == Admission::Admitted, "each has a bound of its own");
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
