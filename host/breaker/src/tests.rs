//! Breakers on virtual time. Rule: nothing really sleeps, and each test would fail with a breaker that is always
//! closed, always open, or admits every call as a trial.

use std::collections::HashSet;

use proptest::prelude::*;
use tokio::time::advance;

use super::*;

const POLICY: Policy = Policy { failures: 3, open: Duration::from_secs(5), open_max: Duration::from_secs(60) };

fn breaker() -> Arc<Breaker> {
    Breaker::new("llm", "default", POLICY)
}

/// A permit, or a failed test.
fn admitted(breaker: &Arc<Breaker>) -> Permit {
    breaker.admit().expect("the breaker lets a call through")
}

fn open(breaker: &Arc<Breaker>) {
    for _ in 0..POLICY.failures {
        admitted(breaker).fail(&"refused the connection");
    }
    assert!(breaker.is_open());
}

#[tokio::test(start_paused = true)]
async fn it_opens_after_failures_in_a_row_only() {
    let breaker = breaker();
    for _ in 0..10 {
        admitted(&breaker).fail(&"x");
        admitted(&breaker).fail(&"x");
        // Neither a call without a verdict nor time resets the count of failures; a success does.
        drop(admitted(&breaker));
        advance(Duration::from_secs(3600)).await;
        assert!(!breaker.is_open());
        admitted(&breaker).succeed();
    }
    open(&breaker);
    assert_eq!(breaker.admit().map(|_| ()), Err(BreakerOpen { retry_in: POLICY.open }));
    advance(Duration::from_secs(2)).await;
    assert_eq!(breaker.admit().map(|_| ()), Err(BreakerOpen { retry_in: Duration::from_secs(3) }));
}

#[tokio::test(start_paused = true)]
async fn one_trial_decides_for_all() {
    let breaker = breaker();
    open(&breaker);
    advance(POLICY.open).await;
    let trial = admitted(&breaker);
    assert!(trial.is_trial());
    for _ in 0..100 {
        assert_eq!(breaker.admit().map(|_| ()), Err(BreakerOpen { retry_in: Duration::ZERO }));
    }
    trial.succeed();
    assert!(!breaker.is_open());
    assert!(!admitted(&breaker).is_trial());
}

#[tokio::test(start_paused = true)]
async fn a_trial_without_a_verdict_is_given_back() {
    let breaker = breaker();
    open(&breaker);
    advance(POLICY.open).await;
    for _ in 0..5 {
        let trial = admitted(&breaker);
        assert!(breaker.admit().is_err());
        drop(trial);
    }
    assert!(admitted(&breaker).is_trial());
}

#[tokio::test(start_paused = true)]
async fn the_time_grows_with_each_failed_trial_up_to_a_bound() {
    let breaker = breaker();
    open(&breaker);
    for seconds in [5, 10, 20, 40, 60, 60, 60] {
        let pause = Duration::from_secs(seconds);
        assert_eq!(breaker.admit().map(|_| ()), Err(BreakerOpen { retry_in: pause }));
        advance(pause - Duration::from_millis(1)).await;
        assert!(breaker.admit().is_err());
        advance(Duration::from_millis(1)).await;
        admitted(&breaker).fail(&"x");
    }
    advance(POLICY.open_max).await;
    admitted(&breaker).succeed();
    // The next time starts with the first pause again, and after the same number of failures.
    open(&breaker);
    assert_eq!(breaker.admit().map(|_| ()), Err(BreakerOpen { retry_in: POLICY.open }));
}

#[tokio::test(start_paused = true)]
async fn calls_from_before_it_opened_decide_nothing_but_a_success() {
    let breaker = breaker();
    let (late_failure, late_success) = (admitted(&breaker), admitted(&breaker));
    open(&breaker);
    advance(POLICY.open).await;
    let trial = admitted(&breaker);
    late_failure.fail(&"x");
    // Neither longer nor free for another trial.
    assert_eq!(breaker.admit().map(|_| ()), Err(BreakerOpen { retry_in: Duration::ZERO }));
    late_success.succeed();
    assert!(!breaker.is_open());
    // One failure of several.
    trial.fail(&"x");
    assert!(!breaker.is_open());
}

#[tokio::test(start_paused = true)]
async fn a_reset_closes_it_and_silences_the_calls_from_before() {
    let breaker = breaker();
    let before: Vec<Permit> = (0..10).map(|_| admitted(&breaker)).collect();
    open(&breaker);
    breaker.reset();
    assert!(!breaker.is_open());
    before.into_iter().for_each(|permit| permit.fail(&"of the old configuration"));
    assert!(!breaker.is_open());

    open(&breaker);
    advance(POLICY.open).await;
    let trial = admitted(&breaker);
    breaker.reset();
    open(&breaker);
    advance(POLICY.open).await;
    let newer = admitted(&breaker);
    // The trial from before the reset neither releases the current trial nor closes the breaker.
    trial.succeed();
    assert!(breaker.admit().is_err() && breaker.is_open());
    drop(newer);
    assert!(admitted(&breaker).is_trial());
}

#[tokio::test(start_paused = true)]
async fn a_trial_that_was_overtaken_does_not_give_the_next_one_away() {
    let breaker = breaker();
    let late_success = admitted(&breaker);
    open(&breaker);
    advance(POLICY.open).await;
    let overtaken = admitted(&breaker);
    late_success.succeed();
    open(&breaker);
    advance(POLICY.open).await;
    let trial = admitted(&breaker);
    drop(overtaken);
    assert_eq!(breaker.admit().map(|_| ()), Err(BreakerOpen { retry_in: Duration::ZERO }));
    drop(trial);
    assert!(admitted(&breaker).is_trial());
}

#[test]
fn many_threads_get_one_trial() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    let _within = runtime.enter();
    let breaker = Breaker::new("llm", "default", Policy { failures: 1, open: Duration::ZERO, ..POLICY });
    admitted(&breaker).fail(&"x");
    let trials: Vec<Permit> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..16).map(|_| scope.spawn(|| breaker.admit().ok())).collect();
        threads.into_iter().filter_map(|thread| thread.join().expect("no panic")).collect()
    });
    assert_eq!(trials.len(), 1);
}

#[derive(Clone, Debug)]
enum Step {
    Admit,
    /// The outcome of the call at this index among those in flight.
    End(prop::sample::Index, Outcome),
    Wait(u64),
    Reset,
}

#[derive(Clone, Copy, Debug)]
enum Outcome {
    Succeed,
    Fail,
    Drop,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let outcome = prop::sample::select(vec![Outcome::Succeed, Outcome::Fail, Outcome::Fail, Outcome::Drop]);
    let step = prop_oneof![
        4 => Just(Step::Admit),
        4 => (any::<prop::sample::Index>(), outcome).prop_map(|(nth, outcome)| Step::End(nth, outcome)),
        2 => (0_u64..70).prop_map(Step::Wait),
        1 => Just(Step::Reset),
    ];
    prop::collection::vec(step, 0..120)
}

proptest! {
    /// For any order of events: at most one trial of the current epoch is in flight, no call waits longer than the
    /// bound, and a provider that has recovered is used again.
    #[test]
    fn any_order_of_events_leaves_a_breaker_that_works(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        runtime.expect("a runtime").block_on(async {
            let breaker = breaker();
            let mut calls: Vec<(u32, Permit)> = Vec::new();
            let mut epoch = 0;
            for step in steps {
                match step {
                    Step::Admit => match breaker.admit() {
                        Ok(permit) => calls.push((epoch, permit)),
                        Err(BreakerOpen { retry_in }) => {
                            assert!(retry_in <= POLICY.open_max, "{retry_in:?}");
                            let trial_out = calls.iter().any(|(of, call)| *of == epoch && call.is_trial());
                            assert!(retry_in > Duration::ZERO || trial_out, "rejected for nothing");
                        }
                    },
                    Step::End(nth, outcome) if !calls.is_empty() => {
                        let (_, call) = calls.swap_remove(nth.index(calls.len()));
                        match outcome {
                            Outcome::Succeed => call.succeed(),
                            Outcome::Fail => call.fail(&"x"),
                            Outcome::Drop => drop(call),
                        }
                    }
                    Step::End(..) => {}
                    Step::Wait(seconds) => advance(Duration::from_secs(seconds)).await,
                    Step::Reset => {
                        breaker.reset();
                        epoch += 1;
                    }
                }
            }
            drop(calls);
            advance(POLICY.open_max).await;
            admitted(&breaker).succeed();
            assert!(!breaker.is_open() && !admitted(&breaker).is_trial());
        });
    }
}

#[test]
fn the_defaults_are_those_of_the_limits() {
    let Policy { failures, open, open_max } = Policy::default();
    assert!(failures > 1 && open < open_max, "{failures} {open:?} {open_max:?}");
    assert_eq!(HashSet::from([open, open_max]), HashSet::from([limits::BREAKER_OPEN, limits::BREAKER_OPEN_MAX]));
}
