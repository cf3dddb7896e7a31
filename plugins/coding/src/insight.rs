//! An insight as devices get it. Rule: always the four lists, none of them empty, nothing said
//! twice; what the rules know and the model could not know comes first.

use modehost_sdk::Language;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::log::Log;
use crate::question::Answer;
use crate::wording::{self, ENTRIES, is_same};

/// What was counted.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Stats {
    pub error_count: u32,
    pub warn_count: u32,
    /// The phase or step that was named last.
    pub last_step: Option<String>,
    /// Null while nothing is known of a build.
    pub build_success: Option<bool>,
    pub tests_failed: u32,
}

/// The message to a device.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Insight {
    r#type: &'static str,
    event: &'static str,
    /// The run is over; this is its last insight.
    pub r#final: bool,
    /// A model had its part in it.
    pub refined: bool,
    pub insights: Vec<String>,
    pub risks: Vec<String>,
    pub actions: Vec<String>,
    pub next_steps: Vec<String>,
    pub stats: Stats,
    /// Since the run began.
    pub elapsed_ms: u64,
    /// There is no model, or it has failed or is late: this is all that the rules can say.
    pub degraded: bool,
}

impl Insight {
    /// What there is to say about a settled log.
    pub fn compose(log: &Log, answer: Option<&Answer>, language: Language) -> Self {
        let answer = answer.filter(|answer| answer.holds(log));
        let told = wording::tell(log, language);
        let mut lists: [Vec<String>; 4] = Default::default();
        for (index, told) in told.into_iter().enumerate() {
            let refined =
                answer.map(|answer| (&answer.lists[index], answer.covers)).filter(|(list, _)| !list.is_empty());
            let (own, of_model) = match refined {
                Some((list, covers)) => {
                    (told.into_iter().filter(|told| told.since > covers).collect(), list.as_slice())
                }
                None => (told, &[][..]),
            };
            let texts = own.into_iter().map(|told| told.text).chain(of_model.iter().cloned());
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

    /// The same for insights that say the same, whenever they are sent.
    pub fn digest(&self) -> u64 {
        let mut timeless = self.clone();
        timeless.elapsed_ms = 0;
        let digest = Sha256::digest(serde_json::to_vec(&timeless).unwrap_or_default());
        u64::from_be_bytes(digest.first_chunk().copied().unwrap_or_default())
    }

    /// The line that stands for it in the log.
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
