//! Notes by rules, where no model takes them. Rule: every entry is a sentence that somebody said,
//! or a part of it; nothing is made up.
//!
//! # Layout
//! - [`sentence`]: lines into sentences, and what is no use in them
//! - [`cue`]: which sentences are decisions, and which are something to do
//! - [`person`]: who is to do it
//! - [`due`]: until when
//! - [`weigh`]: which sentences carry the most

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

/// Decisions and actions of one stretch; each is compared with all that are kept.
const ENTRIES: usize = 16;

/// One segment, as notes are taken of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Unix ms.
    pub at: u64,
    /// Who spoke, or what kind of remark it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    pub text: String,
}

/// What the words of these lines come to. `names` are those of people who speak in the meeting;
/// at most `limit` points.
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
    // A stretch in which only decisions and tasks were said is best told by these.
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

/// The sentence as something to do; none if it names neither a person nor a time.
fn action(sentence: &Sentence, names: &[String]) -> Option<Action> {
    let owner = person::find(&sentence.text, sentence.tag.as_deref(), names);
    let due = due::find(&sentence.text);
    let certain = owner.is_some() || due.is_some() || cue::is_task_by_name(&sentence.text);
    certain.then(|| Action { text: sentence.text.clone(), owner, due })
}
