//! The places of a port, and who gives one up. Rule: no stranger's silence keeps anybody out: a connection that
//! nothing is being done for can lose its place, first the oldest of the address that holds the most; one that
//! is being answered keeps it.
//!
//! An address has a share of the places. Whoever finds none comes in *on trial* where the port has a reserve: it is
//! read, so that it can be seen whether it asks for what the reserve is for.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::limits;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::log_rate::LogRate;

/// How many connections a port takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// For everybody.
    pub all: usize,
    /// Beyond that, for those on trial; 0 where nobody comes in that way.
    pub reserve: usize,
    /// A connection that has never asked anything keeps its place for so long.
    pub grace: Duration,
    /// Whether an address is held to its share also where there are places left.
    pub strict: bool,
}

/// All places of one port.
pub(crate) struct Places {
    bounds: Bounds,
    /// For the log and the metrics.
    port: &'static str,
    state: Mutex<State>,
    /// A place has become free, or its holder may lose it now.
    changed: Notify,
    lines: LogRate,
}

#[derive(Default)]
struct State {
    next: u64,
    held: HashMap<u64, Held>,
    /// How many of `held` are on trial.
    trials: usize,
    /// What counts against the share of each address.
    of_address: HashMap<IpAddr, usize>,
}

struct Held {
    /// Whose share it counts against; none for a trusted proxy and for an operator.
    address: Option<IpAddr>,
    phase: Phase,
    since: Instant,
    on_trial: bool,
    displaced: Arc<Notify>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Nothing has been asked yet.
    New,
    /// Something is being read, or what was asked has been answered.
    Waiting,
    /// Something is being done for it.
    Busy,
}

/// One connection's place; dropping it gives it back.
pub(crate) struct Place {
    places: Arc<Places>,
    id: u64,
    displaced: Arc<Notify>,
}

/// A request that counts against the share of whom it came from, until this is dropped.
pub(crate) struct Share {
    places: Arc<Places>,
    address: IpAddr,
}

/// IPv6 gives every caller a whole network of addresses.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(ip) => IpAddr::V4(ip),
        IpAddr::V6(ip) => IpAddr::V6((u128::from(ip) >> 64 << 64).into()),
    }
}

impl Places {
    /// `port` is a word for the log and the metrics.
    pub fn new(port: &'static str, bounds: Bounds) -> Arc<Self> {
        let lines = LogRate::every(limits::PLACES_LOG, 1);
        Arc::new(Self { bounds, port, state: Mutex::default(), changed: Notify::new(), lines })
    }

    /// A place for a connection from `address` (none: it counts against nobody's share), of which each address may
    /// have `share`. Waits while nobody can give one up. Cancelling loses nothing.
    pub async fn enter(self: &Arc<Self>, address: Option<IpAddr>, share: usize) -> Place {
        if let Some(place) = self.try_enter(address, share) {
            return place;
        }
        self.log(address, "delayed");
        loop {
            self.change().await;
            if let Some(place) = self.try_enter(address, share) {
                return place;
            }
        }
    }

    /// True once nobody has a place. Cancelling loses nothing.
    pub async fn empty(&self) {
        while !self.state.lock().held.is_empty() {
            self.change().await;
        }
    }

    /// Something may have changed: time alone does, too.
    async fn change(&self) {
        let _ = timeout(limits::PLACES_LOOK, self.changed.notified()).await;
    }

    fn try_enter(self: &Arc<Self>, address: Option<IpAddr>, share: usize) -> Option<Place> {
        let address = address.map(network);
        let mut state = self.state.lock();
        let on_trial = match self.find_room(&mut state, address, share) {
            true => false,
            false if self.bounds.reserve > 0 && self.find_trial(&mut state) => true,
            false => return None,
        };
        let id = state.next;
        state.next += 1;
        let displaced = Arc::new(Notify::new());
        let held = Held { address, phase: Phase::New, since: Instant::now(), on_trial, displaced: displaced.clone() };
        state.hold(id, held);
        Some(Place { places: self.clone(), id, displaced })
    }

    /// True if there is an ordinary place, maybe because somebody has just lost his.
    fn find_room(&self, state: &mut State, address: Option<IpAddr>, share: usize) -> bool {
        let over = address.is_some_and(|address| state.count(address) >= share);
        if state.ordinary() < self.bounds.all && !(over && self.bounds.strict) {
            return true;
        }
        let Some((id, whose)) = self.victim(state, address.filter(|_| over), share) else { return false };
        state.displace(id);
        self.log(whose, if over { "share" } else { "full" });
        true
    }

    /// Who can give way: the one that has waited longest, of the address that holds most. Where `only` is over its
    /// share, it can take nobody's place but its own.
    fn victim(&self, state: &State, only: Option<IpAddr>, share: usize) -> Option<(u64, Option<IpAddr>)> {
        let now = Instant::now();
        let may_lose = |held: &Held| match held.phase {
            Phase::Busy => false,
            Phase::Waiting => true,
            Phase::New => {
                let greedy = only.is_none() && held.address.is_some_and(|address| state.count(address) > share);
                greedy || now.saturating_duration_since(held.since) >= self.bounds.grace
            }
        };
        let candidates = state.held.iter().filter(|(_, held)| !held.on_trial && may_lose(held));
        let candidates = candidates.filter(|(_, held)| only.is_none() || held.address == only);
        let holds = |held: &Held| held.address.map_or(0, |address| state.count(address));
        let worst = candidates.max_by_key(|(_, held)| (holds(held), std::cmp::Reverse(held.since)))?;
        Some((*worst.0, worst.1.address))
    }

    /// True if there is a place on trial. Whoever is on trial longest has had his chance.
    fn find_trial(&self, state: &mut State) -> bool {
        if state.trials < self.bounds.reserve {
            return true;
        }
        let waiting = state.held.iter().filter(|(_, held)| held.on_trial && held.phase != Phase::Busy);
        let Some((id, _)) = waiting.min_by_key(|(_, held)| held.since) else { return false };
        let id = *id;
        state.displace(id);
        true
    }

    fn log(&self, address: Option<IpAddr>, why: &'static str) {
        metrics::counter!("modehost_connections_displaced_total", "port" => self.port, "reason" => why).increment(1);
        let Some(left_out) = self.lines.take() else { return };
        let (port, from) = (self.port, address.map_or_else(|| "-".to_owned(), |address| address.to_string()));
        tracing::warn!(
            port,
            from,
            reason = why,
            before = left_out,
            "connections wait without asking and places run short: the oldest of whom holds most are closed"
        );
    }

    fn leave(&self, id: u64) {
        self.state.lock().release(id);
        self.changed.notify_waiters();
    }
}

impl State {
    fn ordinary(&self) -> usize {
        self.held.len() - self.trials
    }

    fn count(&self, address: IpAddr) -> usize {
        self.of_address.get(&address).copied().unwrap_or_default()
    }

    fn more(&mut self, address: IpAddr) {
        *self.of_address.entry(address).or_default() += 1;
    }

    fn fewer(&mut self, address: IpAddr) {
        if let Some(count) = self.of_address.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                self.of_address.remove(&address);
            }
        }
    }

    fn hold(&mut self, id: u64, held: Held) {
        // On trial nobody counts: what is over the share is not part of it.
        if held.on_trial {
            self.trials += 1;
        } else if let Some(address) = held.address {
            self.more(address);
        }
        self.held.insert(id, held);
    }

    fn release(&mut self, id: u64) -> Option<Held> {
        let held = self.held.remove(&id)?;
        if held.on_trial {
            self.trials -= 1;
        } else if let Some(address) = held.address {
            self.fewer(address);
        }
        Some(held)
    }

    /// Its place is free from now on; its connection is closed as soon as its task gets to it.
    fn displace(&mut self, id: u64) {
        if let Some(held) = self.release(id) {
            held.displaced.notify_one();
        }
    }
}

impl Place {
    /// Waits until somebody else has been given this place: the connection must be closed.
    pub async fn displaced(&self) {
        self.displaced.notified().await;
    }

    /// A request is being read, or one has been answered. What is on trial is tried once.
    pub fn waits(&self) {
        self.set(Phase::Waiting);
        self.places.changed.notify_waiters();
    }

    /// From now on something is done for this connection.
    pub fn is_served(&self) {
        self.set(Phase::Busy);
    }

    /// Whoever has shown that it is an operator counts against nobody's share.
    pub fn is_operators(&self) {
        let mut state = self.places.state.lock();
        let Some(mut held) = state.release(self.id) else { return };
        held.address = None;
        state.hold(self.id, held);
    }

    /// Whether this connection found no place but one on trial.
    pub fn on_trial(&self) -> bool {
        self.places.state.lock().held.get(&self.id).is_some_and(|held| held.on_trial)
    }

    /// Waits up to `patience` for an ordinary place; true if it is one now.
    pub async fn admitted(&self, share: usize, patience: Duration) -> bool {
        let admitted = async {
            while !self.try_admit(share) {
                self.places.change().await;
            }
        };
        timeout(patience, admitted).await.is_ok()
    }

    fn try_admit(&self, share: usize) -> bool {
        let mut state = self.places.state.lock();
        let Some(held) = state.held.get(&self.id) else { return false };
        if !held.on_trial {
            return true;
        }
        let address = held.address;
        if !self.places.find_room(&mut state, address, share) {
            return false;
        }
        let Some(mut held) = state.release(self.id) else { return false };
        held.on_trial = false;
        state.hold(self.id, held);
        true
    }

    /// Counts a request that came through a trusted proxy against the share of `address`; none if that is used up.
    pub fn share_of(&self, address: IpAddr, share: usize) -> Option<Share> {
        let address = network(address);
        let mut state = self.places.state.lock();
        if state.count(address) >= share {
            drop(state);
            self.places.log(Some(address), "share");
            return None;
        }
        state.more(address);
        Some(Share { places: self.places.clone(), address })
    }

    fn set(&self, phase: Phase) {
        if let Some(held) = self.places.state.lock().held.get_mut(&self.id) {
            (held.phase, held.since) = (phase, Instant::now());
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.leave(self.id);
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.places.state.lock().fewer(self.address);
        self.places.changed.notify_waiters();
    }
}

#[cfg(test)]
#[path = "places/tests.rs"]
mod tests;
