//! Boards on their way to devices, and groups on their way into the list of groups. Rule: what is
//! told is read anew, so it is never older than what the change made of it.

use modehost_sdk::{Cx, Document, RequestId};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::Workflow;
use crate::board::{Board, board_key};
use crate::operation::{GROUPS_KEY, read_groups};

/// Tries of one errand; what it would have told is told by the next change or snapshot.
const TRIES: u32 = 8;

/// One small thing to do that nobody waits for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Errand {
    pub request: RequestId,
    pub purpose: Purpose,
    pub tries: u32,
}

/// What an errand is for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Purpose {
    /// A group's board for this device.
    Show(String),
    /// A group's board for the whole group.
    Publish(String),
    /// A group into the list of groups.
    Enlist(String),
}

impl Errand {
    /// Begins an errand.
    pub fn start(cx: &mut Cx<'_, Workflow>, purpose: Purpose) -> Self {
        let request = cx.read_document(purpose.key());
        Self { request, purpose, tries: 0 }
    }

    /// Goes on with a document that was read, or that a write ran into. False once it is done.
    pub fn take_document(&mut self, cx: &mut Cx<'_, Workflow>, document: &Document) -> bool {
        let names = &cx.config().device_alias;
        match &self.purpose {
            Purpose::Show(group) => {
                let board = Board::read(group, document.value.as_deref());
                cx.send(&board.show(group, document.version, names));
                false
            }
            Purpose::Publish(group) => {
                let board = Board::read(group, document.value.as_deref());
                let message = board.show(group, document.version, names);
                cx.broadcast(group.as_str(), &message, Some(format!("workflow:{group}")));
                false
            }
            Purpose::Enlist(group) => {
                let mut groups = read_groups(document.value.as_deref());
                if groups.contains(group) || self.tries >= TRIES {
                    return false;
                }
                self.tries += 1;
                groups.push(group.clone());
                self.request = cx.write_document(GROUPS_KEY, document.version, &json!({ "groups": groups }));
                true
            }
        }
    }

    /// Tries again after a failure. False if it is given up.
    pub fn take_failure(&mut self, cx: &mut Cx<'_, Workflow>, may_retry: bool) -> bool {
        self.tries += 1;
        if !may_retry || self.tries > TRIES {
            return false;
        }
        self.request = cx.read_document(self.purpose.key());
        true
    }
}

impl Purpose {
    fn key(&self) -> String {
        match self {
            Self::Show(group) | Self::Publish(group) => board_key(group),
            Self::Enlist(_) => GROUPS_KEY.to_owned(),
        }
    }
}
