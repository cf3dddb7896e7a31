//! Failures of a question. Rule: a fault says what happened and how to fix it, and contains no question, answer or
//! secret; of a provider's message only a plain code.

use std::time::Duration;

use crate::limits;
use modehost_contract::event::Failure;
use serde_json::Value;

use crate::split::FrameError;

/// Why a question has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fault {
    #[error("has {} queued questions already", limits::MODEL_WAITING)]
    QueueFull,
    #[error("had no free slot within {} s", .0.as_secs())]
    QueueTimeout(Duration),
    #[error("cannot be reached")]
    Unreachable,
    /// Before any response, as happens when the provider closes an idle connection just as it is reused.
    #[error("closed the connection")]
    ConnectionClosed,
    #[error("is called with TLS, which this machine cannot set up")]
    NoTls,
    #[error("said nothing for {} s", .0.as_secs())]
    NoFirstToken(Duration),
    #[error("stopped in the middle of its answer for {} s", .0.as_secs())]
    Stalled(Duration),
    #[error("took longer than {} s in all", .0.as_secs())]
    TimedOut(Duration),
    #[error("answered {status}{}", code_suffix(code))]
    Status {
        status: u16,
        code: Option<String>,
        /// The `Retry-After` of the response.
        retry_after: Option<Duration>,
    },
    /// The circuit breaker is open after several permanent failures.
    #[error("is not asked for {} s, since it has failed several times in a row", .0.as_secs().max(1))]
    BreakerOpen(Duration),
    #[error("truncated its answer")]
    Truncated,
    #[error("reported an error in the middle of its answer{}", code_suffix(.0))]
    Reported(Option<String>),
    #[error("sent an invalid completion ({0})")]
    Malformed(&'static str),
    #[error("sent more than {} bytes of answer", limits::MODEL_ANSWER_BYTES)]
    TooLong,
    #[error("gave an empty answer")]
    Empty,
    #[error("used up its tokens on thinking and gave no answer")]
    OnlyReasoning,
    #[error("withheld its answer (content filter)")]
    Filtered,
    #[error("gave an answer without a JSON object")]
    NotJson,
    #[error("invalid question: {0}")]
    InvalidQuestion(&'static str),
    /// The caller is gone.
    #[error("cancelled")]
    Cancelled,
}

fn code_suffix(code: &Option<String>) -> String {
    code.as_ref().map(|code| format!(" ({code})")).unwrap_or_default()
}

impl From<FrameError> for Fault {
    fn from(FrameError::TooLong: FrameError) -> Self {
        Self::Malformed("an event too long")
    }
}

impl Fault {
    /// From an error status and its body.
    pub(crate) fn of_status(status: u16, retry_after: Option<Duration>, body: &[u8]) -> Self {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        // The message is analysed elsewhere, and never repeated: it may contain the question.
        let error = if body["error"].is_object() { &body["error"] } else { &body };
        Self::Status { status, code: code_of(error), retry_after }
    }

    /// From an error object in place of a packet.
    pub(crate) fn reported(error: &Value) -> Self {
        let number = [&error["code"], &error["status"]].into_iter().find_map(Value::as_u64);
        match number.and_then(|number| u16::try_from(number).ok()).filter(|status| (400..600).contains(status)) {
            Some(status) => Self::Status { status, code: code_of(error), retry_after: None },
            None => Self::Reported(code_of(error)),
        }
    }

    /// The reason that the caller receives, besides the sentence.
    pub(crate) fn reason(&self) -> Failure {
        match self {
            Self::QueueFull | Self::Status { status: 429, .. } => Failure::TooMany,
            // The user is told that the model thought for too long, which is true.
            Self::QueueTimeout(_)
            | Self::NoFirstToken(_)
            | Self::Stalled(_)
            | Self::TimedOut(_)
            | Self::OnlyReasoning
            | Self::Status { status: 408, .. } => Failure::TimedOut,
            Self::Status { status: 500.., .. } => Failure::Unavailable,
            Self::Status { .. } | Self::Filtered | Self::InvalidQuestion(_) => Failure::Rejected,
            Self::NotJson => Failure::NotJson,
            Self::Cancelled => Failure::Interrupted,
            Self::Unreachable
            | Self::NoTls
            | Self::ConnectionClosed
            | Self::Truncated
            | Self::Reported(_)
            | Self::Malformed(_)
            | Self::TooLong
            | Self::Empty
            | Self::BreakerOpen(_) => Failure::Unavailable,
        }
    }

    /// Every outcome without an answer, so that metrics can be registered at the start.
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

    /// Label of metrics and log lines.
    pub(crate) fn outcome(&self) -> &'static str {
        match self {
            Self::QueueFull => "crowded",
            Self::QueueTimeout(_) | Self::NoFirstToken(_) | Self::Stalled(_) | Self::TimedOut(_) => "timed_out",
            Self::Unreachable | Self::NoTls => "unreachable",
            Self::Status { status: 429, .. } => "rate_limited",
            Self::Status { status: 500.., .. } | Self::Reported(_) => "provider_error",
            Self::Status { .. } | Self::Filtered | Self::InvalidQuestion(_) => "refused",
            Self::ConnectionClosed | Self::Truncated | Self::Malformed(_) | Self::TooLong | Self::Empty => "broken",
            Self::OnlyReasoning => "only_thoughts",
            Self::BreakerOpen(_) => "breaker_open",
            Self::NotJson => "not_json",
            Self::Cancelled => "cancelled",
        }
    }

    /// Transient: the same question may succeed a moment later.
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable
            | Self::ConnectionClosed
            | Self::Truncated
            | Self::Reported(_)
            | Self::Malformed(_)
            | Self::Empty => true,
            Self::Status { status, .. } => matches!(status, 408 | 429 | 500..),
            _ => false,
        }
    }

    /// Permanent: further questions fail the same way until something is changed.
    pub(crate) fn is_permanent(&self) -> bool {
        match self {
            Self::Unreachable | Self::NoTls => true,
            Self::Status { status, .. } => matches!(status, 300..=399 | 401..=405 | 407 | 410),
            _ => false,
        }
    }

    /// How long the provider asks to wait.
    pub(crate) fn retry_after(&self) -> Duration {
        match self {
            Self::Status { retry_after: Some(retry_after), .. } => *retry_after,
            _ => Duration::ZERO,
        }
    }

    /// One sentence with advice for the operator.
    pub(crate) fn sentence(&self, alias: &str) -> String {
        let setting = format!("llm.aliases.{alias}");
        let advice = match self {
            Self::QueueFull | Self::QueueTimeout(_) => format!("; try later, or raise {setting}.max_concurrent"),
            Self::Unreachable => {
                format!("; see whether it runs, {setting}.base_url is right and its certificate trusted")
            }
            Self::NoTls => "; install the system's root certificates (ca-certificates)".to_owned(),
            Self::NoFirstToken(_) => format!("; try later, or raise {setting}.first_token_timeout_s"),
            Self::TimedOut(_) => format!("; try later, or raise {setting}.timeout_s"),
            Self::Status { status: 401 | 403, .. } => format!("; set {setting}.api_key to a key that it takes"),
            Self::Status { status: 404 | 405, .. } => {
                format!("; set {setting}.base_url (is /v1 missing?) and .model to what it has")
            }
            Self::Status { status: 300..=399, .. } => format!("; set {setting}.base_url to where it redirects"),
            Self::Status { status: 402, .. } => "; see whether its account is paid for".to_owned(),
            Self::Status { status: 429, .. } => format!("; try later, or lower {setting}.max_concurrent"),
            Self::Status { status: 400..=499, .. } => format!("; set {setting}.model and .extra to what it takes"),
            Self::BreakerOpen(_) => "; the log says how it failed".to_owned(),
            Self::OnlyReasoning => format!("; raise {setting}.max_tokens, or turn its thinking off by .extra"),
            Self::TooLong => format!("; lower {setting}.max_tokens"),
            _ => String::new(),
        };
        format!("the provider of `{alias}` {self}{advice}")
    }
}

/// The provider's error code, if it is a plain word; anything else could contain the question.
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
        assert_eq!(
            Fault::of_status(500, None, body.as_bytes()),
            Fault::Status { status: 500, code: None, retry_after: None }
        );
        let body = b"<html>secret plans</html>";
        assert_eq!(Fault::of_status(502, None, body), Fault::Status { status: 502, code: None, retry_after: None });
    }
}
