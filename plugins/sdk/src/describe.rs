//! What a plugin offers. Rule: id and version are not said here; they come from `plugin.toml`.

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
    /// Offers nothing, takes no speech, has no settings.
    pub fn new() -> Self {
        Self::default()
    }

    /// Offers a mode under this name and these older or longer ones. [`Describe::description`] and
    /// [`Describe::phrases`] say what it is for and how people begin it.
    #[must_use]
    pub fn mode(mut self, name: &str, aliases: &[&str]) -> Self {
        let (name, aliases) = (name.to_owned(), owned(aliases));
        self.modes.push(ModeOffer { name, aliases, description: String::new(), phrases: Vec::new() });
        self
    }

    /// What the mode before is for, in one sentence of at most 200 characters: people read it, and a model decides by it
    /// whether the mode is meant.
    ///
    /// # Panics
    /// If no [`Describe::mode`] stands before.
    #[must_use]
    pub fn description(mut self, sentence: &str) -> Self {
        sentence.clone_into(&mut self.last_mode("description").description);
        self
    }

    /// What people say to begin the mode before, in any language: at most 16 phrases of 2 to 64 characters. The default
    /// mode reads them as whole utterances, with other verbs and politeness; a mode without any is begun by its name.
    ///
    /// # Panics
    /// If no [`Describe::mode`] stands before.
    #[must_use]
    pub fn phrases(mut self, phrases: &[&str]) -> Self {
        self.last_mode("phrases").phrases = owned(phrases);
        self
    }

    /// The modes that are offered so far.
    pub fn modes(&self) -> &[ModeOffer] {
        &self.modes
    }

    fn last_mode(&mut self, what: &str) -> &mut ModeOffer {
        let Some(mode) = self.modes.last_mut() else {
            panic!("Describe::{what} is about the mode before it: call Describe::mode first")
        };
        mode
    }

    /// Claims device messages of this `type`.
    #[must_use]
    pub fn message_type(mut self, kind: &str) -> Self {
        self.message_types.push(kind.to_owned());
        self
    }

    /// What becomes of recognised speech while this plugin's mode runs; `None` unless said.
    #[must_use]
    pub fn voice(mut self, policy: VoicePolicy) -> Self {
        self.voice = policy;
        self
    }

    /// Asks for `on_attached` and `on_detached` of every session.
    #[must_use]
    pub fn on_attachment(mut self) -> Self {
        self.subscriptions |= Subscriptions::ATTACHMENT;
        self
    }

    /// Asks for `on_hello` of every session.
    #[must_use]
    pub fn on_hello(mut self) -> Self {
        self.subscriptions |= Subscriptions::HELLO;
        self
    }

    /// Asks for `on_mode_changed` of every session.
    #[must_use]
    pub fn on_mode_change(mut self) -> Self {
        self.subscriptions |= Subscriptions::MODE_CHANGE;
        self
    }

    /// Asks for `on_modes`: all modes of the server, as their plugins offer them. For a mode that begins others: the
    /// plugin has to have `switch-mode` among its `grants`.
    #[must_use]
    pub fn on_modes(mut self) -> Self {
        self.subscriptions |= Subscriptions::MODES;
        self
    }

    /// JSON Schema (draft 2020-12) of the plugin's section of the configuration; an empty object
    /// unless said.
    #[must_use]
    pub fn config_schema(mut self, schema: &str) -> Self {
        self.config_schema = schema.to_owned();
        self
    }

    /// As [`Describe::config_schema`], from the type that [`Mode::Config`] names: its doc comments become the
    /// descriptions that operators read. Derive `JsonSchema` with `#[schemars(crate = "modehost_sdk::schemars")]`, and
    /// `#[serde(deny_unknown_fields)]` so that misspelt keys are found.
    #[cfg(feature = "schema")]
    #[must_use]
    pub fn config<C: schemars::JsonSchema>(self) -> Self {
        let schema = schemars::generate::SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<C>();
        self.config_schema(&schema.as_value().to_string())
    }

    /// The answer to the host.
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
