//! Who gets a place and who loses one. Rule: time is not waited for; a grace of zero or of an hour stands for it.

use std::net::Ipv4Addr;

use futures_util::FutureExt;

use super::*;

const HOUR: Duration = Duration::from_secs(3600);
const A: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 1));
const B: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 2));

fn places(all: usize, reserve: usize, grace: Duration, strict: bool) -> Arc<Places> {
    Places::new("test", Bounds { all, reserve, grace, strict })
}

fn enter(places: &Arc<Places>, address: IpAddr, share: usize) -> Option<Place> {
    places.try_enter(Some(address), share)
}

fn lost(place: &Place) -> bool {
    place.displaced().now_or_never().is_some()
}

#[test]
fn an_address_over_its_share_takes_its_own_oldest_idle_place() {
    let places = places(8, 0, HOUR, true);
    let other = enter(&places, B, 2).expect("room");
    let mine: Vec<_> = (0..2).map(|_| enter(&places, A, 2).expect("room")).collect();
    other.waits();
    assert!(enter(&places, A, 2).is_none(), "all of its own are new");
    mine.iter().rev().for_each(Place::waits);
    let _third = enter(&places, A, 2).expect("its own place");
    assert_eq!([lost(&mine[0]), lost(&mine[1]), lost(&other)], [false, true, false], "the one that has waited longest");
}

#[test]
fn a_full_port_takes_from_whom_holds_most_and_never_from_who_is_served() {
    let places = places(4, 0, HOUR, false);
    let one = enter(&places, B, 2).expect("room");
    one.waits();
    let many: Vec<_> = (0..3).map(|_| enter(&places, A, 2).expect("room")).collect();
    many[0].is_served();
    let _new = enter(&places, B, 2).expect("A holds more than its share");
    assert_eq!(many.iter().map(lost).collect::<Vec<_>>(), [false, true, false]);
    assert!(enter(&places, A, 2).is_none(), "its own are served or new, and it is over its share");
    assert!(!lost(&one));
}

#[test]
fn the_grace_of_a_new_connection_ends() {
    let places = places(2, 0, Duration::ZERO, false);
    let held: Vec<_> = (0..2).map(|_| enter(&places, A, 9).expect("room")).collect();
    let _new = enter(&places, A, 9).expect("the grace is over");
    assert!(lost(&held[0]) && !lost(&held[1]));
}

#[tokio::test(start_paused = true)]
async fn whoever_finds_no_place_is_tried_and_let_in_once_there_is_one() {
    let places = places(2, 1, HOUR, true);
    let served: Vec<_> = (0..2).map(|_| enter(&places, A, 2).expect("room")).collect();
    served.iter().for_each(Place::is_served);
    let first = enter(&places, A, 2).expect("on trial");
    assert!(first.on_trial() && !served[0].on_trial());
    let trial = enter(&places, B, 2).expect("on trial");
    assert!(lost(&first) && trial.on_trial(), "the reserve has one place");
    assert!(!trial.admitted(2, Duration::from_secs(1)).await, "everybody is served");
    let (admitted, ()) = tokio::join!(trial.admitted(2, HOUR), async { served[0].waits() });
    assert!(admitted && !trial.on_trial() && lost(&served[0]));
}

#[test]
fn what_comes_through_a_proxy_counts_for_whom_it_comes_from() {
    let places = places(4, 0, HOUR, true);
    let proxy: Vec<_> = (0..3).map(|_| places.try_enter(None, 1).expect("proxies have no share")).collect();
    let share = proxy[0].share_of(A, 1).expect("its share");
    assert!(proxy[1].share_of(A, 1).is_none() && proxy[1].share_of(B, 1).is_some());
    drop(share);
    assert!(proxy[1].share_of(A, 1).is_some());
}

#[test]
fn an_operator_is_in_nobodys_share_and_all_that_is_held_is_given_back() {
    let places = places(4, 1, HOUR, true);
    let operator = enter(&places, A, 1).expect("room");
    operator.is_operators();
    let stranger = enter(&places, A, 1).expect("the share is free");
    drop((operator, stranger));
    let v6 = |text: &str| text.parse::<IpAddr>().expect("an address");
    let _one = enter(&places, v6("2001:db8::1"), 1).expect("room");
    assert!(enter(&places, v6("2001:db8::ffff:1"), 1).expect("on trial").on_trial(), "one network of IPv6");
    drop(_one);
    let state = places.state.lock();
    assert!(state.held.is_empty() && state.of_address.is_empty() && state.trials == 0);
}
