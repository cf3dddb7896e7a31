//! The moment in which the handler looks up what was before it. Rule: what comes meanwhile waits in
//! order; a meeting never gets the name of an earlier one.

use modehost_sdk::{Cx, Fault, RequestId, reject};
use serde::{Deserialize, Serialize};

use crate::Meeting;
use crate::last;
use crate::request::Request;
use crate::running::Heard;

/// What may wait while a document is being read; that takes a few ms.
const HELD: usize = 64;
const HELD_BYTES: usize = 64 * 1024;

/// Something that came before the handler knew where it stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Held {
    /// The mode has begun.
    Start,
    Request(Request),
    Heard(Heard),
    /// The role is over; true if somebody is there to be answered.
    End(bool),
}

/// The document of the last summary is being read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Opening {
    request: RequestId,
    held: Vec<Held>,
    weight: usize,
}

impl Opening {
    /// Begins to read.
    pub fn begin(cx: &mut Cx<'_, Meeting>) -> Self {
        Self { request: read(cx), held: Vec::new(), weight: 0 }
    }

    /// True if this is what it waits for.
    pub fn awaits(&self, request: Option<RequestId>) -> bool {
        request == Some(self.request)
    }

    /// Reads again after an interruption.
    pub fn read_again(&mut self, cx: &mut Cx<'_, Meeting>) {
        self.request = read(cx);
    }

    /// Keeps it until the document is there.
    ///
    /// # Errors
    /// `NOT_READY` where too much waits already.
    pub fn hold(&mut self, held: Held) -> Result<(), Fault> {
        let weight = match &held {
            Held::Request(request) => request.weight(),
            Held::Heard(heard) => heard.text.len() + 64,
            // These are never too much: the host gives one for each start.
            Held::Start | Held::End(_) => 0,
        };
        if weight > 0 && (self.held.len() >= HELD || self.weight + weight > HELD_BYTES) {
            return Err(reject("NOT_READY", "the meeting is being opened; send this again in a moment"));
        }
        self.weight += weight;
        self.held.push(held);
        Ok(())
    }

    /// What has waited, in order.
    pub fn into_held(self) -> Vec<Held> {
        self.held
    }
}

fn read(cx: &mut Cx<'_, Meeting>) -> RequestId {
    cx.read_document(last::key(&cx.device().id))
}
