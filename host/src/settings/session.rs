//! The section `session`, and the complete configuration of sessions. Rule: plain numbers of seconds and milliseconds
//! end here; sessions receive `Duration`s.

use std::sync::Arc;
use std::time::Duration;

use crate::limits;
use garde::Validate;
use modehost_gateway::ExtensionPolicy;
use modehost_ids::Address;
use modehost_session::{Config, ExtensionRule, Language, UnknownRecipients, Vision, VisionToken, wake_word};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Settings;
use super::device_directory::device_directory;
use super::timeouts::idle;

/// Default wake words of the firmware ecosystem: those of its speech engine, and those that its servers know.
const WAKE_WORDS: [&str; 37] = [
    "你好小智",
    "嗨小智",
    "嘿你好呀",
    "你好小志",
    "你好小鑫",
    "你好小新",
    "小爱同学",
    "小美同学",
    "小龙小龙",
    "小滨小滨",
    "小冰小冰",
    "小鹿小鹿",
    "喵喵同学",
    "你好喵伴",
    "小宇同学",
    "小明同学",
    "小康同学",
    "小箭小箭",
    "小特小特",
    "你好小益",
    "你好小安",
    "Hi 乐鑫",
    "Hi 小星",
    "Hi ESP",
    "Hi Jason",
    "Hi Joy",
    "Hi Jolly",
    "Hi Fairy",
    "Hey Willow",
    "Hey Printer",
    "Hey Wand",
    "Hey Ily",
    "Alexa",
    "Jarvis",
    "Computer",
    "Sophia",
    "Mycroft",
];

/// A language that the server speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ServerLanguage {
    #[default]
    Zh,
    En,
}

/// Handling of messages for unknown devices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum UnknownReceiverPolicy {
    #[default]
    Refuse,
    Keep,
}

/// Section `session.vision`: an image question service of the ecosystem.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VisionSettings {
    /// Address to which devices send a picture and a question, such as `https://vision.example.org/explain`.
    #[garde(custom(is_http))]
    pub url: Address,
    /// Token that devices send there as `Authorization: Bearer`. Default empty.
    #[serde(default = "no_token")]
    #[garde(skip)]
    pub token: VisionToken,
}

fn no_token() -> VisionToken {
    VisionToken::from("")
}

fn is_http(url: &str, _: &()) -> garde::Result {
    let host = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
    match host {
        Some(host) if !host.is_empty() && !host.starts_with('/') => Ok(()),
        _ => Err(garde::Error::new("must look like `https://host/path`")),
    }
}

/// Section `session`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SessionSettings {
    /// How long a session waits for its device to reconnect, in s, 0 to 86,400. Default 120. Hot.
    #[garde(range(max = 86_400))]
    pub resume_window_s: u64,
    /// How long an idle session keeps its instances in memory, in s, 1 to 86,400. Default 60. Hot.
    #[garde(range(min = 1, max = 86_400))]
    pub hibernate_after_s: u64,
    /// The mode that receives typed text and transcripts where no other mode does; `null` for none: they are dropped.
    /// Default: a bundled mode. Hot.
    #[garde(inner(length(min = 1)))]
    pub default_mode: Option<String>,
    /// Words that only wake a device and are not a turn; case, punctuation and blanks are ignored. Default: those of
    /// the firmware ecosystem. Hot.
    #[garde(inner(length(min = 1)))]
    pub wake_words: Vec<String>,
    /// Reply to a wake word, up to 200 characters. Default none: the device listens at once. Hot.
    #[garde(inner(length(chars, min = 1, max = 200)))]
    pub greeting: Option<String>,
    /// Language of the server's own messages until the user has spoken: `zh` or `en`; then the user's. Default zh. Hot.
    #[garde(skip)]
    pub language: ServerLanguage,
    /// Service that explains pictures of devices. Default none: cameras are not offered to modes. Hot: applied at the
    /// next hello of a device.
    #[garde(dive)]
    pub vision: Option<VisionSettings>,
    /// How much of a mode's state may be lost in a crash where no durable effect has saved it, in ms, 50 to 600,000.
    /// Default 2000. Hot.
    #[garde(range(min = 50, max = 600_000))]
    pub checkpoint_ms: u64,
    /// What happens to a message for a device that is absent, has never connected, and is named neither in `groups` nor
    /// in `device_alias`: `refuse` rejects it and notifies the sender, `keep` queues it. Where devices need not sign
    /// in, `keep` lets anyone fill the queue with messages that nobody will ever receive. Default refuse. Hot.
    #[garde(skip)]
    pub unknown_receivers: UnknownReceiverPolicy,
}

impl Default for SessionSettings {
    fn default() -> Self {
        Self {
            resume_window_s: limits::RESUME_WINDOW.as_secs(),
            hibernate_after_s: limits::HIBERNATE_AFTER.as_secs(),
            default_mode: None,
            wake_words: WAKE_WORDS.map(str::to_owned).to_vec(),
            greeting: None,
            language: ServerLanguage::default(),
            vision: None,
            checkpoint_ms: limits::CHECKPOINT.as_millis() as u64,
            unknown_receivers: UnknownReceiverPolicy::default(),
        }
    }
}

/// The configuration of sessions. `live_instances`: the limit that the runtime could reserve memory for.
pub fn session_config(settings: &Settings, live_instances: usize) -> Arc<Config> {
    let session = &settings.session;
    Arc::new(Config {
        resume_window: Duration::from_secs(session.resume_window_s),
        hibernate_after: Duration::from_secs(session.hibernate_after_s),
        default_mode: session.default_mode.as_deref().map(Arc::from),
        language: match session.language {
            ServerLanguage::Zh => Language::Chinese,
            ServerLanguage::En => Language::English,
        },
        wake_words: session.wake_words.iter().map(|word| wake_word(word)).collect(),
        greeting: session.greeting.clone(),
        vision: session.vision.as_ref().map(|vision| Vision { url: vision.url.clone(), token: vision.token.clone() }),
        checkpoint: Duration::from_millis(session.checkpoint_ms),
        unknown_recipients: match session.unknown_receivers {
            UnknownReceiverPolicy::Refuse => UnknownRecipients::Reject,
            UnknownReceiverPolicy::Keep => UnknownRecipients::Store,
        },
        idle_sessions_soft_limit: limits::SESSION_SOFT_LIMIT,
        live_instances,
        migrations_per_second: limits::MIGRATIONS_PER_SECOND,
        device_directory: device_directory(settings),
        extensions: ExtensionRule {
            always: settings.gateway.extensions == ExtensionPolicy::Always,
            groups: settings.gateway.extension_groups.iter().map(|group| group.as_str().into()).collect(),
        },
        idle: idle(&settings.timeouts),
    })
}
