//! Background requests: send boards to devices, and add groups to the list of groups. Rule: a board is read again
//! before it is sent, so it is never older than the change that caused the message; a group is added in the end.

use modehost_sdk::{Cx, Document, Failure, Reply};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::board::{Board, board_key};
use crate::operation::{GROUPS_KEY, read_groups};
use crate::{Next, Workflow};

/// Retries of one errand. A board that could not be sent is sent with the next change or snapshot; a group that could
/// not be listed is listed after a pause.
const TRIES: u32 = 8;

/// A background request; no message waits for it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Errand {
    pub purpose: Purpose,
    pub tries: u32,
}

/// The purpose of an errand.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Purpose {
    /// Sends the board of a group to this device.
    Show(String),
    /// Sends the board of a group to the whole group.
    Publish(String),
    /// Adds a group to the list of groups.
    Enlist(String),
}

impl Errand {
    /// Starts an errand.
    pub fn start(cx: &mut Cx<'_, Workflow>, purpose: Purpose) {
        Self { purpose, tries: 0 }.read(cx);
    }

    /// Continues after the outcome of its last request. Returns a group that could not be listed now.
    #[must_use]
    pub fn on_reply(mut self, cx: &mut Cx<'_, Workflow>, reply: Reply) -> Option<String> {
        match reply {
            Reply::Document(document) | Reply::Conflict(document) => return self.on_document(cx, &document),
            Reply::Failed(failed) => {
                self.tries += 1;
                if failed.reason == Failure::Interrupted && self.tries <= TRIES {
                    self.read(cx);
                    return None;
                }
                let for_good = matches!(failed.reason, Failure::Denied | Failure::Unsupported | Failure::Rejected);
                if let Purpose::Enlist(group) = self.purpose
                    && !for_good
                {
                    return Some(group);
                }
            }
            // Only `Enlist` writes, and the write is its last step.
            _ => {}
        }
        None
    }

    fn read(self, cx: &mut Cx<'_, Workflow>) {
        cx.read_document(self.purpose.key()).then(Next::Errand(self));
    }

    fn on_document(mut self, cx: &mut Cx<'_, Workflow>, document: &Document) -> Option<String> {
        let names = &cx.config().device_alias;
        match &self.purpose {
            Purpose::Show(group) => {
                let board = Board::read(group, document.value.as_deref());
                cx.send(&board.show(group, document.version, names));
            }
            Purpose::Publish(group) => {
                let board = Board::read(group, document.value.as_deref());
                let message = board.show(group, document.version, names);
                cx.broadcast(group.as_str(), &message, Some(format!("workflow:{group}")));
            }
            Purpose::Enlist(group) => {
                let mut groups = read_groups(document.value.as_deref());
                if groups.contains(group) {
                    return None;
                }
                if self.tries >= TRIES {
                    return Some(group.clone());
                }
                self.tries += 1;
                groups.push(group.clone());
                let list = json!({ "groups": groups });
                cx.write_document(GROUPS_KEY, document.version, &list).then(Next::Errand(self));
            }
        }
        None
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
