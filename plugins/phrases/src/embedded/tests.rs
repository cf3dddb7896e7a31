//! Commands among remarks. Rule: the reader of these tests knows two commands, so that only the context is tested.

use super::*;

fn read_known(utterance: &str) -> Verdict<()> {
    let bare = utterance.trim_matches(|letter: char| !letter.is_alphanumeric());
    match bare.trim_start_matches("帮我").trim_end_matches('吧').to_lowercase().as_str() {
        "打开会议模式" | "start the meeting" | "please start the meeting" | "could you start the meeting" => {
            Verdict::Command(())
        }
        _ => Verdict::Talk,
    }
}

#[test]
fn m18_an_order_is_one_among_any_remarks() {
    for utterance in [
        "我手上全是油腾不出手 帮我打开会议模式",
        "打开会议模式吧，我妈在门口等着呢",
        "物业的人都坐下了，打开会议模式吧，茶一会儿再倒",
        "Jenkins just emailed me, please start the meeting",
        "The plumber is here so could you start the meeting, I left the tap running",
        "都十二点了，打开会议模式吧",
        "不说奶茶了，打开会议模式吧",
        "不好意思稍等，打开会议模式吧，莫漏了哪个说的话",
        "early flight, sore back, anyway, please start the meeting",
    ] {
        assert_eq!(read(utterance, read_known), Verdict::Command(()), "{utterance}");
    }
}

#[test]
fn m18_whoever_says_it_when_and_whether_hold_an_order() {
    for utterance in [
        "他一来就喊，打开会议模式",
        "明天，打开会议模式",
        "等小王回来了，帮我打开会议模式",
        "要是客户来了，帮我打开会议模式",
        "打开会议模式，算了",
        "打开会议模式，这句话用英语怎么说",
        "我忘了，打开会议模式",
        "she told me, start the meeting",
        "when Sam gets here, please start the meeting",
        "tomorrow, start the meeting",
        "start the meeting, just kidding",
        "start the meeting, is what he said",
        "the phrase was, start the meeting",
    ] {
        assert!(!matches!(read(utterance, read_known), Verdict::Command(())), "{utterance}");
    }
}

#[test]
fn a_tale_is_not_read() {
    let reads = std::cell::Cell::new(0);
    let count = |_: &str| {
        reads.set(reads.get() + 1);
        Verdict::<()>::Talk
    };
    read(&"start the meeting, ".repeat(12), count);
    read(&"打开会议模式，".repeat(500), count);
    assert_eq!(reads.get(), 0);
}
