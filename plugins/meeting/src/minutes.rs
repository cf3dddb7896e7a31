//! The summary as Markdown for people. Rule: what people do next stands on top; the words that it
//! was made from come last, put there by the host.

use std::fmt::Write;

use modehost_sdk::Language;

use crate::calendar::{Moment, span};
use crate::summary::Summary;

/// How a segment reads in the file; the host puts it together from the journal.
pub const LINE: &str = "- {time} {tag} {text}";

/// When the meeting was.
pub struct When {
    /// Unix ms.
    pub started: u64,
    pub utc_offset_minutes: i32,
}

/// The file's text, up to the heading of the transcript.
pub fn write_minutes(summary: &Summary, when: &When, language: Language, has_transcript: bool) -> String {
    let mut text = String::new();
    let moment = Moment::of(when.started, when.utc_offset_minutes);
    let _ = writeln!(text, "# {}\n", one_line(&summary.title));
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
    let plain = |entries: &[String]| entries.iter().map(|entry| format!("- {}", one_line(entry))).collect();
    section(language.pick("决定", "Decisions"), plain(&summary.decisions));
    let to_do = summary.actions.iter().map(|action| {
        let mut line = format!("- [ ] {}", one_line(&action.text));
        if let Some(owner) = &action.owner {
            let _ = write!(line, " — {}", one_line(owner));
        }
        if let Some(due) = &action.due {
            let _ = write!(line, " ({})", one_line(due));
        }
        line
    });
    section(language.pick("待办", "Action items"), to_do.collect());
    section(language.pick("要点", "Summary"), plain(&summary.bullets));
    if has_transcript {
        let _ = writeln!(text, "\n## {}\n", language.pick("记录", "Transcript"));
    }
    text
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
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
}
