//! What an author implements. Rule: every handler has a default, so that a mode names only what
//! it cares about; a handler that returns an error leaves the state as it was.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{
    Aborted, Cx, Describe, Document, EndReason, Extension, Fault, Message, Migrated, ModeOffer, Reply, Start,
    Transcript,
};

/// What a handler returns. An error drops the effects and puts the state back as it was:
/// [`Fault::Rejected`](crate::Fault) tells the device, [`Fault::Failed`](crate::Fault) counts
/// against the plugin.
pub type Outcome = Result<(), Fault>;

/// A mode. The value itself is the state of one session: it is cloned before each event (so that
/// an error can put it back), written into the snapshot with serde, and replaced by a newer
/// version's value when the plugin is swapped. Keep it small; bulk belongs into journals and
/// documents. A member that is added later takes `#[serde(default)]` and needs nothing else.
///
/// The same state, context and event must give the same effects; time and chance come from
/// [`Cx::now`] and [`Cx::seed`] only.
#[allow(unused_variables, reason = "the names are documentation")]
pub trait Mode: Serialize + DeserializeOwned + Default + Clone + 'static {
    /// The plugin's section of the configuration, valid by [`Describe::config_schema`]. An empty
    /// section gives the default.
    type Config: DeserializeOwned + Default;

    /// What is to be done once a request has its outcome: the tag that [`Request::then`](crate::Request::then) takes
    /// and [`Mode::on_reply`] gets back. Part of the snapshot; `()` for a mode that asks for nothing.
    type Next: Serialize + DeserializeOwned + Clone + PartialEq + 'static;

    /// Version of the layout of the state. Count it up only if older states do not read as they
    /// are, name the old number in [`Mode::OLD_SCHEMAS`] and write [`Mode::migrate`].
    const SCHEMA: u32 = 1;

    /// Older layouts that [`Mode::migrate`] takes.
    const OLD_SCHEMAS: &'static [u32] = &[];

    /// What the plugin offers. Always the same.
    fn describe() -> Describe;

    /// Rules for the configuration beyond its schema.
    ///
    /// # Errors
    /// A sentence that names the key and what is wrong; refuses the configuration.
    fn check_config(config: &Self::Config) -> Result<(), String> {
        Ok(())
    }

    /// Reads the state of an older layout; `state` is its JSON. Requests and timers that the older version kept in
    /// its state are handed over with [`Migrated::waiting`] and [`Migrated::alarm`].
    ///
    /// # Errors
    /// A sentence that says why the state makes no sense; the session stays with the old version.
    fn migrate(old_schema: u32, state: &str) -> Result<Migrated<Self>, String> {
        Err(format!("schema {old_schema} cannot be migrated"))
    }

    /// First event of a role: the mode has begun, or a message of a claimed type has come.
    fn on_started(&mut self, cx: &mut Cx<'_, Self>, start: Start) -> Outcome {
        Ok(())
    }

    /// A message of a claimed type.
    fn on_message(&mut self, cx: &mut Cx<'_, Self>, message: Message) -> Outcome {
        Ok(())
    }

    /// Words that were recognised, or typed. By default they are handed on.
    fn on_transcript(&mut self, cx: &mut Cx<'_, Self>, transcript: Transcript) -> Outcome {
        cx.decline();
        Ok(())
    }

    /// An alarm that [`Cx::start_alarm`] has set rings.
    fn on_alarm(&mut self, cx: &mut Cx<'_, Self>, name: &str) -> Outcome {
        Ok(())
    }

    /// The outcome of a request, with the tag that it was made with.
    fn on_reply(&mut self, cx: &mut Cx<'_, Self>, next: Self::Next, reply: Reply) -> Outcome {
        Ok(())
    }

    /// What was being said has been silenced, and questions with [`ModelQuestion::spoken`](crate::ModelQuestion)
    /// have been dropped: nothing comes with their tags any more.
    fn on_aborted(&mut self, cx: &mut Cx<'_, Self>, aborted: Aborted) -> Outcome {
        Ok(())
    }

    /// A watched document has changed.
    fn on_document_changed(&mut self, cx: &mut Cx<'_, Self>, document: Document) -> Outcome {
        Ok(())
    }

    /// A connection serves the session (again). Only with [`Describe::on_attachment`].
    fn on_attached(&mut self, cx: &mut Cx<'_, Self>) -> Outcome {
        Ok(())
    }

    /// The session has no connection. Only with [`Describe::on_attachment`].
    fn on_detached(&mut self, cx: &mut Cx<'_, Self>) -> Outcome {
        Ok(())
    }

    /// The device said hello, with this JSON. Only with [`Describe::on_hello`].
    fn on_hello(&mut self, cx: &mut Cx<'_, Self>, hello: String) -> Outcome {
        Ok(())
    }

    /// The session is in this mode now. Only with [`Describe::on_mode_change`].
    fn on_mode_changed(&mut self, cx: &mut Cx<'_, Self>, mode: String) -> Outcome {
        Ok(())
    }

    /// All modes of the server, by name; the default mode and those of this plugin are among them. Comes after
    /// `on_started`, and before whatever comes next once they have changed. Only with [`Describe::on_modes`].
    fn on_modes(&mut self, cx: &mut Cx<'_, Self>, modes: Vec<ModeOffer>) -> Outcome {
        Ok(())
    }

    /// The configuration or the device has changed; `cx` has the new ones.
    fn on_config_changed(&mut self, cx: &mut Cx<'_, Self>) -> Outcome {
        Ok(())
    }

    /// This code has taken over from that version of the plugin.
    fn on_upgraded(&mut self, cx: &mut Cx<'_, Self>, old_version: String) -> Outcome {
        Ok(())
    }

    /// Last event of a role. Effects are still carried out, and outcomes still come.
    fn on_ended(&mut self, cx: &mut Cx<'_, Self>, reason: EndReason) -> Outcome {
        Ok(())
    }

    /// What is not yet a case of its own.
    fn on_extension(&mut self, cx: &mut Cx<'_, Self>, extension: Extension) -> Outcome {
        Ok(())
    }
}
