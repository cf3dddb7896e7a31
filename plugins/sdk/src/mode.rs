//! The trait that an author implements. Rule: every handler has a default, so a mode implements only those that it
//! needs; a handler that returns an error leaves the state unchanged.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{
    Aborted, Cx, Describe, Document, EndReason, Extension, Fault, Message, Migrated, ModeOffer, Reply, Start,
    Transcript,
};

/// Result of a handler. An error drops the effects and restores the state: [`Fault::Rejected`](crate::Fault) is sent
/// to the device as it is, [`Fault::Failed`](crate::Fault) counts as a fault of the plugin.
pub type Outcome = Result<(), Fault>;

/// A mode. The value is the state of one session: it is cloned before each event (so that an error can restore it),
/// written into the snapshot with serde, and read by the newer version when the plugin is swapped. Keep it small;
/// bulk data belongs in journals and documents. A member that is added later needs `#[serde(default)]` and nothing
/// else.
///
/// Handlers must be deterministic: the same state, context and event must give the same effects. Time and randomness
/// come from [`Cx::now`] and [`Cx::seed`] only.
#[allow(unused_variables, reason = "the names are documentation")]
pub trait Mode: Serialize + DeserializeOwned + Default + Clone + 'static {
    /// The plugin's section of the configuration, valid by [`Describe::config_schema`]. An empty section gives the
    /// default.
    type Config: DeserializeOwned + Default;

    /// The continuation of a request: the tag that is passed to [`Request::then`](crate::Request::then) and returned
    /// to [`Mode::on_reply`]. Part of the snapshot; `()` for a mode that handles no outcomes.
    type Next: Serialize + DeserializeOwned + Clone + PartialEq + 'static;

    /// Version of the layout of the state. Increment it only if older states no longer deserialise; list the old
    /// number in [`Mode::OLD_SCHEMAS`] then, and implement [`Mode::migrate`].
    const SCHEMA: u32 = 1;

    /// Older layouts that [`Mode::migrate`] accepts.
    const OLD_SCHEMAS: &'static [u32] = &[];

    /// The description of the plugin. Must be the same on each call.
    fn describe() -> Describe;

    /// Validates the configuration beyond its schema.
    ///
    /// # Errors
    /// A sentence that names the key and what is wrong; the configuration is rejected.
    fn check_config(config: &Self::Config) -> Result<(), String> {
        Ok(())
    }

    /// Converts the state of an older layout; `state` is its JSON. Requests and timers that the older version tracked
    /// in its state are registered with [`Migrated::waiting`] and [`Migrated::alarm`].
    ///
    /// # Errors
    /// A sentence that says why the state is invalid; the session stays on the old version.
    fn migrate(old_schema: u32, state: &str) -> Result<Migrated<Self>, String> {
        Err(format!("schema {old_schema} cannot be migrated"))
    }

    /// First event of a role: the mode has started, or the first message of a claimed type has arrived.
    fn on_started(&mut self, cx: &mut Cx<'_, Self>, start: Start) -> Outcome {
        Ok(())
    }

    /// A message of a claimed type.
    fn on_message(&mut self, cx: &mut Cx<'_, Self>, message: Message) -> Outcome {
        Ok(())
    }

    /// A transcript of speech or of typed text. By default it is declined.
    fn on_transcript(&mut self, cx: &mut Cx<'_, Self>, transcript: Transcript) -> Outcome {
        cx.decline();
        Ok(())
    }

    /// An alarm that [`Cx::start_alarm`] has set expires.
    fn on_alarm(&mut self, cx: &mut Cx<'_, Self>, name: &str) -> Outcome {
        Ok(())
    }

    /// The outcome of a request, or a chunk of it, with the tag of the request.
    fn on_reply(&mut self, cx: &mut Cx<'_, Self>, next: Self::Next, reply: Reply) -> Outcome {
        Ok(())
    }

    /// Speech output was silenced, and questions with [`ModelQuestion::spoken`](crate::ModelQuestion) were dropped:
    /// no outcome with their tags follows.
    fn on_aborted(&mut self, cx: &mut Cx<'_, Self>, aborted: Aborted) -> Outcome {
        Ok(())
    }

    /// A watched document has changed.
    fn on_document_changed(&mut self, cx: &mut Cx<'_, Self>, document: Document) -> Outcome {
        Ok(())
    }

    /// A connection serves the session (again). Requires [`Describe::on_attachment`].
    fn on_attached(&mut self, cx: &mut Cx<'_, Self>) -> Outcome {
        Ok(())
    }

    /// The session has no connection. Requires [`Describe::on_attachment`].
    fn on_detached(&mut self, cx: &mut Cx<'_, Self>) -> Outcome {
        Ok(())
    }

    /// The device sent `hello`; this is the message as JSON. Requires [`Describe::on_hello`].
    fn on_hello(&mut self, cx: &mut Cx<'_, Self>, hello: String) -> Outcome {
        Ok(())
    }

    /// The mode of the session has changed to this one. Requires [`Describe::on_mode_change`].
    fn on_mode_changed(&mut self, cx: &mut Cx<'_, Self>, mode: String) -> Outcome {
        Ok(())
    }

    /// All modes of the server, sorted by name, including the default mode and those of this plugin. Sent after
    /// `on_started`, and before the next event once they have changed. Requires [`Describe::on_modes`].
    fn on_modes(&mut self, cx: &mut Cx<'_, Self>, modes: Vec<ModeOffer>) -> Outcome {
        Ok(())
    }

    /// The configuration or the device has changed; `cx` returns the new values.
    fn on_config_changed(&mut self, cx: &mut Cx<'_, Self>) -> Outcome {
        Ok(())
    }

    /// This version has taken over from `old_version` of the plugin.
    fn on_upgraded(&mut self, cx: &mut Cx<'_, Self>, old_version: String) -> Outcome {
        Ok(())
    }

    /// Last event of a role. Its effects are still applied, and outcomes still arrive.
    fn on_ended(&mut self, cx: &mut Cx<'_, Self>, reason: EndReason) -> Outcome {
        Ok(())
    }

    /// An event that has no handler of its own yet.
    fn on_extension(&mut self, cx: &mut Cx<'_, Self>, extension: Extension) -> Outcome {
        Ok(())
    }
}
