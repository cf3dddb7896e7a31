//! Spoken announcements of a meeting (M.19): its start, its end and its result. Rule: short enough to listen to; the
//! summary has the rest. The server does not hear its own speech, so none of this gets into a transcript.

use modehost_sdk::Language;

use crate::notes::Action;
use crate::summary::Summary;

/// Decisions, and actions, that are read out; the others are only counted.
const SAID: usize = 3;
/// Characters of an entry.
const ENTRY_CHARS: usize = 60;

/// Announces the start.
pub fn begins(language: Language) -> &'static str {
    language.pick("会议开始，我在记录。", "The meeting begins; I am taking notes.")
}

/// Announces the end, while the summary is being made.
pub fn ends(language: Language) -> &'static str {
    language.pick("会议结束，我来整理纪要。", "The meeting is over; I am writing the summary.")
}

/// Announces the result. `empty`: the meeting has no segments.
pub fn outcome(summary: &Summary, empty: bool, language: Language) -> String {
    if empty {
        return language
            .pick("这次会议没有听到内容，没有纪要。", "Nothing was said in this meeting, so there is no summary.")
            .to_owned();
    }
    // A title that equals one of the entries would be read twice.
    let actions = summary.actions.iter().map(|action| &action.text);
    let mut entries = summary.decisions.iter().chain(&summary.bullets).chain(actions);
    let mut said = match entries.any(|entry| clipped(entry) == clipped(&summary.title)) {
        true => language.pick("纪要好了。".to_owned(), "The summary is ready.".to_owned()),
        false => {
            language.pick(format!("纪要好了：{}。", summary.title), format!("The summary is ready: {}.", summary.title))
        }
    };
    said.push_str(&list(language, ("决定", "Decided"), &summary.decisions, |text| clipped(text)));
    said.push_str(&list(language, ("待办", "To do"), &summary.actions, |action| action_of(action, language)));
    if summary.decisions.is_empty() && summary.actions.is_empty() {
        match summary.bullets.first() {
            Some(bullet) => said.push_str(
                &language.pick(format!("主要内容：{}。", clipped(bullet)), format!(" Mainly: {}.", clipped(bullet))),
            ),
            None => said.push_str(language.pick("没有提到决定和待办。", " There were no decisions and nothing to do.")),
        }
    }
    said
}

fn list<T>(language: Language, (chinese, english): (&str, &str), entries: &[T], word: impl Fn(&T) -> String) -> String {
    if entries.is_empty() {
        return String::new();
    }
    let said: Vec<String> = entries.iter().take(SAID).map(word).collect();
    let rest = entries.len().saturating_sub(SAID);
    language.pick(
        {
            let more = if rest > 0 { format!("，另外还有{rest}项") } else { String::new() };
            format!("{chinese}：{}{more}。", said.join("；"))
        },
        {
            let more = if rest > 0 { format!("; and {rest} more") } else { String::new() };
            format!(" {english}: {}{more}.", said.join("; "))
        },
    )
}

fn action_of(action: &Action, language: Language) -> String {
    let text = clipped(&action.text);
    let owner = action.owner.as_deref().filter(|owner| !action.text.contains(*owner));
    let due = action.due.as_deref().filter(|due| !action.text.contains(*due));
    language.pick(
        {
            let owner = owner.map(|owner| format!("{owner}负责")).unwrap_or_default();
            let due = due.map(|due| format!("，{due}")).unwrap_or_default();
            format!("{owner}{text}{due}")
        },
        {
            let owner = owner.map(|owner| format!("{owner}: ")).unwrap_or_default();
            let due = due.map(|due| format!(" ({due})")).unwrap_or_default();
            format!("{owner}{text}{due}")
        },
    )
}

/// The start of the text, without the punctuation at its end.
fn clipped(text: &str) -> String {
    let text = text.trim().trim_end_matches(['。', '.', '！', '!', '；', ';']);
    let short: String = text.chars().take(ENTRY_CHARS).collect();
    if short.len() < text.len() { format!("{short}…") } else { short }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn action(text: &str, owner: Option<&str>, due: Option<&str>) -> Action {
        Action { text: text.into(), owner: owner.map(Into::into), due: due.map(Into::into) }
    }

    #[test]
    fn m19_decisions_and_actions_are_said_and_further_ones_counted() {
        let summary = Summary {
            title: "发布计划".into(),
            decisions: ["周五发布。", "先灰度", "再全量", "第四项"].map(str::to_owned).to_vec(),
            actions: vec![action("更新文档", Some("小王"), Some("周四前")), action("小李联系客户", Some("小李"), None)],
            ..Summary::default()
        };
        assert_eq!(
            outcome(&summary, false, Language::Chinese),
            "纪要好了：发布计划。决定：周五发布；先灰度；再全量，另外还有1项。待办：小王负责更新文档，周四前；小李联系客户。"
        );
        let summary = Summary {
            title: "Release".into(),
            decisions: vec!["Ship on Friday.".into()],
            actions: vec![action("Update the docs", Some("Ann"), Some("by Thursday"))],
            ..Summary::default()
        };
        assert_eq!(
            outcome(&summary, false, Language::English),
            "The summary is ready: Release. Decided: Ship on Friday. To do: Ann: Update the docs (by Thursday)."
        );
    }

    #[test]
    fn m19_a_meeting_of_nothing_says_so() {
        let mut summary = Summary { title: "会议".into(), ..Summary::default() };
        assert!(outcome(&summary, true, Language::Chinese).contains("没有听到内容"));
        assert!(outcome(&summary, false, Language::Chinese).ends_with("没有提到决定和待办。"));
        summary.bullets = vec!["大家聊了聊天气。".into()];
        assert_eq!(outcome(&summary, false, Language::Chinese), "纪要好了：会议。主要内容：大家聊了聊天气。");
        summary.title = "大家聊了聊天气".into();
        assert_eq!(outcome(&summary, false, Language::Chinese), "纪要好了。主要内容：大家聊了聊天气。");
    }
}
