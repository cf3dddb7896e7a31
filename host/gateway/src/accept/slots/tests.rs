//! Slot assignment and eviction. Rule: no real time passes; a grace period of zero or of an hour stands for it.

use std::net::Ipv4Addr;

use futures_util::FutureExt;

use super::*;

const HOUR: Duration = Duration::from_secs(3600);
const A: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 1));
const B: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 2));

fn slots(all: usize, reserve: usize, grace: Duration, strict: bool) -> Arc<ConnectionSlots> {
    ConnectionSlots::new("test", SlotLimits { all, reserve, grace, strict })
}

fn acquire(slots: &Arc<ConnectionSlots>, address: IpAddr, quota: usize) -> Option<ConnectionSlot> {
    slots.try_acquire(Some(address), quota)
}

fn is_evicted(slot: &ConnectionSlot) -> bool {
    slot.evicted().now_or_never().is_some()
}

#[test]
fn an_address_over_its_share_takes_its_own_oldest_idle_place() {
    let slots = slots(8, 0, HOUR, true);
    let other = acquire(&slots, B, 2).expect("a slot");
    let mine: Vec<_> = (0..2).map(|_| acquire(&slots, A, 2).expect("a slot")).collect();
    other.set_idle();
    assert!(acquire(&slots, A, 2).is_none(), "all of its own are new");
    mine.iter().rev().for_each(ConnectionSlot::set_idle);
    let _third = acquire(&slots, A, 2).expect("its own slot");
    assert_eq!(
        [is_evicted(&mine[0]), is_evicted(&mine[1]), is_evicted(&other)],
        [false, true, false],
        "the one that has waited longest"
    );
}

#[test]
fn a_full_port_takes_from_whom_holds_most_and_never_from_who_is_served() {
    let slots = slots(4, 0, HOUR, false);
    let one = acquire(&slots, B, 2).expect("a slot");
    one.set_idle();
    let many: Vec<_> = (0..3).map(|_| acquire(&slots, A, 2).expect("a slot")).collect();
    many[0].set_busy();
    let _new = acquire(&slots, B, 2).expect("A exceeds its quota");
    assert_eq!(many.iter().map(is_evicted).collect::<Vec<_>>(), [false, true, false]);
    assert!(acquire(&slots, A, 2).is_none(), "its own are busy or new, and it exceeds its quota");
    assert!(!is_evicted(&one));
}

#[test]
fn the_grace_of_a_new_connection_ends() {
    let slots = slots(2, 0, Duration::ZERO, false);
    let entries: Vec<_> = (0..2).map(|_| acquire(&slots, A, 9).expect("a slot")).collect();
    let _new = acquire(&slots, A, 9).expect("the grace period is over");
    assert!(is_evicted(&entries[0]) && !is_evicted(&entries[1]));
}

#[tokio::test(start_paused = true)]
async fn whoever_finds_no_place_is_tried_and_let_in_once_there_is_one() {
    let slots = slots(2, 1, HOUR, true);
    let served: Vec<_> = (0..2).map(|_| acquire(&slots, A, 2).expect("a slot")).collect();
    served.iter().for_each(ConnectionSlot::set_busy);
    let first = acquire(&slots, A, 2).expect("a provisional slot");
    assert!(first.is_provisional() && !served[0].is_provisional());
    let provisional_slot = acquire(&slots, B, 2).expect("a provisional slot");
    assert!(is_evicted(&first) && provisional_slot.is_provisional(), "the reserve has one slot");
    assert!(!provisional_slot.become_regular(2, Duration::from_secs(1)).await, "all are busy");
    let (become_regular, ()) = tokio::join!(provisional_slot.become_regular(2, HOUR), async { served[0].set_idle() });
    assert!(become_regular && !provisional_slot.is_provisional() && is_evicted(&served[0]));
}

#[test]
fn what_comes_through_a_proxy_counts_for_whom_it_comes_from() {
    let slots = slots(4, 0, HOUR, true);
    let proxy: Vec<_> = (0..3).map(|_| slots.try_acquire(None, 1).expect("proxies have no quota")).collect();
    let quota = proxy[0].charge_quota(A, 1).expect("a quota charge");
    assert!(proxy[1].charge_quota(A, 1).is_none() && proxy[1].charge_quota(B, 1).is_some());
    drop(quota);
    assert!(proxy[1].charge_quota(A, 1).is_some());
}

#[test]
fn an_operator_is_in_nobodys_share_and_all_that_is_held_is_given_back() {
    let slots = slots(4, 1, HOUR, true);
    let operator = acquire(&slots, A, 1).expect("a slot");
    operator.set_operator();
    let stranger = acquire(&slots, A, 1).expect("the quota is free");
    drop((operator, stranger));
    let v6 = |text: &str| text.parse::<IpAddr>().expect("an address");
    let _one = acquire(&slots, v6("2001:db8::1"), 1).expect("a slot");
    assert!(
        acquire(&slots, v6("2001:db8::ffff:1"), 1).expect("a provisional slot").is_provisional(),
        "one network of IPv6"
    );
    drop(_one);
    let state = slots.state.lock();
    assert!(state.entries.is_empty() && state.charged.is_empty() && state.provisional_count == 0);
}
