//! What can go wrong with a question. Rule: a fault says what happened and what to do about it, and
//! holds nothing that was asked, answered or secret; of what a provider says only a plain code.

use std::time::Duration;

use crate::limits;
use modehost_contract::event::Failure;
use serde_json::Value;

use crate::frame::FrameError;

/// Why a question has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fault {
    #[error("has {} questions waiting already", limits::MODEL_WAITING)]
    Crowded,
    #[error("had no turn free within {} s", .0.as_secs())]
    NoTurn(Duration),
    #[error("cannot be reached")]
    Unreachable,
    /// Before it answered anything: as it is when it closes an idle connection just when that is
    /// used again.
    #[error("closed the connection")]
    Closed,
    #[error("is called with TLS, which this machine cannot set up")]
    NoTls,
    #[error("said nothing for {} s", .0.as_secs())]
    Silent(Duration),
    #[error("stopped in the middle of its answer for {} s", .0.as_secs())]
    Stalled(Duration),
    #[error("took longer than {} s in all", .0.as_secs())]
    Slow(Duration),
    #[error("answered {status}{}", shown(code))]
    Status {
        status: u16,
        code: Option<String>,
        /// What it asks us to wait.
        wait: Option<Duration>,
    },
    /// It is not asked, since it has failed for good several times.
    #[error("is not asked for {} s, since it has failed several times in a row", .0.as_secs().max(1))]
    Open(Duration),
    #[error("broke its answer off")]
    Cut,
    #[error("reported an error in the middle of its answer{}", shown(.0))]
    Reported(Option<String>),
    #[error("sent what is no answer of chat completions ({0})")]
    Garbled(&'static str),
    #[error("sent more than {} bytes of answer", limits::MODEL_ANSWER_BYTES)]
    TooLong,
    #[error("gave an empty answer")]
    Empty,
    #[error("used up its tokens on thinking and gave no answer")]
    OnlyThoughts,
    #[error("withheld its answer (content filter)")]
    Withheld,
    #[error("gave an answer without a JSON object")]
    NotJson,
    #[error("cannot be asked this: {0}")]
    Unaskable(&'static str),
    /// Whoever asked has gone.
    #[error("was not waited for")]
    Unwanted,
}

fn shown(code: &Option<String>) -> String {
    code.as_ref().map(|code| format!(" ({code})")).unwrap_or_default()
}

impl From<FrameError> for Fault {
    fn from(FrameError::TooLong: FrameError) -> Self {
        Self::Garbled("an event too long")
    }
}

impl Fault {
    /// A refusal by status, from the body that came with it.
    pub(crate) fn of_status(status: u16, wait: Option<Duration>, body: &[u8]) -> Self {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        // What it says is looked at elsewhere, and never repeated: it may hold the question.
        let error = if body["error"].is_object() { &body["error"] } else { &body };
        Self::Status { status, code: code_of(error), wait }
    }

    /// An error that stands where a piece of the answer should.
    pub(crate) fn reported(error: &Value) -> Self {
        let number = [&error["code"], &error["status"]].into_iter().find_map(Value::as_u64);
        match number.and_then(|number| u16::try_from(number).ok()).filter(|status| (400..600).contains(status)) {
            Some(status) => Self::Status { status, code: code_of(error), wait: None },
            None => Self::Reported(code_of(error)),
        }
    }

    /// What the one who asked is told, besides the sentence.
    pub(crate) fn reason(&self) -> Failure {
        match self {
            Self::Crowded | Self::Status { status: 429, .. } => Failure::TooMany,
            // The person hears that it thought for too long, which it did.
            Self::NoTurn(_)
            | Self::Silent(_)
            | Self::Stalled(_)
            | Self::Slow(_)
            | Self::OnlyThoughts
            | Self::Status { status: 408, .. } => Failure::TimedOut,
            Self::Status { status: 500.., .. } => Failure::Unavailable,
            Self::Status { .. } | Self::Withheld | Self::Unaskable(_) => Failure::Rejected,
            Self::NotJson => Failure::NotJson,
            Self::Unwanted => Failure::Interrupted,
            Self::Unreachable
            | Self::NoTls
            | Self::Closed
            | Self::Cut
            | Self::Reported(_)
            | Self::Garbled(_)
            | Self::TooLong
            | Self::Empty
            | Self::Open(_) => Failure::Unavailable,
        }
    }

    /// Every outcome of a question without an answer, for metrics that are there from the start.
    pub(crate) const OUTCOMES: [&str; 11] = [
        "crowded",
        "timed_out",
        "unreachable",
        "rate_limited",
        "provider_error",
        "refused",
        "broken",
        "only_thoughts",
        "breaker_open",
        "not_json",
        "cancelled",
    ];

    /// A word for metrics and the log.
    pub(crate) fn outcome(&self) -> &'static str {
        match self {
            Self::Crowded => "crowded",
            Self::NoTurn(_) | Self::Silent(_) | Self::Stalled(_) | Self::Slow(_) => "timed_out",
            Self::Unreachable | Self::NoTls => "unreachable",
            Self::Status { status: 429, .. } => "rate_limited",
            Self::Status { status: 500.., .. } | Self::Reported(_) => "provider_error",
            Self::Status { .. } | Self::Withheld | Self::Unaskable(_) => "refused",
            Self::Closed | Self::Cut | Self::Garbled(_) | Self::TooLong | Self::Empty => "broken",
            Self::OnlyThoughts => "only_thoughts",
            Self::Open(_) => "breaker_open",
            Self::NotJson => "not_json",
            Self::Unwanted => "cancelled",
        }
    }

    /// Whether the same question may have an answer a moment later.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            Self::Unreachable | Self::Closed | Self::Cut | Self::Reported(_) | Self::Garbled(_) | Self::Empty => true,
            Self::Status { status, .. } => matches!(status, 408 | 429 | 500..),
            _ => false,
        }
    }

    /// Whether the next question will meet the same, so that asking is of no use until something is changed.
    pub(crate) fn lasts(&self) -> bool {
        match self {
            Self::Unreachable | Self::NoTls => true,
            Self::Status { status, .. } => matches!(status, 300..=399 | 401..=405 | 407 | 410),
            _ => false,
        }
    }

    /// What the provider asks us to wait.
    pub(crate) fn wait(&self) -> Duration {
        match self {
            Self::Status { wait: Some(wait), .. } => *wait,
            _ => Duration::ZERO,
        }
    }

    /// One sentence with advice for whoever runs the server.
    pub(crate) fn sentence(&self, alias: &str) -> String {
        let setting = format!("llm.aliases.{alias}");
        let advice = match self {
            Self::Crowded | Self::NoTurn(_) => format!("; try later, or raise {setting}.max_concurrent"),
            Self::Unreachable => {
                format!("; see whether it runs, {setting}.base_url is right and its certificate trusted")
            }
            Self::NoTls => "; install the system's root certificates (ca-certificates)".to_owned(),
            Self::Silent(_) => format!("; try later, or raise {setting}.first_token_timeout_s"),
            Self::Slow(_) => format!("; try later, or raise {setting}.timeout_s"),
            Self::Status { status: 401 | 403, .. } => format!("; set {setting}.api_key to a key that it takes"),
            Self::Status { status: 404 | 405, .. } => {
                format!("; set {setting}.base_url (is /v1 missing?) and .model to what it has")
            }
            Self::Status { status: 300..=399, .. } => format!("; set {setting}.base_url to where it redirects"),
            Self::Status { status: 402, .. } => "; see whether its account is paid for".to_owned(),
            Self::Status { status: 429, .. } => format!("; try later, or lower {setting}.max_concurrent"),
            Self::Status { status: 400..=499, .. } => format!("; set {setting}.model and .extra to what it takes"),
            Self::Open(_) => "; the log says how it failed".to_owned(),
            Self::OnlyThoughts => format!("; raise {setting}.max_tokens, or turn its thinking off by .extra"),
            Self::TooLong => format!("; lower {setting}.max_tokens"),
            _ => String::new(),
        };
        format!("the provider of `{alias}` {self}{advice}")
    }
}

/// What a provider names the error, if it is a plain word; anything else could hold the question.
fn code_of(error: &Value) -> Option<String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    let is_code = |code: &&str| (1..=48).contains(&code.len()) && code.bytes().all(plain);
    [&error["code"], &error["type"]].into_iter().filter_map(Value::as_str).find(is_code).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_what_a_provider_says_only_a_plain_code_is_kept() {
        let body = r#"{"error":{"message":"you asked: secret plans","code":null,"type":"invalid_request_error"}}"#;
        let sentence = Fault::of_status(404, None, body.as_bytes()).sentence("default");
        assert!(
            sentence.contains("answered 404 (invalid_request_error)") && !sentence.contains("secret"),
            "{sentence}"
        );

        let body = r#"{"error":{"code":"secret plans of ours","type":"and more of them"}}"#;
        assert_eq!(Fault::of_status(500, None, body.as_bytes()), Fault::Status { status: 500, code: None, wait: None });
        let body = b"<html>secret plans</html>";
        assert_eq!(Fault::of_status(502, None, body), Fault::Status { status: 502, code: None, wait: None });
    }
}
