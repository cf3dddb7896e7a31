//! The insight as sent to devices. Rule: the four lists are always present and never empty, and no text occurs twice;
//! findings of the rules that the model could not know of come first.

use modehost_sdk::Language;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::log::Log;
use crate::question::Answer;
use crate::wording::{self, ENTRIES, is_same};

/// Counts of a run.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Stats {
    pub error_count: u32,
    pub warn_count: u32,
    /// The last phase or step with a name.
    pub last_step: Option<String>,
    /// Null as long as no build result is known.
    pub build_success: Option<bool>,
    pub tests_failed: u32,
}

/// The message to a device.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Insight {
    r#type: &'static str,
    event: &'static str,
    /// True for the last insight of a run.
    pub r#final: bool,
    /// True if a model contributed to it.
    pub refined: bool,
    pub insights: Vec<String>,
    pub risks: Vec<String>,
    pub actions: Vec<String>,
    pub next_steps: Vec<String>,
    pub stats: Stats,
    /// Since the run began.
    pub elapsed_ms: u64,
    /// True if there is no model, it failed or it is late: the rules have nothing to add.
    pub degraded: bool,
}

impl Insight {
    /// Composes the insight on a finished log.
    pub fn compose(log: &Log, answer: Option<&Answer>, language: Language) -> Self {
        let answer = answer.filter(|answer| answer.applies_to(log));
        let entries = wording::lists(log, language);
        let mut lists: [Vec<String>; 4] = Default::default();
        for (index, entries) in entries.into_iter().enumerate() {
            let refined =
                answer.map(|answer| (&answer.lists[index], answer.covers)).filter(|(list, _)| !list.is_empty());
            let (own, from_model) = match refined {
                Some((list, covers)) => {
                    (entries.into_iter().filter(|entry| entry.since > covers).collect(), list.as_slice())
                }
                None => (entries, &[][..]),
            };
            let texts = own.into_iter().map(|entry| entry.text).chain(from_model.iter().cloned());
            for text in texts {
                if lists[index].len() < ENTRIES[index] && !lists.iter().flatten().any(|known| is_same(known, &text)) {
                    lists[index].push(text);
                }
            }
        }
        let [insights, risks, actions, next_steps] = lists;
        Self {
            r#type: "coding",
            event: "insight",
            r#final: false,
            refined: answer.is_some(),
            insights,
            risks,
            actions,
            next_steps,
            stats: log.stats(),
            elapsed_ms: 0,
            degraded: false,
        }
    }

    /// A hash that is equal for insights with equal content, regardless of the time.
    pub fn digest(&self) -> u64 {
        let mut timeless = self.clone();
        timeless.elapsed_ms = 0;
        let digest = Sha256::digest(serde_json::to_vec(&timeless).unwrap_or_default());
        u64::from_be_bytes(digest.first_chunk().copied().unwrap_or_default())
    }

    /// The line about this insight in the server's log, instead of its text.
    pub fn log_line(&self) -> String {
        let digest = Sha256::digest(serde_json::to_vec(self).unwrap_or_default());
        let sha: String = digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
        format!(
            "[Coding Insight] final={} insights={} risks={} actions={} nextSteps={} jsonSHA={sha} elapsedMs={}",
            self.r#final,
            self.insights.len(),
            self.risks.len(),
            self.actions.len(),
            self.next_steps.len(),
            self.elapsed_ms
        )
    }
}
