//! M.19: spoken announcements. Rule: only the participants hear them.

use modehost_testkit::{EndReason, Kit};

use crate::{ANSWER, finalize, in_meeting, snippet};

#[test]
fn m19_a_meeting_begins_and_ends_audibly_and_what_came_of_it_is_said() {
    let kit = Kit::build("meeting");
    kit.answer_model("summary", ANSWER);
    let mut device = kit.device("dev-1").language("en");
    device.start(Some("meeting"));
    assert_eq!(device.said(), ["The meeting begins; I am taking notes."]);
    device.message(&snippet("We launch in May and Ann tells the customers."));
    assert_eq!(device.said(), [""; 0].map(str::to_owned), "nobody is talked over");
    device.end(EndReason::Requested);
    let said = device.said();
    assert_eq!(said[0], "The meeting is over; I am writing the summary.");
    assert_eq!(
        said[1..],
        ["The summary is ready: Launch. Decided: Launch in May. To do: Ann: Tell the customers (Friday).".to_owned()]
    );
}

#[test]
fn m19_an_empty_meeting_says_so_and_whoever_is_gone_is_told_nothing() {
    let kit = Kit::build("meeting");
    let mut device = in_meeting(&kit);
    device.end(EndReason::Requested);
    let said = device.said();
    assert_eq!(said[0], "会议开始，我在记录。");
    assert_eq!(said.last().map(String::as_str), Some("这次会议没有听到内容，没有纪要。"));
    let mut device = in_meeting(&kit);
    device.message(&snippet("Words."));
    device.said();
    device.end(EndReason::Expired);
    assert_eq!(device.said(), [""; 0].map(str::to_owned));
}

#[test]
fn m19_a_meeting_that_is_only_written_is_not_spoken_of() {
    let kit = Kit::build("meeting");
    kit.answer_model("summary", ANSWER);
    let mut device = kit.device("dev-1");
    device.start(None);
    device.message(&snippet("We launch in May."));
    device.message(&finalize());
    assert_eq!(device.said(), [""; 0].map(str::to_owned));
}
