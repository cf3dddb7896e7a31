//! A title from the first segments. Rule: a clause that names the subject is preferred to the first long one, and both
//! are preferred to a greeting.

use serde::{Deserialize, Serialize};

use crate::extract::sentence::cut;
use crate::extract::weigh::{has_spaces, is_small_talk};
use crate::notes::clip;

/// Characters of a title; Chinese needs fewer of them.
const CHINESE_CHARS: usize = 24;
const LATIN_CHARS: usize = 60;
/// Words that introduce the subject of a meeting.
const SUBJECTS: [&str; 24] = [
    "今天的",
    "今天讨论",
    "今天主要",
    "会议",
    "评审",
    "例会",
    "周会",
    "复盘",
    "议题",
    "讨论一下",
    "说一下",
    "聊一下",
    "this is the",
    "today",
    "agenda",
    "meeting",
    "planning",
    "review",
    "sync",
    "retro",
    "we are here",
    "let's talk about",
    "let's discuss",
    "kick off",
];

/// The best title so far.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpeningWords {
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// 0: none, 1: a greeting or a short clause, 2: a clause of some length, 3: one that names the subject.
    #[serde(default)]
    rank: u8,
}

impl OpeningWords {
    /// Takes the best clause of a segment if it ranks higher than the current title.
    pub fn consider(&mut self, segment: &str) {
        for clause in cut(segment)
            .into_iter()
            .flat_map(|sentence| sentence.split(['，', ',', '。', '！', '!', '？', '?', '；', ';', '\n']))
        {
            let clause = clause.trim().trim_end_matches('.');
            let rank = rank(clause);
            if rank > self.rank {
                self.rank = rank;
                self.text = clause.split_whitespace().collect::<Vec<_>>().join(" ");
                clip(&mut self.text, if has_spaces(clause) { LATIN_CHARS } else { CHINESE_CHARS });
            }
        }
    }
}

fn rank(clause: &str) -> u8 {
    let lower = clause.to_lowercase();
    let says_something = match has_spaces(clause) {
        true => clause.split_whitespace().count() >= 4,
        false => clause.chars().count() >= 6,
    };
    match says_something && !is_small_talk(clause) && !clause.ends_with('吧') {
        _ if clause.is_empty() => 0,
        true if SUBJECTS.iter().any(|word| lower.contains(word)) => 3,
        true => 2,
        false => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn title(segments: &[&str]) -> String {
        let mut words = OpeningWords::default();
        segments.iter().for_each(|segment| words.consider(segment));
        words.text
    }

    #[test]
    fn what_it_is_about_goes_first() {
        assert_eq!(
            title(&["大家好，都到齐了吧，我们开始今天的季度发布评审会。", "好"]),
            "我们开始今天的季度发布评审会"
        );
        let english =
            ["Good morning everybody, can you hear me?", "Yes.", "This is the quarterly planning for payments."];
        assert_eq!(title(&english), "This is the quarterly planning for payments");
        assert_eq!(title(&["Hello.", "The billing service loses payments."]), "The billing service loses payments");
        assert_eq!(title(&["Hello."]), "Hello");
        // Letters of European languages and typographic marks are as narrow as ASCII.
        let accents = "Réunion sur le budget du café à Montréal en été";
        assert_eq!(title(&["Très bien.", accents]), accents);
        assert_eq!(
            title(&["It’s fine.", "Let’s discuss the quarterly budget of the payments team"]),
            "Let’s discuss the quarterly budget of the payments team"
        );
        assert_eq!(
            title(&["Q3 预算评审会议讨论一下各部门的支出和明年的人员计划安排"]),
            "Q3 预算评审会议讨论一下各部门的支出和明年的人…"
        );
        assert_eq!(title(&[]), "");
    }
}
