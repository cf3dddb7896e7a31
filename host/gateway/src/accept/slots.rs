//! The connection slots of a port, and the eviction of idle connections. Rule: idle connections cannot exhaust a port:
//! a connection for which no request is being processed can be evicted, first the oldest one of the address that holds
//! the most slots; one whose request is being processed keeps its slot.
//!
//! Each address has a quota of slots. If the port has a reserve, a connection that finds no regular slot gets a
//! *provisional* one: its request is read to find out whether it is one that the reserve exists for.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::limits;
use modehost_auth::client_network;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::log_rate::LogRateLimiter;

/// The connection limits of a port.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SlotLimits {
    /// Regular slots.
    pub all: usize,
    /// Provisional slots in addition to `all`; 0 disables them.
    pub reserve: usize,
    /// How long a connection that has sent no request yet is protected from eviction.
    pub grace: Duration,
    /// Whether the quota of an address is enforced even while slots are free.
    pub strict: bool,
}

/// All connection slots of one port.
pub(crate) struct ConnectionSlots {
    bounds: SlotLimits,
    /// Label of the log and the metrics.
    port: &'static str,
    state: Mutex<State>,
    /// Notified when a slot becomes free or its connection becomes evictable.
    changed: Notify,
    log_limit: LogRateLimiter,
}

#[derive(Default)]
struct State {
    next: u64,
    entries: HashMap<u64, Entry>,
    /// How many of `entries` are provisional.
    provisional_count: usize,
    /// Slots and forwarded requests counted against the quota of each address.
    charged: HashMap<IpAddr, usize>,
}

struct Entry {
    /// The address whose quota is charged; `None` for a trusted proxy and for an operator.
    address: Option<IpAddr>,
    phase: Phase,
    since: Instant,
    is_provisional: bool,
    evicted: Arc<Notify>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// No request has been received yet.
    New,
    /// A request is being read, or the last one has been answered.
    Idle,
    /// A request is being processed.
    Busy,
}

/// The slot of one connection; released on drop.
pub(crate) struct ConnectionSlot {
    slots: Arc<ConnectionSlots>,
    id: u64,
    evicted: Arc<Notify>,
}

/// A forwarded request that is charged to the quota of its client address until this is dropped.
pub(crate) struct QuotaCharge {
    slots: Arc<ConnectionSlots>,
    address: IpAddr,
}

impl ConnectionSlots {
    /// `port` is the label of the log and the metrics.
    pub fn new(port: &'static str, bounds: SlotLimits) -> Arc<Self> {
        let log_limit = LogRateLimiter::every(limits::SLOT_LOG_INTERVAL, 1);
        Arc::new(Self { bounds, port, state: Mutex::default(), changed: Notify::new(), log_limit })
    }

    /// Acquires a slot for a connection from `address` (`None`: no quota is charged), of which each address may hold
    /// `quota`. Waits while no connection can be evicted. Cancel-safe.
    pub async fn acquire(self: &Arc<Self>, address: Option<IpAddr>, quota: usize) -> ConnectionSlot {
        if let Some(slot) = self.try_acquire(address, quota) {
            return slot;
        }
        self.log(address, "delayed");
        loop {
            self.wait_for_change().await;
            if let Some(slot) = self.try_acquire(address, quota) {
                return slot;
            }
        }
    }

    /// Waits until no slot is in use. Cancel-safe.
    pub async fn all_released(&self) {
        while !self.state.lock().entries.is_empty() {
            self.wait_for_change().await;
        }
    }

    /// Waits for a change. Returns after a while in any case, because grace periods end without a notification.
    async fn wait_for_change(&self) {
        let _ = timeout(limits::SLOT_RECHECK, self.changed.notified()).await;
    }

    fn try_acquire(self: &Arc<Self>, address: Option<IpAddr>, quota: usize) -> Option<ConnectionSlot> {
        let address = address.map(client_network);
        let mut state = self.state.lock();
        let is_provisional = match self.find_regular(&mut state, address, quota) {
            true => false,
            false if self.bounds.reserve > 0 && self.find_provisional(&mut state) => true,
            false => return None,
        };
        let id = state.next;
        state.next += 1;
        let evicted = Arc::new(Notify::new());
        let entry =
            Entry { address, phase: Phase::New, since: Instant::now(), is_provisional, evicted: evicted.clone() };
        state.insert(id, entry);
        Some(ConnectionSlot { slots: self.clone(), id, evicted })
    }

    /// True if a regular slot is available, possibly by evicting a connection.
    fn find_regular(&self, state: &mut State, address: Option<IpAddr>, quota: usize) -> bool {
        let is_over_quota = address.is_some_and(|address| state.count(address) >= quota);
        if state.regular_count() < self.bounds.all && !(is_over_quota && self.bounds.strict) {
            return true;
        }
        let Some((id, evicted_address)) = self.choose_eviction(state, address.filter(|_| is_over_quota), quota) else {
            return false;
        };
        state.evict(id);
        self.log(evicted_address, if is_over_quota { "share" } else { "full" });
        true
    }

    /// Chooses the connection to evict: the oldest idle one of the address that holds the most. An address `only` that
    /// exceeds its quota can evict its own connections only.
    fn choose_eviction(&self, state: &State, only: Option<IpAddr>, quota: usize) -> Option<(u64, Option<IpAddr>)> {
        let now = Instant::now();
        let is_evictable = |entry: &Entry| match entry.phase {
            Phase::Busy => false,
            Phase::Idle => true,
            Phase::New => {
                let owner_over_quota =
                    only.is_none() && entry.address.is_some_and(|address| state.count(address) > quota);
                owner_over_quota || now.saturating_duration_since(entry.since) >= self.bounds.grace
            }
        };
        let candidates = state.entries.iter().filter(|(_, entry)| !entry.is_provisional && is_evictable(entry));
        let candidates = candidates.filter(|(_, entry)| only.is_none() || entry.address == only);
        let holds = |entry: &Entry| entry.address.map_or(0, |address| state.count(address));
        let chosen = candidates.max_by_key(|(_, entry)| (holds(entry), std::cmp::Reverse(entry.since)))?;
        Some((*chosen.0, chosen.1.address))
    }

    /// True if a provisional slot is available, possibly by evicting the oldest provisional connection.
    fn find_provisional(&self, state: &mut State) -> bool {
        if state.provisional_count < self.bounds.reserve {
            return true;
        }
        let waiting = state.entries.iter().filter(|(_, entry)| entry.is_provisional && entry.phase != Phase::Busy);
        let Some((id, _)) = waiting.min_by_key(|(_, entry)| entry.since) else { return false };
        let id = *id;
        state.evict(id);
        true
    }

    fn log(&self, address: Option<IpAddr>, why: &'static str) {
        metrics::counter!("modehost_connections_displaced_total", "port" => self.port, "reason" => why).increment(1);
        let Some(left_out) = self.log_limit.try_acquire() else { return };
        let (port, from) = (self.port, address.map_or_else(|| "-".to_owned(), |address| address.to_string()));
        tracing::warn!(
            port,
            from,
            reason = why,
            before = left_out,
            "connections wait without asking and places run short: the oldest of whom holds most are closed"
        );
    }

    fn release_slot(&self, id: u64) {
        self.state.lock().remove(id);
        self.changed.notify_waiters();
    }
}

impl State {
    fn regular_count(&self) -> usize {
        self.entries.len() - self.provisional_count
    }

    fn count(&self, address: IpAddr) -> usize {
        self.charged.get(&address).copied().unwrap_or_default()
    }

    fn charge(&mut self, address: IpAddr) {
        *self.charged.entry(address).or_default() += 1;
    }

    fn refund(&mut self, address: IpAddr) {
        if let Some(count) = self.charged.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                self.charged.remove(&address);
            }
        }
    }

    fn insert(&mut self, id: u64, entry: Entry) {
        // Provisional slots are not charged: they are beyond the quota anyway.
        if entry.is_provisional {
            self.provisional_count += 1;
        } else if let Some(address) = entry.address {
            self.charge(address);
        }
        self.entries.insert(id, entry);
    }

    fn remove(&mut self, id: u64) -> Option<Entry> {
        let entry = self.entries.remove(&id)?;
        if entry.is_provisional {
            self.provisional_count -= 1;
        } else if let Some(address) = entry.address {
            self.refund(address);
        }
        Some(entry)
    }

    /// Frees the slot at once; the connection itself is closed as soon as its task is scheduled.
    fn evict(&mut self, id: u64) {
        if let Some(entry) = self.remove(id) {
            entry.evicted.notify_one();
        }
    }
}

impl ConnectionSlot {
    /// Waits until this slot has been given to another connection: the caller must close its own.
    pub async fn evicted(&self) {
        self.evicted.notified().await;
    }

    /// Marks the connection as evictable: a request is being read, or one has been answered.
    pub fn set_idle(&self) {
        self.set_phase(Phase::Idle);
        self.slots.changed.notify_waiters();
    }

    /// Marks the connection as busy: its request is being processed.
    pub fn set_busy(&self) {
        self.set_phase(Phase::Busy);
    }

    /// Stops charging this connection to the quota of its address, since it has authenticated as an operator.
    pub fn set_operator(&self) {
        let mut state = self.slots.state.lock();
        let Some(mut entry) = state.remove(self.id) else { return };
        entry.address = None;
        state.insert(self.id, entry);
    }

    /// Whether this slot is provisional.
    pub fn is_provisional(&self) -> bool {
        self.slots.state.lock().entries.get(&self.id).is_some_and(|entry| entry.is_provisional)
    }

    /// Waits up to `max_wait` for a regular slot; true if this slot is regular now.
    pub async fn become_regular(&self, quota: usize, max_wait: Duration) -> bool {
        let become_regular = async {
            while !self.try_become_regular(quota) {
                self.slots.wait_for_change().await;
            }
        };
        timeout(max_wait, become_regular).await.is_ok()
    }

    fn try_become_regular(&self, quota: usize) -> bool {
        let mut state = self.slots.state.lock();
        let Some(entry) = state.entries.get(&self.id) else { return false };
        if !entry.is_provisional {
            return true;
        }
        let address = entry.address;
        if !self.slots.find_regular(&mut state, address, quota) {
            return false;
        }
        let Some(mut entry) = state.remove(self.id) else { return false };
        entry.is_provisional = false;
        state.insert(self.id, entry);
        true
    }

    /// Charges a request that came through a trusted proxy to the quota of `address`; `None` if the quota is exhausted.
    pub fn charge_quota(&self, address: IpAddr, quota: usize) -> Option<QuotaCharge> {
        let address = client_network(address);
        let mut state = self.slots.state.lock();
        if state.count(address) >= quota {
            drop(state);
            self.slots.log(Some(address), "share");
            return None;
        }
        state.charge(address);
        Some(QuotaCharge { slots: self.slots.clone(), address })
    }

    fn set_phase(&self, phase: Phase) {
        if let Some(entry) = self.slots.state.lock().entries.get_mut(&self.id) {
            (entry.phase, entry.since) = (phase, Instant::now());
        }
    }
}

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        self.slots.release_slot(self.id);
    }
}

impl Drop for QuotaCharge {
    fn drop(&mut self) {
        self.slots.state.lock().refund(self.address);
        self.slots.changed.notify_waiters();
    }
}

#[cfg(test)]
#[path = "slots/tests.rs"]
mod tests;
