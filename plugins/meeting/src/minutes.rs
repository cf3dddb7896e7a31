//! The minutes as Markdown for people. Rule: decisions and action items come before the points, and the transcript,
//! which the host appends, comes last. Texts of people and models are escaped, so that none of them acts as Markdown.

use std::fmt::Write;

use modehost_sdk::Language;
use modehost_sdk::markdown::plain;

use crate::calendar::{Moment, span};
use crate::summary::Summary;

/// Template of a line of the transcript, which the host fills from the journal.
pub const LINE: &str = "- {time} {tag} {text}";

/// When the meeting took place.
pub struct When {
    /// Unix ms.
    pub started: u64,
    pub utc_offset_minutes: i32,
}

/// The text of the file, up to the heading of the transcript.
pub fn write_minutes(summary: &Summary, when: &When, language: Language, has_transcript: bool) -> String {
    let mut text = String::new();
    let moment = Moment::of(when.started, when.utc_offset_minutes);
    let _ = writeln!(text, "# {}\n", plain(&summary.title));
    let (date, clock, length) = (moment.date(), moment.short_clock(), span(summary.duration));
    let _ = match language {
        Language::Chinese => writeln!(text, "时间：{date} {clock} · 时长：{length}"),
        Language::English => writeln!(text, "Date: {date} {clock} · Duration: {length}"),
    };
    if summary.degraded {
        let note = language.pick("（未使用语言模型，由规则提取）", "(extracted by rules, without a language model)");
        let _ = writeln!(text, "\n{note}");
    }
    let mut section = |heading: &str, lines: Vec<String>| {
        if !lines.is_empty() {
            let _ = writeln!(text, "\n## {heading}\n\n{}", lines.join("\n"));
        }
    };
    let listed = |entries: &[String]| entries.iter().map(|entry| format!("- {}", plain(entry))).collect();
    section(language.pick("决定", "Decisions"), listed(&summary.decisions));
    let to_do = summary.actions.iter().map(|action| {
        let mut line = format!("- [ ] {}", plain(&action.text));
        if let Some(owner) = &action.owner {
            let _ = write!(line, " — {}", plain(owner));
        }
        if let Some(due) = &action.due {
            let _ = write!(line, " ({})", plain(due));
        }
        line
    });
    section(language.pick("待办", "Action items"), to_do.collect());
    section(language.pick("要点", "Summary"), listed(&summary.bullets));
    if has_transcript {
        let _ = writeln!(text, "\n## {}\n", language.pick("记录", "Transcript"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notes::Action;

    #[test]
    fn minutes_read_well() {
        let summary = Summary {
            title: "Weekly".into(),
            duration: 3_725,
            bullets: vec!["One".into()],
            decisions: vec!["Go\nnow".into()],
            actions: vec![Action { text: "Call".into(), owner: Some("Ann".into()), due: Some("by Friday".into()) }],
            degraded: false,
        };
        let when = When { started: 1_760_000_000_000, utc_offset_minutes: 0 };
        let text = write_minutes(&summary, &when, Language::English, true);
        let expected = "# Weekly\n\nDate: 2025-10-09 08:53 · Duration: 1:02:05\n\n## Decisions\n\n- Go now\n\n\
            ## Action items\n\n- [ ] Call — Ann (by Friday)\n\n## Summary\n\n- One\n\n## Transcript\n\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn m7_texts_and_names_are_nothing_but_text() {
        let link = "[tap](javascript:alert(1)) \\<b>";
        let summary = Summary {
            title: format!("# {link}"),
            duration: 60,
            bullets: vec!["![p](http://tracker.example/p.png)".into()],
            decisions: vec!["\u{202E}[x] <script>".into()],
            actions: vec![Action {
                text: "1. go".into(),
                owner: Some("*Ann*\u{2066}".into()),
                due: Some("`now`".into()),
            }],
            degraded: false,
        };
        let when = When { started: 1_760_000_000_000, utc_offset_minutes: 0 };
        let text = write_minutes(&summary, &when, Language::English, false);
        for line in [
            "# \\# \\[tap\\]\\(javascript:alert(1)) \\\\\\<b>",
            "- !\\[p\\]\\(http://tracker.example/p.png)",
            "- \\[x\\] \\<script>",
            "- [ ] 1\\. go — \\*Ann\\* (\\`now\\`)",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is not in {text}");
        }
    }
}
