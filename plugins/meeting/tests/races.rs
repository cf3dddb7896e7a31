//! The end of a meeting together with late snippets, other requests, swaps, kills and failures in any order. Rule: each
//! meeting has exactly one summary that is marked as the first.

use std::collections::BTreeMap;

use modehost_testkit::{EndReason, Failure, Kit, Part, TestDevice};
use serde_json::{Value, json};

const ANSWER: &str = r#"{"title":"T","bullets":["b"],"decisions":[],"actions":[]}"#;

/// Deterministic random numbers.
struct Chance(u64);

impl Chance {
    fn below(&mut self, most: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % most
    }
}

/// Checks that each finalized meeting has one end and one first summary, that all its summaries are equal, and that
/// nothing is archived twice.
fn check(inbox: &[Value], archived: &[String], what: &str) {
    let mut firsts: BTreeMap<String, usize> = BTreeMap::new();
    let mut all: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    let mut finalized: Vec<String> = Vec::new();
    for message in inbox {
        let meeting = message["meeting_id"].as_str().unwrap_or_default().to_owned();
        match message["phase"].as_str() {
            Some("finalize") => {
                assert!(!finalized.contains(&meeting), "{what}: {meeting} was finalized twice: {inbox:#?}");
                finalized.push(meeting);
            }
            Some("summary") => {
                let is_first = message["idempotent"] == false;
                *firsts.entry(meeting.clone()).or_default() += usize::from(is_first);
                let mut plain = message.clone();
                plain["idempotent"] = Value::Null;
                all.entry(meeting).or_default().push(plain);
            }
            _ => {}
        }
    }
    for meeting in &finalized {
        assert_eq!(firsts.get(meeting), Some(&1), "{what}: {meeting}: {inbox:#?}");
        let all = &all[meeting];
        assert!(all.iter().all(|one| one == &all[0]), "{what}: {meeting} has several summaries: {all:#?}");
    }
    let mut archived = archived.to_vec();
    archived.sort();
    archived.dedup_by(|a, b| {
        assert_ne!(a, b, "{what}: archived twice");
        false
    });
}

fn play(kit: &Kit, seed: u64, kills: bool) {
    let mut chance = Chance(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let mut device: TestDevice = kit.device("dev-1");
    let mut inbox: Vec<Value> = Vec::new();
    let mut held = false;
    if seed.is_multiple_of(2) {
        device.hold();
    }
    device.start(Some("meeting"));
    device.hold();
    for _ in 0..60 {
        match chance.below(if kills { 16 } else { 14 }) {
            0..=2 => device.message(&json!({"type": "meeting", "phase": "snippet", "text": "We talk about it."})),
            3 => device.hears("Something was said aloud."),
            4 => device.says_draft("Something was"),
            5 | 6 => device.message(&json!({"type": "meeting", "phase": "finalize"})),
            7 => device.message(&json!({"type": "meeting", "phase": "summary"})),
            8 => {
                let reason = if chance.below(2) == 0 { EndReason::Requested } else { EndReason::Switched };
                device.end(reason);
                device.start(Some("meeting"));
            }
            9 => device.advance(chance.below(20_000)),
            10 => {
                if held {
                    kit.release_model("summary")
                } else {
                    kit.hold_model("summary")
                }
                held = !held;
            }
            11 => match chance.below(4) {
                0 => kit.fail_model("summary", Failure::TimedOut),
                1 => kit.fail(Part::Archives, Failure::Unavailable, 1),
                2 => kit.fail(Part::Hooks, Failure::Rejected, 1),
                _ => kit.answer_model("summary", ANSWER),
            },
            12 | 13 => drop((0..chance.below(6)).take_while(|_| device.step()).count()),
            _ => device.restart(),
        }
        inbox.extend(device.inbox());
    }
    kit.release_model("summary");
    device.settle();
    device.advance(20);
    device.end(EndReason::Expired);
    device.settle();
    // A failed write of the archive may wait for its retry.
    for _ in 0..20 {
        device.advance(600_000);
        device.settle();
    }
    inbox.extend(device.inbox());
    let archived: Vec<String> = kit.archived().into_iter().map(|entry| entry.id).collect();
    check(&inbox, &archived, &format!("seed {seed}"));
    let kept = kit.journal_names();
    for journal in &kept {
        let id = journal.trim_start_matches("meeting/");
        assert!(archived.iter().any(|archived| archived == id), "seed {seed}: {id} was not archived: {archived:?}");
    }
    let left = String::from_utf8(device.snapshot().state).expect("text");
    assert!(!left.contains("\"closing\"") && !left.contains("\"current\""), "seed {seed}: left over: {left}");
}

#[test]
fn m5_one_summary_in_any_order_of_things() {
    let kit = Kit::configured("meeting", r#"{"webhook":"crm"}"#);
    for seed in 1..=300 {
        play(&kit.afresh(), seed, false);
    }
}

#[test]
fn m5_one_summary_across_kills() {
    let kit = Kit::configured("meeting", r#"{"webhook":"crm"}"#);
    for seed in 1..=300 {
        play(&kit.afresh(), seed, true);
    }
}

#[test]
fn a_kill_behind_any_event_completes_the_meeting() {
    let kit = Kit::configured("meeting", r#"{"webhook":"crm"}"#);
    for kill_behind in 0..20 {
        let kit = kit.afresh();
        kit.answer_model("summary", ANSWER);
        kit.answer_model("summary", ANSWER);
        let mut device = kit.device("dev-1");
        device.start(Some("meeting"));
        device.message(&json!({"type": "meeting", "phase": "snippet", "text": "We talk about it."}));
        device.hold();
        device.message(&json!({"type": "meeting", "phase": "finalize"}));
        let steps = (0..kill_behind).take_while(|_| device.step()).count();
        device.restart();
        device.settle();
        device.advance(600_000);
        device.settle();
        let inbox = device.inbox();
        let what = format!("killed behind {steps} outcomes");
        check(&inbox, &[], &what);
        assert_eq!(inbox.iter().filter(|message| message["step"] == "llm_start").count(), 1, "{what}");
        assert_eq!(kit.archived().len(), 1, "{what}");
        assert!((1..=2).contains(&kit.posted().len()), "{what}");
    }
}

#[test]
fn h2_a_swap_at_any_event_is_unseen() {
    let kit =
        Kit::configured("meeting", r#"{"summary_transcript_max_chars":500,"checkpoint_chars":500,"webhook":"crm"}"#);
    kit.assert_swaps_unseen(None, |kit| {
        kit.answer_model("checkpoint", r#"{"bullets":["early"],"decisions":["go"],"actions":[]}"#);
        kit.answer_model("summary", ANSWER);
        let mut device = kit.device("dev-1");
        device.start(Some("meeting"));
        for number in 0..14 {
            let text = format!("Remark {number}. {}", "We go on about the plan for the year. ".repeat(2));
            device.message(&json!({"type": "meeting", "phase": "snippet", "text": text}));
            device.advance(700);
        }
        device.says_draft("nearly");
        kit.hold_model("summary");
        device.message(&json!({"type": "meeting", "phase": "finalize"}));
        device.message(&json!({"type": "meeting", "phase": "finalize"}));
        kit.release_model("summary");
        device.settle();
        device.end(EndReason::Requested);
        let archived: Vec<String> = kit.archived().into_iter().map(|entry| entry.content).collect();
        (device.inbox(), archived, kit.posted().len(), device.effects().len())
    });
}

/// Six hours, one segment every three seconds, a model that answers now and then.
#[test]
fn a_six_hour_meeting_stays_small() {
    let kit = Kit::build("meeting");
    let mut device = kit.device("dev-1");
    device.start(Some("meeting"));
    let subjects = ["预算", "排期", "招聘", "客户反馈", "性能", "安全", "文档", "测试"];
    let (mut most, mut chance) = (0, Chance(7));
    for number in 0..7_200_u64 {
        let subject = subjects[usize::try_from(number / 900).unwrap_or(0) % subjects.len()];
        let figure = chance.below(1_000);
        let text = match chance.below(40) {
            0 => format!("我们决定把{subject}第{figure}项提前到下个月"),
            1 => format!("李雷负责整理{subject}的第{figure}份材料，周五前给出来"),
            _ => format!("关于{subject}这一块，第{figure}个问题我觉得还要再看看数据怎么说"),
        };
        let items = json!([{"tag": if number.is_multiple_of(2) { "李雷" } else { "韩梅" }, "text": text}]);
        if number.is_multiple_of(500) {
            kit.answer_model(
                "checkpoint",
                r#"{"bullets":["这一段讨论了很多问题，也给出了一些数字"],"decisions":[],"actions":[]}"#,
            );
        }
        device.message(&json!({"type": "meeting", "phase": "snippet", "items": items}));
        device.advance(3_000);
        if number.is_multiple_of(20) {
            most = most.max(device.snapshot().state.len());
            device.inbox();
            device.effects();
        }
    }
    assert!(most <= 32 * 1024, "the snapshot grew to {most} bytes");
    device.inbox();
    device.message(&json!({"type": "meeting", "phase": "finalize"}));
    let summary = device.inbox().into_iter().find(|message| message["phase"] == "summary").expect("a summary");
    assert_eq!(summary["duration"], 6 * 3_600);
    // It covers the whole meeting: the first subject and the last.
    let text = summary.to_string();
    assert!(text.contains("预算") && text.contains("测试"), "{text}");
    assert_eq!(kit.journal("meeting/session-dev-1").len(), 7_200);
    eprintln!("largest snapshot: {most} bytes; {} questions", kit.asked().len());
}
