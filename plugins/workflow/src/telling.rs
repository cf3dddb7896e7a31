//! Boards on their way to devices, and groups on their way into the list of groups. Rule: what is
//! told is read anew, so it is never older than what the change made of it.

use modehost_sdk::{Cx, Document, Failure, Reply};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::board::{Board, board_key};
use crate::operation::{GROUPS_KEY, read_groups};
use crate::{Next, Workflow};

/// Tries of one errand; what it would have told is told by the next change or snapshot.
const TRIES: u32 = 8;

/// One small thing to do that nobody waits for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Errand {
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
    pub fn start(cx: &mut Cx<'_, Workflow>, purpose: Purpose) {
        Self { purpose, tries: 0 }.read(cx);
    }

    /// Goes on with the outcome of its last request.
    pub fn on_reply(mut self, cx: &mut Cx<'_, Workflow>, reply: Reply) {
        match reply {
            Reply::Document(document) | Reply::Conflict(document) => self.on_document(cx, &document),
            Reply::Failed(failed) => {
                self.tries += 1;
                if failed.reason == Failure::Interrupted && self.tries <= TRIES {
                    self.read(cx);
                }
            }
            // The only errand that writes is done with it.
            _ => {}
        }
    }

    fn read(self, cx: &mut Cx<'_, Workflow>) {
        cx.read_document(self.purpose.key()).then(Next::Errand(self));
    }

    fn on_document(mut self, cx: &mut Cx<'_, Workflow>, document: &Document) {
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
                if groups.contains(group) || self.tries >= TRIES {
                    return;
                }
                self.tries += 1;
                groups.push(group.clone());
                let list = json!({ "groups": groups });
                cx.write_document(GROUPS_KEY, document.version, &list).then(Next::Errand(self));
            }
        }
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
