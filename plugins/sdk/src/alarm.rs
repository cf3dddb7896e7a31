//! Named timers. Rule: a name has at most one running timer; names survive a plugin swap, because the snapshot stores
//! them with the timer ids.

use serde::{Deserialize, Serialize};

use crate::TimerId;

/// Limit of running alarms, equal to the host's. Beyond it, the host does not start the timer and only logs a
/// warning.
pub const ALARMS: usize = 64;

/// An alarm name and its host timer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Alarm {
    name: String,
    timer: TimerId,
}

/// Running alarms. Part of the snapshot.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Alarms(Vec<Alarm>);

impl Alarms {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn is_running(&self, name: &str) -> bool {
        self.0.iter().any(|alarm| alarm.name == name)
    }

    /// The timer id for this name: that of the running timer, which the host then replaces, or the next one. Ids are
    /// not reused, so a late expiry of a stopped alarm triggers no other alarm. `None`: the limit is reached.
    pub(crate) fn start(&mut self, name: &str, next: &mut TimerId) -> Option<TimerId> {
        if let Some(running) = self.0.iter().find(|alarm| alarm.name == name) {
            return Some(running.timer);
        }
        if self.0.len() >= ALARMS {
            return None;
        }
        while self.0.iter().any(|alarm| alarm.timer == *next) {
            *next += 1;
        }
        let timer = *next;
        *next += 1;
        self.0.push(Alarm { name: name.to_owned(), timer });
        Some(timer)
    }

    pub(crate) fn stop(&mut self, name: &str) -> Option<TimerId> {
        let index = self.0.iter().position(|alarm| alarm.name == name)?;
        Some(self.0.remove(index).timer)
    }

    /// Removes an expired timer and returns its name; `None` if the alarm was stopped in the meantime.
    pub(crate) fn ring(&mut self, timer: TimerId) -> Option<String> {
        let index = self.0.iter().position(|alarm| alarm.timer == timer)?;
        Some(self.0.remove(index).name)
    }

    /// Registers a timer of an older version of the mode under a name. The last timer of a name is its alarm; the
    /// expiry of an earlier one triggers nothing.
    pub(crate) fn adopt(&mut self, timer: TimerId, name: String) {
        self.0.retain(|alarm| alarm.name != name);
        self.0.push(Alarm { name, timer });
    }

    pub(crate) fn append(&mut self, others: Self) {
        others.0.into_iter().for_each(|Alarm { name, timer }| self.adopt(timer, name));
    }
}

#[cfg(test)]
mod tests {
    use super::Alarms;

    #[test]
    fn a_name_has_one_timer_even_after_two_of_an_older_version() {
        let mut alarms = Alarms::default();
        alarms.adopt(1, "tea".to_owned());
        alarms.adopt(2, "tea".to_owned());
        assert_eq!((alarms.ring(1), alarms.ring(2).as_deref()), (None, Some("tea")));
        assert!(!alarms.is_running("tea"));
    }
}
