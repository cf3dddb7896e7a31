//! The summary of a finished meeting. Rule: whatever its source, it is valid: bounded lists of bounded entries, no
//! entry twice.

use serde::{Deserialize, Serialize};

use crate::answer::Answer;
use crate::likeness::distinct;
use crate::notes::{Action, Notes, choose_points, clip};

/// Maximum length of each list.
pub const BULLETS: usize = 6;
const DECISIONS: usize = 16;
const ACTIONS: usize = 24;
/// Maximum characters of a title, of an entry, and of a name or a time.
pub const TITLE_CHARS: usize = 120;
const ENTRY_CHARS: usize = 300;
const WORD_CHARS: usize = 60;

/// The summary, as devices, the archive and the webhook get it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    pub title: String,
    /// Whole seconds.
    pub duration: u64,
    pub bullets: Vec<String>,
    pub decisions: Vec<String>,
    pub actions: Vec<Action>,
    /// No model was available, or its answer could not be used.
    pub degraded: bool,
}

impl Summary {
    /// From the answer of a model.
    pub fn of_answer(answer: Answer) -> Self {
        let Answer { title, bullets, decisions, actions, .. } = answer;
        Self { title: title.unwrap_or_default(), duration: 0, bullets, decisions, actions, degraded: false }.tidied()
    }

    /// From notes alone.
    pub fn of_notes(notes: &[Notes]) -> Self {
        let decisions = notes.iter().flat_map(|notes| notes.decisions.iter().cloned()).collect();
        let actions = notes.iter().flat_map(|notes| notes.actions.iter().cloned()).collect();
        let bullets = choose_points(notes, BULLETS);
        Self { title: String::new(), duration: 0, bullets, decisions, actions, degraded: true }.tidied()
    }

    fn tidied(mut self) -> Self {
        clip(&mut self.title, TITLE_CHARS);
        let entries = self.bullets.iter_mut().chain(&mut self.decisions);
        entries.chain(self.actions.iter_mut().map(|action| &mut action.text)).for_each(|text| clip(text, ENTRY_CHARS));
        for action in &mut self.actions {
            [&mut action.owner, &mut action.due].into_iter().flatten().for_each(|word| clip(word, WORD_CHARS));
        }
        self.bullets = distinct(self.bullets, |bullet| bullet, BULLETS);
        self.decisions = distinct(self.decisions, |decision| decision, DECISIONS);
        self.actions = distinct(self.actions, |action| &action.text, ACTIONS);
        self
    }
}

/// The message to devices.
#[derive(Debug, Serialize, Deserialize)]
pub struct SummaryMessage {
    pub r#type: String,
    pub phase: String,
    /// The session of the meeting.
    pub session_id: String,
    /// The id of the meeting in the archive.
    pub meeting_id: String,
    #[serde(flatten)]
    pub summary: Summary,
    /// False for the first delivery, true for every copy.
    pub idempotent: bool,
}

impl SummaryMessage {
    /// A message with this summary.
    pub fn new(session_id: &str, meeting_id: &str, summary: Summary, idempotent: bool) -> Self {
        let (session_id, meeting_id) = (session_id.to_owned(), meeting_id.to_owned());
        Self { r#type: "meeting".to_owned(), phase: "summary".to_owned(), session_id, meeting_id, summary, idempotent }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn m6_at_most_six_bullets_and_none_twice() {
        let bullets = ["A b c", "a B c.", "1x", "2x", "3x", "4x", "5x", "6x", "7x"].map(str::to_owned).to_vec();
        let answer = Answer { bullets, decisions: vec!["Go".into(), "go!".into()], ..Answer::default() };
        let summary = Summary::of_answer(answer);
        assert_eq!(summary.bullets, ["A b c", "1x", "2x", "3x", "4x", "5x"]);
        assert_eq!(summary.decisions, ["Go"]);
        assert!(!summary.degraded);
    }
}
