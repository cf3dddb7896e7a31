//! The section `session`, and all that sessions are told of the settings. Rule: seconds and
//! milliseconds end here; sessions get durations.

use std::sync::Arc;
use std::time::Duration;

use crate::limits;
use garde::Validate;
use modehost_gateway::OfExtensions;
use modehost_ids::Address;
use modehost_session::{Config, ExtensionRule, Language, UnknownReceivers, Vision, VisionToken, wake_word};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Settings;
use super::device_directory::device_directory;
use super::timeouts::idle;

/// Wake words that firmware of the ecosystem comes with: those of its speech engine, and those that its
/// servers know.
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
pub enum Spoken {
    #[default]
    Zh,
    En,
}

/// What becomes of messages for devices that nobody knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OfStrangers {
    #[default]
    Refuse,
    Keep,
}

/// Section `session.vision`: a service of the ecosystem that answers questions about pictures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VisionSettings {
    /// Address that devices send a picture and a question to, such as `https://vision.example.org/explain`.
    #[garde(custom(is_http))]
    pub url: Address,
    /// What they show there as `Authorization: Bearer`. Default empty.
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
    /// How long a session waits for its device to come back, in s, 0 to 86,400. Default 120. Hot.
    #[garde(range(max = 86_400))]
    pub resume_window_s: u64,
    /// How long an idle session keeps its instances in memory, in s, 1 to 86,400. Default 60. Hot.
    #[garde(range(min = 1, max = 86_400))]
    pub hibernate_after_s: u64,
    /// The mode that hears typed and spoken words where no other mode does; `null` for none: such words go
    /// nowhere. Default: one that comes with the server. Hot.
    #[garde(inner(length(min = 1)))]
    pub default_mode: Option<String>,
    /// Words that only wake a device and are not a turn, in any case, with marks and blanks or without.
    /// Default: those that firmware of the ecosystem comes with. Hot.
    #[garde(inner(length(min = 1)))]
    pub wake_words: Vec<String>,
    /// What is said to a wake word, up to 200 characters. Default none: the device listens at once. Hot.
    #[garde(inner(length(chars, min = 1, max = 200)))]
    pub greeting: Option<String>,
    /// In which language the server speaks to somebody who has not spoken yet: `zh` or `en`; then in theirs.
    /// Default zh. Hot.
    #[garde(skip)]
    pub language: Spoken,
    /// Where devices have their pictures explained. Default none: cameras are not offered to modes. Hot for
    /// devices that say hello.
    #[garde(dive)]
    pub vision: Option<VisionSettings>,
    /// How far behind a mode's state may be after a kill where no durable effect has saved it, in
    /// ms, 50 to 600,000. Default 2000. Hot.
    #[garde(range(min = 50, max = 600_000))]
    pub checkpoint_ms: u64,
    /// What becomes of a message for a device that is away, has never been here, and is named neither in `groups`
    /// nor in `device_alias`: `refuse`, and its sender is told, or `keep`. Where devices need not sign in, `keep`
    /// lets anybody fill the queue with messages that nobody will ever get. Default refuse. Hot.
    #[garde(skip)]
    pub unknown_receivers: OfStrangers,
}

impl Default for SessionSettings {
    fn default() -> Self {
        Self {
            resume_window_s: limits::RESUME_WINDOW.as_secs(),
            hibernate_after_s: limits::HIBERNATE_AFTER.as_secs(),
            default_mode: None,
            wake_words: WAKE_WORDS.map(str::to_owned).to_vec(),
            greeting: None,
            language: Spoken::default(),
            vision: None,
            checkpoint_ms: limits::CHECKPOINT.as_millis() as u64,
            unknown_receivers: OfStrangers::default(),
        }
    }
}

/// What sessions run on. `live_instances` is what the runtime found room for.
pub fn session_config(settings: &Settings, live_instances: usize) -> Arc<Config> {
    let session = &settings.session;
    Arc::new(Config {
        resume_window: Duration::from_secs(session.resume_window_s),
        hibernate_after: Duration::from_secs(session.hibernate_after_s),
        default_mode: session.default_mode.as_deref().map(Arc::from),
        language: match session.language {
            Spoken::Zh => Language::Chinese,
            Spoken::En => Language::English,
        },
        wake_words: session.wake_words.iter().map(|word| wake_word(word)).collect(),
        greeting: session.greeting.clone(),
        vision: session.vision.as_ref().map(|vision| Vision { url: vision.url.clone(), token: vision.token.clone() }),
        checkpoint: Duration::from_millis(session.checkpoint_ms),
        unknown_receivers: match session.unknown_receivers {
            OfStrangers::Refuse => UnknownReceivers::Refuse,
            OfStrangers::Keep => UnknownReceivers::Keep,
        },
        sessions_at_ease: limits::SESSIONS_AT_EASE,
        live_instances,
        migrations_per_second: limits::MIGRATIONS_PER_SECOND,
        device_directory: device_directory(settings),
        extensions: ExtensionRule {
            always: settings.gateway.extensions == OfExtensions::Always,
            groups: settings.gateway.extension_groups.iter().map(|group| group.as_str().into()).collect(),
        },
        idle: idle(&settings.timeouts),
    })
}
