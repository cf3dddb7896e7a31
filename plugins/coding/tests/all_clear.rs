//! K.1: an all-clear needs a positive sign. Rule: for every unknown log the insight says that nothing was recognised,
//! and the model is asked with the tail of the log.

use modehost_testkit::{Call, Effect, Kit, TestDevice};
use serde_json::{Value, json};

const UNKNOWN_LOG: &str =
    "frobnicating the valves\nvalve 7 does not answer, giving up on it\nleft with a heavy heart\n";
const ANSWER: &str =
    r#"{"insights":["Valve 7 is silent"],"risks":["r"],"actions":["Ask valve 7 again"],"nextSteps":["n"]}"#;

fn log(text: &str) -> Value {
    json!({"type": "coding", "event": "log", "text": text})
}

fn insights(device: &mut TestDevice) -> Vec<Value> {
    device.inbox().into_iter().filter(|message| message["event"] == "insight").collect()
}

fn model_requests(device: &mut TestDevice) -> Vec<String> {
    let effects = device.effects().into_iter();
    effects
        .filter_map(|effect| match effect {
            Effect::Call(Call::AskModel(ask)) => Some(format!("{:?}", ask.messages)),
            _ => None,
        })
        .collect()
}

fn device(kit: &Kit) -> TestDevice {
    let mut device = kit.device("dev-1");
    device.start(Some("coding"));
    device
}

fn is_all_clear(insight: &Value) -> bool {
    insight["actions"] == json!(["Nothing has to be done."])
}

#[test]
fn k1_what_nobody_knows_is_called_that_and_the_model_is_asked() {
    let kit = Kit::build("coding");
    let mut device = device(&kit);
    device.hold();
    kit.answer_model("coding", ANSWER);
    device.message(&log(UNKNOWN_LOG));
    device.advance(599);
    assert_eq!(model_requests(&mut device), Vec::<String>::new(), "more may come");
    device.advance(1);
    let first = insights(&mut device);
    assert!(first[0]["insights"][0].as_str().is_some_and(|text| text.starts_with("Nothing recognised")), "{first:?}");
    let requests = model_requests(&mut device);
    assert_eq!(requests.len(), 1);
    assert!(requests[0].contains("valve 7 does not answer"), "{requests:?}");
    device.settle();
    let refined = insights(&mut device).pop().expect("a refined insight");
    assert_eq!((&refined["refined"], &refined["insights"]), (&json!(true), &json!(["Valve 7 is silent"])));
    // A later result overrides the model's reading of the tail.
    device.message(&log("test result: ok. 3 passed; 0 failed; 0 ignored\n"));
    device.message(&json!({"type": "coding", "event": "stop"}));
    let last = insights(&mut device).pop().expect("the final insight");
    assert!(is_all_clear(&last), "{last}");
}

#[test]
fn k1_a_log_without_a_sign_is_asked_of_at_stop() {
    let kit = Kit::build("coding");
    let mut device = device(&kit);
    device.hold();
    kit.answer_model("coding", ANSWER);
    device.message(&log("   Compiling shop v0.1.0\n"));
    device.advance(10_000);
    assert_eq!(model_requests(&mut device).len(), 0, "a tool that is known is at work");
    device.message(&json!({"type": "coding", "event": "stop"}));
    assert_eq!(model_requests(&mut device).len(), 1);
    device.settle();
    let last = insights(&mut device).pop().expect("the final insight");
    assert_eq!((&last["final"], &last["refined"]), (&json!(true), &json!(true)));
}

#[test]
fn k1_a_log_that_tells_nothing_is_asked_of_more_and_more_seldom() {
    let kit = Kit::build("coding");
    let mut device = device(&kit);
    let mut requests = 0;
    for n in 0..300 {
        kit.answer_model("coding", ANSWER);
        device.message(&log(&format!("turn {n} of the wheel\n")));
        device.advance(1_000);
        requests += model_requests(&mut device).len();
    }
    assert!((3..=8).contains(&requests), "{requests}");
}
