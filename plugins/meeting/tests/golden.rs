//! Two hours of talk in Chinese and in English, summarised without a model. Rule: each transcript has a list of what a
//! person would write down afterwards, which must be found.

use modehost_testkit::{Kit, TestDevice};
use serde_json::{Value, json};

const CHINESE: (&str, &str) = (include_str!("golden/zh.jsonl"), include_str!("golden/zh.expected.json"));
const ENGLISH: (&str, &str) = (include_str!("golden/en.jsonl"), include_str!("golden/en.expected.json"));

/// Replays the meeting at its own pace and returns its summary.
fn hold(kit: &Kit, transcript: &str) -> Value {
    let mut device: TestDevice = kit.device("dev-1");
    device.start(Some("meeting"));
    let (mut clock, mut count) = (0, 0);
    for line in transcript.lines() {
        let line: Value = serde_json::from_str(line).expect("a line of the transcript");
        let at = line["at_s"].as_u64().expect("a time");
        device.advance((at - clock) * 1_000);
        clock = at;
        count += 1;
        let items = json!([{"tag": line["tag"], "text": line["text"]}]);
        device.message(&json!({"type": "meeting", "phase": "snippet", "items": items}));
    }
    assert!(count >= 300, "{count} segments");
    device.inbox();
    device.message(&json!({"type": "meeting", "phase": "finalize"}));
    let summary = device.inbox().into_iter().find(|message| message["phase"] == "summary").expect("a summary");
    assert!(summary["duration"].as_u64().is_some_and(|seconds| (7_000..7_400).contains(&seconds)), "{summary}");
    summary
}

fn texts(list: &Value) -> Vec<String> {
    let entries = list.as_array().expect("a list");
    entries.iter().map(|entry| entry["text"].as_str().or(entry.as_str()).unwrap_or_default().to_owned()).collect()
}

fn words(list: &Value) -> Vec<&str> {
    list.as_array().expect("a list").iter().filter_map(Value::as_str).collect()
}

fn check(summary: &Value, expected: &str) {
    let expected: Value = serde_json::from_str(expected).expect("JSON");
    assert_eq!(summary["degraded"], true);
    assert_eq!(summary["title"], expected["title"]);
    let decisions = texts(&summary["decisions"]);
    for wanted in words(&expected["decisions"]) {
        assert!(decisions.iter().any(|found| found.contains(wanted)), "no decision {wanted}: {summary:#}");
    }
    for wrong in words(&expected["not_decisions"]) {
        assert!(!decisions.iter().any(|found| found.contains(wrong)), "{wrong} is no decision: {summary:#}");
    }
    // Up to two decisions beyond the list are tolerated.
    let wanted = words(&expected["decisions"]).len();
    assert!(decisions.len() <= wanted + 2, "{} decisions instead of {wanted}: {summary:#}", decisions.len());

    let actions = summary["actions"].as_array().expect("a list");
    let wanted = expected["actions"].as_array().expect("a list");
    for action in wanted {
        let [text, owner, due] = [&action[0], &action[1], &action[2]];
        let found = actions
            .iter()
            .find(|found| found["text"].as_str().unwrap_or_default().contains(text.as_str().unwrap_or_default()));
        let found = found.unwrap_or_else(|| panic!("no action {text}: {summary:#}"));
        assert_eq!((&found["owner"], &found["due"]), (owner, due), "{found}");
    }
    assert!(actions.len() <= wanted.len() + 3, "{} actions instead of {}: {summary:#}", actions.len(), wanted.len());

    let bullets = texts(&summary["bullets"]);
    assert_eq!(bullets.len(), 6, "{bullets:#?}");
    let topics = words(&expected["topics"]);
    let is_told = |topic: &str| topic.split('|').any(|word| bullets.iter().any(|bullet| bullet.contains(word)));
    let told = topics.iter().filter(|topic| is_told(topic)).count();
    let least = usize::try_from(expected["least_topics"].as_u64().expect("a count")).expect("small");
    assert!(told >= least, "{told} of {} topics in {bullets:#?}", topics.len());
}

#[test]
fn two_hours_in_chinese() {
    check(&hold(&Kit::build("meeting"), CHINESE.0), CHINESE.1);
}

#[test]
fn two_hours_in_english() {
    check(&hold(&Kit::build("meeting"), ENGLISH.0), ENGLISH.1);
}

/// The model gets the end verbatim, and the rest as its own notes.
#[test]
fn two_hours_with_a_model() {
    let kit = Kit::configured("meeting", r#"{"summary_transcript_max_chars":3000,"checkpoint_chars":3000}"#);
    for part in 1..=20 {
        let notes = json!({"bullets": [format!("Part {part} in a few words")], "decisions": [], "actions": []});
        kit.answer_model("checkpoint", &notes.to_string());
    }
    kit.answer_model("summary", r#"{"title":"Quarter","bullets":["All of it"],"decisions":[],"actions":[]}"#);
    let summary = hold(&kit, ENGLISH.0);
    assert_eq!((&summary["title"], &summary["degraded"]), (&json!("Quarter"), &json!(false)));
    let asked = kit.asked();
    let (last, checkpoints) = asked.split_last().expect("questions");
    assert!(checkpoints.len() >= 4 && checkpoints.iter().all(|ask| ask.purpose == "checkpoint"), "{}", asked.len());
    let question = &last.messages[1].content;
    for part in 1..=checkpoints.len() {
        assert!(question.contains(&format!("Part {part} in a few words")), "{question}");
    }
    // All text was part of a request, except for a rest between the last notes and the end, which is noted by rules.
    let all: Vec<&str> = asked.iter().map(|ask| ask.messages[1].content.as_str()).collect();
    let mut beside = 0;
    for line in ENGLISH.0.lines() {
        let line: Value = serde_json::from_str(line).expect("a line");
        let (tag, text) = (line["tag"].as_str().expect("a tag"), line["text"].as_str().expect("text"));
        if !all.iter().any(|question| question.contains(&format!("{tag}: {text}\n"))) {
            beside += text.chars().count();
        }
    }
    assert!(beside <= 3_000 / 4, "{beside} characters were in no question");
}
