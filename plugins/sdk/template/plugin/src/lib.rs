//! The mode @NAME@. Rule: nothing in a handler waits; whatever is to happen later is an alarm or a reply.

use modehost_sdk::prelude::*;
use modehost_sdk::schemars::JsonSchema;

modehost_sdk::register!(@TYPE@);

/// The name of the alarm.
const QUIET: &str = "quiet";

/// The section `@NAME@` of the configuration. Each member has a default, so an empty section is valid.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "modehost_sdk::schemars")]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Minutes without a word after which the mode sums up.
    pub quiet_min: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self { quiet_min: 5 }
    }
}

/// The state of one session. It goes along when the plugin is swapped, when the server restarts, and after a crash.
/// A member that is added later takes `#[serde(default)]`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct @TYPE@ {
    heard: u32,
}

impl Mode for @TYPE@ {
    type Config = Config;
    /// What replies are for; a mode that asks for something has an enum here.
    type Next = ();

    fn describe() -> Describe {
        Describe::new().mode("@NAME@", &[]).voice(VoicePolicy::Exclusive).config::<Config>()
    }

    fn on_started(&mut self, cx: &mut Cx<'_, Self>, _start: Start) -> Outcome {
        cx.say("Hello. Say something.");
        Ok(())
    }

    fn on_transcript(&mut self, cx: &mut Cx<'_, Self>, heard: Transcript) -> Outcome {
        if !heard.is_final {
            return Ok(());
        }
        self.heard += 1;
        cx.say(format!("I have heard: {}", heard.text));
        // Begins anew with each sentence: an alarm of a name exists once.
        let quiet = Duration::from_secs(60 * u64::from(cx.config().quiet_min));
        cx.start_alarm(QUIET, quiet);
        Ok(())
    }

    fn on_alarm(&mut self, cx: &mut Cx<'_, Self>, _name: &str) -> Outcome {
        cx.say(format!("Quiet now. Sentences so far: {}", self.heard));
        Ok(())
    }
}
