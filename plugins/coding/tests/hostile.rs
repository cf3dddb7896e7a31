//! The mode withstands any log. Rule: proptest damages lines of real logs and inserts arbitrary text between them;
//! nothing panics, and every insight is complete.

#[path = "drive/native.rs"]
mod native;

use std::path::Path;

use native::{Session, insight_on};
use proptest::prelude::*;

/// Every line of the golden logs.
fn lines() -> Vec<String> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let entries = std::fs::read_dir(directory).expect("the folder").map(|entry| entry.expect("an entry").path());
    let logs = entries.filter(|path| path.extension().is_some_and(|ending| ending == "log"));
    let texts = logs.map(|path| std::fs::read_to_string(path).expect("a log"));
    let mut lines: Vec<String> = texts.flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>()).collect();
    lines.sort();
    lines.dedup();
    lines
}

/// A line with a part replaced.
fn damaged() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just(String::new()),
        Just("界".to_owned()),
        Just("\u{1b}[3".to_owned()),
        Just("é\u{301}\u{202e}".to_owned()),
        Just("::((//..\\``''\"\"[[]]".to_owned()),
        "\\PC{0,12}",
    ];
    (prop::sample::select(lines()), 0.0..1.0_f64, 0.0..1.0_f64, piece).prop_map(|(line, from, to, piece)| {
        let at = |share: f64| line.floor_char_boundary((share * line.len() as f64) as usize);
        let (start, end) = (at(from.min(to)), at(from.max(to)));
        format!("{}{piece}{}", &line[..start], &line[end..])
    })
}

fn is_complete(insight: &serde_json::Value) -> bool {
    let lists = ["insights", "risks", "actions", "nextSteps"];
    lists.iter().all(|key| insight[key].as_array().is_some_and(|list| !list.is_empty() && list.len() <= 6))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn m13_damaged_logs_give_whole_insights(parts in prop::collection::vec((damaged(), prop::sample::select(vec!["\n", "\r\n", "", "\r"])), 1..40)) {
        let mut session = Session::start();
        for (line, end) in &parts {
            for insight in session.text(&format!("{line}{end}")) {
                prop_assert!(is_complete(&insight), "{}", insight);
            }
        }
        let last = session.stop();
        prop_assert!(is_complete(&last), "{}", last);
        let whole: String = parts.iter().map(|(line, end)| format!("{line}{end}")).collect();
        prop_assert_eq!(last, insight_on(&whole));
    }

    #[test]
    fn m13_any_text_gives_a_whole_insight(texts in prop::collection::vec(any::<String>(), 1..12)) {
        let mut session = Session::start();
        for text in &texts {
            session.text(text);
        }
        let last = session.stop();
        prop_assert!(is_complete(&last));
        prop_assert_eq!(last, insight_on(&texts.concat()));
    }
}
