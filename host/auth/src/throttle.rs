//! Failed sign-ins are counted, and who has too many is not heard for a while. Rule: nobody's
//! failures lock a device out that signs in from another address, nor one that is known at the
//! address where they happen.

use std::hash::{BuildHasher, Hash, RandomState};
use std::net::IpAddr;
use std::time::Duration;

use crate::limits;
use modehost_ids::DeviceId;
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::config::RateLimitConfig;
use crate::recent::Recent;

/// Counts failures by address, by device, and by both for devices that are known there.
#[derive(Debug)]
pub(crate) struct Throttle {
    tables: Mutex<Tables>,
    /// Keyed by chance, so that nobody can choose what shares a place.
    hasher: RandomState,
}

#[derive(Debug)]
struct Tables {
    /// The time at which all failures so far will have been forgiven.
    failures: Recent<u64, Instant>,
    /// Devices at addresses from which they have signed in.
    known: Recent<u64, ()>,
}

/// How fast failures are forgiven.
#[derive(Clone, Copy)]
struct Pace {
    interval: Duration,
    /// As many as may stand at a time.
    most: Duration,
}

impl Pace {
    fn of(failures_per_minute: u32) -> Self {
        let interval = limits::SIGN_IN_WINDOW / failures_per_minute.max(1);
        Self { interval, most: interval * failures_per_minute.max(1) }
    }

    /// How long nobody is heard; none if somebody is.
    fn wait(self, forgiven: Option<Instant>, now: Instant) -> Option<Duration> {
        let standing = forgiven?.saturating_duration_since(now);
        // Room for one more must be there.
        let over = (standing + self.interval).saturating_sub(self.most);
        (!over.is_zero()).then_some(over)
    }

    fn charge(self, forgiven: Option<Instant>, now: Instant) -> Instant {
        let from = forgiven.unwrap_or(now).max(now);
        // Whoever had many failures on their way at once waits for all of them, within reason.
        (from + self.interval).min(now + limits::SIGN_IN_LONGEST)
    }
}

impl Throttle {
    pub fn new() -> Self {
        let tables = Tables {
            failures: Recent::new(limits::SIGN_IN_TABLE, limits::SIGN_IN_LONGEST),
            known: Recent::new(limits::SIGN_IN_TABLE, limits::SIGN_IN_KNOWN),
        };
        Self { tables: Mutex::new(tables), hasher: RandomState::new() }
    }

    /// Whether an attempt is heard; if not, how long it will be until one is.
    pub fn hears(&self, config: &RateLimitConfig, address: IpAddr, device: &DeviceId) -> Result<(), Duration> {
        let (by_address, by_device) = paces(config);
        let now = Instant::now();
        let places = self.places(address, device);
        let tables = self.tables.lock();
        let failures = |place| tables.failures.get(&place).copied();
        let wait = if tables.known.get(&places.both).is_some() {
            by_device.wait(failures(places.both), now)
        } else {
            by_address.wait(failures(places.address), now).or_else(|| {
                let stranger = failures(places.address).is_some_and(|forgiven| forgiven > now);
                by_device.wait(failures(places.device), now).filter(|_| stranger)
            })
        };
        wait.map_or(Ok(()), Err)
    }

    /// Somebody has failed.
    pub fn failed(&self, config: &RateLimitConfig, address: IpAddr, device: &DeviceId) {
        let (by_address, by_device) = paces(config);
        let now = Instant::now();
        let places = self.places(address, device);
        let mut tables = self.tables.lock();
        let charged = [(places.address, by_address), (places.device, by_device)];
        let at_home = tables.known.get(&places.both).map(|()| (places.both, by_device));
        for (place, pace) in charged.into_iter().chain(at_home) {
            let forgiven = pace.charge(tables.failures.get(&place).copied(), now);
            tables.failures.insert(place, forgiven, now);
        }
    }

    /// A device has signed in from this address.
    pub fn succeeded(&self, address: IpAddr, device: &DeviceId) {
        let place = self.places(address, device).both;
        self.tables.lock().known.insert(place, (), Instant::now());
    }

    fn places(&self, address: IpAddr, device: &DeviceId) -> Places {
        let address = neighbourhood(address);
        Places {
            address: self.place(("address", address)),
            device: self.place(("device", device)),
            both: self.place(("both", address, device)),
        }
    }

    fn place(&self, of: impl Hash) -> u64 {
        self.hasher.hash_one(of)
    }
}

struct Places {
    address: u64,
    device: u64,
    both: u64,
}

fn paces(config: &RateLimitConfig) -> (Pace, Pace) {
    (Pace::of(config.failures_per_minute), Pace::of(config.device_failures_per_minute))
}

/// All addresses of one caller as one: whoever has one of IPv6 has the 2^64 beside it.
pub fn neighbourhood(address: IpAddr) -> IpAddr {
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
        let heard = |_: &usize| throttle.hears(&CONFIG, ip(address), &device).is_ok();
        (0..count).filter(heard).map(|_| throttle.failed(&CONFIG, ip(address), &device)).count()
    }

    fn hears(throttle: &Throttle, address: u8, device: &str) -> bool {
        throttle.hears(&CONFIG, ip(address), &DeviceId::new(device)).is_ok()
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_is_heard_so_often_a_minute_and_then_again_bit_by_bit() {
        let throttle = Throttle::new();
        let mut heard = 0;
        for number in 0..100 {
            heard += fail(&throttle, 1, 1, &format!("device-{number}"));
        }
        assert_eq!(heard, 6);
        assert!(!hears(&throttle, 1, "new") && hears(&throttle, 2, "new"));
        let wait = throttle.hears(&CONFIG, ip(1), &DeviceId::new("new")).expect_err("unheard");
        assert!(wait <= Duration::from_secs(10), "{wait:?}");
        advance(Duration::from_secs(11)).await;
        assert_eq!(fail(&throttle, 10, 1, "yet-another"), 1);
        advance(Duration::from_secs(120)).await;
        assert!(hears(&throttle, 1, "new"));
    }

    #[tokio::test(start_paused = true)]
    async fn c11_guesses_that_were_on_their_way_at_once_are_all_waited_for() {
        let throttle = Throttle::new();
        for number in 0..1000 {
            throttle.failed(&CONFIG, ip(1), &DeviceId::new(format!("device-{number}")));
        }
        for _ in 0..8 {
            advance(Duration::from_secs(61)).await;
            assert!(!hears(&throttle, 1, "new") && hears(&throttle, 2, "new"));
        }
        advance(Duration::from_secs(120)).await;
        assert!(hears(&throttle, 1, "new"), "nobody waits for ever");
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_locks_a_device_out_from_elsewhere() {
        let throttle = Throttle::new();
        // Many addresses guess for one device; each has a go while it has not failed.
        for address in 10..60 {
            fail(&throttle, 100, address, "victim");
        }
        assert_eq!(fail(&throttle, 10, 10, "victim"), 0, "those who have failed are not heard any more");
        assert!(hears(&throttle, 1, "victim"), "the device itself is");
        assert!(hears(&throttle, 10, "other"), "and for others they still are");
    }

    #[tokio::test(start_paused = true)]
    async fn a_device_that_is_known_at_an_address_is_heard_whatever_its_neighbours_do() {
        let throttle = Throttle::new();
        throttle.succeeded(ip(1), &DeviceId::new("known"));
        for number in 0..50 {
            fail(&throttle, 1, 1, &format!("neighbour-{number}"));
        }
        assert!(!hears(&throttle, 1, "unknown") && hears(&throttle, 1, "known"));
        // Who pretends to be it there has its own failures only.
        assert_eq!(fail(&throttle, 100, 1, "known"), 3);
        advance(Duration::from_secs(61)).await;
        assert!(hears(&throttle, 1, "known"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_of_addresses_and_names_does_not_grow_the_tables() {
        let throttle = Throttle::new();
        for number in 0..100_000_u32 {
            let address = IpAddr::V4(number.into());
            throttle.failed(&CONFIG, address, &DeviceId::new(format!("{number}")));
        }
        assert!(throttle.tables.lock().failures.len() <= 2 * limits::SIGN_IN_TABLE);
    }

    #[test]
    fn a_whole_ipv6_network_is_one_caller() {
        let of = |text: &str| neighbourhood(text.parse().expect("an address"));
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:1"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(of("::ffff:10.0.0.1"), of("10.0.0.1"));
    }
}
