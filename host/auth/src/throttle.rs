//! Rate limit on failed sign-ins. Rule: failures of others never lock out a device that signs in from another address,
//! nor one that is known at the address of the failures.

use std::hash::{BuildHasher, Hash, RandomState};
use std::net::IpAddr;
use std::time::Duration;

use crate::limits;
use modehost_ids::DeviceId;
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::bounded_cache::BoundedCache;
use crate::config::RateLimitConfig;

/// Counts failures by address, by device, and by both for devices that are known at that address.
#[derive(Debug)]
pub(crate) struct Throttle {
    tables: Mutex<Tables>,
    /// Randomly keyed, so that an attacker cannot choose colliding keys.
    hasher: RandomState,
}

#[derive(Debug)]
struct Tables {
    /// The time at which all failures so far have decayed.
    failures: BoundedCache<u64, Instant>,
    /// Devices with the addresses from which they have signed in.
    known: BoundedCache<u64, ()>,
}

/// The rate at which failures decay (a leaky bucket, as in GCRA).
#[derive(Clone, Copy)]
struct DecayRate {
    interval: Duration,
    /// Capacity of the bucket, as the time in which it drains.
    capacity: Duration,
}

impl DecayRate {
    fn of(failures_per_minute: u32) -> Self {
        let interval = limits::SIGN_IN_WINDOW / failures_per_minute.max(1);
        Self { interval, capacity: interval * failures_per_minute.max(1) }
    }

    /// Time until the next attempt is allowed; `None` if it is allowed now.
    fn wait(self, decayed_at: Option<Instant>, now: Instant) -> Option<Duration> {
        let level = decayed_at?.saturating_duration_since(now);
        // There must be capacity for one more failure.
        let excess = (level + self.interval).saturating_sub(self.capacity);
        (!excess.is_zero()).then_some(excess)
    }

    fn charge(self, decayed_at: Option<Instant>, now: Instant) -> Instant {
        let start = decayed_at.unwrap_or(now).max(now);
        // Concurrent failures are all charged, up to the upper bound.
        (start + self.interval).min(now + limits::MAX_LOCKOUT)
    }
}

impl Throttle {
    pub fn new() -> Self {
        let tables = Tables {
            failures: BoundedCache::new(limits::FAILURE_TABLE_ENTRIES, limits::MAX_LOCKOUT),
            known: BoundedCache::new(limits::FAILURE_TABLE_ENTRIES, limits::KNOWN_DEVICE_TTL),
        };
        Self { tables: Mutex::new(tables), hasher: RandomState::new() }
    }

    /// Whether an attempt is allowed; if not, the time until one is.
    pub fn check(&self, config: &RateLimitConfig, address: IpAddr, device: &DeviceId) -> Result<(), Duration> {
        let (by_address, by_device) = rates(config);
        let now = Instant::now();
        let keys = self.keys(address, device);
        let tables = self.tables.lock();
        let failures = |key| tables.failures.get(&key).copied();
        let wait = if tables.known.get(&keys.both).is_some() {
            by_device.wait(failures(keys.both), now)
        } else {
            by_address.wait(failures(keys.address), now).or_else(|| {
                let has_failed = failures(keys.address).is_some_and(|decayed_at| decayed_at > now);
                by_device.wait(failures(keys.device), now).filter(|_| has_failed)
            })
        };
        wait.map_or(Ok(()), Err)
    }

    /// Records a failed sign-in.
    pub fn record_failure(&self, config: &RateLimitConfig, address: IpAddr, device: &DeviceId) {
        let (by_address, by_device) = rates(config);
        let now = Instant::now();
        let keys = self.keys(address, device);
        let mut tables = self.tables.lock();
        let charged = [(keys.address, by_address), (keys.device, by_device)];
        let known_pair = tables.known.get(&keys.both).map(|()| (keys.both, by_device));
        for (key, rate) in charged.into_iter().chain(known_pair) {
            let decayed_at = rate.charge(tables.failures.get(&key).copied(), now);
            tables.failures.insert(key, decayed_at, now);
        }
    }

    /// Records a successful sign-in.
    pub fn record_success(&self, address: IpAddr, device: &DeviceId) {
        let key = self.keys(address, device).both;
        self.tables.lock().known.insert(key, (), Instant::now());
    }

    fn keys(&self, address: IpAddr, device: &DeviceId) -> FailureKeys {
        let address = client_network(address);
        FailureKeys {
            address: self.key(("address", address)),
            device: self.key(("device", device)),
            both: self.key(("both", address, device)),
        }
    }

    fn key(&self, of: impl Hash) -> u64 {
        self.hasher.hash_one(of)
    }
}

struct FailureKeys {
    address: u64,
    device: u64,
    both: u64,
}

fn rates(config: &RateLimitConfig) -> (DecayRate, DecayRate) {
    (DecayRate::of(config.failures_per_minute), DecayRate::of(config.device_failures_per_minute))
}

/// The rate-limiting key of an address: an IPv4 address, or the /64 of an IPv6 address, since each client has a whole
/// /64.
pub fn client_network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(ip) => IpAddr::V6((u128::from(ip) >> 64 << 64).into()),
        ip => ip,
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    const CONFIG: RateLimitConfig = RateLimitConfig { failures_per_minute: 6, device_failures_per_minute: 3 };

    fn ip(last: u8) -> IpAddr {
        [10, 0, 0, last].into()
    }

    fn fail(throttle: &Throttle, count: usize, address: u8, device: &str) -> usize {
        let device = DeviceId::new(device);
        let allowed = |_: &usize| throttle.check(&CONFIG, ip(address), &device).is_ok();
        (0..count).filter(allowed).map(|_| throttle.record_failure(&CONFIG, ip(address), &device)).count()
    }

    fn is_allowed(throttle: &Throttle, address: u8, device: &str) -> bool {
        throttle.check(&CONFIG, ip(address), &DeviceId::new(device)).is_ok()
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_is_heard_so_often_a_minute_and_then_again_bit_by_bit() {
        let throttle = Throttle::new();
        let mut allowed = 0;
        for number in 0..100 {
            allowed += fail(&throttle, 1, 1, &format!("device-{number}"));
        }
        assert_eq!(allowed, 6);
        assert!(!is_allowed(&throttle, 1, "new") && is_allowed(&throttle, 2, "new"));
        let wait = throttle.check(&CONFIG, ip(1), &DeviceId::new("new")).expect_err("rejected");
        assert!(wait <= Duration::from_secs(10), "{wait:?}");
        advance(Duration::from_secs(11)).await;
        assert_eq!(fail(&throttle, 10, 1, "yet-another"), 1);
        advance(Duration::from_secs(120)).await;
        assert!(is_allowed(&throttle, 1, "new"));
    }

    #[tokio::test(start_paused = true)]
    async fn c11_guesses_that_were_on_their_way_at_once_are_all_waited_for() {
        let throttle = Throttle::new();
        for number in 0..1000 {
            throttle.record_failure(&CONFIG, ip(1), &DeviceId::new(format!("device-{number}")));
        }
        for _ in 0..8 {
            advance(Duration::from_secs(61)).await;
            assert!(!is_allowed(&throttle, 1, "new") && is_allowed(&throttle, 2, "new"));
        }
        advance(Duration::from_secs(120)).await;
        assert!(is_allowed(&throttle, 1, "new"), "a lockout is bounded");
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_locks_a_device_out_from_elsewhere() {
        let throttle = Throttle::new();
        // Many addresses guess for one device; each is allowed until its first failure.
        for address in 10..60 {
            fail(&throttle, 100, address, "victim");
        }
        assert_eq!(fail(&throttle, 10, 10, "victim"), 0, "addresses that have failed are rejected");
        assert!(is_allowed(&throttle, 1, "victim"), "the device itself is allowed");
        assert!(is_allowed(&throttle, 10, "other"), "and the address is still allowed for other devices");
    }

    #[tokio::test(start_paused = true)]
    async fn a_device_that_is_known_at_an_address_is_heard_whatever_its_neighbours_do() {
        let throttle = Throttle::new();
        throttle.record_success(ip(1), &DeviceId::new("known"));
        for number in 0..50 {
            fail(&throttle, 1, 1, &format!("neighbour-{number}"));
        }
        assert!(!is_allowed(&throttle, 1, "unknown") && is_allowed(&throttle, 1, "known"));
        // An attacker at the same address consumes the budget of the pair only.
        assert_eq!(fail(&throttle, 100, 1, "known"), 3);
        advance(Duration::from_secs(61)).await;
        assert!(is_allowed(&throttle, 1, "known"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_of_addresses_and_names_does_not_grow_the_tables() {
        let throttle = Throttle::new();
        for number in 0..100_000_u32 {
            let address = IpAddr::V4(number.into());
            throttle.record_failure(&CONFIG, address, &DeviceId::new(format!("{number}")));
        }
        assert!(throttle.tables.lock().failures.len() <= 2 * limits::FAILURE_TABLE_ENTRIES);
    }

    #[test]
    fn a_whole_ipv6_network_is_one_caller() {
        let of = |text: &str| client_network(text.parse().expect("an address"));
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:1"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(of("::ffff:10.0.0.1"), of("10.0.0.1"));
    }
}
