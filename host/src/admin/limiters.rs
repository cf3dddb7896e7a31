//! How often operators may do something. Rule: counted by what it costs whom: calls by the caller's address, words
//! for a device by the device, tests of providers for all together. Memory is bounded.

use std::hash::Hash;
use std::net::IpAddr;
use std::num::NonZeroU32;

use governor::clock::DefaultClock;
use governor::state::keyed::HashMapStateStore;
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use modehost_auth::client_network;
use modehost_ids::DeviceId;
use parking_lot::Mutex;
use tokio::sync::Semaphore;

use crate::limits;

type Keyed<K> = RateLimiter<K, HashMapStateStore<K>, DefaultClock>;

/// All limiters of the admin API.
pub struct Limiters {
    /// The calls, and the setting that they were built from.
    calls: Mutex<(u32, Keyed<IpAddr>)>,
    says: Keyed<DeviceId>,
    provider_tests: DefaultDirectRateLimiter,
    /// Permits for long-running orders; further ones wait.
    pub orders: Semaphore,
}

impl Default for Limiters {
    fn default() -> Self {
        let calls = limits::OPERATOR_CALLS_PER_MINUTE;
        Self {
            calls: Mutex::new((calls, calls_of(calls))),
            says: keyed(per_minute(limits::SAYS_A_MINUTE)),
            provider_tests: RateLimiter::direct(per_minute(limits::PROVIDER_TESTS_PER_MINUTE)),
            orders: Semaphore::new(limits::ADMIN_ORDERS),
        }
    }
}

impl Limiters {
    /// Whether one more call from this address is answered, with so many a minute.
    pub fn admit_call(&self, address: IpAddr, a_minute: u32) -> bool {
        let mut calls = self.calls.lock();
        if calls.0 != a_minute {
            *calls = (a_minute, calls_of(a_minute));
        }
        admit(&calls.1, &client_network(address))
    }

    /// Whether one more text or sound for this device is passed on.
    pub fn admit_say(&self, device: &DeviceId) -> bool {
        admit(&self.says, device)
    }

    /// Whether one more test of a provider is made.
    pub fn admit_provider_test(&self) -> bool {
        self.provider_tests.check().is_ok()
    }
}

fn keyed<K: Hash + Eq + Clone>(quota: Quota) -> Keyed<K> {
    RateLimiter::new(quota, HashMapStateStore::default(), DefaultClock::default())
}

fn per_minute(count: u32) -> Quota {
    Quota::per_minute(NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN))
}

fn calls_of(a_minute: u32) -> Keyed<IpAddr> {
    let burst = NonZeroU32::new(a_minute / 5).unwrap_or(NonZeroU32::MIN);
    keyed(per_minute(a_minute).allow_burst(burst))
}

fn admit<K: Hash + Eq + Clone>(limiter: &Keyed<K>, key: &K) -> bool {
    if limiter.len() > limits::LIMITED_KEYS {
        limiter.retain_recent();
        limiter.shrink_to_fit();
    }
    limiter.check_key(key).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_told_a_bounded_number_of_things_and_others_are_not_concerned() {
        let limiters = Limiters::default();
        let (one, other) = (DeviceId::new("one"), DeviceId::new("other"));
        let admitted = (0..100).filter(|_| limiters.admit_say(&one)).count();
        assert_eq!(admitted, limits::SAYS_A_MINUTE as usize);
        assert!(limiters.admit_say(&other));
    }

    #[test]
    fn an_address_calls_as_often_as_the_setting_says_also_after_it_has_changed() {
        let limiters = Limiters::default();
        let [one, other] = ["192.0.2.1", "192.0.2.2"].map(|address| address.parse().expect("an address"));
        let admitted = |address, a_minute| (0..1_000).filter(|_| limiters.admit_call(address, a_minute)).count();
        // A fifth at once; the machine may be slow, so that some more have come by.
        assert!((20..40).contains(&admitted(one, 100)));
        assert!((20..40).contains(&admitted(other, 100)));
        assert_eq!(admitted(one, 1_000_000), 1_000);
    }
}
