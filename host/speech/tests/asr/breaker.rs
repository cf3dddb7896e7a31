//! Recognisers with permanent failures (A.6): how often they are called, and when they are called again. Rule: requests
//! are counted at the service.

use std::time::{Duration, Instant};

use modehost_recogniser::{Kind, Step, doubao};
use modehost_speech::asr::AsrEvent;
use modehost_speech::{Fault, FaultKind};

use crate::test_host::{DEADLINE, TestHost, outcome, ramp, text};

async fn fault(host: &TestHost) -> Fault {
    match outcome(&mut host.say(400)).await.1 {
        AsrEvent::Failed(fault) => fault,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a6_a_recogniser_that_fails_lastingly_is_not_asked_at_the_rate_of_speech() {
    for (kind, script, expected, until_open) in [
        (Kind::Doubao, Step::Truncate, FaultKind::Connection, 1),
        (Kind::FunAsr, Step::Refuse(401), FaultKind::Unauthorized, 3),
        (Kind::FunAsr, Step::Refuse(404), FaultKind::Rejected, 3),
    ] {
        let host = TestHost::new(kind, &[vec![script.clone()]]);
        for utterance in 0..until_open {
            assert_eq!(fault(&host).await.kind, expected, "{script:?}, utterance {utterance}: the cause is reported");
        }
        assert_eq!(host.service.received().len(), 3, "{script:?}");
        for _ in 0..5 {
            let fault = fault(&host).await;
            assert_eq!((fault.kind, fault.transient), (FaultKind::BreakerOpen, true), "{script:?}: {fault}");
        }
        assert_eq!(host.service.received().len(), 3, "{script:?}: no call was made");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a6_a_recogniser_that_was_repaired_is_asked_by_one_and_then_by_all() {
    let cut = vec![Step::Truncate];
    let good = vec![Step::ReceiveEnd, Step::SendBinary(doubao::last_result("wieder da"))];
    let host = TestHost::new(Kind::Doubao, &[cut.clone(), cut.clone(), cut, good]);
    assert_eq!(fault(&host).await.kind, FaultKind::Connection);
    let began = Instant::now();
    loop {
        assert!(began.elapsed() < DEADLINE, "it is called again");
        match outcome(&mut host.say(400)).await.1 {
            AsrEvent::Final(text) => break assert_eq!(&*text, "wieder da"),
            AsrEvent::Failed(fault) => assert_eq!(fault.kind, FaultKind::BreakerOpen),
            AsrEvent::Partial(_) => {}
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert_eq!(text(&mut host.say(400)).await, "wieder da");
    assert_eq!(host.service.received().len(), 5, "three that failed, the trial, and one more");
}

#[tokio::test(flavor = "multi_thread")]
async fn a6_a_recogniser_that_is_busy_is_asked_again() {
    let host = TestHost::new(Kind::Doubao, &[vec![Step::Refuse(503)]]);
    for _ in 0..3 {
        assert_eq!(fault(&host).await.kind, FaultKind::Busy);
    }
    assert_eq!(host.service.received().len(), 9);
}

/// Otherwise each utterance in the rest of the speech would fail on its own.
#[tokio::test(flavor = "multi_thread")]
async fn a6_a_lasting_failure_is_told_once_the_utterance_has_ended() {
    for script in [Step::Refuse(403), Step::Truncate] {
        let host = TestHost::new(Kind::Doubao, &[vec![script.clone()]]);
        let mut utterance = host.begin();
        utterance.push(&ramp(400));
        host.service.wait_closed();
        host.service.wait_connections(1);
        let early = tokio::time::timeout(Duration::from_millis(1500), outcome(&mut utterance)).await;
        assert!(early.is_err(), "{script:?}: failed before the end of the utterance: {early:?}");
        utterance.end();
        assert!(matches!(outcome(&mut utterance).await.1, AsrEvent::Failed(_)), "{script:?}");
    }
}
