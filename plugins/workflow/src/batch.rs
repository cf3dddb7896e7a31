//! Batches messages into the write of the one before them. Rule: each is applied to the board that the previous one
//! leaves, and answered separately; the first message that cannot join ends the batch, so that the changes of a device
//! keep their order.

use std::collections::VecDeque;

use modehost_sdk::Cx;
use serde::{Deserialize, Serialize};

use crate::Workflow;
use crate::board::Board;
use crate::change::{Change, Refusal};
use crate::operation::{Operation, Step, Work, apply_all};

/// Maximum number of messages in a write besides its own: the event that ends them answers each with an effect, and an
/// event may have 64.
const ALONG: usize = 32;

/// The result of a queued message that joins a write.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Along {
    Changed,
    Unchanged,
    Refused(Refusal),
}

/// Applies queued messages to a board that is about to be written. Returns one result for each message that joins, from
/// the front.
pub fn take_along(board: &mut Board, group: &str, waiting: &VecDeque<Operation>, cx: &Cx<'_, Workflow>) -> Vec<Along> {
    let mut outcomes = Vec::new();
    for operation in waiting.iter().take(ALONG) {
        let Some(changes) = changes_on(operation, board, group, &cx.device().groups) else { break };
        let outcome = match changes {
            // A single change cannot be applied partially.
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

/// The changes of a message that, judged by this board alone, concerns no other board; empty for a refresh. None if the
/// message cannot join.
fn changes_on<'o>(operation: &'o Operation, board: &Board, group: &str, own: &[String]) -> Option<&'o [Change]> {
    match (operation.works.as_slice(), operation.unplaced.as_slice()) {
        ([], []) => operation.group.as_ref().is_none_or(|named| named == group).then_some(&[]),
        ([work], []) if work.group == group => Some(&work.changes),
        // Tasks are searched on the device's boards in order, and this is the first of them.
        ([], changes) if own.first().is_some_and(|first| first == group) => {
            let is_here = |change: &Change| board.has(&change.id) || own.len() == 1 && change.creates();
            changes.iter().all(is_here).then_some(changes)
        }
        _ => None,
    }
}

impl Operation {
    /// Ends a message that joined a write of this group; returns the reason if it was rejected.
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
