//! Documents that several sessions change. Rule: a change is applied to the latest version, and once, even if it is
//! interrupted in between.
//!
//! A change is data, because it is stored in the snapshot while it is pending. The stored document is an object with
//! the `value` and the marks of the latest updates; an update whose write was interrupted looks for its own mark
//! before it writes again.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::{Cx, Document, Failure, Mode, Reply, Request};

/// Limit of marks in a document. An interrupted update whose mark this many others have displaced cannot be told from
/// one that was never written, and is applied again.
const MARKS: usize = 64;
/// Limit of write attempts of one update: with this many conflicts in a row, more devices change the document than it
/// can sustain.
const TRIES: u32 = 64;

/// A change of a shared document.
pub trait Change: Serialize + DeserializeOwned + Clone + PartialEq + 'static {
    /// The stored value. A document that does not exist counts as the default.
    type Value: Serialize + DeserializeOwned + Default;
    /// What the mode needs to know of the applied change, such as a new count.
    type Output: Serialize + DeserializeOwned + Clone + PartialEq;
    /// Why the change cannot be applied.
    type Refusal;

    /// Applies the change. Called again on a newer value after each write conflict.
    ///
    /// # Errors
    /// Why it cannot be applied; nothing is written then.
    fn apply(&self, value: &mut Self::Value) -> Result<Self::Output, Self::Refusal>;
}

/// A pending update: the content of its tag.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct Update<C: Change> {
    key: String,
    change: C,
    mark: String,
    tries: u32,
    /// Output of the pending or interrupted write.
    output: Option<C::Output>,
}

/// The outcome of an update.
#[derive(Clone, Debug, PartialEq)]
pub enum Updated<C: Change> {
    /// The change is stored on disk, once.
    Done(C, C::Output),
    /// The change could not be applied to the current document.
    Refused(C, C::Refusal),
    /// The change is not known to be stored on disk.
    Failed(C, Failure),
}

/// The stored form of a document.
#[derive(Serialize, Deserialize)]
struct Stored<V> {
    value: V,
    #[serde(default)]
    updates: Vec<String>,
}

/// The value of a shared document that was read; the default if there is no document.
///
/// # Errors
/// A sentence, if the stored text is not a shared document.
pub fn shared_value<V: DeserializeOwned + Default>(document: &Document) -> Result<V, String> {
    read(document).map(|stored| stored.value)
}

fn read<V: DeserializeOwned + Default>(document: &Document) -> Result<Stored<V>, String> {
    let Some(text) = &document.value else {
        return Ok(Stored { value: V::default(), updates: Vec::new() });
    };
    serde_json::from_str(text).map_err(|error| format!("the document {} is not a shared one: {error}", document.key))
}

impl<'a, M: Mode> Cx<'a, M> {
    /// Changes a shared document. Outcomes go to [`Mode::on_reply`] with the tag that `next` makes of the update;
    /// pass them to [`Update::on_reply`] until it returns the result. Requires the grant `documents:<prefix>`.
    pub fn update<C: Change>(&mut self, key: impl Into<String>, change: C, next: fn(Update<C>) -> M::Next) {
        // Request ids restart when the state of a session is discarded; the seed keeps marks unique.
        let mark = format!("{}/{}/{:x}", self.session_id(), self.next_request, self.seed());
        let update = Update { key: key.into(), change, mark, tries: 0, output: None };
        update.read(self, next);
    }
}

impl<C: Change> Update<C> {
    /// The change that is being applied.
    pub fn change(&self) -> &C {
        &self.change
    }

    /// Continues with the outcome of the last step; `next` is that of [`Cx::update`]. `None`: another outcome
    /// follows.
    pub fn on_reply<M: Mode>(
        mut self,
        cx: &mut Cx<'_, M>,
        reply: Reply,
        next: fn(Self) -> M::Next,
    ) -> Option<Updated<C>> {
        match reply {
            Reply::Document(document) => self.write(cx, &document, next),
            Reply::Conflict(current) => {
                self.tries += 1;
                if self.tries >= TRIES {
                    return Some(Updated::Failed(self.change, Failure::TooMany));
                }
                self.write(cx, &current, next)
            }
            Reply::Written(_) => {
                let output = self.output?;
                Some(Updated::Done(self.change, output))
            }
            Reply::Failed(failed) if failed.reason == Failure::Interrupted => {
                self.read(cx, next);
                None
            }
            Reply::Failed(failed) => Some(Updated::Failed(self.change, failed.reason)),
            _ => None,
        }
    }

    fn read<M: Mode>(self, cx: &mut Cx<'_, M>, next: fn(Self) -> M::Next) {
        let key = self.key.clone();
        let request: Request<'_, '_, M> = cx.read_document(key);
        request.then(next(self));
    }

    fn write<M: Mode>(
        mut self,
        cx: &mut Cx<'_, M>,
        document: &Document,
        next: fn(Self) -> M::Next,
    ) -> Option<Updated<C>> {
        let Ok(mut stored) = read::<C::Value>(document) else {
            return Some(Updated::Failed(self.change, Failure::Rejected));
        };
        if stored.updates.contains(&self.mark)
            && let Some(output) = self.output
        {
            return Some(Updated::Done(self.change, output));
        }
        match self.change.apply(&mut stored.value) {
            Ok(output) => self.output = Some(output),
            Err(refusal) => return Some(Updated::Refused(self.change, refusal)),
        }
        let surplus = (stored.updates.len() + 1).saturating_sub(MARKS);
        stored.updates.drain(..surplus);
        stored.updates.push(self.mark.clone());
        let key = self.key.clone();
        cx.write_document(key, document.version, &stored).then(next(self));
        None
    }
}
