//! Timers by name. Rule: a name runs at most once at a time; what a name stands for survives a swap, since names and
//! not numbers are stored.

use serde::{Deserialize, Serialize};

use crate::TimerId;

/// Alarms that run at the same time: the host's own limit. It starts no further one and says so in its log only.
pub const ALARMS: usize = 64;

/// A name and the host's timer under it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Alarm {
    name: String,
    timer: TimerId,
}

/// Alarms that run. Part of the snapshot.
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

    /// The timer of this name: the one that runs, which the host then replaces, or the next one. Numbers are not
    /// used again, so an expiry that was on its way when its alarm was stopped rings nothing else. None: too many run.
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

    /// The name of a timer that has run out; none where it was stopped meanwhile.
    pub(crate) fn ring(&mut self, timer: TimerId) -> Option<String> {
        let index = self.0.iter().position(|alarm| alarm.timer == timer)?;
        Some(self.0.remove(index).name)
    }

    /// A timer of an older version of the mode, whose name is known by now.
    pub(crate) fn adopt(&mut self, timer: TimerId, name: String) {
        self.0.push(Alarm { name, timer });
    }

    pub(crate) fn append(&mut self, mut others: Self) {
        self.0.append(&mut others.0);
    }
}
