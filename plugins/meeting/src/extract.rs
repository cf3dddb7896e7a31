//! Notes by rules, without a model. Rule: every entry is a sentence that was said, or a part of it; nothing is made up.
//!
//! # Layout
//! - [`sentence`]: splits segments into sentences and drops what is of no use
//! - [`cue`]: recognises decisions and tasks
//! - [`person`]: the owner of a task
//! - [`due`]: its due date
//! - [`weigh`]: ranks sentences by importance

pub mod cue;
pub mod due;
pub mod person;
pub mod sentence;
pub mod weigh;

use serde::{Deserialize, Serialize};

use crate::extract::cue::Kind;
use crate::extract::sentence::Sentence;
use crate::likeness::distinct;
use crate::notes::{Action, Notes, Point};

/// Decisions, and actions, of one section; the bound limits the pairwise comparisons.
const ENTRIES: usize = 16;

/// A segment as input of the rules.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Unix ms.
    pub at: u64,
    /// The speaker, or the kind of remark.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    pub text: String,
}

/// Takes notes of these segments. `names`: the speakers of the meeting; `limit`: the maximum number of points.
pub fn take_notes(lines: &[Line], names: &[String], limit: usize) -> Notes {
    let sentences = sentence::split(lines);
    let weights = weigh::weigh(&sentences);
    let (mut decisions, mut actions, mut points) = (Vec::new(), Vec::new(), Vec::new());
    for (sentence, weight) in sentences.iter().zip(weights) {
        match cue::kind(&sentence.text) {
            Kind::Decision => decisions.push(sentence.text.clone()),
            Kind::Action => match action(sentence, names) {
                Some(action) => actions.push(action),
                None => points.push(Point { text: sentence.text.clone(), weight }),
            },
            Kind::Remark if weight > 0 => points.push(Point { text: sentence.text.clone(), weight }),
            Kind::Remark => {}
        }
    }
    // A section of decisions and tasks only is described by these.
    if points.is_empty() {
        let said = decisions.iter().chain(actions.iter().map(|action| &action.text));
        points = said.map(|text| Point { text: text.clone(), weight: 1 }).collect();
    }
    Notes {
        from: lines.first().map_or(0, |line| line.at),
        to: lines.last().map_or(0, |line| line.at),
        points: weigh::best(points, limit),
        decisions: distinct(decisions, |text| text, ENTRIES),
        actions: distinct(actions, |action| &action.text, ENTRIES),
    }
}

/// The sentence as an action; none if it has neither an owner nor a due date nor calls itself a task.
fn action(sentence: &Sentence, names: &[String]) -> Option<Action> {
    let owner = person::find(&sentence.text, sentence.tag.as_deref(), names);
    let due = due::find(&sentence.text);
    let certain = owner.is_some() || due.is_some() || cue::is_task_by_name(&sentence.text);
    certain.then(|| Action { text: sentence.text.clone(), owner, due })
}
