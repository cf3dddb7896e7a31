//! Description of a plugin. Rule: id and version are not set here; they come from `plugin.toml`.

use crate::bindings::exports::modehost::mode::manifest::Description;
use crate::{Mode, ModeOffer, Subscriptions, VoicePolicy};

/// Modes, message types, voice policy, subscriptions and the configuration schema.
#[derive(Clone, Debug)]
pub struct Describe {
    modes: Vec<ModeOffer>,
    message_types: Vec<String>,
    voice: VoicePolicy,
    config_schema: String,
    subscriptions: Subscriptions,
}

impl Default for Describe {
    fn default() -> Self {
        Self {
            modes: Vec::new(),
            message_types: Vec::new(),
            voice: VoicePolicy::None,
            config_schema: r#"{"type":"object","additionalProperties":false}"#.to_owned(),
            subscriptions: Subscriptions::empty(),
        }
    }
}

impl Describe {
    /// A plugin without modes, speech input and settings.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a mode with this name and these aliases, such as older or longer names. [`Describe::description`] and
    /// [`Describe::phrases`] set its purpose and the phrases that start it.
    #[must_use]
    pub fn mode(mut self, name: &str, aliases: &[&str]) -> Self {
        let (name, aliases) = (name.to_owned(), owned(aliases));
        self.modes.push(ModeOffer { name, aliases, description: String::new(), phrases: Vec::new() });
        self
    }

    /// Purpose of the last added mode, in one sentence of at most 200 characters: shown to people, and used by a
    /// model to decide whether the mode is meant.
    ///
    /// # Panics
    /// If [`Describe::mode`] has not been called before.
    #[must_use]
    pub fn description(mut self, sentence: &str) -> Self {
        sentence.clone_into(&mut self.last_mode("description").description);
        self
    }

    /// Phrases that start the last added mode, in any language: at most 16 phrases of 2 to 64 characters. The default
    /// mode matches them against whole utterances, with other verbs and politeness; a mode without phrases is started
    /// by its name.
    ///
    /// # Panics
    /// If [`Describe::mode`] has not been called before.
    #[must_use]
    pub fn phrases(mut self, phrases: &[&str]) -> Self {
        self.last_mode("phrases").phrases = owned(phrases);
        self
    }

    /// Modes that were added so far.
    pub fn modes(&self) -> &[ModeOffer] {
        &self.modes
    }

    fn last_mode(&mut self, what: &str) -> &mut ModeOffer {
        let Some(mode) = self.modes.last_mut() else {
            panic!("Describe::{what} is about the mode before it: call Describe::mode first")
        };
        mode
    }

    /// Claims device messages with this `type`.
    #[must_use]
    pub fn message_type(mut self, kind: &str) -> Self {
        self.message_types.push(kind.to_owned());
        self
    }

    /// Routing of transcripts while this plugin's mode is active; `None` by default.
    #[must_use]
    pub fn voice(mut self, policy: VoicePolicy) -> Self {
        self.voice = policy;
        self
    }

    /// Subscribes to `on_attached` and `on_detached` of every session.
    #[must_use]
    pub fn on_attachment(mut self) -> Self {
        self.subscriptions |= Subscriptions::ATTACHMENT;
        self
    }

    /// Subscribes to `on_hello` of every session.
    #[must_use]
    pub fn on_hello(mut self) -> Self {
        self.subscriptions |= Subscriptions::HELLO;
        self
    }

    /// Subscribes to `on_mode_changed` of every session.
    #[must_use]
    pub fn on_mode_change(mut self) -> Self {
        self.subscriptions |= Subscriptions::MODE_CHANGE;
        self
    }

    /// Subscribes to `on_modes`: all modes of the server, as their plugins describe them. For a mode that starts
    /// others: `switch-mode` must be among the plugin's `grants`.
    #[must_use]
    pub fn on_modes(mut self) -> Self {
        self.subscriptions |= Subscriptions::MODES;
        self
    }

    /// JSON Schema (draft 2020-12) of the plugin's section of the configuration. The default accepts only an empty
    /// object.
    #[must_use]
    pub fn config_schema(mut self, schema: &str) -> Self {
        self.config_schema = schema.to_owned();
        self
    }

    /// Like [`Describe::config_schema`], generated from the type that [`Mode::Config`] names: its doc comments become
    /// the descriptions that operators read. Derive `JsonSchema` with
    /// `#[schemars(crate = "modehost_sdk::schemars")]`, and add `#[serde(deny_unknown_fields)]` so that misspelt keys
    /// are rejected.
    #[cfg(feature = "schema")]
    #[must_use]
    pub fn config<C: schemars::JsonSchema>(self) -> Self {
        let schema = schemars::generate::SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<C>();
        self.config_schema(&schema.as_value().to_string())
    }

    /// The description as the contract has it.
    #[doc(hidden)]
    pub fn finish<M: Mode>(self, id: &str, version: &str) -> Description {
        let mut snapshot_schemas = vec![M::SCHEMA];
        snapshot_schemas.extend_from_slice(M::OLD_SCHEMAS);
        Description {
            id: id.to_owned(),
            version: version.to_owned(),
            modes: self.modes,
            message_types: self.message_types,
            voice: self.voice,
            snapshot_schemas,
            config_schema: self.config_schema,
            subscriptions: self.subscriptions,
        }
    }
}

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}
