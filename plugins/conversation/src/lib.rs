//! Conversation: the default mode. Rule: without a language model it answers from rules, and says
//! honestly where they end.
//!
//! # Layout
//! - [`rules`]: which turn gets which answer
//! - [`calendar`]: dates and times of day

pub mod calendar;
pub mod rules;

use std::collections::BTreeMap;

use modehost_sdk::{Cx, Describe, Mode, Outcome, Transcript, VoicePolicy};
use serde::{Deserialize, Serialize};

use crate::rules::{Answer, answer};

modehost_sdk::register!(Conversation);

/// The section `conversation` of the configuration.
#[derive(Debug, Deserialize)]
#[serde(default)]
pub struct Config {
    /// Minutes east of UTC.
    pub utc_offset_minutes: i32,
    /// Modes that can be started by voice, with the words that start them.
    pub modes: BTreeMap<String, Vec<String>>,
}

impl Default for Config {
    fn default() -> Self {
        let working = ["进入工作模式", "开始工作", "工作模式", "start working", "working mode"];
        let modes = BTreeMap::from([("working".to_owned(), working.map(str::to_owned).to_vec())]);
        Self { utc_offset_minutes: 480, modes }
    }
}

/// Nothing is remembered from turn to turn yet.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Conversation {}

impl Mode for Conversation {
    type Config = Config;

    fn describe() -> Describe {
        Describe::new()
            .mode("chat", &["conversation"])
            .voice(VoicePolicy::Exclusive)
            .config_schema(include_str!("../config.schema.json"))
    }

    fn on_transcript(&mut self, cx: &mut Cx<'_, Self>, transcript: Transcript) -> Outcome {
        if !transcript.confirmed {
            return Ok(());
        }
        match answer(&transcript.text, cx.now(), cx.config()) {
            Answer::Say(text) => cx.say(text),
            Answer::Start(mode) => cx.switch_mode(mode),
        }
        Ok(())
    }
}
