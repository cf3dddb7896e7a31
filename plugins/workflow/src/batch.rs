//! Messages that go along with the write of the one before them. Rule: each is judged by itself, on the board as
//! the ones before it leave it, and answered by itself; what cannot go along waits for its turn, and so does
//! everything behind it, so that a device's own changes never overtake each other.

use std::collections::VecDeque;

use modehost_sdk::Cx;
use serde::{Deserialize, Serialize};

use crate::Workflow;
use crate::board::Board;
use crate::change::{Change, Refusal};
use crate::operation::{Operation, Step, Work, apply_all};

/// Most messages that one write carries beside its own: each is answered with an effect of the event that ends
/// it, and an event may have 64.
const ALONG: usize = 32;

/// What a write does for a message that waits behind its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Along {
    Changed,
    Unchanged,
    Refused(Refusal),
}

/// Makes the changes of messages that wait on a board that is about to be written. One outcome for each that
/// goes along, from the front.
pub fn take_along(board: &mut Board, group: &str, waiting: &VecDeque<Operation>, cx: &Cx<'_, Workflow>) -> Vec<Along> {
    let mut outcomes = Vec::new();
    for operation in waiting.iter().take(ALONG) {
        let Some(changes) = changes_on(operation, board, group, &cx.device().groups) else { break };
        let outcome = match changes {
            // One change is made whole or not at all.
            [_] => apply_all(changes, board, group, cx),
            _ => {
                let mut tried = board.clone();
                let outcome = apply_all(changes, &mut tried, group, cx);
                if outcome == Ok(true) {
                    *board = tried;
                }
                outcome
            }
        };
        outcomes.push(match outcome {
            Ok(true) => Along::Changed,
            Ok(false) => Along::Unchanged,
            Err(refusal) => Along::Refused(refusal),
        });
    }
    outcomes
}

/// The changes of a message that concerns this board and no other, as far as can be told from it alone; a
/// refresh has none.
fn changes_on<'o>(operation: &'o Operation, board: &Board, group: &str, own: &[String]) -> Option<&'o [Change]> {
    match (operation.works.as_slice(), operation.unplaced.as_slice()) {
        ([], []) => operation.group.as_ref().is_none_or(|named| named == group).then_some(&[]),
        ([work], []) if work.group == group => Some(&work.changes),
        // They are looked for on the device's boards in their order, and this is the first of them.
        ([], changes) if own.first().is_some_and(|first| first == group) => {
            let is_here = |change: &Change| board.has(&change.id) || own.len() == 1 && change.creates();
            changes.iter().all(is_here).then_some(changes)
        }
        _ => None,
    }
}

impl Operation {
    /// Ends a message that went along with a write of this group, and gives why it was refused, if it was.
    pub fn end_along(&mut self, group: &str, along: Along) -> Option<Refusal> {
        for change in std::mem::take(&mut self.unplaced) {
            self.place(group, change);
        }
        let (step, refusal) = match along {
            Along::Changed => (Step::Changed, None),
            Along::Unchanged => (Step::Unchanged, None),
            Along::Refused(refusal) => (Step::Failed(refusal.clone()), Some(refusal)),
        };
        self.works.iter_mut().for_each(|work: &mut Work| work.step = step.clone());
        refusal
    }
}
