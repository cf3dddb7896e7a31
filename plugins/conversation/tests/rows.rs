//! The default mode against the real component. Rule: each test names its row.

use modehost_testkit::{Effect, Kit};

#[test]
fn l4_turns_are_answered_without_a_model() {
    let kit = Kit::configured("conversation", r#"{"utc_offset_minutes":0}"#);
    let mut device = kit.device("dev-1");
    device.start(Some("chat"));
    device.hears("what day is it");
    device.hears("写一首诗");
    let said = device.said();
    assert_eq!(said[0], "Today is Thursday, 2025-10-09.");
    assert!(said[1].starts_with("我还没有配置语言模型"), "{said:?}");
}

#[test]
fn m1_a_mode_is_begun_by_voice() {
    let kit = Kit::build("conversation");
    let mut device = kit.device("dev-1");
    device.start(Some("chat"));
    device.hears("进入工作模式");
    assert_eq!(device.effects(), [Effect::SwitchMode(Some("working".to_owned()))]);
}
